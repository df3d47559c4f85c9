//! # What it does
//! Finds whatever makes the apiserver refuse an audit policy: a wrong apiVersion, no rules, an unknown level or
//! stage, a value of the wrong type, a group or URL that cannot be one.
//!
//! # Why it matters
//! The apiserver reads the policy once, when it starts, and exits if it does not like it. A kubelet then starts
//! it again and again: the control plane is down until somebody repairs the file.
//!
//! # Example
//! ```yaml
//! apiVersion: audit.k8s.io/v1
//! kind: Policy
//! rules:
//! - level: metadata
//! ```
//! Use instead:
//! ```yaml
//! - level: Metadata
//! ```
//!
//! # Fix safety
//! Safe where only the case of a word, blanks around it or a removed apiVersion are corrected. Unsafe where
//! another word is guessed.
//!
//! # References
//! - kubernetes/kubernetes, `staging/src/k8s.io/apiserver/pkg/apis/audit/validation`
//! - Kubernetes, "Auditing › Audit policy"

use serde_json::Value;

use super::{Judged, finding, fix, path};
use crate::audit::Refusal;
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::{Applicability, Fix};

pub(in crate::checks) const CHECK: Check = Check {
    id: "invalid-audit-policy",
    group: Group::AuditPolicy,
    severity: Severity::Error,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("invalid_audit_policy.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    let refusals = judged.loaded.policy.as_ref().err().into_iter().flatten();
    refusals.map(|refusal| refused(judged, refusal)).collect()
}

fn refused(judged: &Judged<'_>, refusal: &Refusal) -> Finding {
    let place = path(&refusal.pointer);
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let message = format!("{place}{}", refusal.message);
    let mut finding = finding(&CHECK, refusal.pointer.clone(), message);
    finding.notes.push("the apiserver does not start with this policy".to_owned());
    finding.fix = correction(judged, refusal);
    finding
}

fn correction(judged: &Judged<'_>, refusal: &Refusal) -> Option<Fix> {
    let meant = refusal.suggestion.as_deref()?;
    let found = refusal.pointer.get(judged.object).and_then(Value::as_str).unwrap_or_default();
    let is_respelt = found.trim().eq_ignore_ascii_case(meant) || refusal.pointer.last() == Some("apiVersion");
    let applicability = if is_respelt { Applicability::Safe } else { Applicability::Unsafe };
    let ops = vec![judged.set(&refusal.pointer, Value::from(meant))];
    Some(fix(format!("write {meant:?}"), applicability, ops))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{findings, fixed};
    use super::*;

    #[test]
    fn names_the_place_and_the_fix() {
        let policy = json!({"rules": [{"level": "metadata"}]});
        let found = findings(CHECK.id, &policy);
        assert_eq!(
            found[0].message,
            "rules[0].level: unknown level: expected one of None, Metadata, Request, RequestResponse, found `metadata`"
        );
        assert_eq!(found[0].fix.as_ref().unwrap().applicability, Applicability::Safe);
        assert_eq!(fixed(CHECK.id, &policy), (json!({"rules": [{"level": "Metadata"}]}), Vec::new()));
    }

    #[test]
    fn a_guess_is_unsafe() {
        let found = findings(CHECK.id, &json!({"rules": [{"level": "Requests"}]}));
        assert_eq!(found[0].fix.as_ref().unwrap().applicability, Applicability::Unsafe);
    }

    #[test]
    fn replaces_items_of_lists() {
        let policy = json!({"rules": [{"level": "None"}], "omitStages": ["requestreceived"]});
        let (after, left) = fixed(CHECK.id, &policy);
        assert_eq!((after["omitStages"][0].as_str(), left.len()), (Some("RequestReceived"), 0));
    }

    #[test]
    fn other_checks_are_silent_about_a_refused_policy() {
        let policy = json!({"rules": [{"level": "None"}, {"level": "Metadata"}, {}]});
        assert!(findings("shadowed-audit-rule", &policy).is_empty());
    }
}
