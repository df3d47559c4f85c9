//! Tokens of conditions: blanks, words, names, numbers, strings.

use super::parser::ParseError;

/// A cursor over a condition. Every `take…` moves on only where it finds what it looks for.
pub(super) struct Lexer<'s> {
    text: &'s [u8],
    at: usize,
    /// Where the last token stood, for messages.
    last: std::ops::Range<usize>,
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x08 | b'\r' | b'\n')
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

const fn is_bare_byte(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'(' | b')' | b'"' | b'\'' | b'=' | b',')
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a text can stand in a condition as a bare word, and so be the name of a list.
pub(crate) fn is_bare(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_bare_byte(*byte))
}

/// Whether a text is an identifier, and so can be the name of a macro.
pub(crate) fn is_identifier(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(|byte| is_name_byte(*byte))
}

/// Whether a text can stand in brackets after a field without quotes.
pub(super) fn is_bare_argument(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_argument_byte(*byte))
}

const fn is_argument_byte(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b']' | b'[' | b'"' | b'\'')
}

impl<'s> Lexer<'s> {
    pub(super) const fn new(text: &'s [u8]) -> Self {
        Self { text, at: 0, last: 0..0 }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Goes back to a place that [`Lexer::at`] gave.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn rest(&self) -> &'s [u8] {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// The token taken last, as text.
    pub(super) fn last(&self) -> String {
        String::from_utf8_lossy(&self.text[self.last.clone()]).into_owned()
    }

    fn take(&mut self, length: usize) -> Option<&'s [u8]> {
        if length == 0 {
            return None;
        }
        self.last = self.at..self.at + length;
        self.at += length;
        Some(&self.text[self.last.clone()])
    }

    pub(super) fn take_blanks(&mut self) -> bool {
        let length = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
        self.at += length;
        length > 0
    }

    /// A word or symbol, wherever it ends.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.rest().starts_with(word.as_bytes()) && self.take(word.len()).is_some()
    }

    /// A word that a blank follows; the blank stays.
    pub(super) fn take_word_before_blank(&mut self, word: &str) -> bool {
        let is_followed = self.rest().get(word.len()).is_some_and(|byte| is_blank(*byte));
        is_followed && self.take_word(word)
    }

    pub(super) fn take_identifier(&mut self) -> Option<String> {
        let first = self.peek()?;
        let length = self.rest().iter().take_while(|byte| is_name_byte(**byte)).count();
        let length = if first.is_ascii_alphabetic() { length } else { 0 };
        self.take(length).map(to_string)
    }

    /// Two or more identifiers with dots between them.
    pub(super) fn take_field_name(&mut self) -> Option<String> {
        let rest = self.rest();
        let mut end = 0;
        let mut parts = 0;
        loop {
            let part = &rest[end + usize::from(parts > 0)..];
            let length = part.iter().take_while(|byte| is_name_byte(**byte)).count();
            if length == 0 || !part[0].is_ascii_alphabetic() {
                break;
            }
            end += usize::from(parts > 0) + length;
            parts += 1;
            if rest.get(end) != Some(&b'.') {
                break;
            }
        }
        self.take(if parts > 1 { end } else { 0 }).map(to_string)
    }

    pub(super) fn take_bare(&mut self) -> Option<&'s [u8]> {
        let length = self.rest().iter().take_while(|byte| is_bare_byte(**byte)).count();
        self.take(length)
    }

    pub(super) fn take_bare_argument(&mut self) -> Option<&'s [u8]> {
        let length = self.rest().iter().take_while(|byte| is_argument_byte(**byte)).count();
        self.take(length)
    }

    /// `0x` and hexadecimal digits.
    pub(super) fn take_hexadecimal(&mut self) -> Option<String> {
        let rest = self.rest();
        let digits = match rest {
            [b'0', b'x' | b'X', digits @ ..] => digits.iter().take_while(|b| b.is_ascii_hexdigit()).count(),
            _ => 0,
        };
        self.take(if digits == 0 { 0 } else { digits + 2 }).map(to_string)
    }

    /// A decimal number: sign, digits, fraction, exponent with its sign.
    pub(super) fn take_number(&mut self) -> Option<String> {
        let rest = self.rest();
        let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
        let whole = digits(sign);
        if whole == 0 {
            return None;
        }
        let mut end = sign + whole;
        if rest.get(end) == Some(&b'.') {
            end += 1 + digits(end + 1);
        }
        if let [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] = rest[end..] {
            end += 2 + digits(end + 2);
        }
        self.take(end).map(to_string)
    }

    /// A string in single or double quotes, escapes resolved. `None` where it never ends.
    ///
    /// A quote ends the string unless the byte before it is a backslash, be that escaped itself or not.
    pub(super) fn take_quoted(&mut self) -> Result<Option<Vec<u8>>, ParseError> {
        let rest = self.rest();
        let Some(quote @ (b'"' | b'\'')) = rest.first().copied() else { return Ok(None) };
        let is_end = |at: &usize| rest[*at] == quote && rest[*at - 1] != b'\\';
        let Some(end) = (1..rest.len()).find(is_end) else { return Ok(None) };
        let inside = self.at + 1;
        self.take(end + 1);
        unescape(&rest[1..end], quote, inside).map(Some)
    }
}

fn to_string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Resolves the escapes of a quoted string that begins at byte `start` of the condition.
fn unescape(inside: &[u8], quote: u8, start: usize) -> Result<Vec<u8>, ParseError> {
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let bad =
            |what: &str| ParseError::new(start + at, format!("invalid escape sequence `{what}` in string"));
        let (_, escaped) = bytes.next().ok_or_else(|| bad("\\"))?;
        plain.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            // A backslash before a blank is old rule files' way to write the backslash.
            b' ' | b'\\' => b'\\',
            b'/' => b'/',
            b'x' => {
                let mut digit = || char::from(bytes.next()?.1).to_digit(16);
                let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                let byte = value.and_then(|value| u8::try_from(value).ok()).ok_or_else(|| bad("\\x"))?;
                if byte == 0 {
                    return Err(bad("\\x00"));
                }
                byte
            }
            other if other == quote => quote,
            other => return Err(bad(&format!("\\{}", char::from(other).escape_default()))),
        });
    }
    Ok(plain)
}
