//! `lithify rules describe`: one rule once all files are put together.

use std::io::Write;

use clap::Args;

use super::super::{Outcome, Terminal};
use super::Format;
use super::files::RuleFiles;
use super::list::report_errors;
use crate::nearest::nearest;
use crate::rules::Load;

/// Show a rule after merging: its parts and where each came from, the whole condition, its event types
#[derive(Args)]
#[command(after_help = "Example:\n  lithify rules describe 'Terminal shell in container' falco_rules.yaml \
    falco_rules.local.yaml")]
pub(super) struct DescribeArgs {
    /// The rule's name
    name: String,

    #[command(flatten)]
    files: RuleFiles,

    /// How to show the rule
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &DescribeArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let load = Load::new(&args.files.read()?, &[]);
    let found = match args.format {
        Format::Text => load.describe_text(&args.name),
        Format::Json => load.describe(&args.name).map(|rule| format!("{rule}\n")),
    };
    let Some(found) = found else {
        let near = nearest(&args.name, load.rule_names()).map(|near| format!("; did you mean `{near}`?"));
        anyhow::bail!("there is no rule `{}` in these files{}", args.name, near.unwrap_or_default());
    };
    terminal.write_all(found.as_bytes())?;
    Ok(report_errors(&load, terminal))
}
