//! `lithify audit-policy new | check | explain`: write, criticise and question audit policies.

mod check;
mod explain;
mod new;
mod policy_file;
mod scan;
mod sizing;
mod table;
mod verdict;

use clap::{Args, Subcommand, ValueEnum};

use super::{Outcome, Terminal};

pub(super) use policy_file::judge;

/// Write, criticise and question audit policies
#[derive(Args)]
pub(super) struct AuditPolicyArgs {
    #[command(subcommand)]
    command: AuditPolicyCommand,
}

#[derive(Subcommand)]
enum AuditPolicyCommand {
    New(new::NewArgs),
    Check(check::CheckArgs),
    Explain(Box<explain::ExplainArgs>),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object, for programs
    Json,
}

pub(super) fn run(args: &AuditPolicyArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        AuditPolicyCommand::New(args) => new::run(args, terminal),
        AuditPolicyCommand::Check(args) => check::run(args, terminal),
        AuditPolicyCommand::Explain(args) => explain::run(args, terminal),
    }
}
