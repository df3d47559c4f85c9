//! Parts of pods in custom resources, outside of any pod spec: what an operator is to put into the pods that it
//! makes, as Strimzi's `template.pod` and `template.kafkaContainer`, or the values of a chart.
//!
//! They are known by a `securityContext` with fields of the API. What is not set there may be set by the operator,
//! so only what is set can be judged.

use std::borrow::Cow;

use super::kinds::{Kinds, Place};
use super::objects::Object;
use super::path::{FieldPath, Step};
use super::shape::is_pod_spec;
use super::tree::{Tree, TreeKind};

/// What a part of a pod belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentOf {
    /// A pod, or either: no field tells.
    Pod,
    /// A container: it has a field that pods do not have.
    Container,
}

/// A mapping with a `securityContext`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment<T: Tree> {
    /// The mapping.
    pub tree: T,
    /// Where it is in the document.
    pub path: FieldPath,
    /// What it is a part of.
    pub of: FragmentOf,
}

/// Fields of a container's security context that a pod's does not have.
const OF_CONTAINERS: &[&str] =
    &["allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"];

/// The other fields of the API's security contexts.
const OF_PODS: &[&str] = &[
    "appArmorProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
    "windowsOptions",
];

/// The parts of pods in a custom resource, in document order; none in an object whose kind is known.
pub fn fragments<T: Tree>(object: &Object<T>, kinds: &Kinds) -> Vec<Fragment<T>> {
    let mut found = Vec::new();
    if kinds.place(object.api_version.as_deref(), &object.kind) == Place::Anywhere {
        search(object.tree, &mut object.path.clone(), &mut found);
    }
    found
}

fn search<T: Tree>(tree: T, path: &mut FieldPath, found: &mut Vec<Fragment<T>>) {
    match tree.kind() {
        // All of a pod spec is judged as such.
        TreeKind::Mapping if is_pod_spec(tree) => {}
        TreeKind::Mapping => {
            if let Some(of) = tree.field("securityContext").and_then(part_of) {
                found.push(Fragment { tree, path: path.clone(), of });
            }
            for (key, child) in tree.entries().filter(|(key, _)| key.as_ref() != "securityContext") {
                path.push(Step::Key(Cow::Owned(key.as_ref().to_owned())));
                search(child, path, found);
                path.pop();
            }
        }
        TreeKind::Sequence => {
            for (index, item) in tree.items().enumerate() {
                path.push(Step::Item(index));
                search(item, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// What a security context belongs to; `None` where it is something else of this name.
fn part_of<T: Tree>(context: T) -> Option<FragmentOf> {
    let has = |keys: &[&str]| keys.iter().any(|key| context.field(key).is_some());
    if has(OF_CONTAINERS) { Some(FragmentOf::Container) } else { has(OF_PODS).then_some(FragmentOf::Pod) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::objects;
    use super::*;

    fn found(document: &Value) -> Vec<(usize, FragmentOf)> {
        let found = objects(document).into_iter().flat_map(|object| fragments(&object, &Kinds::default()));
        found.map(|fragment| (fragment.path.len(), fragment.of)).collect()
    }

    #[test]
    fn tells_pods_from_containers_by_their_fields() {
        let kafka = json!({"apiVersion": "kafka.strimzi.io/v1beta2", "kind": "Kafka", "spec": {"kafka": {"template": {
            "pod": {"securityContext": {"runAsUser": 0}},
            "kafkaContainer": {"securityContext": {"privileged": true, "runAsUser": 0}}}}}});
        assert_eq!(found(&kafka), [(4, FragmentOf::Pod), (4, FragmentOf::Container)]);
    }

    #[test]
    fn leaves_pod_specs_known_kinds_and_namesakes_alone() {
        let context = json!({"securityContext": {"privileged": true}});
        let of = |version: &str, kind: &str, spec: Value| {
            found(&json!({"apiVersion": version, "kind": kind, "spec": spec}))
        };
        let spec = json!({"containers": [{"image": "a", "securityContext": {"privileged": true}}]});
        assert_eq!(of("a.example/v1", "Web", spec), []);
        assert_eq!(of("apps/v1", "Deployment", context.clone()), []);
        assert_eq!(of("kyverno.io/v1", "ClusterPolicy", context), []);
        assert_eq!(of("a.example/v1", "Web", json!({"securityContext": {"enabled": true}})), []);
    }
}
