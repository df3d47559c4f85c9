//! # What it does
//! Finds rules, and entries of rules, that match no request that an apiserver serves. Such are wildcards where
//! there are none, verbs that Kubernetes does not have, groups among the users, and resources in the wrong API
//! group.
//!
//! # Why it matters
//! The apiserver accepts them, and the rule does nothing: what it should record is not recorded, what it should
//! drop fills the disk.
//!
//! # Example
//! ```yaml
//! - level: RequestResponse
//!   verbs: ["*"]
//!   resources: [{group: "", resources: [deployments, "*/*"]}]
//! ```
//! Use instead:
//! ```yaml
//! - level: RequestResponse
//!   resources: [{group: apps, resources: [deployments]}, {group: "", resources: ["*"]}]
//! ```
//!
//! # Fix safety
//! Unsafe: the rule begins to match.
//!
//! # References
//! - kubernetes/kubernetes, `staging/src/k8s.io/apiserver/pkg/audit/policy/checker.go`
//! - Kubernetes, "Authorization › Determine the request verb"

use serde_json::Value;

use super::{Judged, finding, fix, path};
use crate::audit::Unmatched;
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::Applicability;

pub(in crate::checks) const CHECK: Check = Check {
    id: "unmatched-audit-rule",
    group: Group::AuditPolicy,
    severity: Severity::Warning,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("unmatched_audit_rule.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    let unmatched = judged.policy().map(crate::audit::Policy::unmatched).unwrap_or_default();
    unmatched.iter().map(|entry| unmatched_entry(judged, entry)).collect()
}

fn unmatched_entry(judged: &Judged<'_>, entry: &Unmatched) -> Finding {
    let message = format!("{} matches no request: {}", path(&entry.pointer), entry.reason);
    let mut finding = finding(&CHECK, entry.pointer.clone(), message);
    if entry.whole_rule {
        finding.notes.push(format!("so rules[{}] as a whole matches nothing", entry.rule));
    }
    finding.fix = entry.suggestion.as_deref().map(|meant| {
        let ops = vec![judged.set(&entry.pointer, Value::from(meant))];
        fix(format!("write {meant:?}"), Applicability::Unsafe, ops)
    });
    finding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{findings, fixed};
    use super::*;

    #[test]
    fn says_when_the_rule_is_dead() {
        let found = findings(CHECK.id, &json!({"rules": [{"level": "None", "verbs": ["*"]}]}));
        assert_eq!(
            (found[0].message.as_str(), found[0].notes[0].as_str()),
            (
                "rules[0].verbs[0] matches no request: verbs have no wildcard: leave them out to match every verb",
                "so rules[0] as a whole matches nothing"
            )
        );
    }

    #[test]
    fn writes_what_was_meant() {
        let (after, left) =
            fixed(CHECK.id, &json!({"rules": [{"level": "None", "resources": [{"group": "core"}]}]}));
        assert_eq!((after["rules"][0]["resources"][0]["group"].as_str(), left.len()), (Some(""), 0));
    }
}
