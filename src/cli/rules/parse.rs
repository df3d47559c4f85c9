//! `lithify rules parse`: the syntax tree of a condition.

use std::io::Write;

use clap::Args;

use super::super::{Outcome, Terminal};
use crate::rules::condition;

/// Print the syntax tree of a condition as JSON
///
/// Syntax only: fields, macros and lists need not exist. Exit status 2 where the condition is refused.
#[derive(Args)]
#[command(after_help = "Example:\n  lithify rules parse 'evt.type = execve and proc.name in (bash, sh)'")]
pub(super) struct ParseArgs {
    /// The condition
    condition: String,
}

pub(super) fn run(args: &ParseArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match condition::parse(&args.condition) {
        Ok(tree) => {
            writeln!(terminal, "{}", tree.to_json())?;
            Ok(Outcome::Clean)
        }
        Err(error) => {
            let before = args.condition.get(..error.offset).unwrap_or(&args.condition);
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let line = args.condition[line_start..].lines().next().unwrap_or_default();
            let column = before[line_start..].chars().count();
            let number = before.matches('\n').count() + 1;
            let shown = line.replace('\t', " ");
            anyhow::bail!("{number}:{}: {error}\n  {shown}\n  {}^", column + 1, " ".repeat(column));
        }
    }
}
