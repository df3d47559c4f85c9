//! From text to index, in one pass.

use std::collections::HashSet;

use lithify::k8s::TreeKind;

use super::span::{Span, index};
use super::{Entry, Outline, Part, hash, scan};

/// Levels of mappings and sequences, as many as serde_json reads.
const DEPTH: usize = 127;
/// A mapping of so many keys is searched for equal ones by comparing each two.
const FEW: usize = 16;
/// Bytes of text for which an entry is reserved at the beginning.
const BYTES_AN_ENTRY: usize = 40;

/// The entries of `text` and its unescaped strings; see [`super::Document::parse`].
pub(super) fn parse(text: &str, outline: &'static Outline) -> Option<(Vec<Entry>, String)> {
    if text.len() > Span::LONGEST {
        return None;
    }
    let entries = Vec::with_capacity(text.len() / BYTES_AN_ENTRY);
    let bytes = text.as_bytes();
    let mut parser = Parser { text, bytes, at: 0, depth: 0, entries, unescaped: String::new() };
    parser.value(Span::default(), Some(outline))?;
    (scan::blank(bytes, parser.at) == bytes.len()).then_some((parser.entries, parser.unescaped))
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    entries: Vec<Entry>,
    unescaped: String,
}

impl Parser<'_> {
    /// The next byte that is no white space.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        self.at = scan::blank(self.bytes, self.at);
        self.bytes.get(self.at).copied()
    }

    /// Reads a value.
    fn value(&mut self, key: Span, outline: Option<&'static Outline>) -> Option<()> {
        let kind = match self.next()? {
            b'{' => return self.mapping(key, outline),
            b'[' => return self.sequence(key),
            b'"' => {
                let value = self.string()?;
                self.push(key, value, TreeKind::String);
                return Some(());
            }
            b't' | b'f' => TreeKind::Bool,
            b'n' => TreeKind::Null,
            _ => TreeKind::Number,
        };
        let start = self.at;
        self.at = match kind {
            TreeKind::Number => self.number()?,
            _ => self.word()?,
        };
        self.push(key, Span::of_text(start, self.at), kind);
        Some(())
    }

    fn word(&self) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word.as_bytes()))?;
        Some(self.at + word.len())
    }

    fn number(&self) -> Option<usize> {
        let (end, is_small) = scan::number(self.bytes, self.at)?;
        let fits = || serde_json::from_str::<serde_json::Number>(&self.text[self.at..end]).is_ok();
        (is_small || fits()).then_some(end)
    }

    /// Reads a string.
    #[inline]
    fn string(&mut self) -> Option<Span> {
        let start = self.at + 1;
        let end = start + scan::plain(self.bytes.get(start..)?);
        if self.bytes.get(end) != Some(&b'"') {
            return self.string_with_escapes(start, end);
        }
        self.at = end + 1;
        Some(Span::of_text(start, end))
    }

    #[cold]
    fn string_with_escapes(&mut self, start: usize, first: usize) -> Option<Span> {
        self.at = scan::closing_quote(self.bytes, first)? + 1;
        let text: String = serde_json::from_str(self.text.get(start - 1..self.at)?).ok()?;
        let start = self.unescaped.len();
        self.unescaped.push_str(&text);
        Some(Span::unescaped(start, self.unescaped.len()))
    }

    #[inline]
    fn push(&mut self, key: Span, value: Span, kind: TreeKind) {
        let end = index(self.entries.len() + 1);
        self.entries.push(Entry { key, value, kind, hash: 0, end });
    }

    fn open(&mut self, key: Span, kind: TreeKind) -> Option<usize> {
        self.depth += 1;
        let own = self.entries.len();
        self.push(key, Span::of_text(self.at, self.at), kind);
        self.at += 1;
        (self.depth <= DEPTH).then_some(own)
    }

    fn close(&mut self, own: usize) {
        self.depth -= 1;
        self.at += 1;
        let end = index(self.entries.len());
        let entry = &mut self.entries[own];
        entry.end = end;
        entry.value = entry.value.up_to(self.at);
    }

    fn sequence(&mut self, key: Span) -> Option<()> {
        let own = self.open(key, TreeKind::Sequence)?;
        if self.next()? != b']' {
            loop {
                self.value(Span::default(), None)?;
                match self.next()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.close(own);
        Some(())
    }

    fn mapping(&mut self, key: Span, outline: Option<&'static Outline>) -> Option<()> {
        let own = self.open(key, TreeKind::Mapping)?;
        let mut keys = Keys::default();
        if self.next()? != b'}' {
            loop {
                if self.next()? != b'"' {
                    return None;
                }
                let key = self.string()?;
                if self.next()? != b':' {
                    return None;
                }
                self.at += 1;
                match outline.and_then(|outline| outline.of(self.shown(key))) {
                    Some(Part::LeftOut) => self.skip()?,
                    Some(Part::Within(inner)) => self.member(key, &mut keys, Some(inner))?,
                    None => self.member(key, &mut keys, None)?,
                }
                match self.next()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.close(own);
        (!keys.are_alike || self.has_distinct_keys(own, keys.count)).then_some(())
    }

    #[inline]
    fn member(&mut self, key: Span, keys: &mut Keys, outline: Option<&'static Outline>) -> Option<()> {
        let hash = hash(self.shown(key));
        let own = 1 << hash;
        keys.are_alike |= keys.hashes & own != 0;
        keys.hashes |= own;
        keys.count += 1;
        let place = self.entries.len();
        self.value(key, outline)?;
        self.entries[place].hash = hash;
        Some(())
    }

    /// Passes over a value that is not kept.
    fn skip(&mut self) -> Option<()> {
        if let b'{' | b'[' = self.next()? {
            self.at = scan::skip(self.bytes, self.at)?;
            return Some(());
        }
        self.value(Span::default(), None)?;
        self.entries.pop();
        Some(())
    }

    fn shown(&self, span: Span) -> &str {
        span.shown(self.text, &self.unescaped)
    }

    /// Whether the keys of a mapping, which is the last entry, differ from each other. What is left out counts for
    /// nothing.
    #[cold]
    fn has_distinct_keys(&self, own: usize, keys: usize) -> bool {
        let first = Some(own + 1).filter(|first| *first < self.entries.len());
        let next =
            |at: &usize| Some(self.entries[*at].end as usize).filter(|next| *next < self.entries.len());
        let mut all = std::iter::successors(first, next).map(|at| self.shown(self.entries[at].key));
        if keys > FEW {
            let mut seen = HashSet::with_capacity(keys);
            return all.all(|key| seen.insert(key));
        }
        let mut seen = [""; FEW];
        all.enumerate().all(|(count, key)| {
            seen[count] = key;
            !seen[..count].contains(&key)
        })
    }
}

/// The keys of one mapping.
#[derive(Default)]
struct Keys {
    count: usize,
    /// A bit for each hash of theirs.
    hashes: u64,
    /// Two have one hash, and could be equal.
    are_alike: bool,
}

impl Outline {
    #[inline]
    fn of(&self, key: &str) -> Option<Part> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, part)| *part)
    }
}
