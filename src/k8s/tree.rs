//! What a check needs to know of a document's tree, whether it was parsed from YAML or from JSON.

use std::fmt;

use serde_json::{Number, Value};

/// What a node is, in the words of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeKind {
    /// `null`, in YAML also nothing at all.
    Null,
    /// `true` or `false`, in YAML 1.1 also `yes` and `off`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list.
    Sequence,
    /// An object.
    Mapping,
}

impl fmt::Display for TreeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Sequence => "a list",
            Self::Mapping => "a mapping",
        })
    }
}

/// A node of a document, read as Kubernetes reads it.
///
/// It is a cheap handle: copied, never owned. Implementations agree on one document: a YAML node answers as
/// the JSON value does that Kubernetes makes of it.
pub trait Tree: Copy {
    /// A string of the document.
    type Text: AsRef<str>;

    /// What the node is.
    fn kind(self) -> TreeKind;

    /// The value of a mapping's key; `None` where the key is missing or the node is no mapping.
    fn get(self, key: &str) -> Option<Self>;

    /// The entries of a mapping, in document order; none for other nodes.
    fn entries(self) -> impl Iterator<Item = (Self::Text, Self)>;

    /// The items of a sequence; none for other nodes.
    fn items(self) -> impl Iterator<Item = Self>;

    /// The string, if it is one.
    fn as_str(self) -> Option<Self::Text>;

    /// The boolean, if it is one.
    fn as_bool(self) -> Option<bool>;

    /// The number, if it is one.
    fn number(self) -> Option<Number>;

    /// The number, if it is an integer that fits.
    fn as_i64(self) -> Option<i64> {
        self.number()?.as_i64()
    }

    /// Whether it is `null`.
    fn is_null(self) -> bool {
        self.kind() == TreeKind::Null
    }

    /// The value of a mapping's key, if it has a value: the apiserver reads `null` as absent.
    fn field(self, key: &str) -> Option<Self> {
        self.get(key).filter(|value| !value.is_null())
    }
}

impl<'v> Tree for &'v Value {
    type Text = &'v str;

    fn kind(self) -> TreeKind {
        match self {
            Value::Null => TreeKind::Null,
            Value::Bool(_) => TreeKind::Bool,
            Value::Number(_) => TreeKind::Number,
            Value::String(_) => TreeKind::String,
            Value::Array(_) => TreeKind::Sequence,
            Value::Object(_) => TreeKind::Mapping,
        }
    }

    fn get(self, key: &str) -> Option<Self> {
        self.as_object()?.get(key)
    }

    fn entries(self) -> impl Iterator<Item = (&'v str, Self)> {
        self.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    fn items(self) -> impl Iterator<Item = Self> {
        self.as_array().into_iter().flatten()
    }

    fn as_str(self) -> Option<&'v str> {
        Value::as_str(self)
    }

    fn as_bool(self) -> Option<bool> {
        Value::as_bool(self)
    }

    fn number(self) -> Option<Number> {
        self.as_number().cloned()
    }

    fn as_i64(self) -> Option<i64> {
        Value::as_i64(self)
    }
}

/// The tree as a value.
pub fn to_value<T: Tree>(tree: T) -> Value {
    match tree.kind() {
        TreeKind::Null => Value::Null,
        TreeKind::Bool => tree.as_bool().into(),
        TreeKind::Number => tree.number().map_or(Value::Null, Value::Number),
        TreeKind::String => tree.as_str().map_or(Value::Null, |text| text.as_ref().into()),
        TreeKind::Sequence => tree.items().map(to_value).collect(),
        TreeKind::Mapping => {
            let entries = tree.entries().map(|(key, entry)| (key.as_ref().to_owned(), to_value(entry)));
            Value::Object(entries.collect())
        }
    }
}

/// How many characters of a string a message quotes.
const QUOTED: usize = 60;

/// A value as a message shows it: scalars as JSON, long strings cut, collections by their kind.
pub fn brief<T: Tree>(tree: T) -> String {
    match tree.kind() {
        TreeKind::Bool => tree.as_bool().unwrap_or_default().to_string(),
        TreeKind::Number => tree.number().map_or_else(String::new, |number| number.to_string()),
        TreeKind::String => quote(tree.as_str().as_ref().map_or("", AsRef::as_ref)),
        kind => kind.to_string(),
    }
}

/// A string as JSON writes it, cut where it is long.
fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => Value::from(format!("{}…", &text[..end])).to_string(),
        None => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_is_no_field() {
        let value = json!({"a": null, "b": 1});
        assert!((&value).field("a").is_none());
        assert_eq!((&value).field("b").and_then(Tree::as_i64), Some(1));
    }

    #[test]
    fn shows_scalars_as_json_and_cuts_long_strings() {
        assert_eq!(brief(&json!("a\"b")), r#""a\"b""#);
        assert_eq!(brief(&json!(1.5)), "1.5");
        assert_eq!(brief(&json!({})), "a mapping");
        assert_eq!(brief(&json!("é".repeat(100))), format!("\"{}…\"", "é".repeat(60)));
    }
}
