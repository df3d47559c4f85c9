//! What a pod has already: volumes, mounts, names.

use std::collections::BTreeSet;

use super::super::predicate::CONTAINER_LISTS;
use super::Refusal;
use crate::k8s::TreeKind;
use crate::k8s::{Tree, brief};
use crate::profile::ContainerPath;

/// What the pod and the container have.
#[derive(Debug)]
pub(super) struct Present {
    /// The container's mounts.
    mounts: Vec<Mount>,
    /// The pod's emptyDir volumes that no other container mounts.
    free: BTreeSet<String>,
    /// Names of the pod's volumes and containers.
    names: BTreeSet<String>,
}

#[derive(Debug)]
struct Mount {
    path: ContainerPath,
    read_only: bool,
}

/// How a path is covered by a mount that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    Writable,
    /// By a mount at this path.
    ReadOnly(ContainerPath),
}

impl Present {
    /// Looks at the pod for the container at `index` of `list`.
    ///
    /// # Errors
    /// [`Refusal`] where a list that must be added to is none.
    pub(super) fn read<T: Tree>(spec: T, list: &str, index: usize, container: T) -> Result<Self, Refusal> {
        let mut names = BTreeSet::new();
        let mut of_others = BTreeSet::new();
        for (other_list, _) in CONTAINER_LISTS {
            for (other_index, other) in items(spec, other_list)?.enumerate() {
                names.extend(text(other, "name"));
                if (other_list, other_index) != (list, index) {
                    let mounts = other.field("volumeMounts").into_iter().flat_map(Tree::items);
                    of_others.extend(mounts.filter_map(|mount| text(mount, "name")));
                }
            }
        }
        let mut free = BTreeSet::new();
        for volume in items(spec, "volumes")? {
            let Some(name) = text(volume, "name") else { continue };
            if volume.field("emptyDir").is_some() && !of_others.contains(&name) {
                free.insert(name.clone());
            }
            names.insert(name);
        }
        let mounts = items(container, "volumeMounts")?.filter_map(|mount| {
            let path = ContainerPath::of_mount(&text(mount, "mountPath")?);
            let read_only = mount.field("readOnly").and_then(Tree::as_bool).unwrap_or_default();
            Some(Mount { path, read_only })
        });
        Ok(Self { mounts: mounts.collect(), free, names })
    }

    /// The mount that a path is in; of several the innermost, which hides the others.
    pub(super) fn cover(&self, path: &ContainerPath) -> Option<Cover> {
        let around = self.mounts.iter().filter(|mount| mount.path.holds(path));
        let innermost = around.max_by_key(|mount| mount.path.parts().count())?;
        Some(if innermost.read_only { Cover::ReadOnly(innermost.path.clone()) } else { Cover::Writable })
    }

    /// Whether the pod has an emptyDir of this name that nobody else mounts.
    pub(super) fn is_free(&self, volume: &str) -> bool {
        self.free.contains(volume)
    }

    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn take(&mut self, name: &str) {
        self.names.insert(name.to_owned());
        self.free.remove(name);
    }
}

/// The items of a list, which may be absent.
pub(super) fn items<T: Tree>(tree: T, key: &'static str) -> Result<impl Iterator<Item = T>, Refusal> {
    let list = tree.field(key);
    match list {
        Some(list) if list.kind() != TreeKind::Sequence => {
            Err(Refusal(format!("{key} is {}, expected a list", brief(list))))
        }
        list => Ok(list.into_iter().flat_map(Tree::items)),
    }
}

pub(super) fn text<T: Tree>(tree: T, key: &str) -> Option<String> {
    Some(tree.field(key)?.as_str()?.as_ref().to_owned())
}
