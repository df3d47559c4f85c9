//! How the root filesystems of a pod's containers stand: what `writable-root-filesystem` demands, counted.

use super::predicate::{CONTAINER_LISTS, holds};
use super::read_only_root::PRIVILEGED;
use super::writable_root_filesystem::{CHECK, READ_ONLY};
use super::{PssVersion, predicate};
use crate::k8s::{PodSpec, Step, Tree, TreeKind};
use crate::yaml::Pointer;

/// How the root filesystem of one container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootFilesystem {
    /// Read-only.
    ReadOnly,
    /// Read-only, but the container is privileged and can mount it again for writing.
    Void,
    /// Writable.
    Writable,
    /// The setting does not exist for this pod.
    NotApplicable,
}

/// Every container of the pod, of every kind, with its place in the document.
pub fn root_filesystems<T: Tree>(pod: &PodSpec<T>) -> Vec<(Pointer, RootFilesystem)> {
    let mut exemptions =
        CHECK.predicate(PssVersion::LATEST).into_iter().flat_map(|predicate| predicate.exempt);
    let is_exempt = exemptions.any(|exemption| holds(&exemption.when, pod.spec, pod.spec));
    let mut found = Vec::new();
    for (list, _) in CONTAINER_LISTS {
        let Some(items) = pod.spec.field(list).filter(|items| items.kind() == TreeKind::Sequence) else {
            continue;
        };
        for (index, container) in items.items().enumerate() {
            let steps = [Step::Key(list.into()), Step::Item(index)];
            let is = |test| holds(test, container, pod.spec);
            let state = match (is_exempt, is(&READ_ONLY)) {
                (true, _) => RootFilesystem::NotApplicable,
                (false, false) => RootFilesystem::Writable,
                (false, true) if is(&PRIVILEGED) => RootFilesystem::Void,
                (false, true) => RootFilesystem::ReadOnly,
            };
            found.push((predicate::pointer(&pod.path, &steps), state));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::k8s::{Kinds, objects, pod_specs};

    fn states(spec: &Value) -> Vec<(String, RootFilesystem)> {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec});
        let objects = objects(&pod);
        let pods = pod_specs(&objects[0], &Kinds::default()).into_iter().flatten();
        let states = pods.flat_map(|pod| root_filesystems(&pod));
        states.map(|(pointer, state)| (pointer.to_string(), state)).collect()
    }

    #[test]
    fn tells_what_a_flag_is_worth() {
        let container = |context: Value| json!({"name": "a", "securityContext": context});
        let read_only = container(json!({"readOnlyRootFilesystem": true}));
        let void = container(json!({"readOnlyRootFilesystem": true, "privileged": true}));
        let spec = json!({"initContainers": [read_only, {"name": "b"}], "ephemeralContainers": [void, null]});
        let expected = [
            ("/spec/initContainers/0", RootFilesystem::ReadOnly),
            ("/spec/initContainers/1", RootFilesystem::Writable),
            ("/spec/ephemeralContainers/0", RootFilesystem::Void),
            ("/spec/ephemeralContainers/1", RootFilesystem::Writable),
        ];
        assert_eq!(states(&spec), expected.map(|(place, state)| (place.to_owned(), state)));
    }

    #[test]
    fn knows_that_windows_has_no_such_setting() {
        let spec = json!({"os": {"name": "windows"}, "containers": [{"name": "a"}]});
        assert_eq!(states(&spec), [("/spec/containers/0".to_owned(), RootFilesystem::NotApplicable)]);
    }
}
