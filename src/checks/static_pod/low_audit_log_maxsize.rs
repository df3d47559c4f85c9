//! # What it does
//! Finds a kube-apiserver whose audit log is rotated below 100 megabytes, or whose limit is left unbounded.
//!
//! # Why it matters
//! The size times `--audit-log-maxbackup` is how much the node remembers: with small files it forgets soon.
//! Unset or 0 leaves the size to the library that writes the log, which takes 100 megabytes today; nothing
//! promises that.
//! Not looked at where events go to standard output or to a webhook only.
//!
//! # Example
//! ```yaml
//!   - --audit-log-maxsize=10
//! ```
//! Use instead:
//! ```yaml
//!   - --audit-log-maxsize=100
//! ```
//!
//! # Fix safety
//! Safe where it raises a limit, unsafe where there was none.
//!
//! # References
//! - CIS Kubernetes Benchmark 1.2.19
//! - lumberjack v2, `Logger.MaxSize`

use super::StaticPod;
use super::limit::Limit;
use crate::apiserver::CIS_MAXSIZE;
use crate::apiserver::audit_flags::LOG_MAXSIZE;
use crate::checks::{Check, Finding, Group, Severity, Subject};

pub(in crate::checks) const CHECK: Check = Check {
    id: "low-audit-log-maxsize",
    group: Group::StaticPod,
    severity: Severity::Warning,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("low_audit_log_maxsize.rs"),
};

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    let unbounded = "the size of the audit log is unbounded by the manifest (CIS asks for 100 megabytes)";
    Limit { check: &CHECK, flag: LOG_MAXSIZE, least: CIS_MAXSIZE, unit: "megabytes", unbounded }.findings(pod)
}
