//! Pieces of text that take the place of others.

use std::borrow::Cow;

use crate::yaml::node::Span;

/// Splices in the order of their making; they do not overlap.
#[derive(Debug, Default)]
pub(super) struct Splices(Vec<(Span, String)>);

impl Splices {
    /// `text` takes the place of `span`.
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span, text.into()));
    }

    /// `text` comes before the byte at `at`; of several at one place the first made stays first.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    pub(super) fn remove(&mut self, span: Span) {
        if !span.is_empty() {
            self.replace(span, "");
        }
    }

    /// Whether the byte at `at` is replaced or removed.
    pub(super) fn touches(&self, at: usize) -> bool {
        self.0.iter().any(|(span, _)| span.contains(&at))
    }

    /// The text with all of them made. Insertions come before what is removed at the same place.
    pub(super) fn apply(mut self, source: &str) -> Cow<'_, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(source);
        }
        self.0.sort_by_key(|(span, _)| (span.start, !span.is_empty()));
        let added: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut done = 0;
        for (span, text) in &self.0 {
            // Overlaps do not happen; were one to, the caller's comparison with the intended value tells.
            out.push_str(source.get(done..span.start).unwrap_or_default());
            out.push_str(text);
            done = done.max(span.end);
        }
        out.push_str(&source[done..]);
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
        assert_eq!(splices.apply("abcd"), "axyzd");
    }
}
