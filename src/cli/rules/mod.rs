//! `lithify rules check | list | describe | parse`: Falco-style rule files, without a probe.

mod check;
mod describe;
mod files;
mod list;
mod parse;

use clap::{Args, Subcommand, ValueEnum};

use super::{Outcome, Terminal};

/// Check, list and explain Falco-style rules
#[derive(Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Subcommand)]
enum RulesCommand {
    Check(check::CheckArgs),
    List(list::ListArgs),
    Describe(describe::DescribeArgs),
    Parse(parse::ParseArgs),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object, for programs
    Json,
}

pub(super) fn run(args: &RulesArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        RulesCommand::Check(args) => check::run(args, terminal),
        RulesCommand::List(args) => list::run(args, terminal),
        RulesCommand::Describe(args) => describe::run(args, terminal),
        RulesCommand::Parse(args) => parse::run(args, terminal),
    }
}
