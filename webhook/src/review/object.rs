//! The object of a review, checked to be what the request says it is.

use super::admission::{GroupVersionKind, Review};
use super::policy::Policy;
use crate::json::Node;
use lithify::k8s::{KINDS, Object, Tree};

/// The subresource through which containers are added to a running pod.
pub(super) const EPHEMERAL_CONTAINERS: &str = "ephemeralcontainers";
/// Set by a kubelet on what it shows the API of a static pod.
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
/// The group of every kubelet.
const NODES: &str = "system:nodes";

/// The object that a review is about, as a value of the type that the request names.
///
/// # Errors
/// Why no verdict can be reached: an unknown kind or subresource, or another object than announced.
pub(super) fn typed<'v>(
    review: &Review<'_>,
    policy: &Policy,
    value: Node<'v>,
) -> Result<Object<Node<'v>>, String> {
    let kind = &review.kind;
    let api_version = kind.api_version();
    let shown = || format!("{api_version} {}", kind.kind);
    if !is_known(kind, policy) {
        let shown = shown();
        return Err(format!("{shown} is no kind that this webhook judges; `kinds` in lithify.yaml adds one"));
    }
    let is_pod = kind.kind == "Pod" && kind.group.is_empty();
    match review.subresource.as_str() {
        "" => {}
        EPHEMERAL_CONTAINERS if is_pod => {}
        other => {
            let shown = shown();
            return Err(format!("the subresource `{other}` of {shown} is none that this webhook judges"));
        }
    }
    let says = |field: &str, expected: &str| match value.field(field) {
        None => Ok(()),
        Some(found) if found.as_str() == Some(expected) => Ok(()),
        Some(found) => {
            let (found, shown) = (lithify::k8s::brief(found), shown());
            Err(format!("the request is about {shown}, but the object's {field} is {found}"))
        }
    };
    says("apiVersion", &api_version)?;
    says("kind", &kind.kind)?;
    Ok(Object { tree: value, path: Vec::new(), api_version: Some(api_version), kind: kind.kind.clone() })
}

/// Whether the kind is in the table, in a group that has or had it, or in the configuration.
fn is_known(kind: &GroupVersionKind, policy: &Policy) -> bool {
    is_built_in(kind)
        || policy
            .context()
            .kinds
            .custom
            .iter()
            .any(|custom| custom.kind == kind.kind && custom.group == kind.group)
}

/// Whether the kind is Kubernetes' own.
pub(super) fn is_built_in(kind: &GroupVersionKind) -> bool {
    let mut of_kind = KINDS.iter().filter(|workload| workload.kind == kind.kind);
    of_kind.any(|workload| workload.groups.iter().any(|group| group.name == kind.group))
}

/// Whether the object is the API's image of a static pod, put there by a kubelet.
///
/// Anybody may write the annotation; only a node is believed.
pub(super) fn is_mirror(review: &Review<'_>, object: &Object<Node<'_>>) -> bool {
    let annotations = object.tree.get("metadata").and_then(|metadata| metadata.field("annotations"));
    object.kind == "Pod"
        && review.user.groups.iter().any(|group| group == NODES)
        && annotations.and_then(|annotations| annotations.get(MIRROR_ANNOTATION)).is_some()
}

/// Whether the stored object is already being deleted. A client cannot forge that: the new object's own
/// `deletionTimestamp` counts for nothing.
pub(super) fn is_being_deleted(old: Node<'_>) -> bool {
    old.get("metadata").and_then(|metadata| metadata.field("deletionTimestamp")).is_some()
}
