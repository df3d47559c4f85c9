//! Anchors and tags that were read ahead of their node.
//!
//! On the line of a key they belong to the key; on lines before it, to the mapping that the key begins.

use super::error::{Fault, SyntaxReason};
use super::node::Span;
use super::properties::Tag;
use super::scanner::Scanned;

/// Properties of one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken<'s> {
    pub(super) anchor: Option<(&'s str, Span)>,
    pub(super) tag: Option<(Tag, Span)>,
}

impl Taken<'_> {
    pub(super) fn is_some(&self) -> bool {
        self.anchor.is_some() || self.tag.is_some()
    }

    /// First byte of the first.
    pub(super) fn start(&self) -> Option<usize> {
        let anchor = self.anchor.as_ref().map(|(_, span)| span.start);
        let tag = self.tag.as_ref().map(|(_, span)| span.start);
        anchor.into_iter().chain(tag).min()
    }

    /// End of the last.
    pub(super) fn end(&self) -> Option<usize> {
        let anchor = self.anchor.as_ref().map(|(_, span)| span.end);
        let tag = self.tag.as_ref().map(|(_, span)| span.end);
        anchor.into_iter().chain(tag).max()
    }
}

/// Properties of the current line and of the lines before it.
#[derive(Debug, Default)]
pub(super) struct Pending<'s> {
    earlier: Taken<'s>,
    current: Taken<'s>,
    /// Identity of the line of `current`.
    line: usize,
    /// First byte of `current`.
    start: usize,
    /// A key may begin where `current` does.
    key_allowed: bool,
    /// `current`, or what came before, stands where only a key may.
    key_required: Option<usize>,
}

impl<'s> Pending<'s> {
    #[inline]
    pub(super) fn is_some(&self) -> bool {
        self.current.is_some()
    }

    /// Announces a property at `start` on the line that begins at `line`.
    pub(super) fn begin(
        &mut self,
        start: usize,
        line: usize,
        key_allowed: bool,
        key_required: bool,
    ) -> Scanned<()> {
        if self.current.is_some() && self.line == line {
            return Ok(());
        }
        if let Some(at) = self.key_required {
            return Err(Fault::new(at, SyntaxReason::MissingColon));
        }
        let current = std::mem::take(&mut self.current);
        self.earlier = merge(std::mem::take(&mut self.earlier), current)?;
        self.line = line;
        self.start = start;
        self.key_allowed = key_allowed;
        self.key_required = key_required.then_some(start);
        Ok(())
    }

    pub(super) fn add_anchor(&mut self, name: &'s str, span: Span) -> Scanned<()> {
        if self.current.anchor.is_some() {
            return Err(Fault::new(span.start, SyntaxReason::RepeatedProperty("anchors")));
        }
        self.current.anchor = Some((name, span));
        Ok(())
    }

    pub(super) fn add_tag(&mut self, tag: Tag, span: Span) -> Scanned<()> {
        if self.current.tag.is_some() {
            return Err(Fault::new(span.start, SyntaxReason::RepeatedProperty("tags")));
        }
        self.current.tag = Some((tag, span));
        Ok(())
    }

    /// Where the properties of this line begin, and whether a key may begin there; `None` without any.
    #[inline]
    pub(super) fn line_start(&self, line: usize) -> Option<(usize, bool)> {
        (self.current.is_some() && self.line == line).then_some((self.start, self.key_allowed))
    }

    /// All of them, for a node that is no key.
    #[inline]
    pub(super) fn take_all(&mut self) -> Scanned<Taken<'s>> {
        if !self.current.is_some() {
            return Ok(Taken::default());
        }
        if let Some(at) = self.key_required {
            return Err(Fault::new(at, SyntaxReason::MissingColon));
        }
        merge(std::mem::take(&mut self.earlier), std::mem::take(&mut self.current))
    }

    /// Those of lines before `line`, for the mapping that a key begins, and those of its line, for the key.
    #[inline]
    pub(super) fn take_for_key(&mut self, line: usize) -> Scanned<(Taken<'s>, Taken<'s>)> {
        if !self.current.is_some() {
            return Ok(Default::default());
        }
        if self.line != line {
            return Ok((self.take_all()?, Taken::default()));
        }
        self.key_required = None;
        Ok((std::mem::take(&mut self.earlier), std::mem::take(&mut self.current)))
    }
}

fn merge<'s>(earlier: Taken<'s>, later: Taken<'s>) -> Scanned<Taken<'s>> {
    if let (Some(_), Some((_, span))) = (&earlier.anchor, &later.anchor) {
        return Err(Fault::new(span.start, SyntaxReason::RepeatedProperty("anchors")));
    }
    if let (Some(_), Some((_, span))) = (&earlier.tag, &later.tag) {
        return Err(Fault::new(span.start, SyntaxReason::RepeatedProperty("tags")));
    }
    Ok(Taken { anchor: earlier.anchor.or(later.anchor), tag: earlier.tag.or(later.tag) })
}
