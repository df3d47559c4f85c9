//! `--patches-dir DIRECTORY`: a file for `kubeadm … --patches`.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::super::super::replace;
use super::super::{diff, policy};
use super::{KubeadmArgs, next_steps, tell};
use crate::apiserver::kubeadm::patches::{self, Conflict, PatchFile};
use crate::apiserver::{Plan, Settings, hash};
use crate::cli::terminal::Tone;
use crate::cli::{Outcome, Terminal};
use crate::yaml::Stream;

pub(super) fn run(args: &KubeadmArgs, directory: &Path, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let plan = plan(args, terminal)?;
    let conflicts = patches::conflicts(&read(directory)?, &plan);
    refuse(directory, &conflicts)?;
    let path = directory.join(patches::FILE_NAME);
    let (present, text) = (read_if_there(&path)?, patches::text(&plan));
    let is_same = present.as_deref() == Some(text.as_bytes());
    if args.diff {
        diff::write_texts(&path, present.as_deref(), Some(text.as_bytes()), terminal)?;
        return Ok(if is_same { Outcome::Clean } else { Outcome::Findings });
    }
    if is_same {
        writeln!(terminal, "{} has these settings already; nothing to do", path.display())?;
        return Ok(Outcome::Clean);
    }
    tell(&plan.changes, &plan.warnings, terminal);
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    replace::file(&path, text.as_bytes())?;
    writeln!(terminal, "wrote {}\n", path.display())?;
    let files = next_steps::files(&plan.policy, plan.webhook_config.as_ref());
    terminal.write_all(next_steps::for_patches(directory, &files).as_bytes())?;
    Ok(Outcome::Clean)
}

/// The plan, with the hashes of the files as far as they are known on this machine.
fn plan(args: &KubeadmArgs, terminal: &mut Terminal) -> anyhow::Result<Plan> {
    let mut settings = args.audit.settings();
    let first = patches::plan(&settings)?;
    let chosen = match &args.policy {
        Some(path) => Some(fs::read(path).with_context(|| format!("read {}", path.display()))?),
        None => read_if_there(first.policy.host_path.as_ref())?,
    };
    match &chosen {
        Some(policy) => refuse_invalid(policy)?,
        None => terminal.note(
            Tone::Hint,
            format_args!("{} is not on this machine, so its hash is left out", first.policy.host_path),
        ),
    }
    let kubeconfig = match (args.audit.webhook_kubeconfig()?, &first.webhook_config) {
        (Some(text), _) => Some(text.into_bytes()),
        (None, Some(file)) => read_if_there(file.host_path.as_ref())?,
        (None, None) => None,
    };
    set_hashes(&mut settings, chosen.as_deref(), kubeconfig.as_deref());
    Ok(patches::plan(&settings)?)
}

fn set_hashes(settings: &mut Settings, policy: Option<&[u8]>, kubeconfig: Option<&[u8]>) {
    settings.policy_hash = policy.map(hash::sha256);
    if let Some(webhook) = &mut settings.webhook {
        webhook.config_hash = kubeconfig.map(hash::sha256);
    }
}

fn refuse_invalid(policy: &[u8]) -> anyhow::Result<()> {
    let refusals = policy::refusals(policy);
    if !refusals.is_empty() {
        bail!("the kube-apiserver would refuse the audit policy:\n  {}", refusals.join("\n  "));
    }
    Ok(())
}

/// The directory's other files; none where it is not there yet.
fn read(directory: &Path) -> anyhow::Result<Vec<PatchFile>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("read {}", directory.display()))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("read {}", directory.display()))?.path();
        // kubeadm ignores everything but files.
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let documents = match Stream::parse_lenient(&bytes) {
            Ok(stream) => stream.documents().map(|document| document.to_value()).collect(),
            Err(_) => Vec::new(),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(PatchFile { name, documents });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn refuse(directory: &Path, conflicts: &[Conflict]) -> anyhow::Result<()> {
    if conflicts.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = conflicts.iter().map(|conflict| format!("  {conflict}")).collect();
    bail!(
        "{} has patches that do not go together with these settings:\n{}",
        directory.display(),
        lines.join("\n")
    )
}

fn read_if_there(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}
