//! Rule files as they were given, and where in them a text of a rule stands.

use std::ops::Range;

use crate::yaml::Position;

/// A file of rules.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Its path as given.
    pub name: String,
    /// Its bytes, or why they could not be read.
    pub text: Result<Vec<u8>, String>,
}

impl RuleFile {
    /// A file that was read.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), text: Ok(text.into()) }
    }
}

/// A byte range of a file, by the file's place in the list of files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spot {
    /// The file's place in the list.
    pub file: usize,
    /// The bytes.
    pub bytes: Range<usize>,
}

/// Files with their text, and the places of bytes in them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Sources {
    /// Adds a file; what is no UTF-8 in it is shown replaced.
    pub(super) fn add(&mut self, file: &RuleFile) -> usize {
        let text = file.text.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        self.files.push(Source { name: file.name.clone(), text, lines });
        self.files.len() - 1
    }

    /// A file's name.
    pub fn name(&self, file: usize) -> &str {
        &self.files[file].name
    }

    /// A file's text.
    pub fn text(&self, file: usize) -> &str {
        &self.files[file].text
    }

    /// Line and column of a spot's first byte.
    pub fn position(&self, spot: &Spot) -> Position {
        let (number, line, at) = self.located(spot);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: count(number), column: count(line[..at].chars().count() + 1) }
    }

    /// The line of a spot's first byte, without its line break, and the byte within it.
    pub fn line(&self, spot: &Spot) -> (&str, usize) {
        let (_, line, at) = self.located(spot);
        let shown = line.trim_end_matches(['\n', '\r']);
        (shown, at.min(shown.len()))
    }

    /// The number of a spot's line from 1, the line, and the byte within it.
    fn located(&self, spot: &Spot) -> (usize, &str, usize) {
        let source = &self.files[spot.file];
        let at = floor(&source.text, spot.bytes.start);
        let number = source.lines.partition_point(|start| *start <= at);
        let start = source.lines[number - 1];
        let end = source.lines.get(number).copied().unwrap_or(source.text.len());
        (number, &source.text[start..end], at - start)
    }

    /// `file:line:column`.
    pub fn link(&self, spot: &Spot) -> String {
        let Position { line, column } = self.position(spot);
        format!("{}:{line}:{column}", self.name(spot.file))
    }
}

/// The last character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A text of a rule, such as its condition, with the spots that its parts came from.
#[derive(Clone, Debug, Default)]
pub struct Phrase {
    text: String,
    /// Where each part begins, in order.
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    at: usize,
    spot: Spot,
    /// The part is the text of the scalar at the spot, so that places in it can be found.
    is_scalar: bool,
}

impl Phrase {
    /// The text of a scalar.
    pub(super) fn scalar(text: String, spot: Spot) -> Self {
        Self { text, parts: vec![Part { at: 0, spot, is_scalar: true }] }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it begins.
    pub fn start(&self) -> Option<&Spot> {
        self.parts.first().map(|part| &part.spot)
    }

    /// Adds what stands at a spot in another form.
    pub(super) fn push(&mut self, text: &str, spot: &Spot) {
        self.parts.push(Part { at: self.text.len(), spot: spot.clone(), is_scalar: false });
        self.text.push_str(text);
    }

    /// Adds another text after a separator.
    pub(super) fn append(&mut self, separator: &str, other: &Self) {
        self.text.push_str(separator);
        let shift = self.text.len();
        self.text.push_str(&other.text);
        self.parts.extend(other.parts.iter().map(|part| Part { at: part.at + shift, ..part.clone() }));
    }

    /// Removes blanks around it.
    pub(super) fn trim(&mut self) {
        let leading = self.text.len() - self.text.trim_start().len();
        self.text.truncate(self.text.trim_end().len());
        // Scalars that begin in the middle are found by their text, so the cut needs no bookkeeping there.
        if leading > 0 && leading <= self.text.len() {
            self.text.drain(..leading);
            for part in &mut self.parts {
                part.at = part.at.saturating_sub(leading);
            }
        }
    }

    /// The spot of a byte of the text.
    pub(super) fn spot(&self, offset: usize, sources: &Sources) -> Option<Spot> {
        let index = self.parts.partition_point(|part| part.at <= offset).checked_sub(1)?;
        let part = &self.parts[index];
        if !part.is_scalar {
            return Some(part.spot.clone());
        }
        let end = self.parts.get(index + 1).map_or(self.text.len(), |next| next.at);
        let source = sources.text(part.spot.file);
        let written = source.get(part.spot.bytes.clone())?;
        let at = part.spot.bytes.start + align(written, &self.text[part.at..end], offset - part.at);
        Some(Spot { file: part.spot.file, bytes: at..(at + 1).max(at) })
    }
}

/// The byte of a scalar as it is written that stands for a byte of its text.
///
/// Walks both at once: what is the same moves both on, a blank of the text stands for any run of blanks as
/// folding left them, and what else is only in the source (quotes, escapes, indentation) is passed over.
fn align(written: &str, text: &str, offset: usize) -> usize {
    let is_block = written.starts_with(['|', '>']);
    let header = if is_block { written.find('\n').map_or(0, |newline| newline + 1) } else { 0 };
    let mut source = written[header..].char_indices().peekable();
    let blank_run = |source: &mut std::iter::Peekable<std::str::CharIndices<'_>>| {
        while source.next_if(|(_, c)| c.is_whitespace()).is_some() {}
    };
    for (at, wanted) in text.char_indices() {
        if !wanted.is_whitespace() {
            while source.next_if(|(_, c)| *c != wanted).is_some() {}
        }
        let Some((here, _)) = source.peek().copied() else { break };
        if at >= offset {
            return header + here;
        }
        source.next();
        if wanted.is_whitespace() && !text[at..].chars().nth(1).is_some_and(char::is_whitespace) {
            blank_run(&mut source);
        }
    }
    let end = written.trim_end().len();
    end.saturating_sub(usize::from(end > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(written: &str, text: &str, word: &str) -> String {
        let at = align(written, text, text.find(word).unwrap());
        written[at..].chars().take(word.chars().count()).collect()
    }

    #[test]
    fn places_are_found_in_every_style_of_scalar() {
        assert_eq!(found("a and bad", "a and bad", "bad"), "bad");
        assert_eq!(found("\"a \\\"x\\\" and bad\"", "a \"x\" and bad", "bad"), "bad");
        assert_eq!(found("'a ''x'' bad'", "a 'x' bad", "bad"), "bad");
        assert_eq!(found(">\n    a and\n    bad or c\n", "a and bad or c\n", "bad"), "bad");
        assert_eq!(found(">-\n    a\n\n      b\n    bad", "a\n  b\nbad", "bad"), "bad");
        assert_eq!(found("a and\n      b and\n      bad", "a and b and bad", "bad"), "bad");
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let mut sources = Sources::default();
        let file = sources.add(&RuleFile::new("r.yaml", "a: é\r\nb: cc\n"));
        let spot = Spot { file, bytes: 10..11 };
        assert_eq!(sources.link(&spot), "r.yaml:2:4");
        assert_eq!(sources.line(&spot), ("b: cc", 3));
        assert_eq!(sources.line(&Spot { file, bytes: 999..999 }), ("", 0));
    }

    #[test]
    fn a_phrase_knows_the_files_of_its_parts() {
        let mut sources = Sources::default();
        let one = sources.add(&RuleFile::new("a", "condition: x = y"));
        let two = sources.add(&RuleFile::new("b", "condition: and z = w"));
        let mut phrase = Phrase::scalar("x = y".into(), Spot { file: one, bytes: 11..16 });
        phrase.append(" ", &Phrase::scalar("and z = w".into(), Spot { file: two, bytes: 11..20 }));
        assert_eq!(phrase.text(), "x = y and z = w");
        let spot = phrase.spot(phrase.text().find('z').unwrap(), &sources).unwrap();
        assert_eq!(sources.link(&spot), "b:1:16");
    }
}
