//! A part of the text, small enough to go through registers.

/// A part of the text, or of the unescaped strings. Whose, the highest bit of `end` says: as a field of its own it made
/// spans go through memory in pieces, which was a third of the time of reading a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

const UNESCAPED: u32 = 1 << 31;

impl Span {
    /// The longest text that has spans.
    pub(super) const LONGEST: usize = (UNESCAPED - 1) as usize;

    #[inline]
    pub(super) fn of_text(start: usize, end: usize) -> Self {
        Self { start: index(start), end: index(end) }
    }

    pub(super) fn unescaped(start: usize, end: usize) -> Self {
        Self { start: index(start), end: index(end) | UNESCAPED }
    }

    /// With another end.
    pub(super) fn up_to(self, end: usize) -> Self {
        Self { end: index(end), ..self }
    }

    /// What it spans. Spans are made of places that the parser has seen, between characters.
    #[inline]
    pub(super) fn shown<'t>(self, text: &'t str, unescaped: &'t str) -> &'t str {
        let source = if self.end & UNESCAPED == 0 { text } else { unescaped };
        source.get(self.start as usize..(self.end & !UNESCAPED) as usize).unwrap_or_default()
    }
}

/// Places in a text whose length fits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "`parse` has asked for the text's length first")]
pub(super) fn index(place: usize) -> u32 {
    place as u32
}
