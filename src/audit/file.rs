//! A policy file: its text's tree, for places, beside what the apiserver makes of it.
//!
//! The apiserver reads a text whose first letter is `{` as JSON and nothing else, every other one as YAML, and
//! of that the first document only: what stands behind it need not even be YAML.

use serde_json::Value;

use super::load::{Loaded, load_tree, load_value};
use super::tree::Tree;
use crate::yaml::{Document, Node, Pointer, Position, Stream, Style, SyntaxError};

/// Document markers that are tried as the end of the first document, where the whole text is no YAML.
const MAX_ENDS: usize = 16;

/// A policy file that could be read.
pub struct PolicyFile<'s> {
    stream: Stream<'s>,
    object: Value,
    loaded: Loaded,
    unread: Option<SyntaxError>,
}

/// A text that is neither YAML nor JSON, which the apiserver refuses as well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No YAML.
    #[error(transparent)]
    Yaml(#[from] SyntaxError),
    /// Begins as JSON and is none.
    #[error(
        "{position}: the apiserver takes a text that begins with `{{` for JSON, and this is none: {reason}"
    )]
    Json {
        /// Where it ceases to be JSON.
        position: Position,
        /// Why.
        reason: String,
    },
}

impl ReadError {
    /// Where the text goes wrong.
    pub fn position(&self) -> Position {
        match self {
            Self::Yaml(error) => error.position(),
            Self::Json { position, .. } => *position,
        }
    }

    /// What is wrong, without the place.
    pub fn reason(&self) -> String {
        match self {
            Self::Yaml(error) => error.reason().to_string(),
            Self::Json { reason, .. } => format!(
                "the apiserver takes a text that begins with `{{` for JSON, and this is none: {reason}"
            ),
        }
    }
}

impl<'s> PolicyFile<'s> {
    /// Reads a text as the apiserver does.
    ///
    /// # Errors
    /// [`ReadError`] where it is no YAML, or begins as JSON and is none. JSON with a tab right before its
    /// first brace is refused here, since it is no YAML, and not by [`load`].
    pub fn read(source: &'s [u8]) -> Result<Self, ReadError> {
        if is_json(source) {
            let loaded = load_json(source)?;
            let object = serde_json::from_slice(source).map_err(|error| json_error(source, &error))?;
            let stream = Stream::parse_lenient(source)?;
            return Ok(Self { stream, object, loaded, unread: None });
        }
        let (stream, unread) = match Stream::parse_lenient(source) {
            Ok(stream) => (stream, None),
            Err(error) => (first_document(source, &error).ok_or_else(|| error.clone())?, Some(error)),
        };
        let object = stream.document(0).map_or(Value::Null, |document| document.to_value());
        let repeated =
            stream.document(0).map(|document| repeated_keys(&stream, document)).unwrap_or_default();
        let loaded = load_value(&object, repeated);
        Ok(Self { stream, object, loaded, unread })
    }

    /// The text's tree; where [`unread`](Self::unread) is set, of its first document only.
    pub fn stream(&self) -> &Stream<'s> {
        &self.stream
    }

    /// The value of the first document, null where there is none.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// What the apiserver makes of it.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Why what stands behind the first document is no YAML; the apiserver does not look at it.
    pub fn unread(&self) -> Option<&SyntaxError> {
        self.unread.as_ref()
    }

    /// Where a place of the policy is, or its nearest existing ancestor.
    pub fn position(&self, pointer: &Pointer) -> Position {
        let start = self.stream.document(0).map_or(0, |document| document.locate(pointer).0.span().start);
        self.stream.position(start)
    }
}

/// Loads a policy's text as the apiserver does, for callers that need no places.
///
/// # Errors
/// [`ReadError`] where the text is no YAML, or begins as JSON and is none.
pub fn load(source: &[u8]) -> Result<Loaded, ReadError> {
    if is_json(source) { load_json(source) } else { PolicyFile::read(source).map(|file| file.loaded) }
}

fn load_json(source: &[u8]) -> Result<Loaded, ReadError> {
    let tree: Tree = serde_json::from_slice(source).map_err(|error| json_error(source, &error))?;
    Ok(load_tree(&tree, false))
}

fn is_json(source: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&source[..source.len().min(1 << 16)]);
    text.trim_start().starts_with('{')
}

fn json_error(source: &[u8], error: &serde_json::Error) -> ReadError {
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
    let text = source.split(|byte| *byte == b'\n').nth(line as usize - 1).unwrap_or_default();
    let before = &text[..error.column().saturating_sub(1).min(text.len())];
    let column = u32::try_from(String::from_utf8_lossy(before).chars().count() + 1).unwrap_or(u32::MAX);
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
    ReadError::Json { position: Position { line, column }, reason }
}

/// The first document, where the text goes wrong only behind its end.
fn first_document<'s>(source: &'s [u8], error: &SyntaxError) -> Option<Stream<'s>> {
    let is_end = |line: &[u8]| {
        let rest = line.strip_prefix(b"---").or_else(|| line.strip_prefix(b"..."));
        rest.is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
    };
    let mut at = 0;
    let mut ends = Vec::new();
    for line in source.split_inclusive(|byte| *byte == b'\n').take(error.position().line as usize) {
        if is_end(line) && ends.len() < MAX_ENDS {
            ends.push(at);
        }
        at += line.len();
    }
    let streams = ends.into_iter().filter_map(|end| Stream::parse_lenient(&source[..end]).ok());
    streams.into_iter().find(|stream| stream.documents().len() > 0)
}

/// The places of a document's keys that stand twice.
fn repeated_keys(stream: &Stream<'_>, document: Document<'_>) -> Vec<Pointer> {
    let inside = document.span();
    let starts: Vec<usize> = stream
        .duplicates()
        .map(|duplicate| duplicate.second.span().start)
        .filter(|start| inside.contains(start))
        .collect();
    let mut found = Vec::new();
    if let Some(root) = document.root().filter(|_| !starts.is_empty()) {
        find_keys(root, &Pointer::root(), &starts, &mut found);
    }
    found
}

fn find_keys(node: Node<'_>, at: &Pointer, starts: &[usize], found: &mut Vec<Pointer>) {
    if node.style() == Style::Alias {
        // Its keys stand where its anchor is.
        return;
    }
    for (key, value) in node.entries() {
        let at = at.join(key.key().unwrap_or_default());
        if starts.contains(&key.span().start) {
            found.push(at.clone());
        }
        find_keys(value, &at, starts, found);
    }
    for (index, item) in node.items().enumerate() {
        find_keys(item, &at.item(index), starts, found);
    }
}
