//! Text of unknown origin, as text of a page.

use std::fmt::{self, Display, Write as _};

/// Text inside an element or a quoted attribute. Characters that HTML cannot hold become U+FFFD.
pub(super) struct Escaped<'t>(pub(super) &'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, character) in self.0.char_indices() {
            let replacement = match character {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\n' => "&#10;",
                '\t' => "&#9;",
                // The table of numeric references has other characters at 128 to 159.
                _ if character.is_control() => "\u{FFFD}",
                _ => continue,
            };
            f.write_str(&self.0[plain..at])?;
            f.write_str(replacement)?;
            plain = at + character.len_utf8();
        }
        f.write_str(&self.0[plain..])
    }
}

/// A value of the fragment: percent-encoded to letters that neither URL nor HTML knows.
pub(super) struct Encoded<'t>(pub(super) &'t str);

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// `58,012`.
pub(super) struct Grouped(pub(super) usize);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_markup_quotes_and_controls() {
        let text = Escaped("a<b>&\"'\n\0\u{85}é").to_string();
        assert_eq!(text, "a&lt;b&gt;&amp;&quot;&#39;&#10;\u{FFFD}\u{FFFD}é");
    }

    #[test]
    fn encodes_for_the_fragment() {
        assert_eq!(Encoded("a b&c=é/x").to_string(), "a%20b%26c%3D%C3%A9/x");
    }

    #[test]
    fn groups_thousands() {
        let shown = [0, 999, 1000, 58012, 1_234_567].map(|number| Grouped(number).to_string());
        assert_eq!(shown, ["0", "999", "1,000", "58,012", "1,234,567"]);
    }
}
