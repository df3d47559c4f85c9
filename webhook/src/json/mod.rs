//! A JSON text with an index of its values, for trees that are read once: nothing is copied but strings with
//! escapes, and nothing is allocated a value.
//!
//! Data in: a text, and an [`Outline`] of the values that nobody will read. Data out: a [`Document`], whose
//! [`Node`]s are a [`Tree`](lithify::k8s::Tree) like any other. What is kept it reads as serde_json does, or nothing:
//! two equal keys in one mapping, hundreds of levels or a number beyond all measure are left to
//! [`Document::normalised`].
//!
//! - [`parse`]: from text to index.
//! - [`scan`]: the tokens, eight bytes at a time.
//! - [`span`]: where they are.
//! - [`node`]: the index as a tree.

mod lanes;
mod node;
mod parse;
mod scan;
mod span;

use std::borrow::Cow;

use lithify::k8s::TreeKind;
use serde_json::Value;

pub(crate) use node::Node;
use span::Span;

/// The values of mappings that are left out, by their keys.
#[derive(Debug)]
pub(crate) struct Outline(pub(crate) &'static [(&'static str, Part)]);

/// What an [`Outline`] says of a key; what it does not name is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Its value is not kept. Of a mapping or sequence only strings and brackets are looked at, to find its end.
    LeftOut,
    /// Something in its value is left out.
    Within(&'static Outline),
}

/// A text and the index of its values.
#[derive(Clone, Debug)]
pub(crate) struct Document<'t> {
    text: Cow<'t, str>,
    /// Strings that have escapes, without them.
    unescaped: String,
    /// In document order, each mapping and sequence before what is in it.
    entries: Vec<Entry>,
}

/// One value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Empty for what is in no mapping.
    key: Span,
    /// As it is in the text; a string without its quotes.
    value: Span,
    kind: TreeKind,
    /// Of the key.
    hash: u8,
    /// The entry after the last one in it.
    end: u32,
}

/// Most keys of a mapping differ in it.
#[inline]
fn hash(key: &str) -> u8 {
    let bytes = key.as_bytes();
    let [first, last] = [bytes.first(), bytes.last()].map(|byte| byte.map_or(0, |byte| usize::from(*byte)));
    ((first + 5 * last + 11 * bytes.len()) % 64).to_le_bytes()[0]
}

impl<'t> Document<'t> {
    /// The document that `text` holds, without what `outline` leaves out; `None` for what is no JSON and for what
    /// is rare.
    pub(crate) fn parse(text: impl Into<Cow<'t, str>>, outline: &'static Outline) -> Option<Self> {
        let text = text.into();
        let (entries, unescaped) = parse::parse(&text, outline)?;
        Some(Self { text, unescaped, entries })
    }

    /// The document of a value, whatever text it came from. `None` where it has hundreds of levels.
    pub(crate) fn normalised(value: &Value, outline: &'static Outline) -> Option<Self> {
        Self::parse(value.to_string(), outline)
    }

    /// Its outermost value.
    pub(crate) fn root(&self) -> Node<'_> {
        Node::new(self, 0)
    }

    fn text(&self, span: Span) -> &str {
        span.shown(&self.text, &self.unescaped)
    }
}

#[cfg(test)]
mod tests;
