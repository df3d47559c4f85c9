//! Pieces of text that take the place of others.

use std::borrow::Cow;

use crate::yaml::node::Span;

/// Splices in the order of their making; they do not overlap.
#[derive(Debug, Default)]
pub(super) struct Splices(Vec<Splice>);

#[derive(Debug)]
struct Splice {
    span: Span,
    text: String,
    /// The text ends with a block scalar whose value ends with a line break, which must not be missing.
    open: bool,
}

impl Splices {
    /// `text` takes the place of `span`.
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.replace_open(span, text, false);
    }

    /// Like [`replace`](Self::replace); `open`: if nothing follows, a line break must.
    pub(super) fn replace_open(&mut self, span: Span, text: impl Into<String>, open: bool) {
        self.0.push(Splice { span, text: text.into(), open });
    }

    /// `text` comes before the byte at `at`; of several at one place the first made stays first.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// Like [`insert`](Self::insert); `open`: if nothing follows, a line break must.
    pub(super) fn insert_open(&mut self, at: usize, text: impl Into<String>, open: bool) {
        self.replace_open(at..at, text, open);
    }

    /// Those of another document of the text.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn remove(&mut self, span: Span) {
        if !span.is_empty() {
            self.replace(span, "");
        }
    }

    /// Whether the byte at `at` is replaced or removed.
    pub(super) fn touches(&self, at: usize) -> bool {
        self.0.iter().any(|splice| splice.span.contains(&at))
    }

    /// The text with all of them made. Insertions come before what is removed at the same place.
    pub(super) fn apply<'s>(mut self, source: &'s str, eol: &str) -> Cow<'s, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(source);
        }
        self.0.sort_by_key(|splice| (splice.span.start, !splice.span.is_empty()));
        let added: usize = self.0.iter().map(|splice| splice.text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut done = 0;
        let mut open_end = None;
        for Splice { span, text, open } in &self.0 {
            // Overlaps do not happen; were one to, the caller's comparison with the intended value tells.
            out.push_str(source.get(done..span.start).unwrap_or_default());
            out.push_str(text);
            done = done.max(span.end);
            if *open {
                open_end = Some(out.len());
            }
        }
        out.push_str(&source[done..]);
        if open_end == Some(out.len()) {
            out.push_str(eol);
        }
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_before_what_is_removed_at_the_same_place() {
        let mut splices = Splices::default();
        splices.remove(1..3);
        splices.insert(1, "x");
        splices.insert(1, "y");
        splices.insert(3, "z");
        assert_eq!(splices.apply("abcd", "\n"), "axyzd");
    }
}
