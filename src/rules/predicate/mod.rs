//! Comparisons of one value with constants, compiled: sets, tries, searchers and automata.
//!
//! Data in: an operator, constants as they are written, and the type of the values. Data out: a
//! [`Predicate`], or why constant, operator and type do not fit each other.

mod build;
mod glob;
mod network;
mod paths;
mod services;

use core::net::IpAddr;
use std::collections::HashSet;

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use crate::event::Value;

use super::condition::Quantifier;
pub(super) use build::{Refusal, build, fits, operators_of};
use glob::Glob;
use network::Network;
use paths::Paths;

/// A comparison of one value with constants.
#[derive(Clone, Debug)]
pub(super) enum Predicate {
    /// There is a value.
    Exists,
    /// Compares texts or bytes.
    Text(Text),
    /// The opposite, for values that are there.
    Not(Box<Predicate>),
    /// Compares truth values.
    Bool(bool),
    /// Compares integers.
    Integer(Order, i128),
    /// One of several integers, sorted.
    Integers(Box<[i128]>),
    /// Compares floating point numbers.
    Double(Order, f64),
    /// One of several floating point numbers.
    Doubles(Box<[f64]>),
    /// One of several addresses.
    Addresses(HashSet<IpAddr>),
    /// Inside one of several networks.
    Networks(Box<[Network]>),
    /// So many of several comparisons.
    Many(Quantifier, Box<[Predicate]>),
}

/// A comparison of texts or bytes.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// The same bytes.
    Equal(Box<[u8]>),
    /// One of several.
    In(HashSet<Box<[u8]>>),
    /// Before or after, by bytes.
    Order(Order, Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    /// Contains, without regard to case; the searcher and what it searches.
    ContainsIgnoringCase(Box<(AhoCorasick, Box<[u8]>)>),
    Glob(Box<Glob>),
    /// The whole text, by a regular expression; the pattern it was made of.
    Regex(Box<(regex::bytes::Regex, String)>),
    Below(Box<Paths>),
}

/// An order between two numbers or texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Order {
    pub(super) fn holds<T: PartialOrd + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

impl Predicate {
    /// Whether a value compares.
    pub(super) fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Exists => true,
            Self::Text(text) => value.bytes().is_some_and(|bytes| text.holds(bytes)),
            Self::Not(inner) => !inner.holds(value),
            Self::Bool(wanted) => value.integer().is_some_and(|found| (found != 0) == *wanted),
            Self::Integer(order, wanted) => value.integer().is_some_and(|found| order.holds(&found, wanted)),
            Self::Integers(wanted) => {
                value.integer().is_some_and(|found| wanted.binary_search(&found).is_ok())
            }
            Self::Double(order, wanted) => double(value).is_some_and(|found| order.holds(&found, wanted)),
            Self::Doubles(wanted) => double(value).is_some_and(|found| wanted.contains(&found)),
            Self::Addresses(wanted) => {
                matches!(value, Value::Address(found) if wanted.contains(&found.to_canonical()))
            }
            Self::Networks(wanted) => {
                matches!(value, Value::Address(found) if wanted.iter().any(|network| network.contains(found)))
            }
            Self::Many(quantifier, predicates) => {
                let mut holding = predicates.iter().filter(|predicate| predicate.holds(value));
                match quantifier {
                    Quantifier::Anyof => holding.next().is_some(),
                    Quantifier::Oneof => holding.next().is_some() && holding.next().is_none(),
                    Quantifier::Allof => !predicates.is_empty() && holding.count() == predicates.len(),
                }
            }
        }
    }

    /// What one comparison costs, in rough nanoseconds, for the order in which they are made.
    pub(super) fn cost(&self) -> f32 {
        match self {
            Self::Exists | Self::Bool(_) | Self::Integer(..) | Self::Double(..) => 1.0,
            Self::Integers(_) | Self::Doubles(_) => 3.0,
            Self::Addresses(_) => 15.0,
            Self::Networks(networks) => 2.0 * small(networks.len()),
            Self::Not(inner) => inner.cost(),
            Self::Many(_, predicates) => predicates.iter().map(Self::cost).sum(),
            Self::Text(text) => match text {
                Text::Equal(_) | Text::StartsWith(_) | Text::EndsWith(_) | Text::Order(..) => 3.0,
                Text::In(_) => 15.0,
                Text::Contains(_) => 20.0,
                Text::Glob(_) | Text::ContainsIgnoringCase(_) => 60.0,
                Text::Below(_) => 80.0,
                Text::Regex(_) => 150.0,
            },
        }
    }

    /// How often a value that is there compares, as a guess.
    pub(super) fn likelihood(&self) -> f32 {
        match self {
            Self::Exists => 0.9,
            Self::Not(inner) => 1.0 - inner.likelihood(),
            Self::Bool(_) | Self::Integer(..) | Self::Double(..) => 0.3,
            Self::Many(Quantifier::Allof, _) => 0.02,
            Self::Text(Text::Equal(_) | Text::Contains(_) | Text::Regex(_)) => 0.03,
            _ => 0.1,
        }
    }
}

/// Whether a text matches a shell pattern that is only known now.
pub fn glob_matches(pattern: &[u8], ignore_case: bool, text: &[u8]) -> bool {
    Glob::new(pattern, ignore_case).is_match(text)
}

fn double(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(number),
        #[expect(clippy::cast_precision_loss, reason = "a double is compared with a double")]
        other => other.integer().map(|number| number as f64),
    }
}

fn small(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

impl Text {
    pub(super) fn holds(&self, text: &[u8]) -> bool {
        match self {
            Self::Equal(wanted) => text == &**wanted,
            Self::In(wanted) => wanted.contains(text),
            Self::Order(order, wanted) => order.holds(text, &**wanted),
            Self::StartsWith(wanted) => text.starts_with(wanted),
            Self::EndsWith(wanted) => text.ends_with(wanted),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::ContainsIgnoringCase(searcher) => searcher.0.is_match(text),
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => regex.0.is_match(text),
            Self::Below(paths) => paths.contains(text),
        }
    }
}
