//! What may be in a file at all: UTF-8 of the characters that YAML allows.

use super::error::{Fault, SyntaxReason};

/// A text that passed the checks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'s> {
    /// The whole file, a byte order mark included.
    pub(super) source: &'s str,
    /// Length of the byte order mark: 0 or 3.
    pub(super) bom: usize,
    /// U+0085, U+2028 or U+2029 occur: YAML 1.1, and so Go's reader, ends lines with them.
    pub(super) wide_breaks: bool,
}

/// Checks the bytes of a file.
///
/// Source: go-yaml v2 `readerc.go`, which allows tab, line feed, carriage return, U+0085 and everything
/// printable.
pub(super) fn check(source: &[u8]) -> Result<Text<'_>, Fault> {
    if source.starts_with(&[0xFF, 0xFE]) || source.starts_with(&[0xFE, 0xFF]) {
        return Err(Fault::new(0, SyntaxReason::Utf16));
    }
    if u32::try_from(source.len()).is_err() {
        return Err(Fault::new(0, SyntaxReason::TooLong));
    }
    let text = std::str::from_utf8(source)
        .map_err(|error| Fault::new(error.valid_up_to(), SyntaxReason::InvalidUtf8))?;
    // One branch-free pass that the compiler vectorises; the exact place is looked for only where needed.
    let suspicious = |&byte: &u8| matches!(byte, 0..=8 | 0x0B | 0x0C | 0x0E..=0x1F | 0x7F);
    if source.iter().fold(false, |found, byte| found | suspicious(byte)) {
        let at = source.iter().position(suspicious).unwrap_or_default();
        return Err(Fault::new(at, SyntaxReason::ControlCharacter(source[at].into())));
    }
    let wide_breaks = if source.is_ascii() { false } else { check_wide(text)? };
    let bom = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    Ok(Text { source: text, bom, wide_breaks })
}

/// Refuses control characters above ASCII and tells whether any line break is among the characters.
fn check_wide(text: &str) -> Result<bool, Fault> {
    let mut wide_breaks = false;
    for (at, character) in text.char_indices() {
        match character {
            '\u{85}' | '\u{2028}' | '\u{2029}' => wide_breaks = true,
            '\u{80}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => {
                return Err(Fault::new(at, SyntaxReason::ControlCharacter(character.into())));
            }
            _ => {}
        }
    }
    Ok(wide_breaks)
}
