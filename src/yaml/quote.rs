//! How a string is written so that every reader reads that string.

use super::resolve::{Resolved, resolve_plain};

/// Quotes to use where a string needs some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Single,
    Double,
}

/// Whether a string may stand without quotes in block context: every reader, of YAML 1.1 or 1.2, must take
/// it for that string, and for nothing else.
pub(super) fn is_plain_in_block(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text[first.len_utf8()..].chars().next();
    let starts_well = match first {
        '-' => second.is_some_and(|second| !second.is_whitespace()) && !is_document_marker(text),
        '.' => !is_document_marker(text),
        _ => !"?:,[]{}#&*!|>'\"%@`=".contains(first),
    };
    starts_well
        && !first.is_whitespace()
        && !text.ends_with(|last: char| last.is_whitespace() || last == ':')
        && text.chars().all(is_printable)
        && !text.contains(": ")
        && !text.contains(" #")
        && !is_reserved_word(text)
        && !looks_like_number(text)
        && resolve_plain(text) == Resolved::Text
}

/// Whether a string may stand without quotes inside `{}` or `[]`.
pub(super) fn is_plain_in_flow(text: &str) -> bool {
    is_plain_in_block(text) && !text.starts_with('-') && !text.contains([',', '?', ':', '[', ']', '{', '}'])
}

fn is_document_marker(text: &str) -> bool {
    ["---", "..."].iter().any(|marker| {
        text.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    })
}

/// Characters that stand for themselves, on one line, in every version of YAML.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Words that some reader takes for a boolean, null or a merge, in any case.
fn is_reserved_word(text: &str) -> bool {
    const WORDS: [&str; 13] =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "<<", ".inf", ".nan"];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Numbers, dates and times of any YAML reader, generously: digits with what may stand between them.
fn looks_like_number(text: &str) -> bool {
    let numeric = |byte: u8| byte.is_ascii_hexdigit() || b"_,.:+-xXoO TtZz".contains(&byte);
    text.starts_with(['+', '-', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(numeric)
}

/// The string in quotes, on one line; JSON where the quotes are double.
pub(super) fn quoted(text: &str, quote: Quote) -> String {
    if quote == Quote::Single && text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            character if is_printable(character) => out.push(character),
            // All that is left is below U+10000, which JSON's escape reaches.
            character => {
                let code = u32::from(character);
                out.push_str("\\u");
                out.extend(
                    [12, 8, 4, 0].map(|shift| char::from_digit(code >> shift & 0xF, 16).unwrap_or('0')),
                );
            }
        }
    }
    out.push('"');
    out
}

/// Whether a string of several lines can be written as a literal block scalar.
///
/// Not with more than one final line break: the blank lines that follow in the file would join it.
pub(super) fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.ends_with("\n\n")
        && text.chars().all(|character| is_printable(character) || matches!(character, '\n' | '\t'))
        // Blank lines before the first line of text may not be wider than it.
        && text.split('\n').find(|line| !line.is_empty()).is_some_and(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_flags_paths_and_images_plain() {
        for text in [
            "--audit-log-path=/var/log/a.log",
            "/etc/kubernetes/audit-policy.yaml",
            "registry.k8s.io/kube-apiserver:v1.34.4",
            "http://localhost:8080",
            "a b",
            "it's",
            "ümlaut",
            "-v",
            "v1",
            "RuntimeDefault",
        ] {
            assert!(is_plain_in_block(text), "{text}");
        }
    }

    #[test]
    fn quotes_what_some_reader_would_take_for_something_else() {
        for text in [
            "",
            " a",
            "a ",
            "yes",
            "No",
            "ON",
            "y",
            "null",
            "~",
            "true",
            "0644",
            "1e3",
            "0o7",
            "0x1f",
            "1_000",
            "1.5",
            "1:30",
            "2024-01-02",
            "2024-01-02T03:04:05Z",
            "12e03",
            "10.0.0.1",
            "1,000",
            ".5",
            ".inf",
            "+1",
            "-1",
            "- a",
            "-",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "'a",
            "\"a",
            "[a",
            "{a",
            "? a",
            ": a",
            "---",
            "--- a",
            "...",
            "<<",
            "=",
            "a\tb",
            "a\nb",
            "a\u{85}b",
            "\u{feff}a",
        ] {
            assert!(!is_plain_in_block(text), "{text:?}");
        }
        for text in ["a,b", "a:b", "[", "a]", "--flag"] {
            assert!(!is_plain_in_flow(text), "{text:?}");
        }
    }

    #[test]
    fn escapes_as_json_does() {
        assert_eq!(quoted("a\"\\\n\t\u{7}\u{2028}é", Quote::Double), r#""a\"\\\n\t\u0007\u2028é""#);
        assert_eq!(quoted("it's", Quote::Single), "'it''s'");
        assert_eq!(quoted("a\nb", Quote::Single), r#""a\nb""#);
    }
}
