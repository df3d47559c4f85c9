//! # What it does
//! Finds policies without a rule that matches every request, or whose such rule drops them.
//!
//! # Why it matters
//! A request that no rule matches leaves no trace. A list of what is worth recording is never complete: new
//! resources, extensions and attacks are on none.
//!
//! # Example
//! ```yaml
//! rules:
//! - level: RequestResponse
//!   resources: [{group: "", resources: [pods]}]
//! ```
//! Use instead:
//! ```yaml
//! rules:
//! - level: RequestResponse
//!   resources: [{group: "", resources: [pods]}]
//! - level: Metadata
//! ```
//!
//! # Fix safety
//! Unsafe: the log grows; `lithify audit-policy explain` tells by how much.
//!
//! # References
//! - CIS Kubernetes Benchmark 3.2.1, 3.2.2
//! - Kubernetes, "Auditing › Audit policy"

use serde_json::{Value, json};

use super::{Judged, finding, fix, rule_at};
use crate::audit::{Level, PolicyRule};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::{Applicability, FieldOp};
use crate::yaml::Pointer;

pub(in crate::checks) const CHECK: Check = Check {
    id: "missing-audit-catch-all",
    group: Group::AuditPolicy,
    severity: Severity::Warning,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("missing_audit_catch_all.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    let Some(policy) = judged.policy() else { return Vec::new() };
    match policy.rules.iter().position(PolicyRule::is_catch_all) {
        Some(index) if policy.rules[index].level > Level::None => Vec::new(),
        Some(index) => {
            let which = if index == 0 { "" } else { " that no rule before it matches" };
            let message = format!("rules[{index}] drops every request{which}");
            let at = rule_at(index).join("level");
            let mut finding = finding(&CHECK, at.clone(), message);
            finding.notes.push("what nobody thought of leaves no trace".to_owned());
            let ops = vec![FieldOp::Set { at, value: Value::from("Metadata") }];
            finding.fix = Some(fix("record them at level Metadata".to_owned(), Applicability::Unsafe, ops));
            vec![finding]
        }
        None => {
            let at = Pointer::root().join("rules");
            let message =
                "no rule matches every request: what these rules do not match leaves no trace".to_owned();
            let mut finding = finding(&CHECK, at.clone(), message);
            let ops = vec![FieldOp::Append { at, value: json!({"level": "Metadata"}) }];
            finding.fix =
                Some(fix("add a last rule `- level: Metadata`".to_owned(), Applicability::Unsafe, ops));
            vec![finding]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{findings, fixed};
    use super::*;

    #[test]
    fn adds_a_last_rule() {
        let (after, left) = fixed(CHECK.id, &json!({"rules": [{"level": "Request", "verbs": ["create"]}]}));
        assert_eq!((&after["rules"][1], left.len()), (&json!({"level": "Metadata"}), 0));
    }

    #[test]
    fn a_catch_all_that_drops_is_none() {
        let policy = json!({"rules": [{"level": "None"}]});
        assert_eq!(findings(CHECK.id, &policy)[0].pointer.to_string(), "/rules/0/level");
        assert!(fixed(CHECK.id, &policy).1.is_empty());
    }

    #[test]
    fn accepts_a_catch_all() {
        assert!(findings(CHECK.id, &json!({"rules": [{"level": "Metadata"}]})).is_empty());
    }
}
