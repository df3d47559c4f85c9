//! The vocabulary of changes.

use serde_json::Value;

use crate::yaml::Pointer;

/// One change to one place of an object.
///
/// Operations are applied in order, and each pointer names a place of the object as the operations before
/// it have left it. The parent of the place must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldOp {
    /// Set a key of a mapping: replaced where it stands, else added at the end.
    Set {
        /// The mapping's pointer and the key.
        at: Pointer,
        /// The new value.
        value: Value,
    },
    /// Replace an existing node of any kind, such as an item of a sequence.
    Replace {
        /// The node.
        at: Pointer,
        /// The new value.
        value: Value,
    },
    /// Insert into a sequence, before the item that stands there now.
    Insert {
        /// The sequence's pointer and the index, at most the sequence's length.
        at: Pointer,
        /// The new item.
        value: Value,
    },
    /// Add at the end of a sequence.
    Append {
        /// The sequence.
        at: Pointer,
        /// The new item.
        value: Value,
    },
    /// Remove a key of a mapping or an item of a sequence.
    Remove {
        /// The key or item, which must exist.
        at: Pointer,
    },
}

/// How sure a fix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// Advice only; reported as fix `none`.
    DisplayOnly,
    /// May change behaviour; applied only with `--unsafe`.
    Unsafe,
    /// Keeps behaviour.
    Safe,
}

/// A repair of one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the repair does, as an imperative: `set readOnlyRootFilesystem to true`.
    pub title: String,
    /// The changes, in order.
    pub ops: Vec<FieldOp>,
    /// How sure it is.
    pub applicability: Applicability,
}
