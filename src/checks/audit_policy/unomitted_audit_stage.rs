//! # What it does
//! Finds policies that record requests when they arrive, besides recording them when they are answered.
//!
//! # Why it matters
//! The event of stage RequestReceived holds nothing that the one of ResponseComplete, or of Panic, does not hold
//! too, and lacks the outcome. The log is about twice as large for it, so it covers half the time.
//!
//! # Example
//! ```yaml
//! apiVersion: audit.k8s.io/v1
//! kind: Policy
//! rules:
//! - level: Metadata
//! ```
//! Use instead:
//! ```yaml
//! apiVersion: audit.k8s.io/v1
//! kind: Policy
//! omitStages: [RequestReceived]
//! rules:
//! - level: Metadata
//! ```
//!
//! # Fix safety
//! Unsafe: a request that the apiserver dies of, or that is still waiting for its answer, leaves no trace.
//!
//! # References
//! - Kubernetes, "Auditing": audit stages

use serde_json::{Value, json};

use super::{Judged, enumerate, finding, fix, rule_at};
use crate::audit::{Level, Stage};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::{Applicability, FieldOp};
use crate::yaml::Pointer;

pub(in crate::checks) const CHECK: Check = Check {
    id: "unomitted-audit-stage",
    group: Group::AuditPolicy,
    severity: Severity::Warning,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("unomitted_audit_stage.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    let Some(policy) = judged.policy() else { return Vec::new() };
    if policy.omit_stages.contains(Stage::RequestReceived) {
        return Vec::new();
    }
    let recording: Vec<_> =
        policy.rules.iter().enumerate().filter(|(_, rule)| rule.level > Level::None).collect();
    let keeping: Vec<_> =
        recording.iter().filter(|(_, rule)| !rule.omit_stages.contains(Stage::RequestReceived)).collect();
    let Some((first, _)) = keeping.first() else { return Vec::new() };
    let at = Pointer::root().join("omitStages");
    let (pointer, message) = if keeping.len() == recording.len() {
        let message = "RequestReceived is not omitted: every request makes two events";
        (at.clone(), message.to_owned())
    } else {
        let rules: Vec<_> = keeping.iter().map(|(index, _)| format!("rules[{index}]")).collect();
        let (verb, whose) = if rules.len() == 1 { ("does", "its") } else { ("do", "their") };
        let rules = enumerate(&rules);
        let message = format!("{rules} {verb} not omit RequestReceived: {whose} requests make two events");
        (rule_at(*first), message)
    };
    let mut finding = finding(&CHECK, pointer, message);
    finding.notes.push("the second event holds all that the first one does, and the outcome".to_owned());
    let stage = json!(Stage::RequestReceived.name());
    let op = match at.get(judged.object) {
        Some(Value::Array(_)) => FieldOp::Append { at, value: stage },
        _ => FieldOp::Set { at, value: json!([stage]) },
    };
    finding.fix =
        Some(fix("omit RequestReceived in the whole policy".to_owned(), Applicability::Unsafe, vec![op]));
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{findings, fixed};
    use super::*;

    #[test]
    fn omits_the_stage_in_the_whole_policy() {
        let (after, left) = fixed(CHECK.id, &json!({"rules": [{"level": "Metadata"}]}));
        assert_eq!((&after["omitStages"], left.len()), (&json!(["RequestReceived"]), 0));
        let (after, _) = fixed(CHECK.id, &json!({"rules": [{"level": "Metadata"}], "omitStages": ["Panic"]}));
        assert_eq!(after["omitStages"], json!(["Panic", "RequestReceived"]));
    }

    #[test]
    fn names_the_rules_that_keep_it() {
        let omitting = json!({"level": "Metadata", "omitStages": ["RequestReceived"], "verbs": ["get"]});
        let policy =
            json!({"rules": [omitting, {"level": "None", "verbs": ["list"]}, {"level": "Metadata"}]});
        assert_eq!(
            findings(CHECK.id, &policy)[0].message,
            "rules[2] does not omit RequestReceived: its requests make two events"
        );
    }

    #[test]
    fn rules_that_record_nothing_need_not_omit_it() {
        assert!(findings(CHECK.id, &json!({"rules": [{"level": "None"}]})).is_empty());
    }
}
