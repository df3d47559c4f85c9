//! What can be wrong with an object, one check a file.
//!
//! Data in: an object (any source). Data out: [`Finding`]s, which name a place by pointer; the caller knows
//! the file. No check reads files, the clock or the environment.

mod finding;
pub mod static_pod;

pub use finding::{Finding, Severity};
