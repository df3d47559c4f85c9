//! The text of flow scalars: line folding and escapes.
//!
//! The scanner has checked everything already, so nothing here can fail.

use super::scanner::simple_escape;

/// The text of a plain or quoted scalar that spans lines or has escapes.
///
/// `inner`: the scalar without its quotes. `quote`: its quote, 0 for a plain one. `wide_breaks`: U+0085,
/// U+2028 and U+2029 break lines.
pub(super) fn flow_text(inner: &str, quote: u8, wide_breaks: bool) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(character) = rest.chars().next() {
        match character {
            ' ' | '\t' => rest = push_gap(&mut text, rest, wide_breaks),
            '\'' if quote == b'\'' => {
                text.push('\'');
                rest = &rest[2..];
            }
            '\\' if quote == b'"' => rest = push_escape(&mut text, rest, wide_breaks),
            _ if line_break(rest, wide_breaks).is_some() => rest = push_gap(&mut text, rest, wide_breaks),
            _ => {
                let end = rest.find([' ', '\t', '\n', '\r', '\'', '\\', '\u{85}', '\u{2028}', '\u{2029}']);
                let end = end.unwrap_or(rest.len()).max(character.len_utf8());
                text.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    text
}

/// The line break that `text` begins with: its length, and what it is in a value.
fn line_break(text: &str, wide_breaks: bool) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'\n' => Some((1, "\n")),
        b'\r' => Some((1 + usize::from(bytes.get(1) == Some(&b'\n')), "\n")),
        0xC2 if wide_breaks && text.starts_with('\u{85}') => Some((2, "\n")),
        0xE2 if wide_breaks && text.starts_with(['\u{2028}', '\u{2029}']) => Some((3, &text[..3])),
        _ => None,
    }
}

/// Appends what blanks and line breaks inside a scalar mean; returns what follows them.
///
/// Blanks alone stay. Around line breaks they vanish, a single break becomes a blank, and of several the
/// first vanishes.
fn push_gap<'t>(text: &mut String, gap: &'t str, wide_breaks: bool) -> &'t str {
    let blanks = gap.len() - gap.trim_start_matches([' ', '\t']).len();
    let mut rest = &gap[blanks..];
    let Some((length, first)) = line_break(rest, wide_breaks) else {
        text.push_str(&gap[..blanks]);
        return rest;
    };
    rest = &rest[length..];
    let more = text.len();
    rest = push_breaks(text, rest, wide_breaks);
    if first != "\n" {
        text.insert_str(more, first);
    } else if text.len() == more {
        text.push(' ');
    }
    rest
}

/// Appends the line breaks that follow, without the blanks around them.
fn push_breaks<'t>(text: &mut String, mut rest: &'t str, wide_breaks: bool) -> &'t str {
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some((length, value)) = line_break(rest, wide_breaks) else { return rest };
        text.push_str(value);
        rest = &rest[length..];
    }
}

/// Appends the meaning of the escape that `escape` begins with; returns what follows it.
fn push_escape<'t>(text: &mut String, escape: &'t str, wide_breaks: bool) -> &'t str {
    let rest = &escape[1..];
    if let Some((length, _)) = line_break(rest, wide_breaks) {
        return push_breaks(text, &rest[length..], wide_breaks);
    }
    let letter = rest.as_bytes()[0];
    let digits = match letter {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => {
            text.extend(simple_escape(letter));
            return &rest[1..];
        }
    };
    let code = hex(rest, digits);
    if let Some(character) = char::from_u32(code) {
        text.push(character);
        return &rest[1 + digits..];
    }
    // The scanner let only a whole surrogate pair pass.
    let low = hex(&rest[1 + digits + 1..], digits);
    text.extend(char::from_u32(0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)));
    &rest[1 + digits + 2 + digits..]
}

/// The digits after the letter that `escape` begins with.
fn hex(escape: &str, digits: usize) -> u32 {
    u32::from_str_radix(&escape[1..=digits], 16).expect("the scanner checked the digits")
}
