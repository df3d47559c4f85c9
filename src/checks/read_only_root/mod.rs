//! Read-only root filesystems that keep a container running: the flag, and an emptyDir wherever it writes.
//!
//! Data in: a pod spec, whose it is, the write-path profiles and the settings. Data out: the field operations
//! for one container ([`plan_container`]) or for all of a pod ([`plan_pod`]), how sure they are and why not
//! surer, or why there are none. The fixer writes them into YAML, the webhook into an RFC 6902 patch.
//!
//! Evidence makes a plan safe: a complete profile of the container. The default directories are a guess.

mod copy_up;
mod mounts;
mod name;
mod plan;
mod pod;
mod present;
mod size;

#[cfg(test)]
mod tests;

use crate::edit::{Applicability, FieldOp};
use crate::profile::{ContainerPath, Owner, Profiles};

pub(crate) use plan::default_mounts;
pub use plan::plan_container;
pub(super) use plan::{PRIVILEGED, PRIVILEGED_IS_VOID};
pub use pod::{PodPlan, plan_pod};

/// What to mount where a container writes.
#[derive(Clone, Debug)]
pub struct Writable {
    /// What containers were seen to write.
    pub profiles: Profiles,
    /// Mounted in a container without profile.
    pub default: Vec<ContainerPath>,
    /// `emptyDir.sizeLimit`, a quantity; `None` for none.
    pub size_limit: Option<String>,
    /// `emptyDir.medium`.
    pub medium: Medium,
}

/// What an emptyDir is kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// The node's disk.
    #[default]
    Disk,
    /// Memory, which counts as the container's.
    Memory,
}

impl Default for Writable {
    /// No profiles, `/tmp`, no limit, on disk.
    fn default() -> Self {
        let tmp = ContainerPath::of_mount("/tmp");
        Self { profiles: Profiles::default(), default: vec![tmp], size_limit: None, medium: Medium::Disk }
    }
}

/// The pod that a container is of.
#[derive(Clone, Copy, Debug)]
pub struct PodOf<'p, T> {
    /// The pod spec.
    pub spec: T,
    /// Its namespace; empty where a file names none.
    pub namespace: &'p str,
    /// The workloads that it belongs to, see [`owners`](crate::profile::owners).
    pub owners: &'p [Owner],
}

/// What makes the root filesystem of one container read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The list that the container is in: `containers`.
    pub list: &'static str,
    /// The container's name.
    pub container: String,
    /// The profile that says where it writes; `None` where the default directories are taken.
    pub profile: Option<String>,
    /// What is mounted, sorted by path.
    pub mounts: Vec<AddedMount>,
    /// The changes in order, with pointers from the pod spec.
    pub ops: Vec<FieldOp>,
    /// How sure the plan is: safe or unsafe.
    pub applicability: Applicability,
    /// Why it is not safe, the weightiest first; empty where it is.
    pub reasons: Vec<String>,
    /// What else is to be known: writes that fail today as they will.
    pub notes: Vec<String>,
}

/// A directory that becomes writable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedMount {
    /// The directory.
    pub path: ContainerPath,
    /// The emptyDir volume.
    pub volume: String,
    /// An init container copies the image's files first.
    pub copy_up: bool,
}

/// Why a container's root filesystem cannot be made read-only by a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub(super) String);

impl Plan {
    /// What the plan does, as an imperative.
    pub fn title(&self) -> String {
        let paths = |copy_up: bool| {
            let chosen = self.mounts.iter().filter(|mount| mount.copy_up == copy_up);
            chosen.map(|mount| mount.path.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (fresh, copied) = (paths(false), paths(true));
        let mut title = "set readOnlyRootFilesystem to true".to_owned();
        if !fresh.is_empty() {
            title.push_str(", mount an emptyDir at ");
            title.push_str(&fresh);
        }
        if !copied.is_empty() {
            title.push_str(", mount a copy of the image's files at ");
            title.push_str(&copied);
        }
        title
    }
}
