//! `lithify apiserver …`: the static pod of a kube-apiserver.

mod diff;
mod patch;
mod policy;
mod prepare;
mod rollback;
mod summary;
mod transaction;

use clap::{Args, Subcommand};

use super::{Outcome, Terminal};

/// The manifest that kubeadm writes.
const DEFAULT_MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// Patch and restore the static pod of a kube-apiserver
#[derive(Args)]
pub(super) struct ApiserverArgs {
    #[command(subcommand)]
    command: ApiserverCommand,
}

#[derive(Subcommand)]
enum ApiserverCommand {
    Patch(Box<patch::PatchArgs>),
    Rollback(rollback::RollbackArgs),
}

pub(super) fn run(args: &ApiserverArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        ApiserverCommand::Patch(args) => patch::run(args, terminal),
        ApiserverCommand::Rollback(args) => rollback::run(args, terminal),
    }
}
