//! # What it does
//! Finds a kube-apiserver without `--audit-policy-file`.
//!
//! # Why it matters
//! Without a policy the apiserver records no audit event at all, even if a log path or a webhook is set. After
//! an incident nobody can tell who read a Secret or deleted a Pod.
//!
//! # Example
//! ```yaml
//! - command:
//!   - kube-apiserver
//!   - --audit-log-path=/var/log/kubernetes/audit/audit.log   # and no policy: an empty log
//! ```
//! Use instead, with the file on the host and mounted:
//! ```yaml
//!   - --audit-policy-file=/etc/kubernetes/audit-policy.yaml
//! ```
//!
//! # Fix safety
//! Unsafe: an apiserver whose policy file is not on the host does not start. `lithify apiserver patch` writes
//! the policy first, waits for the restart, and puts the old manifest back if it fails.
//!
//! # References
//! - Kubernetes, "Auditing › Audit policy"
//! - CIS Kubernetes Benchmark 3.2.1

use super::{StaticPod, fixes};
use crate::apiserver::audit_flags::POLICY_FILE;
use crate::checks::{Check, Finding, Group, Severity, Subject};

pub(in crate::checks) const CHECK: Check = Check {
    id: "missing-audit-policy-file",
    group: Group::StaticPod,
    severity: Severity::Error,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("missing_audit_policy_file.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    if pod.has(POLICY_FILE) {
        return Vec::new();
    }
    let mut finding = pod.finding(&CHECK, POLICY_FILE);
    "kube-apiserver has no --audit-policy-file, so it records no audit event"
        .clone_into(&mut finding.message);
    finding
        .notes
        .push("`lithify apiserver patch` installs policy, flags and volumes as one change".to_owned());
    finding.fix = fixes::set_policy(&pod.apiserver);
    vec![finding]
}
