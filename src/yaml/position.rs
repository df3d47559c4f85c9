//! From byte offsets to lines and columns.

use std::fmt;

/// A place in a text, both numbers counting from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line; `\n`, `\r\n` and a lone `\r` end one.
    pub line: u32,
    /// The character within the line.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Bytes between two counted places: a look-up counts at most this many twice.
const STRIDE: usize = 1024;

/// Where lines start, and how many characters precede every [`STRIDE`]th byte, so that a look-up costs
/// `O(log lines)` even where one line is the whole text.
#[derive(Debug)]
pub(super) struct LineIndex {
    starts: Vec<u32>,
    /// Empty where every character is one byte.
    characters: Vec<u32>,
}

impl LineIndex {
    /// `O(text)`.
    pub(super) fn new(text: &[u8]) -> Self {
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', text) {
            if text[at] == b'\n' || text.get(at + 1) != Some(&b'\n') {
                starts.push(offset(at + 1));
            }
        }
        let mut characters = Vec::new();
        if !text.is_ascii() {
            let mut count = 0;
            for block in text.chunks(STRIDE) {
                characters.push(count);
                count += count_characters(block);
            }
            characters.push(count);
        }
        Self { starts, characters }
    }

    /// The place of the byte at `at`, at most the text's length.
    pub(super) fn position(&self, text: &[u8], at: usize) -> Position {
        let line = self.starts.partition_point(|&start| start as usize <= at);
        let start = self.starts[line - 1] as usize;
        let column = self.characters_before(text, at) - self.characters_before(text, start);
        Position { line: offset(line), column: column + 1 }
    }

    /// The bytes of a line, counted from 1, without its line break; `None` past the last line.
    pub(super) fn line_range(&self, text: &[u8], line: u32) -> Option<std::ops::Range<usize>> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let next = self.starts.get(index + 1).map_or(text.len(), |&next| next as usize);
        let body = &text[start..next];
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        Some(start..start + body.len())
    }

    fn characters_before(&self, text: &[u8], at: usize) -> u32 {
        match self.characters.get(at / STRIDE) {
            None => offset(at),
            Some(before) => before + count_characters(&text[at / STRIDE * STRIDE..at]),
        }
    }
}

fn count_characters(bytes: &[u8]) -> u32 {
    offset(bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count())
}

/// The parser refuses texts whose offsets do not fit.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("texts over 4 GiB are refused")
}

/// Position of one byte without an index; `text` need not be UTF-8.
pub(super) fn position_in(text: &[u8], at: usize) -> Position {
    let mut line = 1;
    let mut start = 0;
    for found in memchr::memchr2_iter(b'\n', b'\r', &text[..at]) {
        if text[found] == b'\n' || text.get(found + 1) != Some(&b'\n') {
            line += 1;
            start = found + 1;
        }
    }
    Position { line, column: count_characters(&text[start..at]) + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters() {
        let text = "a\r\nbäc\rd\n\nlast".as_bytes();
        let index = LineIndex::new(text);
        for (at, line, column) in
            [(0, 1, 1), (1, 1, 2), (3, 2, 1), (6, 2, 3), (8, 3, 1), (10, 4, 1), (15, 5, 5)]
        {
            let expected = Position { line, column };
            assert_eq!(index.position(text, at), expected, "offset {at}");
            assert_eq!(position_in(text, at), expected, "offset {at}");
        }
        assert_eq!(index.line_range(text, 2), Some(3..7));
        assert_eq!(index.line_range(text, 5), Some(11..15));
        assert_eq!(index.line_range(text, 6), None);
    }

    #[test]
    fn counts_characters_across_blocks() {
        let text = "é".repeat(3000);
        let index = LineIndex::new(text.as_bytes());
        assert_eq!(index.position(text.as_bytes(), 5000), Position { line: 1, column: 2501 });
    }
}
