//! # What it does
//! Finds rules that record bodies of Secrets, ConfigMaps, TokenReviews or service account tokens, and that no
//! earlier rule keeps from it.
//!
//! # Why it matters
//! The log then holds every password, key and token of the cluster in plain text, is shipped to places where
//! more people may read than may read Secrets, and is kept for years. Metadata tells who read or changed what,
//! which is what an audit needs.
//!
//! # Example
//! ```yaml
//! rules:
//! - level: RequestResponse
//! ```
//! Use instead, as the first rule:
//! ```yaml
//! rules:
//! - level: Metadata
//!   resources:
//!   - {group: "", resources: [secrets, configmaps, serviceaccounts/token]}
//!   - {group: authentication.k8s.io, resources: [tokenreviews]}
//! - level: RequestResponse
//! ```
//!
//! # Fix safety
//! Unsafe: the bodies are no longer recorded, and a later rule that drops such requests no longer does.
//!
//! # References
//! - Kubernetes, "Auditing › Audit policy"
//! - CIS Kubernetes Benchmark 3.2.2

use serde_json::json;

use super::{Judged, enumerate, finding, fix, rule_at};
use crate::audit::{Exposure, Sensitive};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::{Applicability, FieldOp, Fix};

pub(in crate::checks) const CHECK: Check = Check {
    id: "audited-secret-bodies",
    group: Group::AuditPolicy,
    severity: Severity::Error,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("audited_secret_bodies.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    let Some(policy) = judged.policy() else { return Vec::new() };
    let exposed = |exposure: &Exposure| {
        let names: Vec<_> =
            exposure.resources.iter().map(|sensitive| sensitive.resource.to_owned()).collect();
        let Exposure { rule, resources } = exposure;
        let level = policy.rules[*rule].level;
        let message = format!("rules[{rule}] records the bodies of {} at level {level}", enumerate(&names));
        let by_design = resources.iter().any(|sensitive| sensitive.by_design);
        let severity = if by_design { Severity::Error } else { Severity::Warning };
        let mut finding = finding(&CHECK, rule_at(*rule).join("level"), message);
        finding.severity = severity;
        finding.notes = resources
            .iter()
            .map(|sensitive| format!("{} hold {}", sensitive.resource, sensitive.holds))
            .collect();
        finding.fix = Some(record_without_bodies(*rule, resources));
        finding
    };
    policy.exposures().iter().map(exposed).collect()
}

fn record_without_bodies(rule: usize, sensitive: &[Sensitive]) -> Fix {
    let mut groups: Vec<&str> = sensitive.iter().map(|sensitive| sensitive.group).collect();
    groups.dedup();
    groups.sort_unstable();
    groups.dedup();
    let resources = |group: &str| {
        let of_group = sensitive.iter().filter(|sensitive| sensitive.group == group);
        of_group.map(|sensitive| sensitive.resource).collect::<Vec<_>>()
    };
    let resources: Vec<_> =
        groups.into_iter().map(|group| json!({"group": group, "resources": resources(group)})).collect();
    let value = json!({"level": "Metadata", "resources": resources});
    let title = format!("put a rule before rules[{rule}] that records them at level Metadata");
    fix(title, Applicability::Unsafe, vec![FieldOp::Insert { at: rule_at(rule), value }])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{findings, fixed};
    use super::*;

    #[test]
    fn puts_a_rule_before_the_first_that_exposes() {
        let policy =
            json!({"rules": [{"level": "Metadata", "verbs": ["get"]}, {"level": "RequestResponse"}]});
        assert_eq!(
            findings(CHECK.id, &policy)[0].message,
            "rules[1] records the bodies of secrets, serviceaccounts/token, tokenreviews and configmaps at level RequestResponse"
        );
        let (after, left) = fixed(CHECK.id, &policy);
        assert!(left.is_empty());
        assert_eq!(
            after["rules"][1],
            json!({"level": "Metadata", "resources": [
                {"group": "", "resources": ["secrets", "serviceaccounts/token", "configmaps"]},
                {"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]})
        );
    }

    #[test]
    fn config_maps_alone_are_a_warning() {
        let policy = json!({"rules": [{"level": "Request", "resources": [{"resources": ["configmaps"]}]}]});
        assert_eq!(findings(CHECK.id, &policy)[0].severity, Severity::Warning);
    }
}
