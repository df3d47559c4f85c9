//! Which static pods are the control plane's own.

use crate::k8s::{PodSpec, Tree};

/// The components that kubeadm and its likes run as static pods.
const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Checks whose findings the components cannot avoid: they serve on the host and read its files.
pub(super) const NEEDED: [&str; 2] = ["host-namespaces", "host-path-volumes"];

/// Whether some container of the pod runs a component of the control plane.
pub(super) fn is_control_plane<T: Tree>(pod: &PodSpec<T>) -> bool {
    let containers = pod.spec.field("containers").into_iter().flat_map(Tree::items);
    let programs = containers.filter_map(|container| container.field("command")?.items().next()?.as_str());
    programs.into_iter().any(|program| {
        let name = program.as_ref().rsplit('/').next().unwrap_or_default();
        COMPONENTS.contains(&name)
    })
}
