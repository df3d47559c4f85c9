//! Kubernetes objects without their types: one table of workload kinds, and where the pod specs are.
//!
//! Data in: any [`Tree`], such as a JSON value or a node of a YAML file. Data out: the objects of a list,
//! and the [`PodSpec`]s of an object with the path to each. What a pod spec means is for `checks` to say.

mod fragment;
mod kinds;
mod locate;
mod objects;
mod path;
mod quantity;
mod shape;
mod tree;

pub use fragment::{Fragment, FragmentOf, fragments};
pub use kinds::{CustomKind, Group, KINDS, Kinds, Workload};
pub use locate::{Origin, PodSpec, WrongShape, pod_specs};
pub use objects::{Object, objects};
pub use path::{FieldPath, Step};
pub use quantity::quantity_bytes;
pub use tree::{Tree, TreeKind, brief, to_value};
