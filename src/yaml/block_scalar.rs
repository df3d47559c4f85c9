//! Literal (`|`) and folded (`>`) scalars.

use super::error::{Fault, SyntaxReason};
use super::position::offset;
use super::scanner::{Scanned, Scanner};

/// A block scalar that was passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockScalar {
    pub(super) start: usize,
    /// End of its last line, without the line break: with `+` the last blank line counts.
    pub(super) end: usize,
    /// Column that its text starts at.
    pub(super) indent: u32,
}

/// How the column of the text is known.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockIndent {
    /// By the header's digit or the first line, relative to the collection at this column (-1: none).
    Within(i32),
    /// From an earlier scan of the same scalar.
    Known(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Line breaks seen since the last line of text.
#[derive(Default)]
struct Gap {
    /// The break that ended the last line of text, as it enters the value.
    leading: &'static str,
    trailing: String,
}

impl Scanner<'_> {
    /// Passes over a block scalar and appends its value to `text` if given; the cursor stands on `|` or `>`
    /// and is left at the next token's line.
    pub(super) fn block_scalar(
        &mut self,
        indent: BlockIndent,
        mut text: Option<&mut String>,
    ) -> Scanned<BlockScalar> {
        let start = self.pos;
        let folded = self.src[start] == b'>';
        let (chomping, increment) = self.block_header()?;
        let mut end = self.pos;
        self.skip_break();
        let mut gap = Gap::default();
        let mut keep_end = end;
        let known = match (indent, increment) {
            (BlockIndent::Known(indent), _) => Some(indent as usize),
            (BlockIndent::Within(parent), Some(increment)) => Some(column(parent) + increment),
            (BlockIndent::Within(_), None) => None,
        };
        let indent = match (known, indent) {
            (None, BlockIndent::Within(parent)) => {
                let widest = self.block_breaks(None, &mut gap, &mut keep_end)?;
                widest.max(column(parent + 1)).max(1)
            }
            (known, _) => {
                let known = known.unwrap_or(1);
                self.block_breaks(Some(known), &mut gap, &mut keep_end)?;
                known
            }
        };
        let mut after_indented = false;
        while self.column() == indent && !self.at_end() {
            let indented = self.is_blank(self.pos);
            let line = self.pos;
            end = self.line_end(line);
            if let Some(text) = text.as_deref_mut() {
                let fold = folded && !indented && !after_indented;
                push_gap(text, &gap, fold);
                text.push_str(std::str::from_utf8(&self.src[line..end]).expect("the source is UTF-8"));
            }
            after_indented = indented;
            self.pos = end;
            gap.trailing.clear();
            gap.leading = self.break_text();
            keep_end = end;
            self.skip_break();
            self.block_breaks(Some(indent), &mut gap, &mut keep_end)?;
        }
        if let Some(text) = text {
            if chomping != Chomping::Strip {
                text.push_str(gap.leading);
            }
            if chomping == Chomping::Keep {
                text.push_str(&gap.trailing);
            }
        }
        self.key_allowed = true;
        let end = if chomping == Chomping::Keep { keep_end } else { end };
        Ok(BlockScalar { start, end, indent: offset(indent) })
    }

    /// `|` or `>`, a chomping and an indentation indicator in any order, and a comment.
    fn block_header(&mut self) -> Scanned<(Chomping, Option<usize>)> {
        let start = self.pos;
        self.pos += 1;
        let mut chomping = None;
        let mut increment = None;
        loop {
            match self.byte(self.pos) {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    let reason = SyntaxReason::Scalar("a block scalar's indentation indicator is 1 to 9");
                    return Err(Fault::new(self.pos, reason));
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(usize::from(digit - b'0')),
                _ => break,
            }
            self.pos += 1;
        }
        self.skip_blanks();
        if self.byte(self.pos) == b'#' {
            self.skip_comment();
        }
        if !self.at_end() && self.break_len(self.pos) == 0 {
            let reason = SyntaxReason::Expected("a line break after the block scalar's header");
            return Err(Fault::new(start, reason));
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Passes over indentation and blank lines; returns the widest column seen, for detection.
    /// `keep_end` moves to the end of the last blank line.
    fn block_breaks(&mut self, indent: Option<usize>, gap: &mut Gap, keep_end: &mut usize) -> Scanned<usize> {
        let mut widest = 0;
        loop {
            let inside = |scanner: &Self| indent.is_none_or(|indent| scanner.column() < indent);
            while inside(self) && self.byte(self.pos) == b' ' {
                self.pos += 1;
            }
            widest = widest.max(self.column());
            if inside(self) && self.byte(self.pos) == b'\t' {
                return Err(Fault::new(self.pos, SyntaxReason::TabIndentation));
            }
            let text = self.break_text();
            if text.is_empty() {
                return Ok(widest);
            }
            gap.trailing.push_str(text);
            *keep_end = self.pos;
            self.skip_break();
        }
    }

    /// The line break at the cursor as it enters a value: U+2028 and U+2029 stay, all others are `\n`.
    pub(super) fn break_text(&self) -> &'static str {
        match self.break_len(self.pos) {
            0 => "",
            3 if self.src[self.pos + 2] == 0xA8 => "\u{2028}",
            3 => "\u{2029}",
            _ => "\n",
        }
    }
}

fn column(indent: i32) -> usize {
    usize::try_from(indent).unwrap_or(0)
}

/// The breaks between two lines of text; folding turns a single one into a blank.
fn push_gap(text: &mut String, gap: &Gap, fold: bool) {
    if !(fold && gap.leading == "\n") {
        text.push_str(gap.leading);
    } else if gap.trailing.is_empty() {
        text.push(' ');
    }
    text.push_str(&gap.trailing);
}
