//! The RFC 6902 sink.

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, jsonptr::PointerBuf,
};
use serde_json::Value;

use super::FieldOp;
use crate::yaml::Pointer;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Pointer {
        text.parse().unwrap()
    }

    #[test]
    fn an_appended_item_is_added_at_the_end() {
        let ops = [FieldOp::Append { at: at("/a"), value: json!(1) }];
        let expected = json!([{"op": "add", "path": "/a/-", "value": 1}]);
        assert_eq!(serde_json::to_value(json_patch(&ops)).unwrap(), expected);
    }
}
