//! Which namespaces an entry is for: disjoint, and never those that a cluster needs to start.
//!
//! A selector is a conjunction, so that "labelled, or named by the configuration" takes entries of its own.

use lithify::config::{Enforcement, Mode};
use serde_json::{Value, json};

use crate::review::{ENFORCE_LABEL, PRIVILEGED};

/// Set on every namespace by the apiserver itself: nobody can relabel a namespace into another.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// A cluster whose nodes were all down starts by these.
const NEVER: [&str; 2] = ["kube-system", "kube-node-lease"];

/// One entry of the validating configuration.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) failure_policy: &'static str,
    pub(super) selector: Value,
}

/// The entries, whose namespaces are disjoint and together all but the ones never touched:
/// - `deny.lithify.dev`: labelled `lithify.dev/enforce` with a level, or with what is none and read as the strictest;
/// - `unenforced.lithify.dev`: labelled `lithify.dev/enforce: privileged`, which demands nothing: there no outage of the
///   webhook may refuse anything;
/// - `configured.lithify.dev`: not labelled, and denied by `lithify.yaml`, where it denies anywhere;
/// - `observe.lithify.dev`: the rest, where there can be one.
pub(super) fn entries(enforcement: &Enforcement, own: &str) -> Vec<Entry> {
    let denies_by_default = enforcement.default == Mode::Deny;
    // Those that differ from the default, as far as denial goes.
    let others: Vec<&str> = enforcement
        .namespaces
        .iter()
        .filter(|(_, mode)| (*mode == Mode::Deny) != denies_by_default)
        .map(|(name, _)| name.as_str())
        .collect();
    let labelled = json!({"key": ENFORCE_LABEL, "operator": "Exists"});
    let released =
        |operator: &str| json!({"key": ENFORCE_LABEL, "operator": operator, "values": [PRIVILEGED]});
    let unlabelled = json!({"key": ENFORCE_LABEL, "operator": "DoesNotExist"});
    let named = |operator: &str| json!({"key": NAME_LABEL, "operator": operator, "values": others});
    let entry = |name, failure_policy, expressions| Entry {
        name,
        failure_policy,
        selector: selector(own, expressions),
    };
    let (is_denied, is_observed) = match (denies_by_default, others.is_empty()) {
        (false, true) => (None, Some(vec![unlabelled])),
        (false, false) => {
            (Some(vec![unlabelled.clone(), named("In")]), Some(vec![unlabelled, named("NotIn")]))
        }
        (true, true) => (Some(vec![unlabelled]), None),
        (true, false) => {
            (Some(vec![unlabelled.clone(), named("NotIn")]), Some(vec![unlabelled, named("In")]))
        }
    };
    // `NotIn` alone would take those without the label too.
    let mut entries = vec![entry("deny.lithify.dev", "Fail", vec![labelled, released("NotIn")])];
    entries.extend(is_denied.map(|expressions| entry("configured.lithify.dev", "Fail", expressions)));
    entries.extend(is_observed.map(|expressions| entry("observe.lithify.dev", "Ignore", expressions)));
    entries.push(entry("unenforced.lithify.dev", "Ignore", vec![released("In")]));
    entries
}

/// All namespaces but the ones never touched.
pub(super) fn everywhere(own: &str) -> Value {
    selector(own, Vec::new())
}

fn selector(own: &str, mut expressions: Vec<Value>) -> Value {
    let mut never: Vec<&str> = NEVER.to_vec();
    if !never.contains(&own) {
        never.push(own);
    }
    expressions.push(json!({"key": NAME_LABEL, "operator": "NotIn", "values": never}));
    json!({"matchExpressions": expressions})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Kubernetes' own semantics of a label selector.
    fn matches(selector: &Value, labels: &BTreeMap<&str, &str>) -> bool {
        let expressions = selector["matchExpressions"].as_array().unwrap();
        expressions.iter().all(|expression| {
            let value = labels.get(expression["key"].as_str().unwrap());
            let is_in = value.is_some_and(|value| {
                expression["values"].as_array().is_some_and(|values| values.contains(&json!(value)))
            });
            match expression["operator"].as_str().unwrap() {
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                "In" => is_in,
                "NotIn" => !is_in,
                other => panic!("{other}"),
            }
        })
    }

    #[test]
    fn every_namespace_is_in_one_entry_and_the_vital_ones_in_none() {
        for config in [
            "",
            "enforcement: {default: deny}",
            "enforcement: {default: warn, namespaces: {prod: deny, dev: off}}",
            "enforcement: {default: deny, namespaces: {prod: deny, dev: warn}}",
        ] {
            let config = lithify::config::read(config.as_bytes()).unwrap();
            let policy =
                crate::review::Policy::new(config.clone(), lithify::profile::Profiles::default()).unwrap();
            let entries = entries(&config.enforcement, "own");
            for name in ["prod", "dev", "web", "kube-system", "kube-node-lease", "own"] {
                for enforced in [None, Some("baseline"), Some("a typo"), Some("privileged")] {
                    let mut labels = BTreeMap::from([(NAME_LABEL, name)]);
                    labels.extend(enforced.map(|level| (ENFORCE_LABEL, level)));
                    let found: Vec<_> =
                        entries.iter().filter(|entry| matches(&entry.selector, &labels)).collect();
                    if ["kube-system", "kube-node-lease", "own"].contains(&name) {
                        assert!(found.is_empty(), "{name}");
                        continue;
                    }
                    assert_eq!(found.len(), 1, "{name} {enforced:?}");
                    let denies = match enforced {
                        None => policy.mode(name) == Mode::Deny,
                        // What demands nothing is not to be refused while the webhook does not answer.
                        Some(level) => level != "privileged",
                    };
                    assert_eq!(found[0].failure_policy == "Fail", denies, "{name} {enforced:?}");
                }
            }
        }
    }
}
