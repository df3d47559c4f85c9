//! The plan: what to change in a manifest, and what must be on the host before it.

use serde_json::{Value, json};

use super::audit_flags::{self, LOG_FORMAT, LOG_PATH, POLICY_FILE, WEBHOOK_CONFIG_FILE};
use super::change::{Change, Warning};
use super::command_edit::CommandEdit;
use super::flags::{FlagValue, Flags};
use super::hash::{POLICY_HASH, WEBHOOK_HASH};
use super::locate::{Apiserver, Owner};
use super::path::AbsolutePath;
use super::places;
use super::plan_error::PlanError;
use super::settings::{self, Current, LogTarget, Settings, Wanted};
use super::shape::{self, WrongType};
use super::volumes::{Purpose, Sharing, VolumeEdit};
use crate::edit::FieldOp;
use crate::yaml::Pointer;

pub(crate) const POLICY: Purpose = Purpose { flag: POLICY_FILE, volume: "audit-policy" };
pub(crate) const WEBHOOK: Purpose = Purpose { flag: WEBHOOK_CONFIG_FILE, volume: "audit-webhook" };
pub(crate) const LOG: Purpose = Purpose { flag: LOG_PATH, volume: "audit-log" };

/// What makes a manifest carry the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The operations on the Pod, in order; none if it carries them already.
    pub ops: Vec<FieldOp>,
    /// The same, for people.
    pub changes: Vec<Change>,
    /// What is done as asked, and deserves a second thought.
    pub warnings: Vec<Warning>,
    /// The policy file, which must be there, valid, before the manifest changes.
    pub policy: HostFile,
    /// The receiver's kubeconfig, likewise.
    pub webhook_config: Option<HostFile>,
    /// The log; `None` where the settings leave the log backend alone, or it writes to standard output.
    pub log: Option<HostLog>,
    /// Whom the apiserver runs as: must be able to read the files, and own the log directory.
    pub runs_as: Owner,
}

/// A file that the apiserver reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    /// As the flag names it.
    pub container_path: AbsolutePath,
    /// Where it lies on the host.
    pub host_path: AbsolutePath,
}

/// The log that the apiserver writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLog {
    /// As the flag names it.
    pub container_path: AbsolutePath,
    /// The directory on the host, to be 0700 and owned by [`Plan::runs_as`].
    pub host_directory: AbsolutePath,
    /// The file on the host.
    pub host_path: AbsolutePath,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Whether the changes do nothing but restart the apiserver: not needed if it started after the files'
    /// last change (see [`super::hash::needs_restart`]).
    pub fn only_restarts(&self) -> bool {
        !self.is_empty() && self.changes.iter().all(Change::only_restarts)
    }
}

/// Plans the changes that make a static pod carry the settings. Planned again on its result, there are none.
///
/// `pod`: the manifest's one document.
///
/// # Errors
/// [`PlanError`] where it is no apiserver's manifest, or cannot carry the settings.
pub fn plan(pod: &Value, settings: &Settings) -> Result<Plan, PlanError> {
    let apiserver = Apiserver::locate(pod)?;
    let draft = draft(&apiserver, settings, Sharing::Allowed)?;
    let mut command = CommandEdit::new(apiserver.flags());
    let mut changes: Vec<Change> =
        draft.wanted.flags.iter().flat_map(|(name, value)| command.set(name, value)).collect();
    let mut ops = command.finish();
    ops.extend(draft.volume_ops);
    changes.extend(draft.volume_changes);
    annotate(pod, settings, &mut ops, &mut changes)?;
    let Draft { warnings, policy, webhook_config, log, .. } = draft;
    Ok(Plan { ops, changes, warnings, policy, webhook_config, log, runs_as: apiserver.runs_as()? })
}

/// What a manifest and a ClusterConfiguration have in common: everything but how flags are written.
pub(super) struct Draft {
    pub(super) wanted: Wanted,
    pub(super) volume_ops: Vec<FieldOp>,
    pub(super) volume_changes: Vec<Change>,
    pub(super) warnings: Vec<Warning>,
    pub(super) policy: HostFile,
    pub(super) webhook_config: Option<HostFile>,
    pub(super) log: Option<HostLog>,
}

pub(super) fn draft(
    apiserver: &Apiserver<'_>,
    settings: &Settings,
    sharing: Sharing,
) -> Result<Draft, PlanError> {
    let flags = apiserver.flags();
    let wanted = settings::resolve(settings, |name| current(flags, name))?;
    places::check(&wanted, settings, Some(flags))?;
    check_values(&wanted, flags)?;
    let mut volumes = VolumeEdit::new(apiserver, sharing)?;
    let mut warnings = warnings(&wanted, flags, &volumes);
    let policy = host_file(&mut volumes, POLICY, &wanted.policy, settings)?;
    let log = match &wanted.log {
        Some(LogTarget::File(path)) => Some(host_log(&mut volumes, path, settings, flags, &mut warnings)?),
        Some(LogTarget::StandardOutput) | None => None,
    };
    let webhook = wanted.webhook.as_ref();
    let webhook_config = webhook.map(|path| host_file(&mut volumes, WEBHOOK, path, settings)).transpose()?;
    let (volume_ops, volume_changes) = volumes.finish();
    Ok(Draft { wanted, volume_ops, volume_changes, warnings, policy, webhook_config, log })
}

fn current(flags: &Flags, name: &str) -> Current {
    match flags.last(name).map(|occurrence| &occurrence.value) {
        None | Some(FlagValue::Missing) => Current::Absent,
        Some(FlagValue::Unknown { variable, .. }) => Current::Unknown(variable.clone()),
        Some(value) => match value.known().filter(|value| !value.is_empty()) {
            None => Current::Absent,
            Some(value) => Current::Known(value.to_owned()),
        },
    }
}

fn host_file(
    volumes: &mut VolumeEdit<'_>,
    purpose: Purpose,
    path: &AbsolutePath,
    settings: &Settings,
) -> Result<HostFile, PlanError> {
    let host_path = volumes.show_file(purpose, path)?;
    places::check_host_path(purpose.flag, path, &host_path, settings)?;
    Ok(HostFile { container_path: path.clone(), host_path })
}

fn host_log(
    volumes: &mut VolumeEdit<'_>,
    path: &AbsolutePath,
    settings: &Settings,
    flags: &Flags,
    warnings: &mut Vec<Warning>,
) -> Result<HostLog, PlanError> {
    let directory = path.parent();
    let is_covered = volumes.covering(&directory).is_some();
    if !is_covered {
        places::check_log_directory(path, settings, Some(flags))?;
    }
    if !is_covered && places::is_shared(&directory) {
        warnings.push(Warning::SharedLogDirectory { directory, better: places::better_log_path(path) });
    }
    let host_directory = volumes.show_log_directory(LOG, path)?;
    let host_path = host_directory.join(path.file_name());
    places::check_host_path(LOG_PATH, path, &host_path, settings)?;
    Ok(HostLog { container_path: path.clone(), host_directory, host_path })
}

fn warnings(wanted: &Wanted, flags: &Flags, volumes: &VolumeEdit<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let files = [(POLICY_FILE, Some(&wanted.policy)), (WEBHOOK_CONFIG_FILE, wanted.webhook.as_ref())];
    for (flag, path) in files.into_iter().filter_map(|(flag, path)| Some((flag, path?))) {
        if places::is_among_certificates(path, Some(flags)) {
            warnings.push(Warning::AmongCertificates { flag, path: path.clone() });
        }
    }
    if let Some(mount) = volumes.covering(&wanted.policy).filter(|mount| !mount.read_only) {
        let (path, volume) = (wanted.policy.clone(), mount.volume.clone());
        warnings.push(Warning::WritablePolicy { path, volume });
    }
    let effective = |name: &str| effective(wanted, flags, name);
    for (name, _) in &wanted.flags {
        let needs = if name.starts_with("audit-webhook-") { WEBHOOK_CONFIG_FILE } else { LOG_PATH };
        if *name != POLICY_FILE && effective(needs).is_none() {
            warnings.push(Warning::NoEffect { flag: (*name).to_owned(), needs });
        }
    }
    if effective(LOG_FORMAT) == Some("legacy") {
        warnings.push(Warning::LegacyFormat);
    }
    warnings
}

/// The value that a flag will have.
fn effective<'v>(wanted: &'v Wanted, flags: &'v Flags, name: &str) -> Option<&'v str> {
    let set = wanted.flags.iter().rfind(|(other, _)| *other == name).map(|(_, value)| value.as_str());
    set.or_else(|| flags.value(name))
}

/// Refuses what the apiserver would refuse at its start, so that no restart is wasted on it.
fn check_values(wanted: &Wanted, flags: &Flags) -> Result<(), PlanError> {
    for flag in audit_flags::AUDIT_FLAGS {
        let Some(value) = effective(wanted, flags, flag.name) else { continue };
        let is_stdout = flag.name == LOG_PATH && value == "-";
        // A relative path works, in the container's working directory: checks report it, a plan replaces it.
        let is_path = flag.takes == audit_flags::FlagType::Path;
        if !is_stdout && !is_path && !flag.takes.accepts(value) {
            let from_settings = wanted.flags.iter().any(|(name, _)| *name == flag.name);
            let occurrence = flags.last(flag.name).filter(|_| !from_settings);
            let at = occurrence.map(|occurrence| flags.pointer(occurrence));
            let (flag, expected) = (flag.name, flag.takes);
            return Err(PlanError::InvalidValue { flag, value: value.to_owned(), expected, at });
        }
    }
    audit_flags::contradiction(|name| effective(wanted, flags, name))
        .map_or(Ok(()), |text| Err(PlanError::Contradiction(text)))
}

fn annotate(
    pod: &Value,
    settings: &Settings,
    ops: &mut Vec<FieldOp>,
    changes: &mut Vec<Change>,
) -> Result<(), WrongType> {
    let webhook_hash = settings.webhook.as_ref().and_then(|webhook| webhook.config_hash.as_ref());
    let wanted = [(POLICY_HASH, settings.policy_hash.as_ref()), (WEBHOOK_HASH, webhook_hash)];
    let root = Pointer::root();
    let at = root.join("metadata");
    let annotations = match shape::mapping(pod, &root, "metadata")? {
        Some(metadata) => shape::mapping(metadata, &at, "annotations")?,
        None => return Err(WrongType { at, expected: "a mapping", found: "null" }),
    };
    let differs = |annotation: &str, hash: &str| {
        annotations.and_then(|annotations| annotations[annotation].as_str()) != Some(hash)
    };
    let differing: Vec<_> = wanted
        .into_iter()
        .filter_map(|(annotation, hash)| Some((annotation, hash?)))
        .filter(|(annotation, hash)| differs(annotation, hash))
        .collect();
    let at = at.join("annotations");
    changes.extend(differing.iter().map(|(annotation, _)| Change::HashSet { annotation }));
    if annotations.is_some() {
        ops.extend(
            differing.into_iter().map(|(key, hash)| FieldOp::Set { at: at.join(key), value: json!(hash) }),
        );
    } else if !differing.is_empty() {
        let value = differing.into_iter().map(|(key, hash)| (key.to_owned(), json!(hash))).collect();
        ops.push(FieldOp::Set { at, value: Value::Object(value) });
    }
    Ok(())
}
