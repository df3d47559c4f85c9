//! `lithify apiserver …`: the static pod of a kube-apiserver.

mod check;
mod diff;
mod kubeadm;
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

/// Lint, patch and restore the static pod of a kube-apiserver
#[derive(Args)]
pub(super) struct ApiserverArgs {
    #[command(subcommand)]
    command: ApiserverCommand,
}

#[derive(Subcommand)]
enum ApiserverCommand {
    Check(check::CheckArgs),
    Patch(Box<patch::PatchArgs>),
    Rollback(rollback::RollbackArgs),
    Kubeadm(Box<kubeadm::KubeadmArgs>),
}

pub(super) fn run(args: &ApiserverArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        ApiserverCommand::Check(args) => check::run(args, terminal),
        ApiserverCommand::Patch(args) => patch::run(args, terminal),
        ApiserverCommand::Rollback(args) => rollback::run(args, terminal),
        ApiserverCommand::Kubeadm(args) => kubeadm::run(args, terminal),
    }
}
