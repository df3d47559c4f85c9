//! Operations on a plain value: what the two sinks are to make.

use serde_json::Value;

use super::FieldOp;
use crate::yaml::{Pointer, parse_index};

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

/// Applies the operations in order; on failure `value` is as it was.
///
/// # Errors
/// [`ApplyError`] where a place or its parent does not exist, or `Set` addresses a sequence.
pub fn apply(ops: &[FieldOp], value: &mut Value) -> Result<(), ApplyError> {
    *value = applied(ops, value.clone())?;
    Ok(())
}

/// A value after the operations; see [`apply`].
///
/// # Errors
/// As [`apply`].
pub(super) fn applied(ops: &[FieldOp], mut value: Value) -> Result<Value, ApplyError> {
    for (index, op) in ops.iter().enumerate() {
        let failure = |reason: &str| ApplyError { index, at: op.at().to_string(), reason: reason.to_owned() };
        apply_one(op, &mut value).map_err(failure)?;
    }
    Ok(value)
}

/// RFC 6902's `add` serves mappings and sequences alike; `Set`, `Insert` and `Append` each mean one of them.
fn apply_one(op: &FieldOp, root: &mut Value) -> Result<(), &'static str> {
    const NO_PLACE: &str = "there is no such place";
    match op {
        FieldOp::Set { at, value } => {
            let (parent, key) = parent(at, root).ok_or("its parent is no mapping")?;
            let entries = parent.as_object_mut().ok_or("its parent is no mapping")?;
            entries.insert(key.to_owned(), value.clone());
        }
        FieldOp::Replace { at, value } => {
            *get_mut(at.tokens(), root).ok_or(NO_PLACE)? = value.clone();
        }
        FieldOp::Insert { at, value } => {
            let (parent, index) = parent(at, root).ok_or("its parent is no sequence")?;
            let items = parent.as_array_mut().ok_or("its parent is no sequence")?;
            let index = parse_index(index).filter(|index| *index <= items.len()).ok_or(NO_PLACE)?;
            items.insert(index, value.clone());
        }
        FieldOp::Append { at, value } => {
            let list = get_mut(at.tokens(), root).and_then(Value::as_array_mut);
            list.ok_or("it is no sequence")?.push(value.clone());
        }
        FieldOp::Remove { at } => match parent(at, root).ok_or(NO_PLACE)? {
            (Value::Object(entries), key) => _ = entries.shift_remove(key).ok_or(NO_PLACE)?,
            (Value::Array(items), index) => {
                let index = parse_index(index).filter(|index| *index < items.len()).ok_or(NO_PLACE)?;
                items.remove(index);
            }
            _ => return Err(NO_PLACE),
        },
    }
    Ok(())
}

/// What holds a place, and the place's own token; `None` for the whole document.
fn parent<'v, 'p>(at: &'p Pointer, root: &'v mut Value) -> Option<(&'v mut Value, &'p str)> {
    let mut tokens = at.tokens();
    let last = tokens.next_back()?;
    Some((get_mut(tokens, root)?, last))
}

fn get_mut<'v, 'p>(mut tokens: impl Iterator<Item = &'p str>, root: &'v mut Value) -> Option<&'v mut Value> {
    tokens.try_fold(root, |value, token| match value {
        Value::Object(entries) => entries.get_mut(token),
        Value::Array(items) => items.get_mut(parse_index(token)?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::slice;

    use serde_json::json;

    use super::super::json_patch;
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

    /// Every operation at every kind of place, held against the RFC's own implementation.
    #[test]
    fn makes_what_the_json_patch_makes() {
        let object = json!({"a": [1, {"x": 0}], "b": {"c": null}, "s": "text"});
        let places =
            ["", "/a", "/a/0", "/a/1/x", "/a/2", "/a/3", "/a/-", "/a/01", "/b/c", "/b/d", "/s/x", "/n/x"];
        let (mut alike, mut refused) = (0, 0);
        for place in places.map(at) {
            let value = json!(7);
            let ops = [
                FieldOp::Set { at: place.clone(), value: value.clone() },
                FieldOp::Insert { at: place.clone(), value: value.clone() },
                FieldOp::Append { at: place.clone(), value: value.clone() },
                FieldOp::Replace { at: place.clone(), value },
                FieldOp::Remove { at: place },
            ];
            for op in ops {
                let mut patched = object.clone();
                let is_patched = ::json_patch::patch(&mut patched, &json_patch(slice::from_ref(&op))).is_ok();
                match applied(slice::from_ref(&op), object.clone()) {
                    Ok(applied) => {
                        assert!(is_patched, "{op:?}");
                        assert_eq!(applied, patched, "{op:?}");
                        alike += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(alike > 15 && refused > 15, "{alike} alike, {refused} refused");
    }
}
