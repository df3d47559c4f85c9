//! `lithify apiserver kubeadm`: the settings as kubeadm input, so that they survive `kubeadm upgrade`.

mod config;
mod configmap;
mod next_steps;
mod patches;

use std::path::PathBuf;

use clap::Args;

use super::super::audit_settings::AuditArgs;
use super::super::terminal::Tone;
use super::super::{Outcome, Terminal};
use crate::apiserver::{Change, Warning};

/// Give the settings to kubeadm, so that they survive `kubeadm upgrade`
///
/// kubeadm writes the apiserver's manifest anew at each upgrade, and what was patched into it is gone. Its input
/// is a configuration file, a directory of patches, or, in a running cluster, the ConfigMap kubeadm-config. None
/// of them installs the policy: `lithify apiserver patch` does, on each control-plane node.
#[derive(Args)]
#[command(after_help = "Examples:
  lithify apiserver kubeadm --config kubeadm.yaml --diff
  lithify apiserver kubeadm --patches-dir /etc/kubernetes/patches
  lithify apiserver kubeadm --configmap --policy-installed-on all")]
pub(super) struct KubeadmArgs {
    #[command(flatten)]
    form: Form,

    /// The policy whose hash the patches carry [default: the one at --audit-policy-file, if it is on this machine]
    #[arg(long, value_name = "FILE", requires = "patches_dir")]
    policy: Option<PathBuf>,

    /// Where the policy is: `all` says that every control-plane node has it. A node without it can neither upgrade
    /// nor join
    #[arg(long, value_name = "NODES", value_parser = ["all"], requires = "configmap")]
    policy_installed_on: Option<String>,

    /// Show what would change, and change nothing (exit status 1 if something would)
    #[arg(long)]
    diff: bool,

    /// Write the configuration to this file, `-` for standard output, instead of back
    #[arg(long, value_name = "FILE", requires = "config", conflicts_with = "diff")]
    output: Option<PathBuf>,

    /// The credentials for --configmap [default: kubectl's, else /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE", requires = "configmap")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "configmap")]
    context: Option<String>,

    // Last: its heading would hold for what follows.
    #[command(flatten)]
    audit: AuditArgs,
}

/// Which input of kubeadm.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// Edit the ClusterConfiguration of this file, `-` for standard input (then to standard output)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Write a patch file into this directory, for `kubeadm … --patches`
    #[arg(long, value_name = "DIRECTORY")]
    patches_dir: Option<PathBuf>,

    /// Edit the ConfigMap kube-system/kubeadm-config of the running cluster
    #[arg(long)]
    configmap: bool,
}

pub(super) fn run(args: &KubeadmArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    for warning in args.audit.warnings() {
        terminal.note(Tone::Warning, warning);
    }
    match &args.form {
        Form { config: Some(path), .. } => config::run(args, path, terminal),
        Form { patches_dir: Some(directory), .. } => patches::run(args, directory, terminal),
        Form { .. } => configmap::run(args, terminal),
    }
}

/// What is done, for people, on standard error: standard output may be a file.
fn tell(changes: &[Change], warnings: &[Warning], terminal: &mut Terminal) {
    for change in changes {
        terminal.note(Tone::Hint, change);
    }
    for warning in warnings {
        terminal.note(Tone::Warning, warning);
    }
}
