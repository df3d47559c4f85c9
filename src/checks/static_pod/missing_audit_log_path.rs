//! # What it does
//! Finds a kube-apiserver with neither `--audit-log-path` nor `--audit-webhook-config-file`.
//!
//! # Why it matters
//! Audit events go nowhere without a backend, whatever the policy says.
//!
//! # Example
//! ```yaml
//! - command:
//!   - kube-apiserver
//!   - --audit-policy-file=/etc/kubernetes/audit-policy.yaml   # and no backend
//! ```
//! Use instead a log in a directory of its own, mounted from the host:
//! ```yaml
//!   - --audit-log-path=/var/log/kubernetes/audit/audit.log
//! ```
//! The path `-` (standard output) and a webhook alone are accepted.
//!
//! # Fix safety
//! Unsafe: it mounts a directory of the host, creating it, and the log takes disk space there.
//!
//! # References
//! - Kubernetes, "Auditing › Audit backends"
//! - CIS Kubernetes Benchmark 1.2.16

use super::{StaticPod, fixes};
use crate::apiserver::DEFAULT_LOG_PATH;
use crate::apiserver::audit_flags::{LOG_PATH, WEBHOOK_CONFIG_FILE};
use crate::checks::{Check, Finding, Group, Severity, Subject};

pub(in crate::checks) const CHECK: Check = Check {
    id: "missing-audit-log-path",
    group: Group::StaticPod,
    severity: Severity::Error,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("missing_audit_log_path.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    if pod.has(LOG_PATH) || pod.has(WEBHOOK_CONFIG_FILE) {
        return Vec::new();
    }
    let mut finding = pod.finding(&CHECK, LOG_PATH);
    "kube-apiserver has no --audit-log-path, so audit events go nowhere".clone_into(&mut finding.message);
    finding.fix = fixes::set_log_path(&pod.apiserver, DEFAULT_LOG_PATH);
    vec![finding]
}
