//! Values that functions make of fields, and comparisons of two such values.
//!
//! Texts are made in a buffer that lives as long as the evaluation, so that a comparison allocates nothing
//! once the buffer has grown.

use std::ops::{ControlFlow, Range};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::event::{Event, Field, Shape, Value};

use super::condition::Operator;
use super::predicate::Order;

/// A value that a function makes.
#[derive(Clone, Debug)]
pub(super) enum Computed {
    /// A field's value as text.
    Field(Field),
    Constant(Box<[u8]>),
    Lower(Box<Computed>),
    Upper(Box<Computed>),
    Base64(Box<Computed>),
    Basename(Box<Computed>),
    /// The bytes of a text.
    Length(Box<Computed>),
    /// The values of a field with several.
    Count(Field),
    /// The separator and the texts between which it stands.
    Join(Box<Computed>, Box<[Computed]>),
    /// The separator and the values of a field with several.
    JoinField(Box<Computed>, Field),
    Concat(Box<[Computed]>),
    /// The words, the options that exist, and the one that is asked for.
    Getopt(Box<Computed>, Box<[u8]>, u8),
}

/// One side of a comparison of two fields.
#[derive(Clone, Debug)]
pub(super) enum Side {
    Field(Field),
    Computed(Computed),
}

/// What was made: a number, or a text in the buffer.
pub(super) enum Made {
    Number(u64),
    Text(Range<usize>),
}

impl Made {
    pub(super) fn value<'b>(&self, buffer: &'b [u8]) -> Value<'b> {
        match self {
            Self::Number(number) => Value::Unsigned(*number),
            Self::Text(range) => Value::Text(&buffer[range.clone()]),
        }
    }
}

/// Encoders differ in whether they pad; what they mean does not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Computed {
    /// Makes the value; `None` where a field is absent or its value has no such form.
    pub(super) fn make<E: Event + ?Sized>(&self, event: &E, buffer: &mut Vec<u8>) -> Option<Made> {
        let start = buffer.len();
        match self {
            Self::Field(field) => push_value(event.value(field)?, buffer),
            Self::Constant(bytes) => buffer.extend_from_slice(bytes),
            Self::Lower(inner) => {
                let range = inner.text(event, buffer)?;
                buffer[range].make_ascii_lowercase();
            }
            Self::Upper(inner) => {
                let range = inner.text(event, buffer)?;
                buffer[range].make_ascii_uppercase();
            }
            Self::Base64(inner) => {
                let range = inner.text(event, buffer)?;
                let decoded = BASE64.decode(&buffer[range]).ok()?;
                buffer.truncate(start);
                buffer.extend_from_slice(&decoded);
            }
            Self::Basename(inner) => {
                let range = inner.text(event, buffer)?;
                let name =
                    buffer[range.clone()].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                buffer.drain(range.start..range.start + name);
            }
            Self::Length(inner) => {
                let length = inner.text(event, buffer)?.len();
                buffer.truncate(start);
                return Some(Made::Number(length as u64));
            }
            Self::Count(field) => return count(event, field).map(Made::Number),
            Self::Join(separator, parts) => {
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        separator.text(event, buffer)?;
                    }
                    part.text(event, buffer)?;
                }
            }
            Self::JoinField(separator, field) => join_field(event, separator, field, buffer)?,
            Self::Concat(parts) => {
                for part in parts {
                    part.text(event, buffer)?;
                }
            }
            Self::Getopt(words, known, wanted) => {
                let range = words.text(event, buffer)?;
                let value = option(&buffer[range], known, *wanted)?.to_vec();
                buffer.truncate(start);
                buffer.extend_from_slice(&value);
            }
        }
        Some(Made::Text(start..buffer.len()))
    }

    /// Makes the value as text at the end of the buffer.
    fn text<E: Event + ?Sized>(&self, event: &E, buffer: &mut Vec<u8>) -> Option<Range<usize>> {
        let start = buffer.len();
        if let Made::Number(number) = self.make(event, buffer)? {
            push_value(Value::Unsigned(number), buffer);
        }
        Some(start..buffer.len())
    }

    pub(super) fn fields<'c>(&'c self, fields: &mut Vec<&'c Field>) {
        match self {
            Self::Field(field) | Self::Count(field) => fields.push(field),
            Self::Constant(_) => {}
            Self::Lower(inner)
            | Self::Upper(inner)
            | Self::Base64(inner)
            | Self::Basename(inner)
            | Self::Length(inner)
            | Self::Getopt(inner, ..) => inner.fields(fields),
            Self::Join(first, parts) => {
                first.fields(fields);
                parts.iter().for_each(|part| part.fields(fields));
            }
            Self::JoinField(first, field) => {
                first.fields(fields);
                fields.push(field);
            }
            Self::Concat(parts) => parts.iter().for_each(|part| part.fields(fields)),
        }
    }
}

fn push_value(value: Value<'_>, buffer: &mut Vec<u8>) {
    match value.bytes() {
        Some(bytes) => buffer.extend_from_slice(bytes),
        None => buffer.extend_from_slice(value.display().as_bytes()),
    }
}

fn count<E: Event + ?Sized>(event: &E, field: &Field) -> Option<u64> {
    let mut count = 0;
    let is_there = event.each(field, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    is_there.then_some(count)
}

fn join_field<E: Event + ?Sized>(
    event: &E,
    separator: &Computed,
    field: &Field,
    buffer: &mut Vec<u8>,
) -> Option<()> {
    let between = separator.text(event, buffer)?;
    let start = buffer.len();
    let mut is_first = true;
    let is_there = event.each(field, &mut |value| {
        if !is_first {
            buffer.extend_from_within(between.clone());
        }
        is_first = false;
        push_value(value, buffer);
        ControlFlow::Continue(())
    });
    buffer.drain(between.start..start);
    is_there.then_some(())
}

/// The value of an option among words, by the rules of `getopt`: options may stand together and anywhere
/// before `--`; `known` has a colon behind those that take a value. An option without value is an empty text.
fn option<'w>(words: &'w [u8], known: &[u8], wanted: u8) -> Option<&'w [u8]> {
    let mut words = words.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut found = None;
    while let Some(word) = words.next() {
        let [b'-', options @ ..] = word else { continue };
        if options == b"-" {
            break;
        }
        for (at, option) in options.iter().enumerate() {
            let takes_value =
                known.iter().position(|byte| byte == option).is_some_and(|i| known.get(i + 1) == Some(&b':'));
            let attached = &options[at + 1..];
            if !takes_value {
                if *option == wanted {
                    found = Some(&b""[..]);
                }
                continue;
            }
            let value = if attached.is_empty() { words.next()? } else { attached };
            if *option == wanted {
                found = Some(value);
            }
            break;
        }
    }
    found
}

impl Side {
    pub(super) fn fields<'c>(&'c self, fields: &mut Vec<&'c Field>) {
        match self {
            Self::Field(field) => fields.push(field),
            Self::Computed(computed) => computed.fields(fields),
        }
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::Field(field) if field.shape() == Shape::List)
    }
}

/// Compares two sides; false where either is absent.
pub(super) fn compare<E: Event + ?Sized>(
    event: &E,
    left: &Side,
    operator: Operator,
    right: &Side,
    buffer: &mut Vec<u8>,
) -> bool {
    if let (Side::Field(left), Side::Field(right), true) = (left, right, left.is_list()) {
        return compare_lists(event, left, operator, right);
    }
    let mut produce = |side: &Side| match side {
        Side::Field(_) => Some(None),
        Side::Computed(computed) => computed.make(event, buffer).map(Some),
    };
    let (Some(made_left), Some(made_right)) = (produce(left), produce(right)) else { return false };
    let value = |side: &Side, made: &Option<Made>| match (side, made) {
        (Side::Field(field), _) => event.value(field),
        (_, Some(made)) => Some(made.value(buffer)),
        _ => None,
    };
    let (Some(left), Some(right)) = (value(left, &made_left), value(right, &made_right)) else {
        return false;
    };
    compare_values(left, operator, right)
}

fn compare_lists<E: Event + ?Sized>(event: &E, left: &Field, operator: Operator, right: &Field) -> bool {
    let mut all = true;
    let mut any = false;
    let is_there = event.each(left, &mut |wanted| {
        let mut found = false;
        event.each(right, &mut |value| {
            found |= value == wanted;
            if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        all &= found;
        any |= found;
        ControlFlow::Continue(())
    });
    is_there && count(event, right).is_some() && if operator == Operator::In { all } else { any }
}

fn compare_values(left: Value<'_>, operator: Operator, right: Value<'_>) -> bool {
    let order = match operator {
        Operator::Lt => Order::Less,
        Operator::Le => Order::AtMost,
        Operator::Gt => Order::Greater,
        Operator::Ge => Order::AtLeast,
        _ => Order::Equal,
    };
    let holds = match (left.bytes().zip(right.bytes()), left.integer().zip(right.integer())) {
        (Some((left, right)), _) => return compare_texts(left, operator, order, right),
        (_, Some((left, right))) => order.holds(&left, &right),
        _ => match (left, right) {
            (Value::Double(left), Value::Double(right)) => order.holds(&left, &right),
            (Value::Address(left), Value::Address(right)) => left.to_canonical() == right.to_canonical(),
            _ => return false,
        },
    };
    holds != (operator == Operator::Ne)
}

fn compare_texts(left: &[u8], operator: Operator, order: Order, right: &[u8]) -> bool {
    let contains = |text: &[u8], part: &[u8]| memchr::memmem::find(text, part).is_some();
    match operator {
        Operator::Ne => left != right,
        Operator::Contains | Operator::Bcontains => contains(left, right),
        Operator::Icontains => contains(&left.to_ascii_lowercase(), &right.to_ascii_lowercase()),
        Operator::Startswith | Operator::Bstartswith => left.starts_with(right),
        Operator::Endswith => left.ends_with(right),
        Operator::Glob => super::predicate::glob_matches(right, false, left),
        Operator::Iglob => super::predicate::glob_matches(right, true, left),
        _ => order.holds(left, right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_as_getopt_finds_them() {
        let find = |words: &str, wanted: u8| option(words.as_bytes(), b"nt:v", wanted).map(<[u8]>::to_vec);
        assert_eq!(find("host -n -t 5", b't'), Some(b"5".to_vec()));
        assert_eq!(find("-nt5", b't'), Some(b"5".to_vec()));
        assert_eq!(find("-nv x", b'v'), Some(Vec::new()));
        assert_eq!(find("-- -t 5", b't'), None);
        assert_eq!(find("-t", b't'), None);
    }
}
