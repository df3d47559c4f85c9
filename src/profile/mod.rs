//! Write-path profiles: where a container writes on its root filesystem, as the probe has seen it.
//!
//! Data in: the bytes of a file, or an object of the API. Data out: [`WriteProfile`]s, the one of a set that
//! is about a container ([`Profiles::find`]), one made of several ([`merge`]), and the directories to mount
//! so that every write succeeds ([`mount_points`]). It fails with the field, what was expected and what was
//! found. Nothing here reads files or asks a cluster.

mod image;
mod matching;
mod merge;
mod model;
mod mounts;
mod path;
mod print;
mod read;

pub use image::Image;
pub use matching::{Container, Owner, Profiles, Tie, owners};
pub use merge::{MergeError, merge};
pub use model::{BlockedPath, Contents, Observed, Workload, WriteProfile, WrittenPath};
pub use mounts::{MountPoint, Unmountable, Why, mount_points, why_not};
pub use path::{ContainerPath, PathError};
pub use read::{FieldError, ProfileError, read, read_object};

/// The group and version of the kind.
pub const API_VERSION: &str = "lithify.dev/v1alpha1";

/// The kind.
pub const KIND: &str = "WriteProfile";
