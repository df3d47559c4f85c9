//! The RFC 6902 sink, and the application of operations to a plain value.

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, jsonptr::PointerBuf,
};
use serde_json::Value;

use super::FieldOp;
use crate::yaml::Pointer;

/// An operation that names a place that the object does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operation {index} cannot be applied at `{at}`: {reason}")]
pub struct ApplyError {
    /// Which operation of the list, from 0; those before it have been undone.
    pub index: usize,
    /// The place that it names.
    pub at: String,
    /// What is wrong with the place.
    pub reason: String,
}

/// The operations as an RFC 6902 patch, for the object that they were made for.
pub fn json_patch(ops: &[FieldOp]) -> Patch {
    Patch(ops.iter().map(patch_operation).collect())
}

fn patch_operation(op: &FieldOp) -> PatchOperation {
    let add = |at: &Pointer, value: &Value| {
        PatchOperation::Add(AddOperation { path: pointer_buf(at), value: value.clone() })
    };
    match op {
        FieldOp::Set { at, value } | FieldOp::Insert { at, value } => add(at, value),
        FieldOp::Append { at, value } => add(&at.join("-"), value),
        FieldOp::Replace { at, value } => {
            PatchOperation::Replace(ReplaceOperation { path: pointer_buf(at), value: value.clone() })
        }
        FieldOp::Remove { at } => PatchOperation::Remove(RemoveOperation { path: pointer_buf(at) }),
    }
}

fn pointer_buf(at: &Pointer) -> PointerBuf {
    PointerBuf::from_tokens(at.tokens())
}

/// Applies the operations in order; on failure `value` is as it was.
///
/// # Errors
/// [`ApplyError`] where a place or its parent does not exist, or `Set` addresses a sequence.
pub fn apply(ops: &[FieldOp], value: &mut Value) -> Result<(), ApplyError> {
    let mut changed = value.clone();
    for (index, op) in ops.iter().enumerate() {
        let failure = |reason: String| ApplyError { index, at: op.at().to_string(), reason };
        check_parent(op, &changed).map_err(|reason| failure(reason.to_owned()))?;
        json_patch::patch(&mut changed, &[patch_operation(op)])
            .map_err(|error| failure(error.to_string()))?;
    }
    *value = changed;
    Ok(())
}

/// RFC 6902's `add` serves mappings and sequences alike; `Set`, `Insert` and `Append` each mean one of them.
fn check_parent(op: &FieldOp, value: &Value) -> Result<(), &'static str> {
    let parent = |at: &Pointer| at.parent().and_then(|parent| parent.get(value));
    match op {
        FieldOp::Set { at, .. } if !parent(at).is_some_and(Value::is_object) => {
            Err("its parent is no mapping")
        }
        FieldOp::Insert { at, .. } if !parent(at).is_some_and(Value::is_array) => {
            Err("its parent is no sequence")
        }
        FieldOp::Append { at, .. } if !at.get(value).is_some_and(Value::is_array) => Err("it is no sequence"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Pointer {
        text.parse().unwrap()
    }

    #[test]
    fn applies_operations_in_order() {
        let mut value = json!({"a": [1, 2]});
        let ops = [
            FieldOp::Append { at: at("/a"), value: json!(3) },
            FieldOp::Insert { at: at("/a/0"), value: json!(0) },
            FieldOp::Replace { at: at("/a/1"), value: json!("one") },
            FieldOp::Set { at: at("/b"), value: json!({}) },
            FieldOp::Set { at: at("/b/c~1d"), value: json!(true) },
            FieldOp::Remove { at: at("/a/2") },
        ];
        apply(&ops, &mut value).unwrap();
        assert_eq!(value, json!({"a": [0, "one", 3], "b": {"c/d": true}}));
    }

    #[test]
    fn leaves_the_value_alone_when_an_operation_fails() {
        let mut value = json!({"a": [1]});
        let ops = [FieldOp::Remove { at: at("/a/0") }, FieldOp::Set { at: at("/a/0"), value: json!(2) }];
        let error = apply(&ops, &mut value).unwrap_err();
        assert_eq!((error.index, value), (1, json!({"a": [1]})));
    }

    #[test]
    fn patch_says_the_same_as_apply() {
        let ops = [FieldOp::Append { at: at("/a"), value: json!(1) }];
        let expected = json!([{"op": "add", "path": "/a/-", "value": 1}]);
        assert_eq!(serde_json::to_value(json_patch(&ops)).unwrap(), expected);
    }
}
