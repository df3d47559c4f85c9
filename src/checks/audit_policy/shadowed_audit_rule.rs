//! # What it does
//! Finds rules, and entries of rules, that can decide about no request, because rules before them match all of
//! theirs. Reports only what is certain.
//!
//! # Why it matters
//! The first rule that matches decides. A rule that is never reached gives a false sense of what is recorded:
//! most often it was meant to be an exception, and stands behind what it should except.
//!
//! # Example
//! ```yaml
//! rules:
//! - level: RequestResponse
//!   resources: [{group: ""}]
//! - level: Metadata
//!   resources: [{group: "", resources: [secrets]}]
//! ```
//! Use instead:
//! ```yaml
//! rules:
//! - level: Metadata
//!   resources: [{group: "", resources: [secrets]}]
//! - level: RequestResponse
//!   resources: [{group: ""}]
//! ```
//!
//! # Fix safety
//! None is offered: whether the rule should move up or go, only its author knows.
//!
//! # References
//! - Kubernetes, "Auditing › Audit policy": the first matching rule sets the audit level

use std::collections::BTreeSet;

use super::{Judged, enumerate, finding, fix, path, rule_at};
use crate::audit::{Policy, Shadow};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::Applicability;
use crate::yaml::Pointer;

pub(in crate::checks) const CHECK: Check = Check {
    id: "shadowed-audit-rule",
    group: Group::AuditPolicy,
    severity: Severity::Warning,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("shadowed_audit_rule.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    let Some(policy) = judged.policy() else { return Vec::new() };
    // What matches nothing anyway is told by `unmatched-audit-rule`.
    let unmatched = policy.unmatched();
    let rules: BTreeSet<usize> =
        unmatched.iter().filter(|entry| entry.whole_rule).map(|entry| entry.rule).collect();
    let entries: BTreeSet<&Pointer> = unmatched.iter().map(|entry| &entry.pointer).collect();
    let told = |shadow: &Shadow| {
        rules.contains(&shadow.rule) || shadow.entries.iter().any(|entry| entries.contains(entry))
    };
    policy.shadows().iter().filter(|shadow| !told(shadow)).map(|shadow| shadowed(policy, shadow)).collect()
}

fn shadowed(policy: &Policy, shadow: &Shadow) -> Finding {
    let rules: Vec<_> = shadow.by.iter().map(|rule| format!("rules[{rule}]")).collect();
    let by = match &rules[..] {
        [only] => format!("{only} matches"),
        several => format!("{} together match", enumerate(several)),
    };
    let whole = shadow.entries.is_empty();
    let what = if whole {
        format!("rules[{}] decides about no request: {by} all of its requests first", shadow.rule)
    } else {
        let entries: Vec<_> = shadow.entries.iter().map(path).collect();
        format!("{} matches nothing any more: {by} these requests first", enumerate(&entries))
    };
    let pointer = shadow.entries.first().cloned().unwrap_or_else(|| rule_at(shadow.rule));
    let level = policy.rules[shadow.rule].level;
    let is_harmless = shadow.by.iter().all(|by| policy.rules[*by].level == level);
    // A part that is taken at the same level changes nothing: worth knowing, no reason to fail.
    let severity = if whole || !is_harmless { Severity::Warning } else { Severity::Info };
    let mut finding = finding(&CHECK, pointer, what);
    finding.severity = severity;
    for by in &shadow.by {
        let label = format!("rules[{by}] matches first, at level {}", policy.rules[*by].level);
        finding.related.push((rule_at(*by), label));
    }
    let title = match &shadow.by[..] {
        [by] if whole && !is_harmless => format!("move it above rules[{by}], or remove it"),
        [by] if !is_harmless => format!("move a rule for it above rules[{by}], or remove it"),
        _ => "remove it".to_owned(),
    };
    finding.fix = Some(fix(title, Applicability::DisplayOnly, Vec::new()));
    finding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::findings;
    use super::*;

    #[test]
    fn gives_both_places() {
        let found =
            findings(CHECK.id, &json!({"rules": [{"level": "None"}, {"level": "Metadata", "users": ["a"]}]}));
        assert_eq!(
            found[0].message,
            "rules[1] decides about no request: rules[0] matches all of its requests first"
        );
        assert_eq!(
            (found[0].pointer.to_string(), found[0].related[0].0.to_string()),
            ("/rules/1".to_owned(), "/rules/0".to_owned())
        );
    }

    #[test]
    fn a_part_at_the_same_level_is_only_worth_knowing() {
        let policy = |level: &str| {
            json!({"rules": [
                {"level": "Metadata", "resources": [{"resources": ["pods"]}]},
                {"level": level, "resources": [{"resources": ["pods", "nodes"]}]}]})
        };
        assert_eq!(findings(CHECK.id, &policy("Metadata"))[0].severity, Severity::Info);
        assert_eq!(findings(CHECK.id, &policy("Request"))[0].severity, Severity::Warning);
    }

    #[test]
    fn is_silent_about_rules_that_match_nothing_anyway() {
        let rule = json!({"level": "None", "verbs": ["*"]});
        assert!(findings(CHECK.id, &json!({"rules": [rule, rule]})).is_empty());
    }
}
