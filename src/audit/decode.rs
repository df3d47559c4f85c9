//! From a JSON tree to the fields of a Policy, with the strictness and the leniency of the apiserver.
//!
//! The apiserver decodes twice: strictly, and where that finds unknown or repeated fields only, leniently,
//! which ignores them. A value of the wrong type is an error both times. `null` leaves a field as it is, and
//! a repeated key of a JSON text is decoded over what the first one left, element by element.
//!
//! Source: sigs.k8s.io/json (a case-sensitive encoding/json) over `k8s.io/apiserver/pkg/apis/audit/v1`.

use std::collections::BTreeSet;

use super::metadata;
use super::tree::Tree;
use crate::nearest::nearest;
use crate::yaml::Pointer;

/// A policy whose words are not yet judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawPolicy {
    pub(crate) rules: Vec<RawRule>,
    pub(crate) omit_stages: Vec<String>,
    pub(crate) omit_managed_fields: bool,
}

/// A rule whose words are not yet judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawRule {
    pub(crate) level: String,
    pub(crate) users: Vec<String>,
    pub(crate) user_groups: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) resources: Vec<super::GroupResources>,
    pub(crate) namespaces: Vec<String>,
    pub(crate) non_resource_urls: Vec<String>,
    pub(crate) omit_stages: Vec<String>,
    pub(crate) omit_managed_fields: Option<bool>,
}

/// A value that the apiserver cannot decode, or a word that it does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The refused value.
    pub pointer: Pointer,
    /// What was expected and found, lower case, without a final dot.
    pub message: String,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
}

/// Something that the apiserver's lenient decoding passes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The ignored field; of a repeated one, the place that both share.
    pub pointer: Pointer,
    /// Why it is ignored.
    pub reason: IgnoredReason,
}

/// Why the apiserver ignores something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IgnoredReason {
    /// No field of the type has this name; names are case-sensitive.
    Unknown {
        /// The field that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// The key stands twice, and the last one counts.
    Repeated,
}

/// Decodes trees and collects what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) ignored: Vec<Ignored>,
}

type Decode<T> = fn(&mut Decoder, &Tree, &mut T, &Pointer);

impl Decoder {
    pub(crate) fn policy(&mut self, tree: &Tree, into: &mut RawPolicy) {
        const FIELDS: &[&str] =
            &["apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"];
        self.object(tree, FIELDS, &Pointer::root(), |decoder, key, value, at| match key {
            "metadata" => decoder.shape(value, metadata::OBJECT_META, at),
            "rules" => decoder.list(value, &mut into.rules, at, Self::rule),
            "omitStages" => decoder.strings(value, &mut into.omit_stages, at),
            "omitManagedFields" => decoder.bool(value, &mut into.omit_managed_fields, at),
            _ => decoder.string(value, &mut String::new(), at),
        });
    }

    fn rule(&mut self, tree: &Tree, into: &mut RawRule, at: &Pointer) {
        const FIELDS: &[&str] = &[
            "level",
            "users",
            "userGroups",
            "verbs",
            "resources",
            "namespaces",
            "nonResourceURLs",
            "omitStages",
            "omitManagedFields",
        ];
        self.object(tree, FIELDS, at, |decoder, key, value, at| match key {
            "level" => decoder.string(value, &mut into.level, at),
            "users" => decoder.strings(value, &mut into.users, at),
            "userGroups" => decoder.strings(value, &mut into.user_groups, at),
            "verbs" => decoder.strings(value, &mut into.verbs, at),
            "resources" => decoder.list(value, &mut into.resources, at, Self::group_resources),
            "namespaces" => decoder.strings(value, &mut into.namespaces, at),
            "nonResourceURLs" => decoder.strings(value, &mut into.non_resource_urls, at),
            "omitStages" => decoder.strings(value, &mut into.omit_stages, at),
            _ if *value == Tree::Null => into.omit_managed_fields = None,
            _ => decoder.bool(value, into.omit_managed_fields.get_or_insert_default(), at),
        });
    }

    fn group_resources(&mut self, tree: &Tree, into: &mut super::GroupResources, at: &Pointer) {
        const FIELDS: &[&str] = &["group", "resources", "resourceNames"];
        self.object(tree, FIELDS, at, |decoder, key, value, at| match key {
            "group" => decoder.string(value, &mut into.group, at),
            "resources" => decoder.strings(value, &mut into.resources, at),
            _ => decoder.strings(value, &mut into.resource_names, at),
        });
    }

    /// Calls `field` for every entry whose key is a field, and notes the other and the repeated ones.
    pub(super) fn object(
        &mut self,
        tree: &Tree,
        fields: &[&'static str],
        at: &Pointer,
        mut field: impl FnMut(&mut Self, &'static str, &Tree, &Pointer),
    ) {
        let entries = match tree {
            Tree::Null => return,
            Tree::Object(entries) => entries,
            other => return self.mismatch("object", other, at),
        };
        let mut seen = BTreeSet::new();
        for (key, value) in entries {
            let at = at.join(key);
            let repeated = !seen.insert(key.as_str());
            match fields.iter().find(|name| *name == key) {
                Some(name) => {
                    if repeated {
                        self.ignored.push(Ignored { pointer: at.clone(), reason: IgnoredReason::Repeated });
                    }
                    field(self, name, value, &at);
                }
                None if repeated => {}
                None => {
                    let suggestion = nearest(key, fields.iter().copied());
                    self.ignored.push(Ignored { pointer: at, reason: IgnoredReason::Unknown { suggestion } });
                }
            }
        }
    }

    /// Decodes items over the ones that are there, as Go does: what an item does not name keeps its value.
    fn list<T: Default>(&mut self, tree: &Tree, into: &mut Vec<T>, at: &Pointer, item: Decode<T>) {
        match tree {
            Tree::Null => into.clear(),
            Tree::Array(items) => {
                into.resize_with(items.len(), T::default);
                for (index, (tree, slot)) in items.iter().zip(into).enumerate() {
                    item(self, tree, slot, &at.item(index));
                }
            }
            other => self.mismatch("array", other, at),
        }
    }

    pub(super) fn strings(&mut self, tree: &Tree, into: &mut Vec<String>, at: &Pointer) {
        self.list(tree, into, at, Self::string);
    }

    pub(super) fn string(&mut self, tree: &Tree, into: &mut String, at: &Pointer) {
        match tree {
            Tree::Null => {}
            Tree::String(text) => into.clone_from(text),
            other => self.mismatch("string", other, at),
        }
    }

    pub(super) fn bool(&mut self, tree: &Tree, into: &mut bool, at: &Pointer) {
        match tree {
            Tree::Null => {}
            Tree::Bool(flag) => *into = *flag,
            other => self.mismatch("bool", other, at),
        }
    }

    pub(super) fn mismatch(&mut self, expected: &str, found: &Tree, at: &Pointer) {
        let shown = match found {
            Tree::Number(number) => format!("number {number}"),
            Tree::Bool(flag) => format!("bool {flag}"),
            Tree::String(text) => format!("string {text:?}"),
            other => other.kind().to_owned(),
        };
        let message = match (expected, found) {
            ("string", Tree::Number(_) | Tree::Bool(_)) => {
                format!("expected string, found {shown}: put it into quotes")
            }
            _ => format!("expected {expected}, found {shown}"),
        };
        self.refusals.push(Refusal { pointer: at.clone(), message, suggestion: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> (RawPolicy, Decoder) {
        let mut policy = RawPolicy::default();
        let mut decoder = Decoder::default();
        decoder.policy(&serde_json::from_str(json).unwrap(), &mut policy);
        (policy, decoder)
    }

    fn ignored(json: &str) -> Vec<String> {
        let (_, decoder) = decode(json);
        decoder.ignored.iter().map(|ignored| format!("{} {:?}", ignored.pointer, ignored.reason)).collect()
    }

    #[test]
    fn names_unknown_fields_and_what_they_were_meant_to_be() {
        let found = ignored(r#"{"omitStage": [], "rules": [{"Level": "None", "comment": ""}]}"#);
        assert_eq!(
            found,
            [
                r#"/omitStage Unknown { suggestion: Some("omitStages") }"#,
                r#"/rules/0/Level Unknown { suggestion: Some("level") }"#,
                "/rules/0/comment Unknown { suggestion: None }",
            ]
        );
    }

    #[test]
    fn refuses_values_of_another_type() {
        let (_, decoder) = decode(r#"{"rules": [{"level": "None", "users": [1000]}, []], "kind": true}"#);
        let found: Vec<_> =
            decoder.refusals.iter().map(|r| format!("{}: {}", r.pointer, r.message)).collect();
        assert_eq!(
            found,
            [
                "/rules/0/users/0: expected string, found number 1000: put it into quotes",
                "/rules/1: expected object, found array",
                "/kind: expected string, found bool true: put it into quotes",
            ]
        );
    }

    #[test]
    fn null_leaves_the_zero_value() {
        let (policy, decoder) = decode(r#"{"rules": [null, {"users": [null], "resources": [null]}]}"#);
        assert!(decoder.refusals.is_empty());
        assert_eq!(policy.rules[0], RawRule::default());
        assert_eq!((&policy.rules[1].users[..], policy.rules[1].resources.len()), (&[String::new()][..], 1));
    }

    #[test]
    fn decodes_a_repeated_key_over_the_first() {
        let (policy, decoder) =
            decode(r#"{"rules": [{"level": "None", "users": ["a"]}, {}], "rules": [{"level": "Metadata"}]}"#);
        assert_eq!(decoder.ignored.len(), 1);
        assert_eq!(policy.rules.len(), 1);
        assert_eq!((policy.rules[0].level.as_str(), policy.rules[0].users.len()), ("Metadata", 1));
    }
}
