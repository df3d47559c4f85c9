//! Bytes to lines, in bounded memory, with the place behind each. Pure.

/// Splits what is read from a log into lines.
#[derive(Debug)]
pub(super) struct Lines {
    max: usize,
    partial: Vec<u8>,
    /// Bytes that were given in all, counted from the log's beginning.
    read: u64,
    /// Where the unfinished line begins.
    begin: u64,
    skip: Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    No,
    /// The rest of a line that is too long.
    TooLong,
    /// The rest of a line whose beginning nobody asked for.
    Unasked,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

impl Lines {
    /// Lines of at most `max` bytes, of a log that is read from `offset` on.
    pub(super) const fn new(max: usize, offset: u64) -> Self {
        Self { max, partial: Vec::new(), read: offset, begin: offset, skip: Skip::No }
    }

    /// As [`Lines::new`], where `offset` is in the middle of a line, which is left out.
    pub(super) const fn inside(max: usize, offset: u64) -> Self {
        Self { max, partial: Vec::new(), read: offset, begin: offset, skip: Skip::Unasked }
    }

    /// Where the first line begins that has not been given out.
    pub(super) const fn begin(&self) -> u64 {
        self.begin
    }

    /// Gives out every line that ends in `bytes`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], visit: &mut impl FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            self.read += end as u64 + 1;
            self.begin = self.read;
            self.line(line, visit);
            bytes = rest;
        }
        self.read += bytes.len() as u64;
        if self.skip != Skip::No {
            return;
        }
        self.partial.extend_from_slice(bytes);
        if self.partial.len() > self.max {
            self.partial = Vec::new();
            self.skip = Skip::TooLong;
        }
    }

    /// The log has ended: what was left is a line.
    pub(super) fn end(&mut self, visit: &mut impl FnMut(Line<'_>)) {
        self.begin = self.read;
        self.line(&[], visit);
    }

    fn line(&mut self, end: &[u8], visit: &mut impl FnMut(Line<'_>)) {
        match std::mem::replace(&mut self.skip, Skip::No) {
            Skip::Unasked => {}
            Skip::TooLong => visit(Line::TooLong),
            Skip::No if self.partial.len() + end.len() > self.max => visit(Line::TooLong),
            Skip::No if self.partial.is_empty() => {
                if !end.is_empty() {
                    visit(Line::Whole(end));
                }
            }
            Skip::No => {
                self.partial.extend_from_slice(end);
                visit(Line::Whole(&self.partial));
            }
        }
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn collect(lines: &mut Lines, bytes: &[u8], out: &mut Vec<Option<String>>) {
        lines.feed(bytes, &mut |line| out.push(text(&line)));
    }

    fn text(line: &Line<'_>) -> Option<String> {
        match line {
            Line::Whole(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Line::TooLong => None,
        }
    }

    #[test]
    fn lines_over_the_limit_are_told_and_not_kept() {
        let mut lines = Lines::new(3, 0);
        let mut out = Vec::new();
        collect(&mut lines, b"abc\nabcd\nab", &mut out);
        assert_eq!((lines.begin(), &out), (9, &vec![Some("abc".to_owned()), None]));
        collect(&mut lines, &[b'x'; 1000], &mut out);
        assert_eq!(lines.partial.capacity(), 0);
        collect(&mut lines, b"\nd\n", &mut out);
        assert_eq!(out[2..], [None, Some("d".to_owned())]);
        assert_eq!(lines.begin(), 9 + 2 + 1000 + 3);
    }

    #[test]
    fn a_line_that_was_begun_before_is_left_out() {
        let mut lines = Lines::inside(10, 5);
        let mut out = Vec::new();
        collect(&mut lines, b"est\nnext\n", &mut out);
        assert_eq!((lines.begin(), out), (14, vec![Some("next".to_owned())]));
    }

    #[test]
    fn what_is_left_at_the_end_is_a_line() {
        let mut lines = Lines::new(10, 0);
        let mut out = Vec::new();
        collect(&mut lines, b"a\nb", &mut out);
        assert_eq!(lines.begin(), 2);
        lines.end(&mut |line| out.push(text(&line)));
        assert_eq!((lines.begin(), out), (3, vec![Some("a".to_owned()), Some("b".to_owned())]));
    }

    proptest! {
        #[test]
        fn cutting_the_input_anywhere_changes_nothing(text in "[ab\n]{0,40}", cut in 0..40_usize, max in 0..6_usize) {
            let whole = |parts: &[&[u8]]| {
                let mut lines = Lines::new(max, 0);
                let mut out = Vec::new();
                for part in parts {
                    collect(&mut lines, part, &mut out);
                }
                (out, lines.begin())
            };
            let cut = cut.min(text.len());
            let bytes = text.as_bytes();
            prop_assert_eq!(whole(&[bytes]), whole(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
