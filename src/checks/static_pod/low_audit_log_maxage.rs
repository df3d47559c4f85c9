//! # What it does
//! Finds a kube-apiserver that keeps rotated audit logs for less than 30 days, or without a limit in days.
//!
//! # Why it matters
//! Most intrusions are noticed weeks after they begin: what was deleted by then cannot be read. Without a
//! limit, and without `--audit-log-maxbackup`, the logs fill the node's disk, which stops etcd.
//! Not looked at where events go to standard output or to a webhook only.
//!
//! # Example
//! ```yaml
//!   - --audit-log-maxage=7
//! ```
//! Use instead:
//! ```yaml
//!   - --audit-log-maxage=30
//! ```
//!
//! # Fix safety
//! Safe where it raises a limit. Unsafe where there was none: logs older than 30 days are then deleted.
//!
//! # References
//! - CIS Kubernetes Benchmark 1.2.17

use super::StaticPod;
use super::limit::Limit;
use crate::apiserver::CIS_MAXAGE;
use crate::apiserver::audit_flags::LOG_MAXAGE;
use crate::checks::{Check, Finding, Group, Severity, Subject};

pub(in crate::checks) const CHECK: Check = Check {
    id: "low-audit-log-maxage",
    group: Group::StaticPod,
    severity: Severity::Warning,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("low_audit_log_maxage.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    let unbounded = "rotated audit logs are kept for an unbounded number of days (CIS asks for 30)";
    Limit { check: &CHECK, flag: LOG_MAXAGE, least: CIS_MAXAGE, unit: "days", unbounded }.findings(pod)
}
