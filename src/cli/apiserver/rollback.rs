//! `lithify apiserver rollback`: what was there before a patch, put back.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::transaction::{self, NodeArgs};
use super::{DEFAULT_MANIFEST, diff};
use crate::cli::terminal::Tone;
use crate::cli::{Outcome, Terminal};
use crate::install::{
    self, BackupSet, Change, Direction, InstallError, Node, Places, Restored, Role, State, inspect,
};

const EXAMPLES: &str = "\
Examples:
  lithify apiserver rollback                     put back what was there before the last patch
  lithify apiserver rollback --list              show the backup sets
  lithify apiserver rollback --to 20261124T07    put back one of them; the beginning of its name is enough
  lithify apiserver rollback --diff              show what would change

One rollback after another goes back step by step. What stands before each is saved as a set of its own.";

/// Put back what was there before a patch, or complete one that was interrupted
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RollbackArgs {
    /// The static pod manifest
    #[arg(default_value = DEFAULT_MANIFEST)]
    manifest: PathBuf,

    /// Put back this backup set [default: the last one that differs from what is there]
    #[arg(long, value_name = "SET")]
    to: Option<String>,

    /// List the backup sets and do nothing else
    #[arg(long, conflicts_with_all = ["to", "no_wait", "diff", "dry_run"])]
    list: bool,

    /// Show what would change, as a unified diff; write nothing
    #[arg(long, conflicts_with = "dry_run")]
    diff: bool,

    /// Say what would be done; write nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) fn run(args: &RollbackArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let state = args.node.state()?;
    if args.list {
        return list(&state, terminal);
    }
    // The manifest itself may be gone: that is a reason to roll back, too.
    let manifest = inspect::place(&args.manifest)?;
    if state.pending()?.is_some() {
        if args.diff || args.dry_run {
            terminal.note(Tone::Warning, "a run was interrupted here: `rollback` undoes it");
            return Ok(Outcome::Findings);
        }
        match transaction::recover(&args.node, &state, "apiserver rollback", Direction::Back, terminal) {
            // It was what came last, so that undoing it is the whole job.
            Ok(true) => return Ok(Outcome::Clean),
            Ok(false) => {}
            Err(error) => return transaction::told(error, terminal),
        }
    }
    let Some(set) = choose(args, &state, &manifest)? else {
        writeln!(terminal, "nothing to do: {} is as it was before the first patch", manifest.display())?;
        return Ok(Outcome::Clean);
    };
    if !install::differs(&set)? {
        writeln!(terminal, "nothing to do: all files are as in backup set {}", set.metadata.id)?;
        return Ok(Outcome::Clean);
    }
    if args.diff || args.dry_run {
        return preview(args, &set, terminal);
    }
    if !args.node.no_wait && !Node::is_control_plane(&Places::default()) {
        bail!(
            "neither a kubelet nor a kube-apiserver runs on this machine, so nobody would act on {}; \
             --no-wait puts the files back all the same",
            manifest.display()
        );
    }
    let result = args.node.with_transaction(&state, "apiserver rollback", |transaction| {
        match transaction.recover(Direction::Back)? {
            install::Recovery::Nothing => transaction.roll_back(&set),
            _ => Err(InstallError::ChangedMeanwhile { path: manifest.clone() }),
        }
    });
    match result {
        Ok(restored) => tell(&restored, terminal),
        Err(error) => transaction::told(error, terminal),
    }
}

fn choose(args: &RollbackArgs, state: &State, manifest: &Path) -> anyhow::Result<Option<BackupSet>> {
    if let Some(prefix) = &args.to {
        let set = install::find(state, prefix)?;
        if set.metadata.manifest != manifest {
            bail!(
                "backup set {} is of {}, not of {}; give that manifest",
                set.metadata.id,
                set.metadata.manifest.display(),
                manifest.display()
            );
        }
        return Ok(Some(set));
    }
    let of_manifest = |set: &BackupSet| set.metadata.manifest == manifest;
    if !install::list(state)?.iter().flatten().any(of_manifest) {
        let what = format!("of {}", manifest.display());
        return Err(InstallError::NoBackup { what, directory: state.backups() }.into());
    }
    Ok(install::last_differing(state, manifest)?)
}

fn preview(args: &RollbackArgs, set: &BackupSet, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    for change in set.changes()? {
        if args.diff {
            diff::write(&change, terminal)?;
        } else if let Some(sentence) = sentence(&change) {
            writeln!(terminal, "{sentence}")?;
        }
    }
    if args.dry_run {
        writeln!(terminal, "from backup set {} ({})", set.metadata.id, set.metadata.reason)?;
        writeln!(terminal, "nothing was written")?;
    }
    Ok(Outcome::Findings)
}

/// What would be done with a file; nothing where it is as it should be.
fn sentence(change: &Change) -> Option<String> {
    let Change { role, path, content } = change;
    let present = fs::read(path).ok();
    match content {
        Some(content) if present.as_ref() == Some(&content.bytes) => None,
        Some(_) => Some(format!("would put back the {role} {}", path.display())),
        None => Some(format!("would remove the {role} {}, which the patch made", path.display())),
    }
}

fn tell(restored: &Restored, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let set = &restored.set.metadata;
    let outcome = match &restored.health {
        Some(Ok(healthy)) => {
            let seconds = healthy.waited.as_secs();
            writeln!(terminal, "rolled back to {}: the kube-apiserver is healthy after {seconds} s", set.id)?;
            Outcome::Clean
        }
        None => {
            writeln!(
                terminal,
                "rolled back to {}: nobody has waited for the kube-apiserver (--no-wait)",
                set.id
            )?;
            Outcome::Clean
        }
        Some(Err(unhealthy)) => {
            let message =
                format!("backup set {} is back, but the kube-apiserver is not: {unhealthy}", set.id);
            terminal.note(Tone::Error, message);
            Outcome::Failed
        }
    };
    for file in &set.files {
        let was = if file.saved.is_some() { "as it was" } else { "did not exist" };
        let left = restored.left.contains(&file.path) && file.role != Role::Manifest;
        let note = if left { ", left: a starting kube-apiserver may still read it" } else { "" };
        writeln!(terminal, "  {:<20} {}: {was}{note}", file.role.to_string(), file.path.display())?;
    }
    if restored.kept_policy {
        let message =
            "the saved audit policy was left out: the kube-apiserver would refuse it, unlike the one there";
        terminal.note(Tone::Warning, message);
    }
    if let Some(previous) = &restored.previous {
        writeln!(terminal, "to undo this: lithify apiserver rollback --to {}", previous.metadata.id)?;
    }
    Ok(outcome)
}

fn list(state: &State, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let sets = install::list(state)?;
    if sets.is_empty() {
        writeln!(terminal, "no backup sets in {}", state.backups().display())?;
        return Ok(Outcome::Clean);
    }
    let mut outcome = Outcome::Clean;
    let mut rows = Vec::new();
    for set in sets {
        match set {
            Ok(set) => rows.push(row(&set)),
            Err(error) => {
                terminal.note(Tone::Error, error);
                outcome = Outcome::Failed;
            }
        }
    }
    let header = ["SET", "MADE", "WHY", "ENDED", "NOW", "MANIFEST"].map(str::to_owned);
    rows.insert(0, header);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(terminal, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(outcome)
}

fn row(set: &BackupSet) -> [String; 6] {
    let metadata = &set.metadata;
    let now = match install::differs(set) {
        Ok(true) => "differs",
        Ok(false) => "the same",
        Err(_) => "damaged",
    };
    [
        metadata.id.clone(),
        metadata.created.clone(),
        metadata.reason.to_string(),
        metadata.ending.to_string(),
        now.to_owned(),
        metadata.manifest.display().to_string(),
    ]
}
