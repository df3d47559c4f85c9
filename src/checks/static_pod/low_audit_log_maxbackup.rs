//! # What it does
//! Finds a kube-apiserver that keeps fewer than 10 rotated audit logs, or an unbounded number of them.
//!
//! # Why it matters
//! With few files a burst of requests, which an intruder can make, pushes the traces of the intrusion out of the
//! log. Without a limit, and without `--audit-log-maxage`, the logs fill the node's disk, which stops etcd.
//! Not looked at where events go to standard output or to a webhook only.
//!
//! # Example
//! ```yaml
//!   - --audit-log-maxbackup=2
//! ```
//! Use instead:
//! ```yaml
//!   - --audit-log-maxbackup=10
//! ```
//!
//! # Fix safety
//! Safe where it raises a limit. Unsafe where there was none: all but the ten newest logs are then deleted.
//!
//! # References
//! - CIS Kubernetes Benchmark 1.2.18

use super::StaticPod;
use super::limit::Limit;
use crate::apiserver::CIS_MAXBACKUP;
use crate::apiserver::audit_flags::LOG_MAXBACKUP;
use crate::checks::{Check, Finding, Group, Severity, Subject};

pub(in crate::checks) const CHECK: Check = Check {
    id: "low-audit-log-maxbackup",
    group: Group::StaticPod,
    severity: Severity::Warning,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("low_audit_log_maxbackup.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    let unbounded = "the number of rotated audit logs is unbounded (CIS asks for 10)";
    Limit { check: &CHECK, flag: LOG_MAXBACKUP, least: CIS_MAXBACKUP, unit: "files", unbounded }.findings(pod)
}
