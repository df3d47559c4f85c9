//! `--configmap`: the configuration of the running cluster.

use std::io::Write as _;
use std::path::Path;

use super::super::diff;
use super::{KubeadmArgs, config, next_steps, tell};
use crate::cli::terminal::Tone;
use crate::cli::{Outcome, Terminal};
use crate::cluster::Cluster;

/// What the diff is called.
const NAME: &str = "kube-system/kubeadm-config:ClusterConfiguration";

pub(super) fn run(args: &KubeadmArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let cluster = Cluster::connect(args.kubeconfig.as_deref(), args.context.as_deref())?;
    let live = cluster.kubeadm_config()?;
    let (edited, plan) = config::edit(live.text.as_bytes(), &args.audit.settings(), NAME)?;
    if edited == live.text.as_bytes() {
        writeln!(terminal, "{NAME} has these settings already; nothing to do")?;
        return Ok(Outcome::Clean);
    }
    tell(&plan.changes, &plan.warnings, terminal);
    if args.diff {
        diff::write_texts(Path::new(NAME), Some(live.text.as_bytes()), Some(&edited), terminal)?;
        return Ok(Outcome::Findings);
    }
    let files = next_steps::files(&plan.policy, plan.webhook_config.as_ref());
    if args.policy_installed_on.is_none() {
        let nodes = cluster.control_plane_nodes()?;
        terminal.write_all(next_steps::copies(&nodes, &files).as_bytes())?;
        terminal.note(
            Tone::Error,
            "nothing was changed: a control-plane node without these files can neither upgrade nor join; copy them, \
             then say --policy-installed-on all",
        );
        return Ok(Outcome::Failed);
    }
    cluster.replace_kubeadm_config(&live, &String::from_utf8_lossy(&edited))?;
    writeln!(terminal, "changed {NAME}\n")?;
    terminal.write_all(next_steps::FOR_CONFIGMAP.as_bytes())?;
    Ok(Outcome::Clean)
}
