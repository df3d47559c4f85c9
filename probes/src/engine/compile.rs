//! Rule files to rules in force, all or nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use lithify::event::{FieldId, Source};
use lithify::rules::{Level, Load};

use super::counters::RuleCounters;
use super::verdicts::Verdicts;
use crate::config::{Config, read_rule_files};
use crate::syscall::has_value;

/// Rules that were loaded.
#[derive(Debug)]
pub struct Compiled {
    /// The rules in force.
    pub verdicts: Verdicts,
    /// What there is to say about the files.
    pub load: Load,
    /// Each file's path with its SHA-256.
    pub digests: Vec<(PathBuf, String)>,
    /// Directories whose files were taken.
    pub directories: Vec<PathBuf>,
    /// Paths of the configuration that do not exist.
    pub missing: Vec<PathBuf>,
    /// The names of all fields that rules ask for, without arguments.
    pub fields: BTreeSet<String>,
    /// Those that conditions compare, though no event of a system call has a value for them here.
    pub unanswered: BTreeSet<String>,
}

/// Why rules cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Nobody named any.
    #[error("no rule files: name some by `-r FILE` or under `rules_files`{}", list_missing(.0))]
    None(Vec<PathBuf>),
    /// They have errors.
    #[error("{}", what_is_wrong(.0))]
    Invalid(Box<Load>),
    /// They name a field that the configuration does not set.
    #[error("rule `{rule}`: there is no field `static.{name}`; `static_fields` has {known}")]
    StaticField {
        /// The rule.
        rule: String,
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
}

/// The files that have errors, with all that there is to say about them.
fn what_is_wrong(load: &Load) -> String {
    let bad = load.results().iter().filter(|result| !result.is_successful());
    bad.map(|result| result.to_text(load.sources())).collect::<String>().trim_end().to_owned()
}

fn list_missing(missing: &[PathBuf]) -> String {
    let names: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
    if names.is_empty() { String::new() } else { format!(" (these do not exist: {})", names.join(", ")) }
}

/// Reads and compiles the rules of a configuration.
///
/// `from_command_line`: the paths were typed, so that one that does not exist is an error.
///
/// # Errors
/// [`RulesError`]; nothing is in force then.
pub fn compile(
    config: &Config,
    from_command_line: bool,
    hostname: &Arc<str>,
    counters: &RuleCounters,
) -> Result<Compiled, RulesError> {
    let read = read_rule_files(&config.rules_files, !from_command_line);
    if read.files.is_empty() {
        return Err(RulesError::None(read.missing));
    }
    let load = Load::new(&read.files, &config.extras);
    if !load.is_successful() {
        return Err(RulesError::Invalid(Box::new(load)));
    }
    let fields = fields_of(&load, config)?;
    let unanswered = unanswered(&load);
    let rules = load.rule_set(&config.selection);
    let verdicts = Verdicts::new(rules, config, hostname.clone(), counters);
    Ok(Compiled {
        verdicts,
        load,
        digests: read.digests,
        directories: read.directories,
        missing: read.missing,
        fields,
        unanswered,
    })
}

/// The fields of system calls that conditions compare and that never have a value.
fn unanswered(load: &Load) -> BTreeSet<String> {
    let described = load.rule_names().filter_map(|rule| load.describe(rule));
    let of_conditions = described.flat_map(|rule| {
        let fields = rule["details"]["condition_fields"].as_array().into_iter().flatten();
        fields.filter_map(|field| field.as_str()).map(without_argument).map(str::to_owned).collect::<Vec<_>>()
    });
    of_conditions
        .filter(|name| {
            let only_of_calls = |id: &FieldId| id.is_of(Source::Syscall) && !id.is_of(Source::K8sAudit);
            FieldId::from_name(name).filter(only_of_calls).is_some_and(|id| !has_value(id))
        })
        .collect()
}

/// `proc.aname` of `proc.aname[2]`; the table says which other arguments follow a dot.
fn without_argument(field: &str) -> &str {
    let name = field.split('[').next().unwrap_or(field);
    let is_known = |name: &str| FieldId::from_name(name).is_some();
    match name.rsplit_once('.') {
        Some((before, _)) if !is_known(name) && is_known(before) => before,
        _ => name,
    }
}

/// The fields that rules ask for; every `static.NAME` is one that the configuration sets.
fn fields_of(load: &Load, config: &Config) -> Result<BTreeSet<String>, RulesError> {
    let mut all = BTreeSet::new();
    for rule in load.rule_names() {
        let Some(description) = load.describe(rule) else { continue };
        let details = &description["details"];
        let lists = [&details["condition_fields"], &details["output_fields"]];
        let fields = lists.into_iter().filter_map(|list| list.as_array()).flatten();
        for field in fields.filter_map(|field| field.as_str()) {
            if let Some(name) = field.strip_prefix("static.")
                && !config.static_fields.contains_key(name)
            {
                let known: Vec<&str> = config.static_fields.keys().map(String::as_str).collect();
                return Err(RulesError::StaticField {
                    rule: rule.to_owned(),
                    name: name.to_owned(),
                    known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                });
            }
            all.insert(field.split('[').next().unwrap_or(field).to_owned());
        }
    }
    Ok(all)
}

impl Compiled {
    /// The files' warnings as text, if there are any.
    pub fn warnings(&self) -> Option<String> {
        let has_any = |result: &lithify::rules::FileResult| result.at_level(Level::Warning).next().is_some();
        self.load.results().iter().any(has_any).then(|| self.load.to_text())
    }
}

#[cfg(test)]
mod tests {
    use lithify::rules::RuleFile;

    use super::*;

    fn unanswered_by(condition: &str) -> Vec<String> {
        let text = format!(
            "- rule: r\n  desc: d\n  condition: evt.type = open and {condition}\n  output: o %thread.cpu\n  priority: INFO\n"
        );
        let load = Load::new(&[RuleFile::new("rules.yaml", text)], &[]);
        assert!(load.is_successful(), "{}", load.to_text());
        unanswered(&load).into_iter().collect()
    }

    #[test]
    fn fields_that_conditions_compare_and_nothing_tells_are_named() {
        assert_eq!(
            unanswered_by("thread.exectime > 5 and fd.types in (file)"),
            ["fd.types", "thread.exectime"]
        );
        assert_eq!(unanswered_by("thread.cgroup.memory contains x"), ["thread.cgroup"]);
    }

    #[test]
    fn fields_that_have_a_value_are_not() {
        for condition in
            ["proc.nthreads > 1", "proc.aname[2] = sh", "evt.arg.flags contains O_CREAT", "fd.name = /x"]
        {
            assert_eq!(unanswered_by(condition), [""; 0], "{condition}");
        }
    }
}
