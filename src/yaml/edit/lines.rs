//! Lines of a text and the comments on them.

use crate::yaml::node::Tree;
use crate::yaml::scanner::Scanner;

/// Questions about lines, by byte offsets.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) source: &'a str,
    wide_breaks: bool,
    scanner: Scanner<'a>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(tree: &'a Tree<'_>) -> Self {
        let text = tree.text;
        Self { source: text.source, wide_breaks: text.wide_breaks, scanner: Scanner::new(text) }
    }

    /// Where the line of the byte at `at` starts; a byte order mark belongs to no line.
    pub(super) fn start(&self, at: usize) -> usize {
        let before = &self.source.as_bytes()[..at];
        let mut start = memchr::memrchr2(b'\n', b'\r', before).map_or(0, |found| found + 1);
        if self.wide_breaks {
            let wide = self.source[start..at].rfind(['\u{85}', '\u{2028}', '\u{2029}']);
            start = wide.map_or(start, |found| {
                start + found + self.source[start + found..].chars().next().map_or(0, char::len_utf8)
            });
        }
        let rest = &self.source[start..at];
        start + if rest.starts_with('\u{FEFF}') { 3 } else { 0 }
    }

    /// Where the line of the byte at `at` ends: its line break, or the end of the text.
    pub(super) fn end(&self, at: usize) -> usize {
        self.scanner.line_end(at)
    }

    /// Where the next line starts; `None` on the last.
    pub(super) fn next(&self, at: usize) -> Option<usize> {
        let end = self.end(at);
        let length = self.scanner.break_len(end);
        (length > 0).then_some(end + length)
    }

    /// Where the line before that of `at` ends; `None` on the first, and after a byte order mark, which must
    /// stay first.
    pub(super) fn previous_end(&self, at: usize) -> Option<usize> {
        let before = &self.source[..self.start(at)];
        let length = match before.chars().next_back()? {
            '\u{FEFF}' => return None,
            '\n' if before.ends_with("\r\n") => 2,
            last => last.len_utf8(),
        };
        Some(before.len() - length)
    }

    /// Bytes from the start of the line; what precedes a node on its line is ASCII.
    pub(super) fn column(&self, at: usize) -> usize {
        at - self.start(at)
    }

    /// First byte of the line's text after its indentation.
    pub(super) fn text_start(&self, at: usize) -> usize {
        let start = self.start(at);
        let line = &self.source[start..self.end(at)];
        start + line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    /// The column of the comment that the line at `at` is, if it is nothing else.
    pub(super) fn comment_column(&self, at: usize) -> Option<usize> {
        let text = self.text_start(at);
        (self.source.as_bytes().get(text) == Some(&b'#')).then(|| text - self.start(at))
    }

    /// Whether nothing but indentation precedes `at` on its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        self.text_start(at) == at
    }

    /// End of the last line of an entry in `column` that ends at `end`: directly following comment lines
    /// that are indented deeper belong to it.
    pub(super) fn entry_end(&self, end: usize, column: usize) -> usize {
        let mut last = self.end(end);
        while let Some(next) = self.next(last) {
            if self.comment_column(next).is_none_or(|comment| comment <= column) {
                break;
            }
            last = self.end(next);
        }
        last
    }

    /// Start of the first of the comment lines in `column` that stand directly above the line of `at`, or of
    /// that line. `None` for the column: in any.
    pub(super) fn comments_start(&self, at: usize, column: Option<usize>) -> usize {
        let mut first = self.start(at);
        while let Some(previous) = self.previous_end(first) {
            let is_comment = self.comment_column(previous);
            if is_comment.is_none_or(|comment| column.is_some_and(|column| column != comment)) {
                break;
            }
            first = self.start(previous);
        }
        first
    }

    /// The span that takes the lines from that of `first` to the one that ends at `end` out of the text,
    /// with one line break: the one before them, unless that belongs to a block scalar.
    pub(super) fn removal(&self, first: usize, end: usize, after_scalar: bool) -> std::ops::Range<usize> {
        match self.previous_end(first) {
            Some(_) if after_scalar && self.next(end).is_none() => self.start(first)..end,
            Some(previous) => previous..end,
            None => self.start(first)..self.next(end).unwrap_or(end),
        }
    }

    /// Whether a block scalar on the line that ends at `at` could take the next line that is not empty for
    /// its text: one of blanks, or an indented comment.
    pub(super) fn could_join_scalar(&self, at: usize) -> bool {
        let mut last = at;
        while let Some(next) = self.next(last).filter(|&next| next < self.length()) {
            last = self.end(next);
            let text = self.text_start(next);
            if text > next && (text == last || self.comment_column(next).is_some()) {
                return true;
            }
            if text < last {
                return false;
            }
        }
        false
    }

    /// End of the last of the lines of nothing but blanks that follow the one that ends at `at`.
    pub(super) fn blank_lines_end(&self, at: usize) -> usize {
        let mut last = at;
        while let Some(next) = self.next(last).filter(|&next| next < self.length()) {
            let end = self.end(next);
            if self.text_start(next) < end {
                break;
            }
            last = end;
        }
        last
    }

    pub(super) fn length(&self) -> usize {
        self.source.len()
    }
}
