//! Conditions on one value.

use std::fmt;

use crate::k8s::{Tree, TreeKind};

/// A condition on a value that may be absent.
#[derive(Debug)]
pub enum Test {
    /// It is set to an allowed value.
    Is(Allowed),
    /// It is not set.
    Unset,
    /// It is not set, or the condition holds.
    UnsetOr(&'static Test),
    /// The condition holds for the field at this path below it.
    Field(&'static [&'static str], &'static Test),
    /// The condition holds for every item of the list; an absent list has none.
    Each(&'static Test),
    /// The list has this string.
    Includes(&'static str),
    /// At least one of these fields below it is set.
    AnyField(&'static [&'static str]),
    /// It has no keys but these.
    OnlyKeys(&'static [&'static str]),
    /// All of them hold; each that does not is a violation of its own.
    All(&'static [Test]),
    /// At least one of them holds; for exemptions, notes and remedies, not for rules.
    Any(&'static [Test]),
    /// The condition does not hold; likewise.
    Not(&'static Test),
    /// The condition holds for the container's field at this path or, where that is not set, for the same
    /// field of the pod spec: as the kubelet combines a container's `securityContext` with its pod's.
    Inherited(&'static [&'static str], &'static Test),
}

impl Test {
    /// Whether it surely holds where nothing is set, whatever the rest of the pod says.
    pub(super) fn holds_for_nothing(&self) -> bool {
        match self {
            Self::Unset | Self::UnsetOr(_) | Self::Each(_) => true,
            Self::Field(_, test) => test.holds_for_nothing(),
            Self::All(tests) => tests.iter().all(Self::holds_for_nothing),
            _ => false,
        }
    }
}

/// `false`, or nothing.
pub const UNSET_OR_FALSE: Test = Test::UnsetOr(&Test::Is(Allowed::Bool(false)));

/// The allowed values of a field, which also say its type.
#[derive(Clone, Copy, Debug)]
pub enum Allowed {
    /// This boolean.
    Bool(bool),
    /// This integer.
    Int(i64),
    /// Any integer but this one.
    IntExcept(i64),
    /// One of the strings, or anything that begins with one of the prefixes.
    Text {
        /// Whole strings.
        values: &'static [&'static str],
        /// Beginnings.
        prefixes: &'static [&'static str],
    },
}

impl Allowed {
    /// One of these strings.
    pub const fn text(values: &'static [&'static str]) -> Self {
        Self::Text { values, prefixes: &[] }
    }

    /// The type of the field.
    pub fn kind(&self) -> TreeKind {
        match self {
            Self::Bool(_) => TreeKind::Bool,
            Self::Int(_) | Self::IntExcept(_) => TreeKind::Number,
            Self::Text { .. } => TreeKind::String,
        }
    }

    /// Whether the value is allowed; `None` where it has another type than the field.
    pub(super) fn accepts<T: Tree>(&self, value: T) -> Option<bool> {
        match self {
            Self::Bool(allowed) => value.as_bool().map(|found| found == *allowed),
            Self::Int(allowed) => value.as_i64().map(|found| found == *allowed),
            Self::IntExcept(forbidden) => value.as_i64().map(|found| found != *forbidden),
            Self::Text { values, prefixes } => {
                let text = value.as_str()?;
                let text = text.as_ref();
                Some(values.contains(&text) || prefixes.iter().any(|prefix| text.starts_with(prefix)))
            }
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(allowed) => write!(f, "{allowed}"),
            Self::Int(allowed) => write!(f, "{allowed}"),
            Self::IntExcept(forbidden) => write!(f, "any number but {forbidden}"),
            Self::Text { values, prefixes } => {
                let alternatives = values.len() + prefixes.len();
                let quoted = values.iter().map(|value| (value, "")).chain(prefixes.iter().map(|p| (p, "*")));
                for (index, (text, star)) in quoted.enumerate() {
                    let separator = match index {
                        0 => "",
                        last if last + 1 == alternatives => " or ",
                        _ => ", ",
                    };
                    write!(f, "{separator}\"{text}{star}\"")?;
                }
                Ok(())
            }
        }
    }
}
