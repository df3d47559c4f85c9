//! # What it does
//! Finds what the apiserver passes over without an error: fields that it does not know, keys that stand twice,
//! and documents behind the first one.
//!
//! # Why it matters
//! Where strict decoding fails, the apiserver logs one warning and decodes again, leniently. A misspelt
//! `omitStages` omits nothing, a misspelt `users` makes the rule one for everybody, and of two `rules` the
//! first is gone.
//!
//! # Example
//! ```yaml
//! rules:
//! - level: None
//!   user: ["system:kube-proxy"]
//! ```
//! This rule drops every request of every user. Use instead:
//! ```yaml
//! rules:
//! - level: None
//!   users: ["system:kube-proxy"]
//! ```
//!
//! # Fix safety
//! Unsafe: the field begins to count. Offered where one field is near enough to be meant and is not there yet.
//!
//! # References
//! - kubernetes/kubernetes, `staging/src/k8s.io/apiserver/pkg/audit/policy/reader.go`

use super::{Judged, finding, fix, path};
use crate::audit::{Ignored, IgnoredReason};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::edit::{Applicability, FieldOp, Fix};
use crate::yaml::Pointer;

pub(in crate::checks) const CHECK: Check = Check {
    id: "ignored-audit-field",
    group: Group::AuditPolicy,
    severity: Severity::Error,
    subject: Subject::AuditPolicy,
    overrides: &[],
    source: include_str!("ignored_audit_field.rs"),
};

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    judged.loaded.ignored.iter().map(|ignored| passed_over(judged, ignored)).collect()
}

pub(super) fn document_behind_policy(error: Option<&str>) -> Finding {
    let message = match error {
        None => {
            "the apiserver reads the first document of a policy file only, and ignores this one".to_owned()
        }
        Some(error) => format!(
            "the apiserver reads the first document of a policy file only, and what follows it is no YAML: {error}"
        ),
    };
    finding(&CHECK, Pointer::root(), message)
}

fn passed_over(judged: &Judged<'_>, ignored: &Ignored) -> Finding {
    let place = path(&ignored.pointer);
    let message = match ignored.reason {
        IgnoredReason::Unknown { .. } => format!("the apiserver knows no field {place}, and ignores it"),
        IgnoredReason::Repeated => format!("{place} stands twice: the apiserver takes the last one"),
    };
    let mut finding = finding(&CHECK, ignored.pointer.clone(), message);
    if let IgnoredReason::Unknown { suggestion: Some(meant) } = ignored.reason {
        finding.fix = rename(judged, &ignored.pointer, meant);
    }
    finding
}

fn rename(judged: &Judged<'_>, from: &Pointer, meant: &str) -> Option<Fix> {
    let to = from.parent()?.join(meant);
    let title = format!("rename it to `{meant}`");
    let Some(value) = from.get(judged.object).filter(|_| to.get(judged.object).is_none()) else {
        let title = format!("`{meant}` may be meant, and is there already");
        return Some(fix(title, Applicability::DisplayOnly, Vec::new()));
    };
    let ops = vec![FieldOp::Remove { at: from.clone() }, FieldOp::Set { at: to, value: value.clone() }];
    Some(fix(title, Applicability::Unsafe, ops))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{findings, fixed};
    use super::*;

    #[test]
    fn renames_a_misspelt_field() {
        let policy = json!({"rules": [{"level": "None", "user": ["a"]}]});
        assert_eq!(
            findings(CHECK.id, &policy)[0].message,
            "the apiserver knows no field rules[0].user, and ignores it"
        );
        assert_eq!(
            fixed(CHECK.id, &policy),
            (json!({"rules": [{"level": "None", "users": ["a"]}]}), Vec::new())
        );
    }

    #[test]
    fn never_overwrites_the_field_that_is_meant() {
        let found = findings(CHECK.id, &json!({"rules": [{"level": "None", "Level": "Metadata"}]}));
        assert_eq!(found[0].fix.as_ref().unwrap().applicability, Applicability::DisplayOnly);
    }
}
