//! How the tree is stored: one flat list of nodes in the order of the text.

use std::borrow::Cow;

use super::block_scalar::BlockIndent;
use super::encoding::Text;
use super::error::SyntaxReason;
use super::properties::Tag;
use super::resolve::{Resolved, may_be_special, resolve_plain, resolve_tagged};
use super::scanner::Scanner;
use super::text::flow_text;

/// A byte range of the source.
pub(super) type Span = std::ops::Range<usize>;

/// Stands for "none" in the `u32` fields.
pub(super) const NONE: u32 = u32::MAX;

/// The written form of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A plain scalar; an empty one, where nothing is written, has an empty span.
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    BlockMapping,
    FlowMapping,
    /// `a: b` directly inside a flow sequence.
    PairMapping,
    BlockSequence,
    FlowSequence,
    Alias,
}

impl Shape {
    pub(super) fn is_mapping(self) -> bool {
        matches!(self, Self::BlockMapping | Self::FlowMapping | Self::PairMapping)
    }

    pub(super) fn is_sequence(self) -> bool {
        matches!(self, Self::BlockSequence | Self::FlowSequence)
    }

    pub(super) fn is_collection(self) -> bool {
        self.is_mapping() || self.is_sequence()
    }
}

/// One node. The children of a collection follow it directly, each with all of its own descendants; a
/// mapping's children are key, value, key, value.
#[derive(Debug, Clone)]
pub(super) struct NodeData {
    /// First byte, after anchor and tag.
    pub(super) start: u32,
    /// End of the last byte that belongs to it, without a final line break.
    pub(super) end: u32,
    /// Offset of the indicator that introduces it: `-` of an item, `:` of a value, `?` of an explicit key.
    pub(super) lead: u32,
    /// Collection: index of the first node after its descendants. Alias: index of its target. Block scalar:
    /// column of its text.
    pub(super) aux: u32,
    /// Index into the list of properties.
    pub(super) properties: u32,
    pub(super) shape: Shape,
    /// The scalar's text is the source between its quotes.
    pub(super) verbatim: bool,
}

impl NodeData {
    pub(super) fn span(&self) -> Span {
        self.start as usize..self.end as usize
    }

    /// The scalar without its quotes.
    pub(super) fn inner(&self) -> Span {
        match self.shape {
            Shape::SingleQuoted | Shape::DoubleQuoted => self.start as usize + 1..self.end as usize - 1,
            _ => self.span(),
        }
    }
}

/// Anchor and tag of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties {
    /// The first byte of the first of them.
    pub(super) start: usize,
    /// The anchor with its `&`.
    pub(super) anchor: Option<Span>,
    pub(super) tag: Tag,
    /// The tag is a bare `!`: a string, but for `<<`.
    pub(super) non_specific: bool,
}

/// One document of the stream.
#[derive(Debug, Clone)]
pub(super) struct DocumentData {
    /// End of the document before it: comments and directives ahead of the root belong to it.
    pub(super) start: usize,
    /// Where its content may begin: after `---` if there is one.
    pub(super) content: usize,
    /// Where its content ends: the line of the next `---` or `...`, or the end of the text.
    pub(super) end: usize,
    /// Index of its root.
    pub(super) root: u32,
}

/// The same key twice in one mapping, by the indices of the two key nodes.
#[derive(Debug, Clone)]
pub(super) struct DuplicateData {
    pub(super) first: u32,
    pub(super) second: u32,
    pub(super) key: String,
}

/// The nodes with the text they stand in.
#[derive(Debug)]
pub(super) struct Tree<'s> {
    pub(super) text: Text<'s>,
    pub(super) nodes: Vec<NodeData>,
    pub(super) properties: Vec<Properties>,
}

impl<'s> Tree<'s> {
    #[inline]
    pub(super) fn node(&self, index: u32) -> &NodeData {
        &self.nodes[index as usize]
    }

    /// Index of the next sibling, or of what follows the last one.
    #[inline]
    pub(super) fn after(&self, index: u32) -> u32 {
        let node = self.node(index);
        if node.shape.is_collection() { node.aux } else { index + 1 }
    }

    /// The node that an alias stands for, else the node itself.
    #[inline]
    pub(super) fn target(&self, index: u32) -> u32 {
        let node = self.node(index);
        if node.shape == Shape::Alias { node.aux } else { index }
    }

    pub(super) fn properties(&self, index: u32) -> Option<&Properties> {
        self.properties.get(self.node(index).properties as usize)
    }

    pub(super) fn tag(&self, index: u32) -> Tag {
        self.properties(index).map_or(Tag::None, |properties| properties.tag)
    }

    /// The text of a scalar, escapes and folding undone.
    pub(super) fn scalar_text(&self, index: u32) -> Cow<'s, str> {
        let node = self.node(index);
        let inner = &self.text.source[node.inner()];
        if node.verbatim {
            return Cow::Borrowed(inner);
        }
        let quote = match node.shape {
            Shape::SingleQuoted => b'\'',
            Shape::DoubleQuoted => b'"',
            Shape::Literal | Shape::Folded => return Cow::Owned(self.block_text(node)),
            _ => 0,
        };
        Cow::Owned(flow_text(inner, quote, self.text.wide_breaks))
    }

    fn block_text(&self, node: &NodeData) -> String {
        let mut text = String::with_capacity(node.span().len());
        let mut scanner = Scanner::at(self.text, node.start as usize);
        scanner
            .block_scalar(BlockIndent::Known(node.aux), Some(&mut text))
            .expect("the parser has read this scalar before");
        text
    }

    /// What a scalar means, by its tag or, if it is plain, by its text.
    ///
    /// # Errors
    /// [`SyntaxReason::TagMismatch`]; the parser refuses such scalars.
    pub(super) fn resolve(&self, index: u32, text: &str) -> Result<Resolved, SyntaxReason> {
        match self.tag(index) {
            Tag::None if self.node(index).shape == Shape::Plain => Ok(resolve_plain(text)),
            Tag::None => Ok(Resolved::Text),
            tag => resolve_tagged(tag, text),
        }
    }

    /// The key that a scalar, or an alias of one, is.
    ///
    /// # Errors
    /// What Go refuses as a key.
    #[inline]
    pub(super) fn key(&self, index: u32) -> Result<Cow<'s, str>, SyntaxReason> {
        match self.usual_key(index) {
            Some(inner) => Ok(Cow::Borrowed(&self.text.source[inner])),
            None => self.unusual_key(self.target(index)),
        }
    }

    /// Whether the node is this key, without making a string of it.
    #[inline]
    pub(super) fn is_key(&self, index: u32, wanted: &str) -> bool {
        match self.usual_key(index) {
            Some(inner) => self.text.source.as_bytes()[inner] == *wanted.as_bytes(),
            None => self.unusual_key(self.target(index)).is_ok_and(|key| key == wanted),
        }
    }

    /// The bytes of a scalar that is a string as it stands.
    #[inline]
    fn usual_key(&self, index: u32) -> Option<Span> {
        let node = self.node(index);
        let inner = (node.verbatim && node.properties == NONE).then(|| node.inner())?;
        let is_text =
            node.shape != Shape::Plain || !may_be_special(&self.text.source.as_bytes()[inner.clone()]);
        is_text.then_some(inner)
    }

    fn unusual_key(&self, index: u32) -> Result<Cow<'s, str>, SyntaxReason> {
        if self.node(index).shape.is_collection() {
            return Err(SyntaxReason::CollectionKey);
        }
        let text = self.scalar_text(index);
        self.resolve(index, &text)?.into_key(text)
    }

    /// Whether a key is the merge key `<<`.
    #[inline]
    pub(super) fn is_merge(&self, key: u32) -> bool {
        let node = self.node(key);
        let inner = &self.text.source.as_bytes()[node.inner()];
        if inner != b"<<" {
            return false;
        }
        match self.properties(key) {
            None => node.shape == Shape::Plain,
            Some(properties) if properties.tag == Tag::None => node.shape == Shape::Plain,
            Some(properties) => properties.tag == Tag::Merge || properties.non_specific,
        }
    }
}
