//! From operators and written constants to predicates.

use std::collections::HashSet;

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use crate::event::{Class, Kind};

use super::super::condition::{Literal, Operator, Quantifier};
use super::glob::Glob;
use super::network::Network;
use super::paths::Paths;
use super::services;
use super::{Order, Predicate, Text};

/// Why an operator, constants and a type do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Refusal {
    #[error("filter error: operator '{operator}' not supported for type '{kind}'")]
    Operator { operator: &'static str, kind: String },
    #[error("filter error: '{text}' is not a valid {expected}")]
    Constant { text: String, expected: &'static str },
    #[error("filter error: bcontains and bstartswith operator support hex strings only")]
    Hexadecimal,
    #[error("filter error: invalid regular expression '{pattern}': {reason}")]
    Regex { pattern: String, reason: String },
    #[error("filter error: a path of more than {MAX_COMPONENTS} components")]
    DeepPath,
}

/// Components of a path that `pmatch` compares with; the kernel's longest path has 2048.
const MAX_COMPONENTS: usize = 2048;

/// Memory that one regular expression may take once compiled.
const REGEX_BYTES: usize = 1 << 20;

/// Operators that take values of a class; for lists `in` and `intersects`.
pub(in super::super) fn operators_of(class: Class, is_list: bool) -> &'static [Operator] {
    use Operator as O;
    if is_list {
        return &[O::Exists, O::In, O::Intersects];
    }
    match class {
        Class::Text => &[
            O::Exists,
            O::Eq,
            O::Ne,
            O::Lt,
            O::Le,
            O::Gt,
            O::Ge,
            O::Glob,
            O::Iglob,
            O::Contains,
            O::Icontains,
            O::Startswith,
            O::Endswith,
            O::Regex,
            O::In,
            O::Intersects,
            O::Pmatch,
        ],
        Class::Bytes => &[
            O::Exists,
            O::Eq,
            O::Ne,
            O::Contains,
            O::In,
            O::Startswith,
            O::Endswith,
            O::Intersects,
            O::Bcontains,
            O::Bstartswith,
        ],
        Class::Bool | Class::Address | Class::Network => &[O::Exists, O::Eq, O::Ne, O::In, O::Intersects],
        Class::Integer | Class::Double => {
            &[O::Exists, O::Eq, O::Ne, O::Lt, O::Le, O::Gt, O::Ge, O::In, O::Intersects]
        }
    }
}

/// Whether an operator takes values of a type.
pub(in super::super) fn fits(operator: Operator, kind: Kind, is_list: bool) -> Result<(), Refusal> {
    if operators_of(kind.class(), is_list).contains(&operator) {
        return Ok(());
    }
    let kind = if is_list { format!("LIST({kind})") } else { kind.to_string() };
    Err(Refusal::Operator { operator: operator.name(), kind })
}

/// The predicate of an operator, a quantifier and constants, for values of a type.
pub(in super::super) fn build(
    operator: Operator,
    quantifier: Option<Quantifier>,
    constants: &[Literal],
    kind: Kind,
) -> Result<Predicate, Refusal> {
    if let Some(quantifier) = quantifier {
        let each = constants.iter().map(|constant| one(operator, constant, kind));
        return Ok(Predicate::Many(quantifier, each.collect::<Result<_, _>>()?));
    }
    match operator {
        Operator::Exists => Ok(Predicate::Exists),
        Operator::In | Operator::Intersects => several(constants, kind),
        Operator::Pmatch => {
            let deep = |path: &Literal| memchr::memchr_iter(b'/', &path.bytes).count() > MAX_COMPONENTS;
            if constants.iter().any(deep) {
                return Err(Refusal::DeepPath);
            }
            let paths = constants.iter().map(|constant| &*constant.bytes);
            Ok(Predicate::Text(Text::Below(Box::new(Paths::new(paths)))))
        }
        _ => match constants {
            [constant] => one(operator, constant, kind),
            // The parser reads one constant here.
            _ => Err(Refusal::Constant { text: String::new(), expected: "value" }),
        },
    }
}

fn several(constants: &[Literal], kind: Kind) -> Result<Predicate, Refusal> {
    let integers = || constants.iter().map(|constant| integer(constant, kind));
    Ok(match kind.class() {
        Class::Text | Class::Bytes => {
            let set: HashSet<Box<[u8]>> = constants.iter().map(|c| c.bytes.as_slice().into()).collect();
            Predicate::Text(Text::In(set))
        }
        Class::Bool => {
            let wanted = constants.iter().map(truth).collect::<Result<Vec<_>, _>>()?;
            let mut wanted: Vec<i128> = wanted.into_iter().map(i128::from).collect();
            wanted.sort_unstable();
            Predicate::Integers(wanted.into())
        }
        Class::Integer => {
            let mut wanted = integers().collect::<Result<Vec<_>, _>>()?;
            wanted.sort_unstable();
            Predicate::Integers(wanted.into())
        }
        Class::Double => Predicate::Doubles(constants.iter().map(double).collect::<Result<_, _>>()?),
        Class::Address => Predicate::Addresses(constants.iter().map(address).collect::<Result<_, _>>()?),
        Class::Network => Predicate::Networks(constants.iter().map(network).collect::<Result<_, _>>()?),
    })
}

fn one(operator: Operator, constant: &Literal, kind: Kind) -> Result<Predicate, Refusal> {
    if operator == Operator::Ne {
        return one(Operator::Eq, constant, kind).map(|equal| Predicate::Not(Box::new(equal)));
    }
    let order = match operator {
        Operator::Lt => Order::Less,
        Operator::Le => Order::AtMost,
        Operator::Gt => Order::Greater,
        Operator::Ge => Order::AtLeast,
        _ => Order::Equal,
    };
    Ok(match kind.class() {
        Class::Text | Class::Bytes => Predicate::Text(text(operator, order, &constant.bytes)?),
        Class::Bool => Predicate::Bool(truth(constant)?),
        Class::Integer => Predicate::Integer(order, integer(constant, kind)?),
        Class::Double => Predicate::Double(order, double(constant)?),
        Class::Address => Predicate::Addresses([address(constant)?].into()),
        Class::Network => Predicate::Networks([network(constant)?].into()),
    })
}

fn text(operator: Operator, order: Order, bytes: &[u8]) -> Result<Text, Refusal> {
    Ok(match operator {
        Operator::Startswith => Text::StartsWith(bytes.into()),
        Operator::Endswith => Text::EndsWith(bytes.into()),
        Operator::Bstartswith => Text::StartsWith(hexadecimal(bytes)?.into()),
        Operator::Contains => contains(bytes),
        Operator::Bcontains => contains(&hexadecimal(bytes)?),
        Operator::Icontains => {
            let searcher = AhoCorasick::builder().ascii_case_insensitive(true).build([bytes]);
            // Only more patterns than fit into memory are refused.
            let searcher = searcher.map_err(|error| Refusal::Regex {
                pattern: String::from_utf8_lossy(bytes).into_owned(),
                reason: error.to_string(),
            })?;
            Text::ContainsIgnoringCase(Box::new((searcher, bytes.to_ascii_lowercase().into())))
        }
        Operator::Glob | Operator::Iglob => {
            Text::Glob(Box::new(Glob::new(bytes, operator == Operator::Iglob)))
        }
        Operator::Regex => regex(bytes)?,
        _ if order == Order::Equal => Text::Equal(bytes.into()),
        _ => Text::Order(order, bytes.into()),
    })
}

fn contains(bytes: &[u8]) -> Text {
    Text::Contains(Box::new(Finder::new(bytes).into_owned()))
}

fn regex(bytes: &[u8]) -> Result<Text, Refusal> {
    let pattern = String::from_utf8_lossy(bytes).into_owned();
    let whole = format!(r"\A(?:{pattern})\z");
    // Parentheses that close what the pattern did not open would escape from the anchors.
    let refused = |error: regex::Error| Refusal::Regex {
        pattern: pattern.clone(),
        reason: error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    };
    regex::bytes::RegexBuilder::new(&pattern).size_limit(REGEX_BYTES).build().map_err(refused)?;
    let builder = || {
        let mut builder = regex::bytes::RegexBuilder::new(&whole);
        builder.size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES);
        builder
    };
    let regex = builder().build().map_err(refused)?;
    Ok(Text::Regex(Box::new((regex, whole))))
}

fn hexadecimal(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect::<Option<_>>().filter(|_| !text.is_empty()).ok_or(Refusal::Hexadecimal)
}

fn refused(constant: &Literal, expected: &'static str) -> Refusal {
    Refusal::Constant { text: constant.text().into_owned(), expected }
}

fn truth(constant: &Literal) -> Result<bool, Refusal> {
    match &*constant.bytes {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(refused(constant, "boolean: expected true or false")),
    }
}

fn integer(constant: &Literal, kind: Kind) -> Result<i128, Refusal> {
    let text = constant.text();
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text.strip_prefix('+').unwrap_or(&text), 10),
    };
    let is_written = digits.starts_with(|c: char| c.is_ascii_hexdigit() || c == '-');
    match i128::from_str_radix(digits, radix) {
        Ok(number) if is_written => Ok(number),
        _ if kind == Kind::Port => {
            services::port(&text).map(i128::from).ok_or_else(|| refused(constant, "port or service"))
        }
        _ => Err(refused(constant, "number")),
    }
}

fn double(constant: &Literal) -> Result<f64, Refusal> {
    constant.text().parse().map_err(|_| refused(constant, "number"))
}

fn address(constant: &Literal) -> Result<core::net::IpAddr, Refusal> {
    let address: Result<core::net::IpAddr, _> = constant.text().parse();
    address.map(|address| address.to_canonical()).map_err(|_| refused(constant, "IPv4 or IPv6 address"))
}

fn network(constant: &Literal) -> Result<Network, Refusal> {
    Network::parse(&constant.text()).ok_or_else(|| refused(constant, "network: expected address/length"))
}
