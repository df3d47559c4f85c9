//! Pod specs inside custom resources, known by what they look like.

use std::borrow::Cow;

use super::locate::{Origin, PodSpec};
use super::path::{FieldPath, Step};
use super::tree::{Tree, TreeKind};

/// The lists that hold a pod spec's containers.
const CONTAINER_LISTS: &[&str] = &["containers", "initContainers", "ephemeralContainers"];

/// Calls `take` for every pod spec below `tree`, outermost only, in document order. `path` leads to `tree`.
pub(super) fn search<T: Tree>(tree: T, path: &mut FieldPath, take: &mut impl FnMut(PodSpec<T>)) {
    search_below(tree, None, path, take);
}

/// `parent` is the mapping that has `tree` as its `spec`, unless it is the custom resource itself, whose
/// metadata is not the pod's.
fn search_below<T: Tree>(
    tree: T,
    parent: Option<T>,
    path: &mut FieldPath,
    take: &mut impl FnMut(PodSpec<T>),
) {
    match tree.kind() {
        TreeKind::Mapping if is_pod_spec(tree) => take(pod_spec(tree, parent, path)),
        TreeKind::Mapping => {
            let is_root = !path.iter().any(|step| matches!(step, Step::Key(key) if key != "items"));
            for (key, child) in tree.entries() {
                let parent = Some(tree).filter(|_| key.as_ref() == "spec" && !is_root);
                path.push(Step::Key(Cow::Owned(key.as_ref().to_owned())));
                search_below(child, parent, path, take);
                path.pop();
            }
        }
        TreeKind::Sequence => {
            for (index, item) in tree.items().enumerate() {
                path.push(Step::Item(index));
                search_below(item, None, path, take);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Some list of containers has an item that looks like a container; another item of a wrong type does not
/// hide it.
pub(super) fn is_pod_spec<T: Tree>(tree: T) -> bool {
    let lists = CONTAINER_LISTS.iter().filter_map(|key| tree.field(key));
    lists.flat_map(Tree::items).any(|item| {
        let named = item.field("name").is_some() && item.field("securityContext").is_some();
        named || item.field("image").is_some()
    })
}

fn pod_spec<T: Tree>(spec: T, parent: Option<T>, path: &FieldPath) -> PodSpec<T> {
    let metadata_path = parent.and_then(|_| {
        let (_, above) = path.split_last()?;
        let mut path = above.to_vec();
        path.push(Step::Key(Cow::Borrowed("metadata")));
        Some(path)
    });
    let metadata = parent.and_then(|parent| parent.field("metadata"));
    PodSpec { spec, path: path.clone(), metadata, metadata_path, origin: Origin::Shape }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(document: &Value) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        search(document, &mut Vec::new(), &mut |spec| {
            let steps = spec.path.iter().map(|step| match step {
                Step::Key(key) => format!("/{key}"),
                Step::Item(index) => format!("/{index}"),
            });
            found.push((steps.collect(), spec.metadata.is_some()));
        });
        found
    }

    #[test]
    fn finds_a_pod_template() {
        let rollout = json!({"metadata": {"name": "web"}, "spec": {"template": {"metadata": {}, "spec":
            {"containers": [{"name": "app", "image": "nginx"}]}}}});
        assert_eq!(found(&rollout), [("/spec/template/spec".to_owned(), true)]);
    }

    #[test]
    fn takes_the_metadata_of_a_custom_resource_for_no_pods() {
        let prometheus = json!({"metadata": {"annotations": {}}, "spec": {"containers": [{"image": "a"}]}});
        assert_eq!(found(&prometheus), [("/spec".to_owned(), false)]);
    }

    #[test]
    fn finds_whole_pods_in_a_list() {
        let pod = json!({"metadata": {}, "spec": {"initContainers": [{"image": "nginx"}]}});
        let set = json!({"spec": {"pods": [pod, pod]}});
        let expected = [("/spec/pods/0/spec".to_owned(), true), ("/spec/pods/1/spec".to_owned(), true)];
        assert_eq!(found(&set), expected);
    }

    #[test]
    fn takes_no_other_list_of_containers_for_a_pod() {
        for containers in [json!([]), json!(["a"]), json!([{"name": "a"}]), json!({"image": "a"})] {
            assert_eq!(found(&json!({"spec": {"containers": containers}})), []);
        }
    }
}
