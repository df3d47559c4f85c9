//! # What it does
//! Finds an audit log that is mounted into the container as a file, instead of its directory.
//!
//! # Why it matters
//! At `--audit-log-maxsize` the apiserver renames the log. A mounted file cannot be renamed (`device or resource
//! busy`), so rotation fails, and the events at hand are lost.
//!
//! # Example
//! ```yaml
//! volumeMounts:
//! - {name: audit-log, mountPath: /var/log/kubernetes/audit/audit.log}
//! volumes:
//! - name: audit-log
//!   hostPath: {path: /var/log/kubernetes/audit/audit.log, type: FileOrCreate}
//! ```
//! Use instead:
//! ```yaml
//! volumeMounts:
//! - {name: audit-log, mountPath: /var/log/kubernetes/audit}
//! volumes:
//! - name: audit-log
//!   hostPath: {path: /var/log/kubernetes/audit, type: DirectoryOrCreate}
//! ```
//!
//! # Fix safety
//! Unsafe: all of the directory becomes writable to the container. Not offered for directories that must not be
//! mounted whole, such as `/etc/kubernetes`: choose another path there.
//!
//! # References
//! - Kubernetes, "Auditing › Log backend"

use super::{StaticPod, fixes};
use crate::apiserver::audit_flags::LOG_PATH;
use crate::apiserver::{AbsolutePath, Mount, Node, Source};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::Applicability;

pub(in crate::checks) const CHECK: Check = Check {
    id: "audit-log-mounted-as-file",
    group: Group::StaticPod,
    severity: Severity::Error,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("audit_log_mounted_as_file.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    let Some(path) = pod.value(LOG_PATH).and_then(|path| AbsolutePath::parse(path).ok()) else {
        return Vec::new();
    };
    let is_file = |mount: &&Mount| {
        mount.path == path && mount.source != Source::Missing && mount.node() != Some(Node::Directory)
    };
    let Some(mount) = pod.mounts.iter().find(is_file) else {
        return Vec::new();
    };
    let mut finding = pod.finding(&CHECK, LOG_PATH);
    finding.related = vec![(finding.pointer.clone(), "the log".to_owned())];
    finding.pointer = mount.at.join("mountPath");
    finding.message = format!("the audit log {path} is mounted as a file, so it cannot be rotated");
    finding.notes.push("at --audit-log-maxsize renaming it fails, and events are lost".to_owned());
    finding.fix = fixes::mount_log_directory(&pod.apiserver, &path, Applicability::Unsafe);
    vec![finding]
}
