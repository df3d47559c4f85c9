//! Checks of audit policies, one a file; each file's documentation is its manual.
//!
//! Data in: the policy's document, and what the apiserver makes of it. Data out: [`Finding`]s. Rules are named
//! as the apiserver's own errors name them, `rules[0]` being the first.

pub(super) mod audited_secret_bodies;
pub(super) mod ignored_audit_field;
pub(super) mod invalid_audit_policy;
pub(super) mod missing_audit_catch_all;
pub(super) mod shadowed_audit_rule;
pub(super) mod unmatched_audit_rule;
pub(super) mod unomitted_audit_stage;

use serde_json::Value;

use super::{Check, Finding};
use crate::audit::{Loaded, Policy};
use crate::edit::{Applicability, FieldOp, Fix};
use crate::yaml::Pointer;

/// What the checks look at.
struct Judged<'p> {
    object: &'p Value,
    loaded: &'p Loaded,
}

/// The checks, in the order in which their findings are reported.
const CHECKS: [fn(&Judged<'_>) -> Vec<Finding>; 7] = [
    invalid_audit_policy::findings,
    ignored_audit_field::findings,
    audited_secret_bodies::findings,
    shadowed_audit_rule::findings,
    unmatched_audit_rule::findings,
    missing_audit_catch_all::findings,
    unomitted_audit_stage::findings,
];

/// Judges one policy, by all checks of [`Group::AuditPolicy`](super::Group::AuditPolicy).
///
/// `object`: its document; `loaded`: what the apiserver makes of that.
pub fn check(object: &Value, loaded: &Loaded) -> Vec<Finding> {
    let judged = Judged { object, loaded };
    CHECKS.iter().flat_map(|findings| findings(&judged)).collect()
}

/// A document that the apiserver does not read, because it stands behind the policy in the same file; `error`
/// where it is no YAML, and cannot be pointed at.
pub fn document_behind_policy(error: Option<&str>) -> Finding {
    ignored_audit_field::document_behind_policy(error)
}

impl Judged<'_> {
    /// The policy in force, if the apiserver accepts it.
    fn policy(&self) -> Option<&Policy> {
        self.loaded.policy.as_ref().ok()
    }

    /// Sets a value of the document: a key of a mapping, or an item that is there.
    fn set(&self, at: &Pointer, value: Value) -> FieldOp {
        let in_sequence = at.parent().and_then(|parent| parent.get(self.object).map(Value::is_array));
        let at = at.clone();
        if in_sequence == Some(true) { FieldOp::Replace { at, value } } else { FieldOp::Set { at, value } }
    }
}

fn finding(check: &Check, pointer: Pointer, message: String) -> Finding {
    Finding {
        check: check.id,
        severity: check.severity,
        pointer,
        container: None,
        message,
        notes: Vec::new(),
        related: Vec::new(),
        fix: None,
    }
}

fn fix(title: String, applicability: Applicability, ops: Vec<FieldOp>) -> Fix {
    Fix::new(title, ops, applicability)
}

fn rule_at(index: usize) -> Pointer {
    Pointer::root().join("rules").item(index)
}

/// `rules[0].verbs[1]`, as the apiserver's errors have it.
fn path(pointer: &Pointer) -> String {
    let mut path = String::new();
    for token in pointer.tokens() {
        if token.bytes().all(|byte| byte.is_ascii_digit()) && !token.is_empty() {
            path.extend(["[", token, "]"]);
        } else {
            path.extend([if path.is_empty() { "" } else { "." }, token]);
        }
    }
    path
}

/// `a`, `a and b`, `a, b and c`.
fn enumerate(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::load_value;
    use crate::edit::apply;

    /// The findings of one check on a policy with these rules and other fields.
    pub(super) fn findings(id: &str, policy: &Value) -> Vec<Finding> {
        let mut object = serde_json::json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy"});
        let fields = policy.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(fields);
        let found = check(&object, &load_value(&object, Vec::new()));
        found.into_iter().filter(|finding| finding.check == id).collect()
    }

    /// The policy after the first finding's fix, and what the check finds in it.
    pub(super) fn fixed(id: &str, policy: &Value) -> (Value, Vec<Finding>) {
        let fix = findings(id, policy)[0].fix.clone().unwrap();
        let mut fixed = policy.clone();
        apply(&fix.ops, &mut fixed).unwrap();
        let findings = findings(id, &fixed);
        (fixed, findings)
    }

    #[test]
    fn names_places_as_the_apiserver_does() {
        assert_eq!(path(&"/rules/0/verbs/1".parse().unwrap()), "rules[0].verbs[1]");
    }
}
