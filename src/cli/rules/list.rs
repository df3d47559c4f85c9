//! `lithify rules list`: the rules of a set.

use std::io::Write;

use clap::Args;

use super::super::terminal::Tone;
use super::super::{Outcome, Terminal};
use super::Format;
use super::files::RuleFiles;
use crate::rules::Load;

/// List the rules of rule files, all put together
#[derive(Args)]
#[command(after_help = "Example:\n  lithify rules list falco_rules.yaml falco_rules.local.yaml")]
pub(super) struct ListArgs {
    #[command(flatten)]
    files: RuleFiles,

    /// How to show the rules
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &ListArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let load = Load::new(&args.files.read()?, &[]);
    let rules = load.list_json();
    match args.format {
        Format::Json => writeln!(terminal, "{rules}")?,
        Format::Text => {
            let text =
                |rule: &serde_json::Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
            let rules = rules["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
            let width = rules.iter().map(|rule| text(rule, "name").chars().count()).max().unwrap_or_default();
            for rule in rules {
                let state = if rule["enabled"] == true { "" } else { "  disabled" };
                let (name, priority, source) =
                    (text(rule, "name"), text(rule, "priority"), text(rule, "source"));
                writeln!(terminal, "{name:width$}  {priority:13}  {source}{state}")?;
            }
        }
    }
    Ok(report_errors(&load, terminal))
}

/// Says on standard error that the files do not load, where they do not.
pub(super) fn report_errors(load: &Load, terminal: &mut Terminal) -> Outcome {
    if load.is_successful() {
        return Outcome::Clean;
    }
    let bad = load.results().iter().filter(|result| !result.is_successful());
    let names: Vec<&str> = bad.map(|result| result.name.as_str()).collect();
    let names = names.join(", ");
    terminal.note(Tone::Error, format_args!("these files do not load: {names}; see `lithify rules check`"));
    Outcome::Failed
}
