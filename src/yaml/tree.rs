//! The tree as others see it: documents and nodes.

use std::borrow::Cow;

use serde_json::Value;

use super::node::{DocumentData, NodeData, Shape, Span, Tree};
use super::pointer::{Pointer, parse_index};
use super::position::Position;
use super::resolve::Resolved;
use super::stream::Stream;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Keys and values.
    Mapping,
    /// Items.
    Sequence,
    /// Text, whatever it means.
    Scalar,
}

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A scalar without quotes, or nothing at all.
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// A collection by indentation.
    Block,
    /// `{}` or `[]`, or a single pair inside `[]`.
    Flow,
    /// `*name`
    Alias,
}

/// One document of a [`Stream`].
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub(super) stream: &'a Stream<'a>,
    pub(super) index: usize,
}

impl<'a> Document<'a> {
    fn data(&self) -> &'a DocumentData {
        &self.stream.documents[self.index]
    }

    /// Its place in the stream, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its root; `None` where nothing is written, which means null.
    pub fn root(&self) -> Option<Node<'a>> {
        let root = self.stream.node(self.data().root);
        let data = root.data();
        (data.shape != Shape::Plain || !data.span().is_empty()).then_some(root)
    }

    /// What Go's sigs.k8s.io/yaml makes of it.
    pub fn to_value(&self) -> Value {
        self.stream.node(self.data().root).to_value()
    }

    /// The node at `pointer`, or else its nearest ancestor that exists, and which of both it is.
    pub fn locate(&self, pointer: &Pointer) -> (Node<'a>, bool) {
        let mut node = self.stream.node(self.data().root);
        for token in pointer.tokens() {
            match node.child(token) {
                Some(child) => node = child,
                None => return (node, false),
            }
        }
        (node, true)
    }

    pub(super) fn tree(&self) -> &'a Tree<'a> {
        &self.stream.tree
    }

    pub(super) fn root_index(&self) -> u32 {
        self.data().root
    }

    pub(super) fn node(&self, index: u32) -> Node<'a> {
        self.stream.node(index)
    }

    /// Where its content may begin: after `---`, if there is one.
    pub(super) fn content_start(&self) -> usize {
        self.data().content
    }

    /// Its bytes, from the end of the document before it to the marker after it; leading comments,
    /// directives and its `---` included.
    pub fn span(&self) -> Span {
        self.data().start..self.data().end
    }
}

/// A node of a document. Where an alias stands, its target answers, but for
/// [`span`](Self::span), [`position`](Self::position) and [`style`](Self::style).
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub(super) stream: &'a Stream<'a>,
    pub(super) index: u32,
}

impl<'a> Node<'a> {
    fn tree(&self) -> &'a Tree<'a> {
        &self.stream.tree
    }

    pub(super) fn data(&self) -> &'a NodeData {
        self.tree().node(self.index)
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    fn sibling(self, index: u32) -> Self {
        Self { index, ..self }
    }

    /// The node that an alias stands for, else itself.
    pub fn resolve_alias(self) -> Self {
        self.sibling(self.tree().target(self.index))
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.resolve_alias().data().shape {
            shape if shape.is_mapping() => Kind::Mapping,
            shape if shape.is_sequence() => Kind::Sequence,
            _ => Kind::Scalar,
        }
    }

    /// How it is written.
    pub fn style(&self) -> Style {
        match self.data().shape {
            Shape::Plain => Style::Plain,
            Shape::SingleQuoted => Style::SingleQuoted,
            Shape::DoubleQuoted => Style::DoubleQuoted,
            Shape::Literal => Style::Literal,
            Shape::Folded => Style::Folded,
            Shape::BlockMapping | Shape::BlockSequence => Style::Block,
            Shape::FlowMapping | Shape::PairMapping | Shape::FlowSequence => Style::Flow,
            Shape::Alias => Style::Alias,
        }
    }

    /// The name of its anchor, without `&`.
    pub fn anchor(&self) -> Option<&'a str> {
        let span = self.tree().properties(self.index)?.anchor.clone()?;
        Some(&self.stream.source()[span.start + 1..span.end])
    }

    /// The entries of a mapping as written, `<<` included; nothing for other kinds.
    pub fn entries(&self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> + use<'a> {
        let mapping = self.resolve_alias();
        let is_mapping = mapping.data().shape.is_mapping();
        mapping.children(if is_mapping { 2 } else { 0 }).map(move |key| (key, mapping.sibling(key.index + 1)))
    }

    /// The items of a sequence; nothing for other kinds.
    pub fn items(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let sequence = self.resolve_alias();
        sequence.children(u32::from(sequence.data().shape.is_sequence()))
    }

    /// Every `step`th child; none for step 0. Keys have no descendants, so a value follows its key.
    fn children(self, step: u32) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let end = if step == 0 { 0 } else { self.data().aux };
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = self.sibling(next);
            if next >= end {
                return None;
            }
            next = self.tree().after(next + step - 1);
            Some(child)
        })
    }

    /// The value of a mapping's key, through merge keys, the last where it stands twice.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        Some(self.get_entry(key)?.1)
    }

    /// The key and value of a mapping's entry, like [`get`](Self::get).
    pub fn get_entry(&self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        // The parser bounds how deep merges of merges go, as it does with all nesting.
        let mut found = None;
        for (name, value) in self.entries() {
            if self.tree().is_merge(name.index) {
                found = value.merged_entry(key).or(found);
            } else if self.tree().is_key(name.index, key) {
                found = Some((name, value));
            }
        }
        found
    }

    /// Looks into the value of a merge key; of several mappings the first has precedence.
    pub(super) fn merged_entry(&self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        match self.kind() {
            Kind::Sequence => self.items().find_map(|mapping| mapping.get_entry(key)),
            _ => self.get_entry(key),
        }
    }

    /// The child that a pointer's token names.
    fn child(&self, token: &str) -> Option<Node<'a>> {
        match self.kind() {
            Kind::Mapping => self.get(token),
            Kind::Sequence => self.items().nth(parse_index(token)?),
            Kind::Scalar => None,
        }
    }

    /// The descendant at `pointer`.
    pub fn at(&self, pointer: &Pointer) -> Option<Node<'a>> {
        pointer.tokens().try_fold(*self, |node, token| node.child(token))
    }

    /// A scalar as a key: the string that JSON has in its place.
    pub fn key(&self) -> Option<Cow<'a, str>> {
        self.tree().key(self.index).ok()
    }

    /// The text of a scalar, whatever it means: `0755` and `yes` as they are written, quotes undone.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let node = self.resolve_alias();
        (!node.data().shape.is_collection()).then(|| self.tree().scalar_text(node.index))
    }

    /// The text of a scalar that is a string.
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        let text = self.text()?;
        match self.tree().resolve(self.resolve_alias().index, &text).ok()? {
            Resolved::Text => Some(text),
            Resolved::Decoded(text) => Some(Cow::Owned(text)),
            _ => None,
        }
    }

    /// What Go's sigs.k8s.io/yaml makes of it, aliases and merge keys expanded.
    pub fn to_value(&self) -> Value {
        super::value::to_value(self.tree(), self.index)
    }

    /// Its bytes, without anchor and tag, and without a final line break.
    pub fn span(&self) -> Span {
        self.data().span()
    }

    /// Its bytes, with anchor and tag.
    pub fn outer_span(&self) -> Span {
        let span = self.span();
        let start = self.tree().properties(self.index).map_or(span.start, |properties| properties.start);
        start..span.end
    }

    /// Where it begins.
    pub fn position(&self) -> Position {
        self.stream.position(self.span().start)
    }
}
