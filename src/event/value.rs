//! Values of fields: borrowed from an event while rules look at it, owned where an event is recorded.

use core::net::IpAddr;
use std::borrow::Cow;
use std::fmt::{self, Write};

use serde_json::Value as Json;

use super::kind::{Class, Kind};

/// One value, borrowed from its event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'e> {
    /// Text, usually UTF-8, but the kernel promises no encoding.
    Text(&'e [u8]),
    /// Bytes of any value.
    Bytes(&'e [u8]),
    /// `true` or `false`.
    Bool(bool),
    /// A signed number.
    Signed(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// A floating point number.
    Double(f64),
    /// An address.
    Address(IpAddr),
}

impl<'e> Value<'e> {
    /// A text.
    pub const fn text(text: &'e str) -> Self {
        Self::Text(text.as_bytes())
    }

    /// The bytes of a text or a buffer; `None` for anything else.
    pub const fn bytes(self) -> Option<&'e [u8]> {
        match self {
            Self::Text(bytes) | Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A number of either sign; `None` for anything else.
    pub fn integer(self) -> Option<i128> {
        match self {
            Self::Signed(number) => Some(number.into()),
            Self::Unsigned(number) => Some(number.into()),
            Self::Bool(flag) => Some(flag.into()),
            _ => None,
        }
    }

    /// The value as an output template prints it.
    pub fn display(self) -> Cow<'e, str> {
        match self {
            Self::Text(bytes) => String::from_utf8_lossy(bytes),
            Self::Bytes(bytes) => Cow::Owned(printable(bytes)),
            Self::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Self::Signed(number) => Cow::Owned(number.to_string()),
            Self::Unsigned(number) => Cow::Owned(number.to_string()),
            Self::Double(number) => Cow::Owned(number.to_string()),
            Self::Address(address) => Cow::Owned(address.to_string()),
        }
    }

    /// The value as JSON: numbers stay numbers.
    pub fn to_json(self) -> Json {
        match self {
            Self::Bool(flag) => flag.into(),
            Self::Signed(number) => number.into(),
            Self::Unsigned(number) => number.into(),
            Self::Double(number) => number.into(),
            other => other.display().into(),
        }
    }
}

/// Bytes with what cannot be printed as a dot, as Falco shows buffers.
fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// One value, or several, that outlives its event.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Text.
    Text(Box<[u8]>),
    /// Bytes of any value.
    Bytes(Box<[u8]>),
    /// `true` or `false`.
    Bool(bool),
    /// A signed number.
    Signed(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// A floating point number.
    Double(f64),
    /// An address.
    Address(IpAddr),
    /// Several values.
    List(Box<[Datum]>),
}

/// A JSON value that does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ValueError {
    expected: &'static str,
    found: String,
}

impl Datum {
    /// A text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// The value; of several the first. `None` for an empty list.
    pub fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Text(bytes) => Value::Text(bytes),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Signed(number) => Value::Signed(*number),
            Self::Unsigned(number) => Value::Unsigned(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Address(address) => Value::Address(*address),
            Self::List(items) => return items.first()?.value(),
        })
    }

    /// The value of a field of this kind that a JSON value stands for.
    ///
    /// Text takes numbers and truth values as they are written; numbers and truth values may be quoted.
    ///
    /// # Errors
    /// [`ValueError`] if the JSON value is of another type, or a number out of range.
    pub fn from_json(kind: Kind, json: &Json) -> Result<Self, ValueError> {
        if let Json::Array(items) = json {
            return items
                .iter()
                .map(|item| Self::from_json(kind, item))
                .collect::<Result<_, _>>()
                .map(Self::List);
        }
        let written = match json {
            Json::String(text) => Cow::Borrowed(text.as_str()),
            Json::Number(_) | Json::Bool(_) => Cow::Owned(json.to_string()),
            _ => return Err(ValueError { expected: expected(kind), found: json.to_string() }),
        };
        Self::parse(kind, &written)
            .ok_or_else(|| ValueError { expected: expected(kind), found: json.to_string() })
    }

    fn parse(kind: Kind, text: &str) -> Option<Self> {
        Some(match kind.class() {
            Class::Text => Self::text(text),
            Class::Bytes => Self::Bytes(text.as_bytes().into()),
            Class::Bool => Self::Bool(match text {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return None,
            }),
            Class::Integer if text.starts_with('-') => Self::Signed(text.parse().ok()?),
            Class::Integer if is_signed(kind) => Self::Signed(text.parse().ok()?),
            Class::Integer => Self::Unsigned(text.parse().ok()?),
            Class::Double => Self::Double(text.parse().ok()?),
            Class::Address | Class::Network => Self::Address(text.parse().ok()?),
        })
    }
}

const fn is_signed(kind: Kind) -> bool {
    matches!(kind, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Fd | Kind::Pid | Kind::Errno)
}

const fn expected(kind: Kind) -> &'static str {
    match kind.class() {
        Class::Text | Class::Bytes => "a text",
        Class::Bool => "true or false",
        Class::Integer => "a whole number",
        Class::Double => "a number",
        Class::Address | Class::Network => "an IPv4 or IPv6 address",
    }
}

/// Several values as a template prints them: `(a,b)`.
pub(crate) fn write_list<'v>(
    out: &mut String,
    values: impl Iterator<Item = Value<'v>>,
) -> Result<(), fmt::Error> {
    out.push('(');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write!(out, "{}", value.display())?;
    }
    out.push(')');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_values_take_the_type_of_their_field() {
        assert_eq!(Datum::from_json(Kind::Uint32, &json!("34816")), Ok(Datum::Unsigned(34816)));
        assert_eq!(Datum::from_json(Kind::Fd, &json!(-1)), Ok(Datum::Signed(-1)));
        assert_eq!(Datum::from_json(Kind::Charbuf, &json!(201)), Ok(Datum::text("201")));
        assert_eq!(Datum::from_json(Kind::Bool, &json!(true)), Ok(Datum::Bool(true)));
        let address = Datum::from_json(Kind::Ipaddr, &json!("2001:db8::1")).unwrap();
        assert_eq!(address.value().unwrap().display(), "2001:db8::1");
    }

    #[test]
    fn refuses_json_values_of_another_type() {
        let error = Datum::from_json(Kind::Int64, &json!("seven")).unwrap_err();
        assert_eq!(error.to_string(), "expected a whole number, found \"seven\"");
        assert!(Datum::from_json(Kind::Charbuf, &json!({"a": 1})).is_err());
    }

    #[test]
    fn prints_lists_in_parentheses_and_buffers_with_dots() {
        let mut out = String::new();
        write_list(&mut out, [Value::text("a"), Value::Bytes(b"b\0c")].into_iter()).unwrap();
        assert_eq!(out, "(a,b.c)");
    }
}
