//! Events of system calls: what to capture, and what rules see of it.

mod arena;
pub(crate) mod event;
mod fields;
pub(crate) mod names;
pub(crate) mod plan;

pub(crate) use fields::has_value;
