//! Repairs that several checks share.

use crate::apiserver::{self, AbsolutePath, Apiserver, CommandEdit, Settings, Sharing, VolumeEdit};
use crate::edit::{Applicability, Fix};

/// Sets one flag.
pub(super) fn set_flag(
    apiserver: &Apiserver<'_>,
    flag: &str,
    value: &str,
    applicability: Applicability,
) -> Fix {
    let mut edit = CommandEdit::new(apiserver.flags());
    edit.set(flag, value);
    Fix::new(format!("set --{flag}={value}"), edit.finish(), applicability)
}

/// Sets the log's path and mounts its directory; `None` where what is mounted there forbids it.
pub(super) fn set_log_path(apiserver: &Apiserver<'_>, path: &str) -> Option<Fix> {
    let mut fix = set_flag(apiserver, apiserver::audit_flags::LOG_PATH, path, Applicability::Unsafe);
    let mut volumes = VolumeEdit::new(apiserver, Sharing::Allowed).ok()?;
    volumes.show_log_directory(apiserver::LOG, &AbsolutePath::parse(path).ok()?).ok()?;
    fix.ops.extend(volumes.finish().0);
    fix.title = format!("log to {path}, on a directory of the host").into();
    Some(fix)
}

/// Sets the policy's path and mounts it; `None` where the manifest cannot carry it.
pub(super) fn set_policy(apiserver: &Apiserver<'_>) -> Option<Fix> {
    let settings = Settings { log: None, ..Settings::default() };
    let plan = apiserver::plan(apiserver.pod(), &settings).ok()?;
    let title = format!("read the policy {}, which must be on the host first", plan.policy.container_path);
    Some(Fix::new(title, plan.ops, Applicability::Unsafe))
}

/// Mounts a file of the host at its own path; `None` where what is mounted there forbids it.
pub(super) fn mount_file(
    apiserver: &Apiserver<'_>,
    purpose: apiserver::Purpose,
    path: &AbsolutePath,
) -> Option<Fix> {
    let mut volumes = VolumeEdit::new(apiserver, Sharing::Allowed).ok()?;
    volumes.show_file(purpose, path).ok()?;
    let title = format!("mount {path} from the host, where it must exist first");
    let ops = volumes.finish().0;
    (!ops.is_empty()).then(|| Fix::new(title, ops, Applicability::Unsafe))
}

/// Mounts the log's directory in place of nothing, or of the file alone; `None` where that is forbidden.
pub(super) fn mount_log_directory(
    apiserver: &Apiserver<'_>,
    log: &AbsolutePath,
    applicability: Applicability,
) -> Option<Fix> {
    if apiserver::refuses_log_directory(apiserver, log) {
        return None;
    }
    let mut volumes = VolumeEdit::new(apiserver, Sharing::Allowed).ok()?;
    let host = volumes.show_log_directory(apiserver::LOG, log).ok()?;
    let ops = volumes.finish().0;
    (!ops.is_empty()).then(|| Fix::new(format!("mount the directory {host} writable"), ops, applicability))
}
