//! The cursor over the text and the tokens that carry no structure: blanks, comments and flow scalars.
//!
//! The lexical rules are those of go-yaml v2 (libyaml): what Kubernetes reads, this reads.

use super::encoding::Text;
use super::error::{Fault, SyntaxReason};

/// Shorthand of the parser: what a scan finds, or where it fails.
pub(super) type Scanned<T> = Result<T, Fault>;

/// A position in the text, with what the lexical rules depend on.
#[derive(Debug)]
pub(super) struct Scanner<'s> {
    pub(super) src: &'s [u8],
    /// Offset of the next byte.
    pub(super) pos: usize,
    /// Offset that column 0 of the current line has; also the line's identity.
    pub(super) line_start: usize,
    /// Open flow collections; indentation has no meaning inside them.
    pub(super) flow_level: usize,
    /// A key, a `-` or a `?` may begin here: nothing but indicators stands before it on its line.
    pub(super) key_allowed: bool,
    /// Offset of the `#` of every comment.
    pub(super) comments: Vec<u32>,
    wide_breaks: bool,
}

/// A flow scalar (plain or quoted) that was passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlowScalar {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its text is the bytes between the quotes as they stand: no escape, no line break.
    pub(super) verbatim: bool,
    /// It begins and ends on one line, and so can be a key.
    pub(super) one_line: bool,
}

/// What a byte means inside a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Blank,
    Break,
    Colon,
    /// `,` `?` `[` `]` `{` `}`: end a plain scalar inside flow collections.
    Flow,
    /// Lead byte of U+0085, U+2028 or U+2029, or of an ordinary character.
    Wide,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Text; 256];
    classes[b' ' as usize] = Class::Blank;
    classes[b'\t' as usize] = Class::Blank;
    classes[b'\n' as usize] = Class::Break;
    classes[b'\r' as usize] = Class::Break;
    classes[b':' as usize] = Class::Colon;
    classes[0xC2] = Class::Wide;
    classes[0xE2] = Class::Wide;
    let mut flow = 0;
    while flow < 6 {
        classes[b",?[]{}"[flow] as usize] = Class::Flow;
        flow += 1;
    }
    classes
};

impl<'s> Scanner<'s> {
    pub(super) fn new(text: Text<'s>) -> Self {
        Self::at(text, text.bom)
    }

    /// A cursor in the middle of the text, for a second look at a scalar.
    pub(super) fn at(text: Text<'s>, pos: usize) -> Self {
        Self {
            src: text.source.as_bytes(),
            pos,
            line_start: pos,
            flow_level: 0,
            key_allowed: true,
            comments: Vec::new(),
            wide_breaks: text.wide_breaks,
        }
    }

    /// The byte at `at`; 0, which no text contains, past the end.
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.src.get(at).copied().unwrap_or(0)
    }

    /// Characters between the line's start and the next byte. Only indicators, anchors and tags can precede
    /// what a column is asked for, so bytes are characters.
    #[inline]
    pub(super) fn column(&self) -> usize {
        self.pos - self.line_start
    }

    #[inline]
    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.src.len()
    }

    /// Length of the line break at `at`, 0 where there is none.
    #[inline]
    pub(super) fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.byte(at + 1) == b'\n'),
            0xC2 | 0xE2 if self.wide_breaks => self.wide_break_len(at),
            _ => 0,
        }
    }

    fn wide_break_len(&self, at: usize) -> usize {
        match self.src[at..] {
            [0xC2, 0x85, ..] => 2,
            [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    /// Blank, line break or end of text.
    #[inline]
    pub(super) fn is_blank_or_end(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r' | 0) || self.break_len(at) > 0
    }

    /// `---` or `...` as a word of its own at the start of a line.
    pub(super) fn at_document_marker(&self) -> bool {
        self.pos == self.line_start
            && matches!(self.byte(self.pos), b'-' | b'.')
            && matches!(self.src.get(self.pos..self.pos + 3), Some(b"---" | b"..."))
            && self.is_blank_or_end(self.pos + 3)
    }

    /// Passes over the line break at the cursor, if there is one.
    #[inline]
    pub(super) fn skip_break(&mut self) -> bool {
        let length = self.break_len(self.pos);
        if length > 0 {
            self.pos += length;
            self.line_start = self.pos;
        }
        length > 0
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
    }

    /// Passes over the comment at the cursor, up to its line break.
    pub(super) fn skip_comment(&mut self) {
        self.comments.push(super::position::offset(self.pos));
        self.pos = self.line_end(self.pos);
    }

    /// Offset of the first line break at or after `at`, or of the end of the text.
    #[inline]
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = &self.src[at..];
        let end = at + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        if self.wide_breaks {
            return (at..end).find(|&at| self.break_len(at) > 0).unwrap_or(end);
        }
        end
    }

    /// Passes over blanks, comments and line breaks up to the next token.
    #[inline]
    pub(super) fn skip_to_token(&mut self) {
        loop {
            let tabs_too = self.flow_level > 0 || !self.key_allowed;
            while self.byte(self.pos) == b' ' || (tabs_too && self.byte(self.pos) == b'\t') {
                self.pos += 1;
            }
            if self.byte(self.pos) == b'#' {
                self.skip_comment();
            }
            if !self.skip_break() {
                return;
            }
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    /// Passes over a plain scalar whose continuation lines stand at least at column `indent`.
    pub(super) fn plain_scalar(&mut self, indent: usize) -> Scanned<FlowScalar> {
        let start = self.pos;
        let mut end = start;
        let mut one_line = true;
        let mut crossed_break = false;
        while !self.at_document_marker() && self.byte(self.pos) != b'#' {
            let word = self.pos;
            self.skip_plain_word();
            if self.pos > word {
                one_line &= !crossed_break;
                crossed_break = false;
                end = self.pos;
            }
            if !self.is_blank(self.pos) && self.break_len(self.pos) == 0 {
                break;
            }
            crossed_break |= self.skip_plain_gap(indent)?;
            if self.flow_level == 0 && self.column() < indent {
                break;
            }
        }
        self.key_allowed = crossed_break;
        Ok(FlowScalar { start, end, verbatim: one_line, one_line: one_line && !crossed_break })
    }

    /// Passes over the characters of a plain scalar up to a blank, a line break or what ends the scalar.
    #[inline]
    fn skip_plain_word(&mut self) {
        loop {
            let Some(&byte) = self.src.get(self.pos) else { return };
            match CLASSES[byte as usize] {
                Class::Blank | Class::Break => return,
                Class::Colon if self.is_blank_or_end(self.pos + 1) => return,
                Class::Flow if self.flow_level > 0 => return,
                Class::Wide if self.break_len(self.pos) > 0 => return,
                Class::Text | Class::Colon | Class::Flow | Class::Wide => {}
            }
            self.pos += 1;
        }
    }

    /// Passes over blanks and line breaks inside or after a plain scalar; tells whether there was a break.
    #[inline]
    fn skip_plain_gap(&mut self, indent: usize) -> Scanned<bool> {
        let mut crossed_break = false;
        loop {
            if self.is_blank(self.pos) {
                if crossed_break && self.byte(self.pos) == b'\t' && self.column() < indent {
                    return Err(Fault::new(self.pos, SyntaxReason::TabIndentation));
                }
                self.pos += 1;
            } else if self.skip_break() {
                crossed_break = true;
            } else {
                return Ok(crossed_break);
            }
        }
    }

    /// Passes over a quoted scalar; the cursor stands on its first quote.
    pub(super) fn quoted_scalar(&mut self) -> Scanned<FlowScalar> {
        let start = self.pos;
        let quote = self.src[start];
        let line = self.line_start;
        let mut verbatim = true;
        self.pos += 1;
        loop {
            if self.at_document_marker() {
                let reason = SyntaxReason::Scalar("this quote is not closed before the document ends");
                return Err(Fault::new(start, reason));
            }
            let byte = self.byte(self.pos);
            if byte == quote {
                self.pos += 1;
                if quote == b'"' || self.byte(self.pos) != b'\'' {
                    break;
                }
                verbatim = false;
                self.pos += 1;
            } else if byte == b'\\' && quote == b'"' {
                verbatim = false;
                self.skip_escape()?;
            } else if self.skip_break() {
                verbatim = false;
            } else if self.at_end() {
                return Err(Fault::new(start, SyntaxReason::Scalar("this quote is never closed")));
            } else {
                self.pos += 1;
            }
        }
        self.key_allowed = false;
        Ok(FlowScalar { start, end: self.pos, verbatim, one_line: self.line_start == line })
    }

    /// Passes over an escape sequence, which decoding later relies on being well formed.
    fn skip_escape(&mut self) -> Scanned<()> {
        let at = self.pos;
        self.pos += 1;
        if self.skip_break() {
            return Ok(());
        }
        let digits = match self.byte(self.pos) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            byte if simple_escape(byte).is_some() => 0,
            _ => {
                let reason =
                    SyntaxReason::Scalar("unknown escape; in double quotes a backslash is written `\\\\`");
                return Err(Fault::new(at, reason));
            }
        };
        self.pos += 1;
        if digits == 0 {
            return Ok(());
        }
        let Some(code) = self.hex(self.pos, digits) else {
            return Err(Fault::new(at, SyntaxReason::Scalar("an escape with too few hexadecimal digits")));
        };
        self.pos += digits;
        if char::from_u32(code).is_none() && !self.skip_low_surrogate(code, digits) {
            return Err(Fault::new(at, SyntaxReason::Scalar("an escape that is no Unicode character")));
        }
        Ok(())
    }

    /// JSON writes characters above U+FFFF as two escapes.
    fn skip_low_surrogate(&mut self, high: u32, digits: usize) -> bool {
        let pair = digits == 4
            && (0xD800..0xDC00).contains(&high)
            && self.src[self.pos..].starts_with(b"\\u")
            && self.hex(self.pos + 2, 4).is_some_and(|low| (0xDC00..0xE000).contains(&low));
        if pair {
            self.pos += 6;
        }
        pair
    }

    /// The number that the next hexadecimal digits spell; `None` where there are fewer.
    pub(super) fn hex(&self, at: usize, digits: usize) -> Option<u32> {
        let digits = self.src.get(at..at + digits)?;
        digits
            .iter()
            .try_fold(0_u32, |code, &digit| Some(code.wrapping_mul(16) + char::from(digit).to_digit(16)?))
    }
}

/// The character that a backslash and one letter stand for.
pub(super) fn simple_escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0B',
        b'f' => '\x0C',
        b'r' => '\r',
        b'e' => '\x1B',
        b'N' => '\u{85}',
        b'_' => '\u{A0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        // `\/` is JSON's; go-yaml lacks it, but reads JSON files by its JSON decoder.
        b' ' | b'"' | b'\'' | b'\\' | b'/' => char::from(letter),
        _ => return None,
    })
}
