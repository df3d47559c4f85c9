//! Rule files to rules in force, all or nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use lithify::rules::{Level, Load};

use super::counters::RuleCounters;
use super::verdicts::Verdicts;
use crate::config::{Config, read_rule_files};

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
    let rules = load.rule_set(&config.selection);
    let verdicts = Verdicts::new(rules, config, hostname.clone(), counters);
    Ok(Compiled {
        verdicts,
        load,
        digests: read.digests,
        directories: read.directories,
        missing: read.missing,
        fields,
    })
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
