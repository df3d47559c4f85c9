//! Paths to fields: cheap to build from the kinds table, turned into pointers only for findings.

use std::borrow::Cow;

/// One step down a tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into a mapping.
    Key(Cow<'static, str>),
    /// Into a sequence, from 0.
    Item(usize),
}

/// A place below some node, outermost step first; empty is the node itself.
pub type FieldPath = Vec<Step>;
