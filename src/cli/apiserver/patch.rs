//! `lithify apiserver patch`: audit logging, installed in one safe step.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::policy::PolicyArgs;
use super::prepare::{self, Prepared};
use super::transaction::{self, NodeArgs};
use super::{DEFAULT_MANIFEST, diff, summary};
use crate::cli::audit_settings::AuditArgs;
use crate::cli::terminal::Tone;
use crate::cli::{Outcome, Terminal, replace};
use crate::install::{Direction, InstallError, Installed, Node, Places, Recovery, State, inspect};

const EXAMPLES: &str = "\
Examples:
  lithify apiserver patch --diff                 show what would change, write nothing
  lithify apiserver patch                        turn audit logging on, with the recommended policy
  lithify apiserver patch --policy my.yaml       with a policy of your own
  lithify apiserver patch cp1.yaml --output -    patch a manifest that is not on this node

Nothing is touched before everything has been checked. The kubelet restarts the kube-apiserver, which takes \
15 to 45 seconds; if it does not come back, the old files are restored. A run that is killed is completed by \
the next one.";

/// Turn audit logging on: flags, volumes and policy, in one safe step
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PatchArgs {
    /// The static pod manifest; `-` reads standard input and writes the result to standard output
    #[arg(default_value = DEFAULT_MANIFEST)]
    pub(super) manifest: PathBuf,

    #[command(flatten)]
    pub(super) policy: PolicyArgs,

    #[command(flatten)]
    pub(super) audit: AuditArgs,

    #[command(flatten)]
    pub(super) node: NodeArgs,

    /// Show what would change, as a unified diff; write nothing
    #[arg(long, help_heading = "Looking first", conflicts_with = "dry_run")]
    diff: bool,

    /// Do every check and say what would be done; write nothing
    #[arg(long, help_heading = "Looking first")]
    dry_run: bool,

    /// Write the patched manifest to FILE (`-`: standard output), and touch nothing else
    #[arg(long, value_name = "FILE", help_heading = "Looking first", conflicts_with = "dry_run")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &PatchArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let is_stdin = args.manifest == Path::new("-");
    if is_stdin && args.dry_run {
        bail!("a manifest from standard input is on no node: use --diff, or --output");
    }
    if is_stdin || args.output.is_some() {
        return elsewhere(args, terminal);
    }
    let state = args.node.state()?;
    if args.diff || args.dry_run {
        if state.pending()?.is_some() {
            let message = "a run was interrupted here: the next one completes it first, so this may look different then";
            terminal.note(Tone::Warning, message);
        }
        return preview(args, terminal);
    }
    if state.pending()?.is_some() && !recovered(args, &state, terminal)? {
        return Ok(Outcome::Failed);
    }
    let prepared = prepare::on_node(args)?;
    tell_warnings(&prepared, terminal);
    if prepared.is_empty() {
        summary::nothing_to_do(&prepared, terminal)?;
        return Ok(Outcome::Clean);
    }
    check_node(args, &prepared)?;
    inspect::writable(&prepared.request, &state, &prepared.manifest.directory)?;
    install(args, &prepared, &state, terminal)
}

/// Completes an interrupted run; whether this one may go on.
fn recovered(args: &PatchArgs, state: &State, terminal: &mut Terminal) -> anyhow::Result<bool> {
    match transaction::recover(&args.node, state, "apiserver patch", Direction::Forward, terminal) {
        Ok(_) => Ok(true),
        Err(error) => transaction::told(error, terminal).map(|_| false),
    }
}

fn install(
    args: &PatchArgs,
    prepared: &Prepared,
    state: &State,
    terminal: &mut Terminal,
) -> anyhow::Result<Outcome> {
    let result = args.node.with_transaction(state, "apiserver patch", |transaction| {
        // Another run may have come and gone, or been killed, since the look at the disk.
        if !matches!(transaction.recover(Direction::Forward)?, Recovery::Nothing) {
            return Err(InstallError::ChangedMeanwhile { path: prepared.manifest.path.clone() });
        }
        transaction.install(prepared.request.clone())
    });
    match result {
        Ok(Installed { backup, healthy, pruned }) => {
            summary::installed(args, prepared, &backup, healthy.as_ref(), terminal)?;
            if !pruned.is_empty() {
                let message = format!("{} old backup sets were removed", pruned.len());
                terminal.note(Tone::Hint, message);
            }
            Ok(Outcome::Clean)
        }
        Err(error) => transaction::told(error, terminal),
    }
}

/// Nobody would act on the manifest of a machine without kubelet.
fn check_node(args: &PatchArgs, prepared: &Prepared) -> anyhow::Result<()> {
    if args.node.no_wait || Node::is_control_plane(&Places::default()) {
        return Ok(());
    }
    bail!(
        "neither a kubelet nor a kube-apiserver runs on this machine, so nobody would act on {}; \
         use --output FILE to write the patched manifest elsewhere, or --no-wait to install it all the same",
        prepared.source.display()
    )
}

fn tell_warnings(prepared: &Prepared, terminal: &mut Terminal) {
    for warning in &prepared.warnings {
        terminal.note(Tone::Warning, warning);
    }
}

fn preview(args: &PatchArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let prepared = prepare::on_node(args)?;
    tell_warnings(&prepared, terminal);
    if args.diff {
        // Last in the order of writing, first in interest.
        for change in prepared.request.changes.iter().rev() {
            diff::write(change, terminal)?;
        }
    } else {
        check_node(args, &prepared)?;
        inspect::writable(&prepared.request, &args.node.state()?, &prepared.manifest.directory)?;
        summary::would_do(&prepared, terminal)?;
    }
    Ok(if prepared.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

/// Only the text: for a manifest that is on no node, or another node's.
fn elsewhere(args: &PatchArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let (before, after, plan) = prepare::text(args)?;
    for warning in args.audit.warnings().into_iter().chain(plan.warnings.iter().map(ToString::to_string)) {
        terminal.note(Tone::Warning, warning);
    }
    let source = args.manifest.as_path();
    if args.diff {
        diff::write_texts(source, Some(&before), Some(&after), terminal)?;
        return Ok(if before == after { Outcome::Clean } else { Outcome::Findings });
    }
    match args.output.as_deref() {
        Some(path) if path != Path::new("-") => {
            replace::file(path, &after)?;
        }
        _ => terminal.write_all(&after)?,
    }
    let files = std::iter::once(&plan.policy).chain(plan.webhook_config.as_ref());
    for file in files {
        let message = format!(
            "the manifest needs {} on the node before it is put in place: without it the control plane is down",
            file.host_path
        );
        terminal.note(Tone::Hint, message);
    }
    Ok(Outcome::Clean)
}
