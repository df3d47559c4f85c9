//! A policy file as the apiserver loads it: accepted strictly, accepted with fields ignored, or refused.
//!
//! Source: kubernetes `staging/src/k8s.io/apiserver/pkg/audit/policy/reader.go`, v1.34.

use serde_json::Value;

use super::decode::{Decoder, Ignored, IgnoredReason, RawPolicy, Refusal};
use super::policy::Policy;
use super::tree::Tree;
use super::validate::validate;
use crate::yaml::Pointer;

/// The one version that the apiserver reads; v1alpha1 and v1beta1 left with Kubernetes 1.24.
pub const API_VERSION: &str = "audit.k8s.io/v1";

const KIND: &str = "Policy";

/// What the apiserver makes of a decoded document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The policy in force, or everything that the apiserver refuses about it.
    pub policy: Result<Policy, Vec<Refusal>>,
    /// What its lenient decoding passes over; empty when strict decoding succeeds.
    pub ignored: Vec<Ignored>,
}

/// Loads the value of a YAML document; `repeated` are the places of keys that stand twice in it.
pub fn load_value(value: &Value, repeated: Vec<Pointer>) -> Loaded {
    let mut loaded = load_tree(&Tree::from(value), true);
    let repeated = repeated.into_iter();
    loaded.ignored.extend(repeated.map(|pointer| Ignored { pointer, reason: IgnoredReason::Repeated }));
    loaded
}

/// Loads a decoded document.
///
/// `sorted`: whether the document went through Go's YAML-to-JSON conversion, which sorts keys, so that of
/// `Kind` and `kind` the lower-case one counts; in a JSON text the later one does.
pub(crate) fn load_tree(tree: &Tree, sorted: bool) -> Loaded {
    let mut refusals = type_refusals(tree, sorted);
    if !refusals.is_empty() {
        return Loaded { policy: Err(refusals), ignored: Vec::new() };
    }
    let mut decoder = Decoder::default();
    let mut raw = RawPolicy::default();
    decoder.policy(tree, &mut raw);
    let validated = validate(raw);
    refusals.append(&mut decoder.refusals);
    let policy = match validated {
        Ok(policy) if refusals.is_empty() => Ok(policy),
        Ok(_) => Err(refusals),
        Err(invalid) => {
            // A value that could not be decoded is absent from what was validated: say each place once.
            let told: Vec<Pointer> = refusals.iter().map(|refusal| refusal.pointer.clone()).collect();
            refusals.extend(invalid.into_iter().filter(|refusal| !told.contains(&refusal.pointer)));
            Err(refusals)
        }
    };
    Loaded { policy, ignored: decoder.ignored }
}

/// What is wrong with the document's type. Go reads it by encoding/json, which ignores the case of keys, and
/// takes an absent kind for the wanted one, but not an absent apiVersion.
fn type_refusals(tree: &Tree, sorted: bool) -> Vec<Refusal> {
    let refusal = |pointer: Pointer, message: String, suggestion: Option<&str>| {
        vec![Refusal { pointer, message, suggestion: suggestion.map(str::to_owned) }]
    };
    let entries = match tree {
        Tree::Object(entries) => entries,
        Tree::Null => {
            let message = format!("expected an {API_VERSION} {KIND}, found an empty document");
            return refusal(Pointer::root(), message, None);
        }
        other => {
            let message = format!("expected an {API_VERSION} {KIND}, found {}", other.kind());
            return refusal(Pointer::root(), message, None);
        }
    };
    let mut decoder = Decoder::default();
    let mut read = |field: &str| {
        let mut named: Vec<_> = entries.iter().filter(|(key, _)| folds_to(key, field)).collect();
        if sorted {
            named.sort_by(|(left, _), (right, _)| left.cmp(right));
        }
        let mut text = String::new();
        for (key, value) in named {
            decoder.string(value, &mut text, &Pointer::root().join(key));
        }
        text
    };
    let (version, kind) = (read("apiVersion"), read("kind"));
    if !decoder.refusals.is_empty() {
        return decoder.refusals;
    }
    let at = |field: &str| Pointer::root().join(field);
    if version.is_empty() {
        let message = format!("expected apiVersion {API_VERSION}, found none");
        return refusal(at("apiVersion"), message, Some(API_VERSION));
    }
    if version != API_VERSION {
        let gone = ["audit.k8s.io/v1beta1", "audit.k8s.io/v1alpha1"].contains(&version.as_str());
        let since = if gone { ", which Kubernetes 1.24 removed" } else { "" };
        let message = format!("expected apiVersion {API_VERSION}, found {version:?}{since}");
        return refusal(at("apiVersion"), message, Some(API_VERSION));
    }
    if !kind.is_empty() && kind != KIND {
        return refusal(at("kind"), format!("expected kind {KIND}, found {kind:?}"), Some(KIND));
    }
    Vec::new()
}

/// Whether Go's encoding/json takes `key` for `field`, an ASCII name: letters fold over case, and two letters
/// beyond ASCII fold into it.
fn folds_to(key: &str, field: &str) -> bool {
    let fold = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(field.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(json: &str, sorted: bool) -> Loaded {
        load_tree(&serde_json::from_str(json).unwrap(), sorted)
    }

    fn refused(json: &str) -> String {
        load(json, true).policy.unwrap_err().remove(0).message
    }

    const RULES: &str = r#""rules": [{"level": "None"}]"#;

    #[test]
    fn accepts_a_policy_without_kind_but_not_without_version() {
        let without_kind = load(&format!(r#"{{"apiVersion": "audit.k8s.io/v1", {RULES}}}"#), true);
        assert!(without_kind.policy.is_ok() && without_kind.ignored.is_empty());
        assert_eq!(
            refused(&format!(r#"{{"kind": "Policy", {RULES}}}"#)),
            "expected apiVersion audit.k8s.io/v1, found none"
        );
    }

    #[test]
    fn reads_the_type_whatever_the_case_of_its_keys() {
        let json = format!(r#"{{"APIVersion": "audit.k8s.io/v1", "\u212aind": "Policy", {RULES}}}"#);
        let loaded = load(&json, true);
        assert_eq!((loaded.policy.is_ok(), loaded.ignored.len()), (true, 2));
    }

    #[test]
    fn the_lower_case_key_counts_in_yaml_and_the_last_in_json() {
        let json = format!(r#"{{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "Kind": "X", {RULES}}}"#);
        assert!(load(&json, true).policy.is_ok());
        assert!(load(&json, false).policy.is_err());
    }

    #[test]
    fn names_what_else_the_document_is() {
        assert_eq!(refused("null"), "expected an audit.k8s.io/v1 Policy, found an empty document");
        assert_eq!(refused("[]"), "expected an audit.k8s.io/v1 Policy, found array");
        assert_eq!(
            refused(r#"{"apiVersion": "audit.k8s.io/v1beta1", "kind": "Policy"}"#),
            "expected apiVersion audit.k8s.io/v1, found \"audit.k8s.io/v1beta1\", which Kubernetes 1.24 removed"
        );
        assert_eq!(
            refused(r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Event"}"#),
            "expected kind Policy, found \"Event\""
        );
    }

    #[test]
    fn says_each_place_once() {
        let json = r#"{"apiVersion": "audit.k8s.io/v1", "rules": [{"level": 1}, {"level": "none"}]}"#;
        let refusals = load(json, true).policy.unwrap_err();
        let places: Vec<_> = refusals.iter().map(|refusal| refusal.pointer.to_string()).collect();
        assert_eq!(places, ["/rules/0/level", "/rules/1/level"]);
    }
}
