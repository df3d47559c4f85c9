//! `lithify checks`: the list of checks, and the manual of one.

use std::io::Write;

use clap::Args;

use super::{Outcome, Terminal};
use crate::checks::{CHECKS, Check, Group, Level, PssVersion, Selection};

/// List the checks, or print the manual of one
#[derive(Args)]
#[command(after_help = "Examples:\n  lithify checks\n  lithify checks writable-root-filesystem\n  \
    lithify checks --level restricted --pss-version v1.34")]
pub(super) struct ChecksArgs {
    /// The check whose manual to print
    id: Option<String>,

    /// List only the checks of a level: baseline, immutable, restricted or strict
    #[arg(long, value_name = "LEVEL", conflicts_with = "id")]
    level: Option<Level>,

    /// The version of the Pod Security Standards: v1.0 to v1.37, or latest
    #[arg(long, value_name = "VERSION", default_value = "latest", conflicts_with = "id")]
    pss_version: PssVersion,
}

pub(super) fn run(args: &ChecksArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.id {
        Some(id) => {
            let manual = Check::by_name(id)?.page();
            terminal.write_all(manual.as_bytes())?;
        }
        None => list(args, terminal)?,
    }
    Ok(Outcome::Clean)
}

fn list(args: &ChecksArgs, terminal: &mut Terminal) -> anyhow::Result<()> {
    let checks: Vec<_> = match args.level {
        Some(level) => Selection::level(level, args.pss_version).checks().collect(),
        None => CHECKS.iter().copied().filter(|check| check.exists_in(args.pss_version)).collect(),
    };
    let width = checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
    let mut first = true;
    for group in Group::ALL {
        let mut of_group = checks.iter().filter(|check| check.group == group).peekable();
        if of_group.peek().is_none() {
            continue;
        }
        let gap = if first { "" } else { "\n" };
        writeln!(terminal, "{gap}{}", group.title())?;
        first = false;
        for check in of_group {
            writeln!(terminal, "  {:width$}  {}", check.id, check.summary())?;
        }
    }
    Ok(())
}
