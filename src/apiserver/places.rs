//! Directories of the host that a manifest must not give away, or hide in the container.

use super::audit_flags::{LOG_PATH, POLICY_FILE, WEBHOOK_CONFIG_FILE};
use super::flags::Flags;
use super::locate::Apiserver;
use super::path::AbsolutePath;
use super::plan_error::PlanError;
use super::settings::{DEFAULT_LOG_PATH, LogTarget, MANIFESTS_DIRECTORY, Settings, Wanted};

/// Never mounted whole: the system's own directories, and those that hold the control plane's.
const SYSTEM: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/kubernetes",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/sbin",
    "/var",
    "/var/lib",
    "/var/run",
];

/// Nothing in them is a file that stays.
const KERNEL: &[&str] = &["/dev", "/proc", "/sys"];

/// Emptied at boot, so that the apiserver would not find its files after it.
const VOLATILE: &[&str] = &["/run", "/tmp", "/var/run", "/var/tmp"];

/// Directories that others write to as well.
const SHARED: &[&str] = &[
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/srv",
    "/tmp",
    "/var/cache",
    "/var/log",
    "/var/log/containers",
    "/var/log/pods",
    "/var/spool",
    "/var/tmp",
];

/// Where the cluster's keys are, unless `--tls-private-key-file` says otherwise.
const CERTIFICATES: &str = "/etc/kubernetes/pki";

/// Refuses paths where a file of ours would do harm.
///
/// `flags`: the manifest's, whose files must not be overwritten; `None` where there is no manifest.
///
/// # Errors
/// [`PlanError::Forbidden`] with the reason.
pub(super) fn check(wanted: &Wanted, settings: &Settings, flags: Option<&Flags>) -> Result<(), PlanError> {
    let log = wanted.log.as_ref().and_then(|log| match log {
        LogTarget::File(path) => Some(path),
        LogTarget::StandardOutput => None,
    });
    let files = [(POLICY_FILE, Some(&wanted.policy)), (WEBHOOK_CONFIG_FILE, wanted.webhook.as_ref())];
    for (flag, path) in files.into_iter().filter_map(|(flag, path)| Some((flag, path?))) {
        check_any(flag, path, settings)?;
        if let Some(place) = within(path, VOLATILE) {
            return forbidden(
                flag,
                path,
                format!("{place} is emptied at boot, and the apiserver would not start"),
            );
        }
        let kept = flags.is_some_and(|flags| flags.value(flag) == Some(path.as_str()));
        if certificates(flags).covers(path) && !kept {
            return forbidden(flag, path, format!("{} is for the cluster's keys", certificates(flags)));
        }
    }
    if let Some(path) = log {
        check_any(LOG_PATH, path, settings)?;
    }
    check_distinct(wanted, log, flags)
}

fn check_any(flag: &'static str, path: &AbsolutePath, settings: &Settings) -> Result<(), PlanError> {
    let manifests = &settings.manifests_directory;
    if manifests.covers(path) || path.as_str().starts_with("/etc/kubernetes/manifests/") {
        let reason = "the kubelet takes every file in the manifests directory for a static pod";
        return forbidden(flag, path, reason.to_owned());
    }
    if let Some(place) = within(path, KERNEL) {
        return forbidden(flag, path, format!("{place} holds no files that stay"));
    }
    if SYSTEM.contains(&path.as_str()) || path.covers(manifests) {
        return forbidden(flag, path, "it is a directory of the system".to_owned());
    }
    Ok(())
}

/// Refuses a path that an existing mount leads into the directory of static pods.
///
/// # Errors
/// [`PlanError::Forbidden`] with the reason.
pub(super) fn check_host_path(
    flag: &'static str,
    path: &AbsolutePath,
    host_path: &AbsolutePath,
    settings: &Settings,
) -> Result<(), PlanError> {
    if settings.manifests_directory.covers(host_path) {
        let reason =
            format!("it is {host_path} on the host, where the kubelet takes every file for a static pod");
        return forbidden(flag, path, reason);
    }
    Ok(())
}

/// No two of our files are one, and none is a file that another flag names.
fn check_distinct(
    wanted: &Wanted,
    log: Option<&AbsolutePath>,
    flags: Option<&Flags>,
) -> Result<(), PlanError> {
    let ours = [
        (POLICY_FILE, Some(&wanted.policy)),
        (WEBHOOK_CONFIG_FILE, wanted.webhook.as_ref()),
        (LOG_PATH, log),
    ];
    let ours: Vec<_> = ours.into_iter().filter_map(|(flag, path)| Some((flag, path?))).collect();
    for (index, (flag, path)) in ours.iter().enumerate() {
        if let Some((other, _)) = ours[..index].iter().find(|(_, earlier)| earlier == path) {
            return forbidden(flag, path, format!("it is also `--{other}`"));
        }
        let others = flags.into_iter().flat_map(Flags::iter);
        let mut others = others.filter(|other| ours.iter().all(|(flag, _)| *flag != other.name));
        if let Some(other) = others.find(|other| other.value.known() == Some(path.as_str())) {
            return forbidden(flag, path, format!("it is also the file of `--{}`", other.name));
        }
    }
    Ok(())
}

/// Refuses a log directory that must not be mounted.
///
/// # Errors
/// [`PlanError::Forbidden`] for directories of the system and those that hold static pods or keys.
pub(super) fn check_log_directory(
    log: &AbsolutePath,
    settings: &Settings,
    flags: Option<&Flags>,
) -> Result<(), PlanError> {
    let directory = log.parent();
    let holds = |other: &AbsolutePath| directory.covers(other);
    if SYSTEM.contains(&directory.as_str())
        || holds(&settings.manifests_directory)
        || holds(&certificates(flags))
    {
        let better = better_log_path(log);
        let reason = format!(
            "all of {directory} would become writable to the container, and hide what the image has there; use a \
             directory of its own, such as {better}"
        );
        return forbidden(LOG_PATH, log, reason);
    }
    Ok(())
}

/// Refuses a directory of the host that must not be given away, whatever its name in the container.
///
/// # Errors
/// [`PlanError::Forbidden`] for directories of the system and those that hold static pods or keys.
pub(super) fn check_host_directory(log: &AbsolutePath, directory: &AbsolutePath) -> Result<(), PlanError> {
    let holds = |other: &str| directory.covers(&AbsolutePath::clean(other));
    if SYSTEM.contains(&directory.as_str()) || holds(MANIFESTS_DIRECTORY) || holds(CERTIFICATES) {
        let reason = format!(
            "it is mounted as a file, and mounting its directory instead would make all of the host's {directory} \
             writable to the container; use another path, such as {}",
            better_log_path(log)
        );
        return forbidden(LOG_PATH, log, reason);
    }
    Ok(())
}

/// Whether the directory of a log must not be mounted into this apiserver's container.
pub(crate) fn refuses_log_directory(apiserver: &Apiserver<'_>, log: &AbsolutePath) -> bool {
    check_log_directory(log, &Settings::default(), Some(apiserver.flags())).is_err()
}

/// Whether others write to this directory too.
pub(super) fn is_shared(directory: &AbsolutePath) -> bool {
    SHARED.contains(&directory.as_str())
}

/// The log's name in a directory of its own.
pub(super) fn better_log_path(log: &AbsolutePath) -> AbsolutePath {
    AbsolutePath::clean(DEFAULT_LOG_PATH).parent().join(log.file_name())
}

/// Whether a path is among the cluster's keys.
pub(super) fn is_among_certificates(path: &AbsolutePath, flags: Option<&Flags>) -> bool {
    certificates(flags).covers(path)
}

fn certificates(flags: Option<&Flags>) -> AbsolutePath {
    let key = flags.and_then(|flags| flags.value("tls-private-key-file"));
    let directory = key.map(|key| AbsolutePath::clean(key).parent());
    // A key directly under /etc/kubernetes makes that no directory of keys only.
    directory.filter(|d| !SYSTEM.contains(&d.as_str())).unwrap_or_else(|| AbsolutePath::clean(CERTIFICATES))
}

fn within(path: &AbsolutePath, places: &[&'static str]) -> Option<&'static str> {
    places.iter().find(|place| AbsolutePath::clean(place).covers(path)).copied()
}

fn forbidden<T>(flag: &'static str, path: &AbsolutePath, reason: String) -> Result<T, PlanError> {
    Err(PlanError::Forbidden { flag, path: path.clone(), reason })
}
