//! The vocabulary of changes.

use std::borrow::Cow;

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
    pub title: Cow<'static, str>,
    /// The changes, in order.
    pub ops: Vec<FieldOp>,
    /// How sure it is.
    pub applicability: Applicability,
    /// Why it is not surer, the weightiest first; empty where the check's manual says all there is to say.
    pub reasons: Vec<String>,
    /// What it leaves as it is, where somebody might expect otherwise.
    pub notes: Vec<String>,
}

impl Fix {
    /// A repair whose reasons the check's manual gives.
    pub fn new(title: impl Into<Cow<'static, str>>, ops: Vec<FieldOp>, applicability: Applicability) -> Self {
        Self { title: title.into(), ops, applicability, reasons: Vec::new(), notes: Vec::new() }
    }

    /// Why there is no repair by a program.
    pub fn refused(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(reason, Vec::new(), Applicability::DisplayOnly)
    }
}

impl FieldOp {
    /// The place that it changes.
    pub fn at(&self) -> &Pointer {
        match self {
            Self::Set { at, .. }
            | Self::Replace { at, .. }
            | Self::Insert { at, .. }
            | Self::Append { at, .. }
            | Self::Remove { at } => at,
        }
    }

    /// The same change of an object that stands at `base` in another one.
    pub fn below(self, base: &Pointer) -> Self {
        let below = |at: Pointer| base.concat(&at);
        match self {
            Self::Set { at, value } => Self::Set { at: below(at), value },
            Self::Replace { at, value } => Self::Replace { at: below(at), value },
            Self::Insert { at, value } => Self::Insert { at: below(at), value },
            Self::Append { at, value } => Self::Append { at: below(at), value },
            Self::Remove { at } => Self::Remove { at: below(at) },
        }
    }
}
