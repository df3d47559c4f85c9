//! Anchors, tags and directives.

use super::error::{Fault, SyntaxReason};
use super::scanner::{Scanned, Scanner};

/// The meaning of a tag, once its handle is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tag {
    /// No tag: the value follows from the text.
    #[default]
    None,
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// Any other, the non-specific `!` included: a scalar with it is the string of its text.
    Other,
}

const YAML_PREFIX: &str = "tag:yaml.org,2002:";

/// `%TAG` directives of the current document: handle and prefix.
#[derive(Debug, Default)]
pub(super) struct TagHandles(Vec<(String, String)>);

/// One directive line.
pub(super) enum Directive {
    Version,
    Tag { handle: String, prefix: String },
}

impl TagHandles {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the handle was new.
    pub(super) fn declare(&mut self, handle: String, prefix: String) -> bool {
        let new = self.0.iter().all(|(known, _)| *known != handle);
        self.0.push((handle, prefix));
        new
    }

    fn prefix(&self, handle: &str) -> Option<&str> {
        let declared = self.0.iter().find(|(known, _)| known == handle).map(|(_, prefix)| prefix.as_str());
        declared.or(match handle {
            "!" => Some("!"),
            "!!" => Some(YAML_PREFIX),
            _ => None,
        })
    }
}

impl<'s> Scanner<'s> {
    /// Passes over `&name` or `*name`; returns the name.
    pub(super) fn anchor(&mut self) -> Scanned<&'s str> {
        let start = self.pos;
        self.pos += 1;
        self.skip_word();
        let name = self.slice(start + 1, self.pos);
        let ends = matches!(self.byte(self.pos), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !(ends || self.is_blank_or_end(self.pos)) {
            let reason = SyntaxReason::Expected(
                "an anchor or alias name of letters, digits, `-` and `_`; quote the text if none is meant",
            );
            return Err(Fault::new(start, reason));
        }
        self.key_allowed = false;
        Ok(name)
    }

    /// Passes over a tag and resolves its handle.
    pub(super) fn tag(&mut self, handles: &TagHandles) -> Scanned<Tag> {
        let start = self.pos;
        let full = if self.byte(start + 1) == b'<' {
            self.pos += 2;
            let uri = self.tag_uri(start)?;
            if self.byte(self.pos) != b'>' {
                return Err(Fault::new(start, SyntaxReason::Expected("`>` at the end of the tag")));
            }
            self.pos += 1;
            uri
        } else {
            self.shorthand_tag(start, handles)?
        };
        if !self.is_blank_or_end(self.pos) {
            return Err(Fault::new(self.pos, SyntaxReason::Expected("a blank or line break after the tag")));
        }
        self.key_allowed = false;
        Ok(match full.strip_prefix(YAML_PREFIX) {
            Some("str") => Tag::Str,
            Some("bool") => Tag::Bool,
            Some("int") => Tag::Int,
            Some("float") => Tag::Float,
            Some("null") => Tag::Null,
            Some("timestamp") => Tag::Timestamp,
            Some("binary") => Tag::Binary,
            Some("merge") => Tag::Merge,
            _ => Tag::Other,
        })
    }

    /// `!suffix`, `!!suffix` or `!handle!suffix`.
    fn shorthand_tag(&mut self, start: usize, handles: &TagHandles) -> Scanned<String> {
        self.pos += 1;
        self.skip_word();
        let (handle, suffix) = if self.byte(self.pos) == b'!' {
            self.pos += 1;
            let handle = self.slice(start, self.pos);
            (handle, self.tag_uri(start)?)
        } else {
            let head = self.slice(start + 1, self.pos).to_owned();
            let tail = if self.at_tag_character() { self.tag_uri(start)? } else { String::new() };
            ("!", head + &tail)
        };
        if suffix.is_empty() {
            return Ok("!".to_owned());
        }
        match handles.prefix(handle) {
            Some(prefix) => Ok(format!("{prefix}{suffix}")),
            None => Err(Fault::new(start, SyntaxReason::UndefinedTagHandle(handle.to_owned()))),
        }
    }

    fn at_tag_character(&self) -> bool {
        let byte = self.byte(self.pos);
        is_word(byte) || b";/?:@&=+$,.!~*'()[]%".contains(&byte)
    }

    /// At least one character of a URI, its `%XX` escapes decoded.
    fn tag_uri(&mut self, start: usize) -> Scanned<String> {
        let mut uri = Vec::new();
        while self.at_tag_character() {
            match self.src[self.pos] {
                b'%' => {
                    let octet = self.hex(self.pos + 1, 2).and_then(|octet| u8::try_from(octet).ok());
                    let reason = SyntaxReason::Expected("two hexadecimal digits after `%` in the tag");
                    uri.push(octet.ok_or(Fault::new(self.pos, reason))?);
                    self.pos += 3;
                }
                byte => {
                    uri.push(byte);
                    self.pos += 1;
                }
            }
        }
        if uri.is_empty() {
            return Err(Fault::new(start, SyntaxReason::Expected("a tag name")));
        }
        String::from_utf8(uri)
            .map_err(|_| Fault::new(start, SyntaxReason::Scalar("the tag's escapes are no UTF-8")))
    }

    /// Passes over a directive line; the cursor stands on `%` at the start of a line.
    pub(super) fn directive(&mut self) -> Scanned<Directive> {
        let start = self.pos;
        let fail = |text| Err(Fault::new(start, SyntaxReason::Directive(text)));
        self.pos += 1;
        self.skip_word();
        let name = self.slice(start + 1, self.pos);
        if !self.is_blank_or_end(self.pos) {
            return fail("a directive's name is followed by a blank");
        }
        self.skip_blanks();
        let directive = match name {
            "YAML" => {
                let version = self.argument();
                if version != "1.1" {
                    return fail("Kubernetes reads YAML 1.1 only; remove the `%YAML` directive");
                }
                Directive::Version
            }
            "TAG" => {
                let handle = self.argument().to_owned();
                let named = handle.strip_prefix('!').and_then(|rest| rest.strip_suffix('!'));
                if handle != "!" && !named.is_some_and(|name| name.bytes().all(is_word)) {
                    return fail("`%TAG` takes a handle such as `!e!` and a prefix");
                }
                self.skip_blanks();
                let prefix = self.tag_uri(start)?;
                Directive::Tag { handle, prefix }
            }
            _ => {
                return fail(
                    "unknown directive; `%` at the start of a line begins one, quote the text if none is meant",
                );
            }
        };
        self.skip_blanks();
        if self.byte(self.pos) == b'#' {
            self.skip_comment();
        }
        if !self.at_end() && !self.skip_break() {
            return fail("a directive takes a line of its own");
        }
        self.key_allowed = false;
        Ok(directive)
    }

    /// The text up to the next blank or line break.
    fn argument(&mut self) -> &'s str {
        let start = self.pos;
        while !self.is_blank_or_end(self.pos) {
            self.pos += 1;
        }
        self.slice(start, self.pos)
    }

    fn skip_word(&mut self) {
        while is_word(self.byte(self.pos)) {
            self.pos += 1;
        }
    }

    /// A part of the text that begins and ends at characters.
    fn slice(&self, start: usize, end: usize) -> &'s str {
        std::str::from_utf8(&self.src[start..end]).expect("the source is UTF-8, cut at ASCII")
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
