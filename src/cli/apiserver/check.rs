//! `lithify apiserver check`: what is wrong with a kube-apiserver's manifest, and with the policy that it names.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use jiff::Zoned;
use serde_json::Value;

use super::super::report::{self, Format};
use super::super::terminal::Tone;
use super::super::{Outcome, Terminal, audit_policy};
use super::DEFAULT_MANIFEST;
use crate::apiserver::audit_flags::POLICY_FILE;
use crate::apiserver::{self, AbsolutePath, Apiserver, MANIFESTS_DIRECTORY};
use crate::checks::static_pod::Sibling;
use crate::install::inspect;
use crate::lint::report::{FileError, FileReport};
use crate::lint::static_pod::{Judged, judge};

/// Lint the manifest of a kube-apiserver's static pod
///
/// Looks at the audit flags, at the volumes that carry their paths, and at what else is in the manifests directory.
/// The policy that the manifest names is judged too, where it is on this machine. A comment
/// `# lithify: allow CHECK -- reason` on or above the place silences a finding.
#[derive(Args)]
#[command(after_help = "Examples:
  lithify apiserver check
  lithify apiserver check --format json kube-apiserver.yaml")]
pub(super) struct CheckArgs {
    /// The manifest, `-` for standard input
    #[arg(value_name = "MANIFEST", default_value = DEFAULT_MANIFEST)]
    manifest: PathBuf,

    /// How to show findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let path = &args.manifest;
    let name = path.display().to_string();
    let (source, siblings, directory) = read(path)?;
    let Judged { report, bad_allows, object } = judge(&name, &source, &siblings, Zoned::now().date());
    for (position, error) in bad_allows {
        terminal.note(Tone::Warning, format_args!("{name}:{}: {error}", position.line));
    }
    let mut reports = vec![report];
    let is_live = directory.as_deref() == Some(Path::new(MANIFESTS_DIRECTORY));
    reports.extend(policy_on_host(&object).and_then(|policy| judge_policy(&policy, is_live, terminal)));
    report::print(&reports, args.format, terminal)
}

/// The manifest's bytes, what the kubelet reads beside it, and their directory, where it is in one.
fn read(path: &Path) -> anyhow::Result<(Vec<u8>, Vec<Sibling>, Option<PathBuf>)> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("read standard input")?;
        return Ok((bytes, Vec::new(), None));
    }
    let manifest = inspect::manifest(path)?;
    // Files beside a manifest that lies somewhere else are no static pods.
    let is_kubelets = manifest.directory.file_name() == Path::new(MANIFESTS_DIRECTORY).file_name();
    let siblings = if is_kubelets { inspect::siblings(&manifest, path)? } else { Vec::new() };
    Ok((manifest.content.bytes, siblings, Some(manifest.directory)))
}

/// Where the manifest's policy lies on the host.
fn policy_on_host(object: &Value) -> Option<AbsolutePath> {
    let apiserver = Apiserver::locate(object).ok()?;
    let path = AbsolutePath::parse(apiserver.flags().value(POLICY_FILE)?).ok()?;
    apiserver::covering(&apiserver::mounts(&apiserver).ok()?, &path)?.host_path(&path)
}

/// The policy's findings; `None` where it is not on this machine, and need not be.
fn judge_policy(path: &AbsolutePath, must_exist: bool, terminal: &mut Terminal) -> Option<FileReport> {
    let name = path.to_string();
    match fs::read(path) {
        Ok(source) => {
            let (report, bad_allows) = audit_policy::judge(&name, &source);
            for (position, error) in bad_allows {
                terminal.note(Tone::Warning, format_args!("{name}:{}: {error}", position.line));
            }
            Some(report)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => None,
        Err(error) => {
            let message =
                format!("the apiserver does not start without its policy, which cannot be read: {error}");
            let error = FileError { file: name.clone(), line: 0, column: 0, message };
            Some(FileReport { file: name, errors: vec![error], ..FileReport::default() })
        }
    }
}
