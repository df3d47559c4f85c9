//! What an event must fulfil for any rule to hold, in terms that a probe can check in the kernel.
//!
//! A condition is weakened: what the kernel cannot know is taken to hold, and its negation too. What remains
//! follows from the condition, so that an event that does not fulfil it can be dropped unseen.

use std::fmt;
use std::ops::ControlFlow;

use crate::event::{Event, EventType, Shape};

use super::super::dag::{Dag, Node, NodeId};
use super::super::predicate::{Order, Predicate, Text};
use super::super::test::{Comparison, Mode, Test, holds_for_field};

/// What an event of a type must fulfil for any rule to hold.
#[derive(Clone, Debug)]
pub struct Needs {
    /// The type.
    pub event: EventType,
    /// What its events must fulfil.
    pub need: Need,
}

/// A necessary condition on path, flags, result or container.
#[derive(Clone, Debug)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// No rule can hold.
    Never,
    /// A comparison, and whether it must hold or fail.
    Check(Box<KernelCheck>),
    /// All of them.
    All(Vec<Need>),
    /// Any of them.
    Any(Vec<Need>),
}

/// A comparison that the kernel can make.
#[derive(Clone, Debug)]
pub struct KernelCheck {
    test: Test,
    /// Whether the comparison must hold.
    must_hold: bool,
    /// What is compared.
    pub subject: Subject,
    /// With what.
    pub pattern: Pattern,
    /// Whether the subject must be like the pattern, or must not be: unlike it, or absent.
    pub is_like: bool,
}

/// What of an event the kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The absolute path, as far as the kernel knows it.
    Path,
    /// The path as the call gave it.
    RawPath,
    /// The directory of the path.
    Directory,
    /// The last part of the path.
    FileName,
    /// Opened for reading.
    OpenRead,
    /// Opened for writing.
    OpenWrite,
    /// The flags of the call, by name.
    Flags,
    /// The file descriptor, or the error.
    FileDescriptor,
    /// What the call returned.
    Result,
    /// The container's id, or `host`.
    Container,
    /// The process's name.
    ProcessName,
    /// The type of the file descriptor, in words.
    DescriptorType,
    /// The type of the file descriptor, as a letter.
    DescriptorLetter,
    /// The effective user's number.
    User,
}

/// What a subject is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Any value.
    Anything,
    /// One of these texts.
    OneOf(Vec<Vec<u8>>),
    /// A beginning.
    Prefix(Vec<u8>),
    /// An end.
    Suffix(Vec<u8>),
    /// A part.
    Part(Vec<u8>),
    /// A truth value.
    Truth(bool),
    /// One of these numbers, sorted.
    Numbers(Vec<i128>),
    /// This number or a larger one.
    AtLeast(i128),
    /// This number or a smaller one.
    AtMost(i128),
    /// Anything else: the kernel takes it to hold.
    Other,
}

const SUBJECTS: &[(&str, Subject)] = &[
    ("fd.name", Subject::Path),
    ("fs.path.name", Subject::Path),
    ("fd.nameraw", Subject::RawPath),
    ("fd.directory", Subject::Directory),
    ("fd.filename", Subject::FileName),
    ("evt.is_open_read", Subject::OpenRead),
    ("evt.is_open_write", Subject::OpenWrite),
    ("evt.arg.flags", Subject::Flags),
    ("fd.num", Subject::FileDescriptor),
    ("evt.rawres", Subject::Result),
    ("evt.res", Subject::Result),
    ("container.id", Subject::Container),
    ("proc.name", Subject::ProcessName),
    ("fd.type", Subject::DescriptorType),
    ("fd.typechar", Subject::DescriptorLetter),
    ("user.uid", Subject::User),
];

/// Larger conditions are not worth being told to the kernel.
const MAX_PARTS: usize = 64;

/// What an event must fulfil for any of these conditions to hold.
pub(super) fn needs_of(event: EventType, roots: impl Iterator<Item = NodeId>, graph: &Dag) -> Needs {
    let roots: Vec<NodeId> = roots.collect();
    let wanted = graph.reachable(roots.iter().copied());
    // For every node, what it needs to hold and what it needs to fail; children come first.
    let mut needs: Vec<(Need, Need)> = Vec::with_capacity(graph.len());
    for (id, wanted) in wanted.iter().enumerate() {
        let node = graph.node(u32::try_from(id).unwrap_or(u32::MAX));
        let of = |child: &NodeId| &needs[*child as usize];
        let need = match node {
            _ if !wanted => (Need::Nothing, Need::Nothing),
            Node::Constant(true) => (Need::Nothing, Need::Never),
            Node::Constant(false) => (Need::Never, Need::Nothing),
            Node::Test(test) => (check(graph.test(*test), true), check(graph.test(*test), false)),
            Node::Not(child) => (of(child).1.clone(), of(child).0.clone()),
            Node::And(children) => (
                all(children.iter().map(|child| of(child).0.clone())),
                any(children.iter().map(|child| of(child).1.clone())),
            ),
            Node::Or(children) => (
                any(children.iter().map(|child| of(child).0.clone())),
                all(children.iter().map(|child| of(child).1.clone())),
            ),
        };
        needs.push(need);
    }
    let need = any(roots.iter().map(|root| needs[*root as usize].0.clone()));
    Needs { event, need }
}

fn check(test: &Test, must_hold: bool) -> Need {
    let Comparison::Field(field, predicate, Mode::One) = &test.comparison else { return Need::Nothing };
    if field.shape() != Shape::One {
        return Need::Nothing;
    }
    let name = field.to_string();
    let Some((_, subject)) = SUBJECTS.iter().find(|(subject, _)| *subject == name) else {
        return Need::Nothing;
    };
    let (pattern, is_like) = match predicate {
        Predicate::Not(inner) if must_hold => (pattern(inner), false),
        // An absent value fulfils neither `!=` nor `=`: this may be like the pattern, or absent.
        Predicate::Not(_) => (Pattern::Other, true),
        other => (pattern(other), must_hold),
    };
    Need::Check(Box::new(KernelCheck { test: test.clone(), must_hold, subject: *subject, pattern, is_like }))
}

fn pattern(predicate: &Predicate) -> Pattern {
    match predicate {
        Predicate::Exists => Pattern::Anything,
        Predicate::Bool(truth) => Pattern::Truth(*truth),
        Predicate::Text(Text::Equal(text)) => Pattern::OneOf(vec![text.to_vec()]),
        Predicate::Text(Text::In(texts)) => {
            let mut texts: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
            texts.sort_unstable();
            Pattern::OneOf(texts)
        }
        Predicate::Text(Text::StartsWith(text)) => Pattern::Prefix(text.to_vec()),
        Predicate::Text(Text::EndsWith(text)) => Pattern::Suffix(text.to_vec()),
        Predicate::Text(Text::Contains(finder)) => Pattern::Part(finder.needle().to_vec()),
        Predicate::Integers(numbers) => Pattern::Numbers(numbers.to_vec()),
        Predicate::Integer(Order::Equal, number) => Pattern::Numbers(vec![*number]),
        Predicate::Integer(Order::AtLeast, number) => Pattern::AtLeast(*number),
        Predicate::Integer(Order::AtMost, number) => Pattern::AtMost(*number),
        Predicate::Integer(Order::Greater, number) => Pattern::AtLeast(number.saturating_add(1)),
        Predicate::Integer(Order::Less, number) => Pattern::AtMost(number.saturating_sub(1)),
        _ => Pattern::Other,
    }
}

fn all(needs: impl Iterator<Item = Need>) -> Need {
    let mut parts = Vec::new();
    for need in needs {
        match need {
            Need::Nothing => {}
            Need::Never => return Need::Never,
            Need::All(inner) => parts.extend(inner),
            other => parts.push(other),
        }
    }
    // To ask for less is always right.
    parts.truncate(MAX_PARTS);
    match parts.len() {
        0 => Need::Nothing,
        1 => parts.swap_remove(0),
        _ => Need::All(parts),
    }
}

fn any(needs: impl Iterator<Item = Need>) -> Need {
    let mut parts = Vec::new();
    for need in needs {
        match need {
            Need::Nothing => return Need::Nothing,
            Need::Never => {}
            Need::Any(inner) => parts.extend(inner),
            other => parts.push(other),
        }
    }
    match parts.len() {
        0 => Need::Never,
        1 => parts.swap_remove(0),
        count if count > MAX_PARTS => Need::Nothing,
        _ => Need::Any(parts),
    }
}

impl Need {
    /// Whether an event fulfils it; one that does not fulfils no rule.
    pub fn is_met<E: Event + ?Sized>(&self, event: &E) -> bool {
        match self {
            Self::Nothing => true,
            Self::Never => false,
            Self::Check(check) => check.is_met(event),
            Self::All(parts) => parts.iter().all(|part| part.is_met(event)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(event)),
        }
    }
}

impl KernelCheck {
    fn is_met<E: Event + ?Sized>(&self, event: &E) -> bool {
        let Comparison::Field(field, predicate, mode) = &self.test.comparison else { return true };
        holds_for_field(event, field, predicate, *mode) == self.must_hold
    }

    /// Calls `visit` with the check, for those who walk a need.
    pub fn written(&self) -> &str {
        &self.test.written
    }
}

impl Need {
    /// Calls `visit` with every comparison, until it breaks off.
    pub fn for_each<B>(&self, visit: &mut impl FnMut(&KernelCheck) -> ControlFlow<B>) -> ControlFlow<B> {
        match self {
            Self::Nothing | Self::Never => ControlFlow::Continue(()),
            Self::Check(check) => visit(check),
            Self::All(parts) | Self::Any(parts) => parts.iter().try_for_each(|part| part.for_each(visit)),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            f.write_str("(")?;
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{part}")?;
            }
            f.write_str(")")
        };
        match self {
            Self::Nothing => f.write_str("anything"),
            Self::Never => f.write_str("nothing"),
            Self::Check(check) if check.must_hold => f.write_str(check.written()),
            Self::Check(check) => write!(f, "not {}", check.written()),
            Self::All(parts) => several(f, parts, "and"),
            Self::Any(parts) => several(f, parts, "or"),
        }
    }
}
