//! `lithify rules check`: what Falco's engine would say when it loads rule files, with line and suggestion.

use std::io::Write;

use clap::Args;

use super::super::{Outcome, Terminal};
use super::Format;
use super::files::RuleFiles;
use crate::rules::{Level, Load};

/// Check rule files as one set, in order
///
/// Errors and warnings keep Falco's codes (LOAD_ERR_…, LOAD_…) and name file, line, column and what was
/// probably meant; one bad rule does not hide the next error. `--format json` prints Falco's
/// falco_load_results. Exit status 2 for files that do not load, 0 otherwise.
#[derive(Args)]
#[command(after_help = "Examples:\n  lithify rules check falco_rules.yaml falco_rules.local.yaml\n  \
    lithify rules check --strict --format json /etc/falco/rules.d")]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: RuleFiles,

    /// How to show what is wrong
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Warnings are findings: exit status 1
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let load = Load::new(&args.files.read()?, &[]);
    match args.format {
        Format::Text => terminal.write_all(load.to_text().as_bytes())?,
        Format::Json => writeln!(terminal, "{}", load.to_json())?,
    }
    let has_warnings = load.results().iter().any(|result| result.at_level(Level::Warning).next().is_some());
    Ok(match load.is_successful() {
        false => Outcome::Failed,
        true if args.strict && has_warnings => Outcome::Findings,
        true => Outcome::Clean,
    })
}
