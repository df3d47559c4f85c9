//! Changes to an object, written once as [`FieldOp`]s, with two sinks: lossless YAML and RFC 6902.
//!
//! Data in: what a check or a plan wants changed. Data out: the bytes of a file, or the patch of an
//! admission response. Both make the same object (invariant 2).

mod apply;
mod draft;
mod json_patch;
mod op;
mod yaml_sink;

#[cfg(test)]
mod tests;

pub use apply::{ApplyError, apply};
pub use draft::Draft;
pub use json_patch::json_patch;
pub use op::{Applicability, FieldOp, Fix};
pub use yaml_sink::{EditError, yaml_sink};
