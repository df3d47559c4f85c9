//! The pod specs of an object: by its kind where the kind is known, else by shape.

use std::borrow::Cow;

use super::kinds::{Kinds, Place};
use super::objects::Object;
use super::path::{FieldPath, Step};
use super::shape;
use super::tree::{Tree, TreeKind};

/// How a pod spec was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The kind is Kubernetes' own.
    Kind,
    /// The user's configuration names the kind.
    Configured,
    /// In a custom resource, because it looks like one. Its operator may complete it or read it in another
    /// way: reported as such, never fixed automatically.
    Shape,
}

/// One pod spec of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSpec<T: Tree> {
    /// The spec.
    pub spec: T,
    /// Where it is in the document.
    pub path: FieldPath,
    /// The metadata that the pod will carry, with its annotations.
    pub metadata: Option<T>,
    /// Where the metadata is, or would be, in the document; `None` where a pod has no metadata of its own.
    pub metadata_path: Option<FieldPath>,
    /// How it was found.
    pub origin: Origin,
}

/// A place on the way to a pod spec that holds something else than a mapping: no check can judge what is
/// below it, and the apiserver refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongShape {
    /// The place, in the document.
    pub path: FieldPath,
    /// What is expected there.
    pub expected: TreeKind,
    /// What is there.
    pub found: TreeKind,
}

/// The pod specs of one object, in document order, each with its path from the document's root.
///
/// A pod spec that is absent or null is no finding here: the apiserver refuses the object.
///
/// # Errors
/// [`WrongShape`] in place of a pod spec that cannot be reached.
pub fn pod_specs<T: Tree>(object: &Object<T>, kinds: &Kinds) -> Vec<Result<PodSpec<T>, WrongShape>> {
    let mut found = Vec::new();
    let mut path = object.path.clone();
    match kinds.place(object.api_version.as_deref(), &object.kind) {
        Place::Known(keys) => {
            let mut walk = Walk { path, origin: Origin::Kind, found: &mut found };
            walk.descend(object.tree, &mut keys.iter().map(|key| Cow::Borrowed(*key)));
        }
        Place::Configured(keys) => {
            let mut walk = Walk { path, origin: Origin::Configured, found: &mut found };
            walk.descend(object.tree, &mut keys.iter().map(|key| Cow::Owned(key.clone())));
        }
        Place::Anywhere => shape::search(object.tree, &mut path, &mut |spec| found.push(Ok(spec))),
        Place::Nowhere => {}
    }
    found
}

struct Walk<'f, T: Tree> {
    path: FieldPath,
    origin: Origin,
    found: &'f mut Vec<Result<PodSpec<T>, WrongShape>>,
}

impl<T: Tree> Walk<'_, T> {
    fn descend(&mut self, tree: T, keys: &mut (impl Iterator<Item = Cow<'static, str>> + Clone)) {
        let Some(key) = keys.next() else { return self.take(tree) };
        if key == "*" {
            return self.each(tree, keys);
        }
        if !self.expect(tree, TreeKind::Mapping) {
            return;
        }
        if let Some(child) = tree.field(&key) {
            self.path.push(Step::Key(key));
            self.descend(child, keys);
            self.path.pop();
        }
    }

    fn each(&mut self, tree: T, keys: &mut (impl Iterator<Item = Cow<'static, str>> + Clone)) {
        if !self.expect(tree, TreeKind::Sequence) {
            return;
        }
        for (index, item) in tree.items().enumerate() {
            self.path.push(Step::Item(index));
            self.descend(item, &mut keys.clone());
            self.path.pop();
        }
    }

    /// Takes the spec of a pod template.
    fn take(&mut self, template: T) {
        if !self.expect(template, TreeKind::Mapping) {
            return;
        }
        let Some(spec) = template.field("spec") else { return };
        let below = |key: &'static str| {
            let mut path = self.path.clone();
            path.push(Step::Key(Cow::Borrowed(key)));
            path
        };
        let path = below("spec");
        if spec.kind() != TreeKind::Mapping {
            let wrong = WrongShape { path, expected: TreeKind::Mapping, found: spec.kind() };
            return self.found.push(Err(wrong));
        }
        let metadata_path = Some(below("metadata"));
        let metadata = template.field("metadata");
        self.found.push(Ok(PodSpec { spec, path, metadata, metadata_path, origin: self.origin }));
    }

    fn expect(&mut self, tree: T, expected: TreeKind) -> bool {
        let found = tree.kind();
        if found != expected {
            self.found.push(Err(WrongShape { path: self.path.clone(), expected, found }));
        }
        found == expected
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::kinds::{CustomKind, KINDS};
    use super::super::objects::objects;
    use super::*;

    fn dotted(path: &FieldPath) -> String {
        let steps = path.iter().map(|step| match step {
            Step::Key(key) => format!("/{key}"),
            Step::Item(index) => format!("/{index}"),
        });
        steps.collect()
    }

    fn places(document: &Value, kinds: &Kinds) -> Vec<(String, Origin)> {
        let found = objects(document).into_iter().flat_map(|object| pod_specs(&object, kinds));
        found.map(|spec| spec.map(|spec| (dotted(&spec.path), spec.origin)).unwrap()).collect()
    }

    #[test]
    fn finds_the_pod_spec_of_every_kind_of_the_table() {
        for workload in KINDS {
            let mut document = json!({"metadata": {}, "spec": {"containers": []}});
            for key in workload.template.iter().rev() {
                document = json!({ *key: document });
            }
            for group in workload.groups {
                let prefix = if group.name.is_empty() { String::new() } else { format!("{}/", group.name) };
                for version in group.versions {
                    document["apiVersion"] = json!(format!("{prefix}{version}"));
                    document["kind"] = json!(workload.kind);
                    let place = workload.template.iter().fold(String::new(), |place, key| place + "/" + key);
                    let found = places(&document, &Kinds::default());
                    assert_eq!(found, [(format!("{place}/spec"), Origin::Kind)], "{}", workload.kind);
                }
            }
        }
    }

    #[test]
    fn finds_every_pod_of_a_configured_list() {
        let pods = CustomKind {
            group: "core.strimzi.io".into(),
            kind: "StrimziPodSet".into(),
            template: ["spec", "pods", "*"].map(str::to_owned).to_vec(),
        };
        let document = json!({"apiVersion": "core.strimzi.io/v1beta2", "kind": "StrimziPodSet",
            "spec": {"pods": [{"spec": {}}, {"spec": {}}]}});
        let found = places(&document, &Kinds { custom: vec![pods] });
        let place = |index| (format!("/spec/pods/{index}/spec"), Origin::Configured);
        assert_eq!(found, [place(0), place(1)]);
    }

    #[test]
    fn tells_where_the_way_to_a_pod_spec_is_no_mapping() {
        let document = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": []});
        let found = pod_specs(&objects(&document)[0], &Kinds::default());
        let path = vec![Step::Key(Cow::Borrowed("spec"))];
        let wrong = WrongShape { path, expected: TreeKind::Mapping, found: TreeKind::Sequence };
        assert_eq!(found, [Err(wrong)]);
    }

    #[test]
    fn passes_over_absent_and_null_templates() {
        for spec in [json!(null), json!({}), json!({"template": null}), json!({"template": {"spec": null}})] {
            let document = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec});
            assert_eq!(pod_specs(&objects(&document)[0], &Kinds::default()), []);
        }
    }
}
