//! Whose pod it is: the object that its controller would have to repair.

use lithify::k8s::Tree;

/// Bytes of a name; the API allows no longer ones, but looks after us.
const NAME_BYTES: usize = 253;

/// The controller among an object's owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `apps/v1`.
    pub api_version: String,
    /// `ReplicaSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
}

/// The owner with `controller: true`; `None` where there is none, or where its reference is none that the API would
/// take.
pub(super) fn controller<T: Tree>(object: T) -> Option<Owner> {
    let references = object.field("metadata")?.field("ownerReferences")?;
    let is_controller = |reference: &T| reference.get("controller").and_then(Tree::as_bool) == Some(true);
    let owner = references.items().find(is_controller)?;
    let text = |key: &str| {
        let text = owner.get(key)?.as_str()?;
        let text = text.as_ref();
        (!text.is_empty() && text.len() <= NAME_BYTES).then(|| text.to_owned())
    };
    Some(Owner {
        api_version: text("apiVersion")?,
        kind: text("kind")?,
        name: text("name")?,
        uid: text("uid")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_a_whole_reference_to_the_controller_counts() {
        let owner = |name: &str, controller: bool| json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": "u", "controller": controller});
        let object = |references: Value| json!({"metadata": {"ownerReferences": references}});
        let found = controller(&object(json!([owner("a", false), owner("b", true)])));
        assert_eq!(found.map(|owner| owner.name).as_deref(), Some("b"));
        for none in [
            json!({}),
            object(json!(null)),
            object(json!([])),
            object(json!([owner("a", false)])),
            object(json!([owner("", true)])),
            object(json!([owner(&"a".repeat(254), true)])),
            object(json!([{"controller": true, "name": "a"}])),
        ] {
            assert_eq!(controller(&none), None, "{none}");
        }
    }
}
