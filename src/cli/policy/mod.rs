//! `lithify policy`: the checks as the apiserver's own admission policies.

mod export;

use clap::{Args, Subcommand};

use super::{Outcome, Terminal};

/// Checks as admission policies of the apiserver
#[derive(Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Subcommand)]
enum PolicyCommand {
    Export(export::ExportArgs),
}

pub(super) fn run(args: &PolicyArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        PolicyCommand::Export(args) => export::run(args, terminal),
    }
}
