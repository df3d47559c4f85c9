//! # What it does
//! Finds a path of an audit flag that is on no volume of the host, and a log directory that is mounted
//! read-only.
//!
//! # Why it matters
//! The apiserver sees only what is mounted into its container. A policy or a webhook's kubeconfig that is not
//! mounted stops it from starting: the control plane is down. A log that is not mounted is written into the
//! container, and gone with it.
//!
//! # Example
//! ```yaml
//! - command:
//!   - kube-apiserver
//!   - --audit-policy-file=/etc/kubernetes/audit-policy.yaml   # and no mount
//! ```
//! Use instead, beside the flag:
//! ```yaml
//! volumeMounts:
//! - {name: audit-policy, mountPath: /etc/kubernetes/audit-policy.yaml, readOnly: true}
//! volumes:
//! - name: audit-policy
//!   hostPath: {path: /etc/kubernetes/audit-policy.yaml, type: File}
//! ```
//!
//! # Fix safety
//! Safe for the log, whose directory is created. Unsafe for files that the apiserver reads: they must be on the
//! host before. None for a path on another kind of volume, or on one that is mounted read-only: choose another
//! path.
//!
//! # References
//! - Kubernetes, "Auditing › Log backend"
//! - Kubernetes, "Create static Pods"

use super::{StaticPod, fixes};
use crate::apiserver::audit_flags::{LOG_PATH, POLICY_FILE, WEBHOOK_CONFIG_FILE};
use crate::apiserver::{self, AbsolutePath, Mount, Node, Purpose, Source};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::Applicability;

pub(in crate::checks) const CHECK: Check = Check {
    id: "unmounted-audit-path",
    group: Group::StaticPod,
    severity: Severity::Error,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("unmounted_audit_path.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    let files = [(POLICY_FILE, apiserver::POLICY), (WEBHOOK_CONFIG_FILE, apiserver::WEBHOOK)];
    let files = files.into_iter().filter_map(|(flag, purpose)| file(pod, flag, purpose));
    files.chain(log(pod)).collect()
}

fn file(pod: &StaticPod<'_>, flag: &'static str, purpose: Purpose) -> Option<Finding> {
    let path = match path(pod, flag)? {
        Ok(path) => path,
        Err(finding) => return Some(finding),
    };
    let mut finding = pod.finding(&CHECK, flag);
    finding.notes.push("the apiserver does not start without this file".to_owned());
    match apiserver::covering(&pod.mounts, &path) {
        None => {
            finding.message = format!("--{flag} is {path}, which no volume mounts into the container");
            finding.fix = fixes::mount_file(&pod.apiserver, purpose, &path);
        }
        Some(mount) => {
            let reason = not_of_host(mount, &path)?;
            finding.message = format!("--{flag} is {path}, on the volume `{}`, {reason}", mount.volume);
            relate(&mut finding, mount);
        }
    }
    Some(finding)
}

fn log(pod: &StaticPod<'_>) -> Option<Finding> {
    if pod.value(LOG_PATH) == Some("-") {
        return None;
    }
    let path = match path(pod, LOG_PATH)? {
        Ok(path) => path,
        Err(finding) => return Some(finding),
    };
    let mut finding = pod.finding(&CHECK, LOG_PATH);
    let Some(mount) = apiserver::covering(&pod.mounts, &path) else {
        finding.message =
            format!("--{LOG_PATH} is {path}, whose directory no volume mounts into the container");
        finding.notes.push("the log is inside the container, and gone with it".to_owned());
        finding.fix = fixes::mount_log_directory(&pod.apiserver, &path, Applicability::Safe);
        return Some(finding);
    };
    relate(&mut finding, mount);
    let volume = &mount.volume;
    match not_of_host(mount, &path) {
        Some(reason) => {
            // An emptyDir takes the log: what is wrong is that it ends with the pod.
            let is_empty_dir = matches!(&mount.source, Source::Other { kind } if kind == "emptyDir");
            finding.severity = if is_empty_dir { Severity::Warning } else { Severity::Error };
            finding.message = format!("--{LOG_PATH} is {path}, on the volume `{volume}`, {reason}");
        }
        None if mount.read_only => {
            finding.message =
                format!("--{LOG_PATH} is {path}, and the volume `{volume}` is mounted read-only over it");
            finding.notes.push("the apiserver does not start where it cannot write its log".to_owned());
        }
        None => return None,
    }
    Some(finding)
}

/// The flag's path; a finding where it is none that can be mounted; `None` where it is not given or not known.
fn path(pod: &StaticPod<'_>, flag: &'static str) -> Option<Result<AbsolutePath, Finding>> {
    let text = pod.value(flag)?;
    Some(AbsolutePath::parse(text).map_err(|problem| {
        let mut finding = pod.finding(&CHECK, flag);
        finding.message = format!("--{flag} is `{text}`, which no volume can mount: {problem}");
        finding
    }))
}

fn relate(finding: &mut Finding, mount: &Mount) {
    finding.related.push((mount.at.join("mountPath"), format!("`{}` is mounted here", mount.volume)));
}

/// Why what is mounted shows no place of the host; `None` where it does, or may.
fn not_of_host(mount: &Mount, path: &AbsolutePath) -> Option<String> {
    let wrong = if mount.path == *path { Node::Directory } else { Node::File };
    match &mount.source {
        Source::Host { node: Some(node), .. } if *node == wrong => {
            Some(format!("which mounts a {node} at {}", mount.path))
        }
        Source::Host { .. } | Source::UnknownHostPath { .. } => None,
        Source::Missing => Some("which the pod does not have: the kubelet refuses it".to_owned()),
        Source::Other { kind } if kind == "emptyDir" => {
            Some("an emptyDir, which begins empty and ends with the pod".to_owned())
        }
        Source::Other { kind } => {
            Some(format!("a {kind}, which a static pod cannot have or the host cannot see"))
        }
    }
}
