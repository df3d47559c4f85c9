//! The objects of a document: itself, or the items of a list.

use std::borrow::Cow;

use super::path::{FieldPath, Step};
use super::tree::{Tree, TreeKind};

/// One object of a document.
#[derive(Clone, Debug)]
pub struct Object<T: Tree> {
    /// The object.
    pub tree: T,
    /// Where it is in the document; empty unless it is in a list.
    pub path: FieldPath,
    /// `apps/v1`; for an item without one, what its list says.
    pub api_version: Option<String>,
    /// `Deployment`; for an item without one, what its list says (`DeploymentList`).
    pub kind: String,
}

impl<T: Tree> Object<T> {
    /// `metadata.name`, else `metadata.generateName`.
    pub fn name(&self) -> Option<T::Text> {
        let metadata = self.tree.get("metadata")?;
        metadata.get("name").and_then(Tree::as_str).or_else(|| metadata.get("generateName")?.as_str())
    }

    /// `metadata.namespace`.
    pub fn namespace(&self) -> Option<T::Text> {
        self.tree.get("metadata")?.get("namespace")?.as_str()
    }
}

/// The Kubernetes objects of a document: none where it is no Kubernetes object (it has no `kind`), the items
/// where it is a `List` or any `*List` (lists in lists too), else itself.
pub fn objects<T: Tree>(document: T) -> Vec<Object<T>> {
    let mut found = Vec::new();
    collect(document, &mut Vec::new(), None, &mut found);
    found
}

/// What a typed list says of its items.
struct ItemType<'a> {
    api_version: Option<&'a str>,
    kind: &'a str,
}

fn collect<T: Tree>(
    tree: T,
    path: &mut FieldPath,
    item_type: Option<&ItemType<'_>>,
    found: &mut Vec<Object<T>>,
) {
    let text = |key: &str| Some(tree.get(key)?.as_str()?.as_ref().to_owned());
    let own_kind = text("kind");
    let inherited = item_type.filter(|_| own_kind.is_none());
    let api_version = text("apiVersion").or_else(|| Some(inherited?.api_version?.to_owned()));
    let Some(kind) = own_kind.or_else(|| Some(inherited?.kind.to_owned())) else { return };
    let items = tree.get("items").filter(|items| items.kind() == TreeKind::Sequence);
    let (Some(of), Some(items)) = (kind.strip_suffix("List"), items) else {
        found.push(Object { tree, path: path.clone(), api_version, kind });
        return;
    };
    // `List` says nothing of its items' type, `PodList` does.
    let item_type = ItemType { api_version: api_version.as_deref(), kind: of };
    let item_type = Some(&item_type).filter(|item_type| !item_type.kind.is_empty());
    path.push(Step::Key(Cow::Borrowed("items")));
    for (index, item) in items.items().enumerate() {
        path.push(Step::Item(index));
        collect(item, path, item_type, found);
        path.pop();
    }
    path.pop();
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kinds(document: &Value) -> Vec<(Option<String>, String)> {
        objects(document).into_iter().map(|object| (object.api_version, object.kind)).collect()
    }

    #[test]
    fn opens_lists_in_lists() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}});
        let document =
            json!({"apiVersion": "v1", "kind": "List", "items": [{"kind": "List", "items": [pod]}, 3]});
        let found = objects(&document);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name(), Some("web-"));
        let step = |key| Step::Key(Cow::Borrowed(key));
        assert_eq!(found[0].path, [step("items"), Step::Item(0), step("items"), Step::Item(0)]);
    }

    #[test]
    fn types_the_items_of_a_typed_list() {
        let document = json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{}]});
        assert_eq!(kinds(&document), [(Some("apps/v1".to_owned()), "Deployment".to_owned())]);
    }

    #[test]
    fn takes_a_list_without_items_for_an_object() {
        let document = json!({"apiVersion": "example.org/v1", "kind": "AllowList", "spec": {}});
        assert_eq!(kinds(&document), [(Some("example.org/v1".to_owned()), "AllowList".to_owned())]);
        assert!(objects(&json!({"services": {}})).is_empty());
    }
}
