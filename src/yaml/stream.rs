//! A text with the trees of its documents.

use std::sync::OnceLock;

use super::encoding;
use super::error::{Fault, SyntaxError};
use super::node::{DocumentData, DuplicateData, Tree};
use super::parser;
use super::position::{LineIndex, Position, position_in};
use super::tree::{Document, Node};

/// A text of any number of YAML documents, with the tree of each; JSON is YAML too.
///
/// Borrows the text. Every node knows its bytes, so nothing is lost.
#[derive(Debug)]
pub struct Stream<'s> {
    pub(super) tree: Tree<'s>,
    pub(super) documents: Vec<DocumentData>,
    comments: Vec<u32>,
    duplicates: Vec<DuplicateData>,
    lines: OnceLock<LineIndex>,
}

/// A key that occurs twice in one mapping; the later value counts, as in Go.
#[derive(Debug, Clone, Copy)]
pub struct Duplicate<'a> {
    /// The key, as JSON spells it.
    pub key: &'a str,
    /// Where it stands first.
    pub first: Node<'a>,
    /// Where it stands again.
    pub second: Node<'a>,
}

impl<'s> Stream<'s> {
    /// Parses a text, which must be UTF-8. Linear in its length.
    ///
    /// Accepts what Go's sigs.k8s.io/yaml accepts in strict mode, document by document, and refuses what
    /// it refuses; beyond that it takes JSON's `\/` and surrogate escapes and keys that a merge sets too.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: see [`SyntaxReason`](super::SyntaxReason).
    pub fn parse(source: &'s [u8]) -> Result<Self, SyntaxError> {
        Self::parse_with(source, false)
    }

    /// Like [`parse`](Self::parse), but lists duplicate keys instead of refusing them; the last one counts.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), duplicate keys aside.
    pub fn parse_lenient(source: &'s [u8]) -> Result<Self, SyntaxError> {
        Self::parse_with(source, true)
    }

    fn parse_with(source: &'s [u8], lenient: bool) -> Result<Self, SyntaxError> {
        let located = |fault: Fault| SyntaxError::new(position_in(source, fault.at), fault.reason);
        let text = encoding::check(source).map_err(located)?;
        let parsed = parser::parse(text, lenient).map_err(located)?;
        Ok(Self {
            tree: parsed.tree,
            documents: parsed.documents,
            comments: parsed.comments,
            duplicates: parsed.duplicates,
            lines: OnceLock::new(),
        })
    }

    /// The text, byte order mark included.
    pub fn source(&self) -> &'s str {
        self.tree.text.source
    }

    /// The documents in order. A text of comments only has none; `---` with nothing after it is one whose
    /// root is null.
    pub fn documents(&self) -> impl ExactSizeIterator<Item = Document<'_>> {
        (0..self.documents.len()).map(|index| Document { stream: self, index })
    }

    /// The document at `index`, counted from 0.
    pub fn document(&self, index: usize) -> Option<Document<'_>> {
        (index < self.documents.len()).then_some(Document { stream: self, index })
    }

    /// Keys that occur twice, in the order of the text; none unless parsed leniently.
    pub fn duplicates(&self) -> impl ExactSizeIterator<Item = Duplicate<'_>> {
        self.duplicates.iter().map(|duplicate| Duplicate {
            key: &duplicate.key,
            first: self.node(duplicate.first),
            second: self.node(duplicate.second),
        })
    }

    /// Line and column of a byte; `O(log lines)` after the first call.
    pub fn position(&self, at: usize) -> Position {
        self.lines().position(self.source().as_bytes(), at.min(self.source().len()))
    }

    /// A line's text without its line break; `None` outside of the text.
    pub fn line(&self, line: u32) -> Option<&'s str> {
        let range = self.lines().line_range(self.source().as_bytes(), line)?;
        Some(&self.source()[range])
    }

    /// The comment on a line, from its `#` on; `None` if it has none.
    pub fn comment(&self, line: u32) -> Option<&'s str> {
        let range = self.lines().line_range(self.source().as_bytes(), line)?;
        let index = self.comments.partition_point(|&at| (at as usize) < range.start);
        let at = *self.comments.get(index)? as usize;
        (at < range.end).then(|| &self.source()[at..range.end])
    }

    /// Every comment, from its `#` to the end of its line, with its byte offset.
    pub fn comments(&self) -> impl Iterator<Item = (usize, &'s str)> {
        self.comments.iter().map(|&at| {
            let rest = &self.source()[at as usize..];
            let end = memchr::memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
            (at as usize, &rest[..end])
        })
    }

    fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(self.source().as_bytes()))
    }

    pub(super) fn node(&self, index: u32) -> Node<'_> {
        Node { stream: self, index }
    }
}
