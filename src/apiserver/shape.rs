//! Reading fields of a Pod with their types checked: the kubelet would refuse the others.

use serde_json::Value;

use crate::yaml::Pointer;

/// A field of another type than the Pod API has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{at}` is {found}, expected {expected}")]
pub struct WrongType {
    /// The field.
    pub at: Pointer,
    /// What the API has there.
    pub expected: &'static str,
    /// What was found.
    pub found: &'static str,
}

const NO_ITEMS: &[Value] = &[];

/// The items of a list field; none where it is absent or null.
pub(super) fn items<'v>(object: &'v Value, at: &Pointer, key: &str) -> Result<&'v [Value], WrongType> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(NO_ITEMS),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(WrongType { at: at.join(key), expected: "a list", found: kind(other) }),
    }
}

pub(super) fn text(value: &Value, at: impl FnOnce() -> Pointer) -> Result<&str, WrongType> {
    value.as_str().ok_or_else(|| WrongType { at: at(), expected: "a string", found: kind(value) })
}

/// A text field; `None` where it is absent or null.
pub(super) fn optional_text<'v>(
    object: &'v Value,
    at: &Pointer,
    key: &str,
) -> Result<Option<&'v str>, WrongType> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => text(value, || at.join(key)).map(Some),
    }
}

/// A boolean field; false where it is absent or null.
pub(super) fn boolean(object: &Value, at: &Pointer, key: &str) -> Result<bool, WrongType> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(WrongType { at: at.join(key), expected: "a boolean", found: kind(other) }),
    }
}

/// A mapping field; `None` where it is absent or null.
pub(super) fn mapping<'v>(
    object: &'v Value,
    at: &Pointer,
    key: &str,
) -> Result<Option<&'v Value>, WrongType> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value @ Value::Object(_)) => Ok(Some(value)),
        Some(other) => Err(WrongType { at: at.join(key), expected: "a mapping", found: kind(other) }),
    }
}

/// A user or group id; `None` where it is absent or null.
pub(super) fn id(object: &Value, at: &Pointer, key: &str) -> Result<Option<u32>, WrongType> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
            let wrong = || WrongType { at: at.join(key), expected: "a user or group id", found: kind(value) };
            id.map(Some).ok_or_else(wrong)
        }
    }
}

/// What a value is, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
