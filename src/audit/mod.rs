//! Audit policies and audit events of Kubernetes (`audit.k8s.io/v1`).
//!
//! Data in: the document of a policy file, or a line of an audit log. Data out: what the apiserver would make
//! of it. Nothing here reads files or prints.

mod cover;
mod decode;
mod evaluate;
mod event;
mod exposure;
mod file;
mod load;
mod metadata;
mod policy;
mod request;
mod resources;
mod sizing;
mod template;
mod tree;
mod unmatched;
mod url;
mod validate;

pub use cover::Shadow;
pub use decode::{Ignored, IgnoredReason, Refusal};
pub use evaluate::{Mismatch, Verdict};
pub use event::{Event, EventList, ObjectReference, ResponseStatus, Text, UserInfo};
pub use exposure::{Exposure, Sensitive};
pub use file::{PolicyFile, ReadError, load};
pub use load::{API_VERSION, Loaded, load_value};
pub use policy::{GroupResources, Level, Policy, PolicyRule, Stage, StageSet, UnknownName};
pub use request::{Request, Resource, Target, User, implied_groups};
pub use resources::group_of;
pub use sizing::{LineError, Sizing, Tally};
pub use template::{Template, WatchError, Watched, delete_watch};
pub use unmatched::Unmatched;
pub use url::{Resolved, object_verb, resolve};
