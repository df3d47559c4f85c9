//! What an untagged or tagged scalar means: the YAML 1.1 rules of go-yaml v2, through which every
//! Kubernetes component reads its files.
//!
//! Source: go-yaml v2 `resolve.go`, `decode.go`; sigs.k8s.io/yaml 1.6 for keys and for what JSON can say.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::error::SyntaxReason;
use super::properties::Tag;

/// The meaning of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Uint(u64),
    Float(f64),
    /// The scalar's text as it stands.
    Text,
    /// Text made from the scalar's text, by a `!!binary` tag.
    Decoded(String),
}

/// Whether a plain scalar may be something else than a string: one that begins as a number or as one of the
/// words of YAML 1.1 does. Most keys and words can be told apart by two characters.
#[inline]
pub(super) fn may_be_special(text: &[u8]) -> bool {
    static SPECIAL: [bool; 256] = {
        let mut special = [false; 256];
        let firsts = b"+-.0123456789yYnNtTfFoO~";
        let mut index = 0;
        while index < firsts.len() {
            special[firsts[index] as usize] = true;
            index += 1;
        }
        special
    };
    match text {
        [] => true,
        [first] => SPECIAL[usize::from(*first)],
        [first, second, ..] if SPECIAL[usize::from(*first)] => {
            let words = [*b"ye", *b"no", *b"nu", *b"tr", *b"fa", *b"on", *b"of"];
            !first.is_ascii_alphabetic()
                || (text.len() <= "false".len() && words.contains(&[*first | 0x20, *second | 0x20]))
        }
        _ => false,
    }
}

/// The meaning of an untagged plain scalar.
#[inline]
pub(super) fn resolve_plain(text: &str) -> Resolved {
    match text.as_bytes().first() {
        None => Resolved::Null,
        Some(&first) if may_be_special(text.as_bytes()) => resolve_special(text, first),
        Some(_) => Resolved::Text,
    }
}

fn resolve_special(text: &str, first: u8) -> Resolved {
    match first {
        b'.' => special_word(text).or_else(|| go_float(text)).unwrap_or(Resolved::Text),
        b'+' | b'-' | b'0'..=b'9' => special_word(text).or_else(|| number(text)).unwrap_or(Resolved::Text),
        _ => special_word(text).unwrap_or(Resolved::Text),
    }
}

/// The words of YAML 1.1 that are no strings.
fn special_word(text: &str) -> Option<Resolved> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Integers in Go's bases (`0x`, `0o`, `0b`, and a leading zero for octal), then decimal floats; underscores
/// anywhere are ignored.
fn number(text: &str) -> Option<Resolved> {
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    let plain = plain.as_ref();
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    if let Some(magnitude) = unsigned_any_base(digits) {
        if let Some(value) = signed(negative, magnitude) {
            return Some(Resolved::Int(value));
        }
        // Go's unsigned parser takes no sign.
        if !plain.starts_with(['-', '+']) {
            return Some(Resolved::Uint(magnitude));
        }
    }
    if is_yaml_float(digits) {
        return plain.parse().ok().filter(|value: &f64| value.is_finite()).map(Resolved::Float);
    }
    // `0b` followed by a signed number, which only go-yaml's own fallback accepts.
    let signed_binary = plain.strip_prefix("0b")?;
    let magnitude = signed_binary.strip_prefix(['-', '+'])?;
    let value = signed(signed_binary.starts_with('-'), digits_in_base(magnitude, 2)?)?;
    Some(Resolved::Int(value))
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn unsigned_any_base(digits: &str) -> Option<u64> {
    let bytes = digits.as_bytes();
    match bytes {
        [b'0', b'b' | b'B', _, ..] => digits_in_base(&digits[2..], 2),
        [b'0', b'o' | b'O', _, ..] => digits_in_base(&digits[2..], 8),
        [b'0', b'x' | b'X', _, ..] => digits_in_base(&digits[2..], 16),
        [b'0'] => Some(0),
        [b'0', ..] => digits_in_base(&digits[1..], 8),
        _ => digits_in_base(digits, 10),
    }
}

/// Digits only: Rust's own parser would take a sign.
fn digits_in_base(digits: &str, base: u32) -> Option<u64> {
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, base).ok() }
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, then an exponent.
fn is_yaml_float(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits_from = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits_from(0);
    let mut at = whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits_from(at + 1);
        at += 1 + fraction;
        if whole + fraction == 0 {
            return false;
        }
    } else if whole == 0 {
        return false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits_from(at);
        return exponent > 0 && at + exponent == bytes.len();
    }
    at == bytes.len()
}

/// Go's own float syntax, which go-yaml asks where the text begins with a dot: underscores between digits.
fn go_float(text: &str) -> Option<Resolved> {
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let well_placed = bytes.iter().enumerate().all(|(at, &byte)| byte != b'_' || between_digits(at));
    let plain = text.replace('_', "");
    if !well_placed || !is_yaml_float(&plain) {
        return None;
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite()).map(Resolved::Float)
}

/// The meaning of a scalar with a tag.
///
/// # Errors
/// [`SyntaxReason::TagMismatch`] where the text is not what the tag says, as in Go.
pub(super) fn resolve_tagged(tag: Tag, text: &str) -> Result<Resolved, SyntaxReason> {
    let mismatch = |tag| Err(SyntaxReason::TagMismatch { text: text.to_owned(), tag });
    let resolved = resolve_plain(text);
    match (tag, resolved) {
        (Tag::None, resolved) => Ok(resolved),
        (Tag::Str | Tag::Merge | Tag::Other, _) => Ok(Resolved::Text),
        (Tag::Binary, _) => {
            decode_base64(text).map_or_else(|| mismatch("!!binary"), |text| Ok(Resolved::Decoded(text)))
        }
        (Tag::Null, Resolved::Null) => Ok(Resolved::Null),
        (Tag::Null, _) => mismatch("!!null"),
        (Tag::Bool, Resolved::Bool(value)) => Ok(Resolved::Bool(value)),
        (Tag::Bool, _) => mismatch("!!bool"),
        (Tag::Int, Resolved::Int(value)) => Ok(Resolved::Int(value)),
        (Tag::Int, Resolved::Uint(value)) => Ok(Resolved::Uint(value)),
        (Tag::Int, _) => mismatch("!!int"),
        (Tag::Float, Resolved::Float(value)) => Ok(Resolved::Float(value)),
        #[expect(clippy::cast_precision_loss, reason = "as in Go: the tag asks for a float")]
        (Tag::Float, Resolved::Int(value)) => Ok(Resolved::Float(value as f64)),
        (Tag::Float, _) => mismatch("!!float"),
        (Tag::Timestamp, _) if super::timestamp::is_timestamp(text) => Ok(Resolved::Text),
        (Tag::Timestamp, _) => mismatch("!!timestamp"),
    }
}

/// Standard base64 with padding, line breaks ignored; bytes that are no UTF-8 become U+FFFD, as Go's JSON
/// encoder makes them.
fn decode_base64(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let symbols: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    if !symbols.len().is_multiple_of(4) {
        return None;
    }
    let groups = symbols.len() / 4;
    for (index, group) in symbols.chunks_exact(4).enumerate() {
        let padding = group.iter().rev().take_while(|&&symbol| symbol == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < groups) {
            return None;
        }
        let mut bits = 0_u32;
        for &symbol in &group[..4 - padding] {
            bits = bits << 6 | sextet(symbol)?;
        }
        bits <<= 6 * padding;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    Some(lossy_per_byte(&bytes))
}

fn sextet(symbol: u8) -> Option<u32> {
    Some(u32::from(match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

fn lossy_per_byte(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// A float as JSON says it and Kubernetes reads it back: without a fraction it is an integer.
///
/// `None` for infinities and not-a-number.
pub(super) fn json_float(value: f64) -> Option<Number> {
    /// From here on Go's JSON encoder writes exponents.
    const EXPONENT_FROM: f64 = 1e21;
    if value.fract() == 0.0 && value.abs() < EXPONENT_FROM && !(value == 0.0 && value.is_sign_negative()) {
        // Go writes such a float with all digits and no dot; the reader takes the digits for an integer.
        let digits = format!("{value:.0}");
        if let Ok(value) = digits.parse::<i64>() {
            return Some(value.into());
        }
        if let Ok(value) = digits.parse::<u64>() {
            return Some(value.into());
        }
    }
    Number::from_f64(value)
}

impl Resolved {
    /// The JSON value; `text` is the scalar's text. Non-finite floats, which the parser refuses, become null.
    pub(super) fn into_value(self, text: Cow<'_, str>) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => value.into(),
            Self::Uint(value) => value.into(),
            Self::Float(value) => json_float(value).map_or(Value::Null, Value::Number),
            Self::Text => Value::String(text.into_owned()),
            Self::Decoded(text) => Value::String(text),
        }
    }

    /// The key that sigs.k8s.io/yaml makes of this scalar.
    ///
    /// # Errors
    /// [`SyntaxReason::KeyKind`] for null and for integers above `i64::MAX`.
    pub(super) fn into_key(self, text: Cow<'_, str>) -> Result<Cow<'_, str>, SyntaxReason> {
        Ok(Cow::Owned(match self {
            Self::Text => return Ok(text),
            Self::Decoded(text) => text,
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => super::go_float::format_shortest_32(value),
            Self::Null => return Err(SyntaxReason::KeyKind("null")),
            Self::Uint(_) => return Err(SyntaxReason::KeyKind("an integer of more than 63 bits")),
        }))
    }
}
