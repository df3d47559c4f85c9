//! The lossless YAML sink.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::apply::applied;
use super::{ApplyError, FieldOp};
use crate::yaml::{Document, EditRefusal, Editor, Kind, Node, Stream, SyntaxError};

/// Why operations could not be written into a text. The text is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no YAML that Kubernetes reads.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The stream has fewer documents.
    #[error("there is no document {document} among {count}, counted from 0")]
    NoDocument {
        /// The document asked for.
        document: usize,
        /// How many there are.
        count: usize,
    },
    /// An operation does not fit the object.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// An operation fits the object, but not the text.
    #[error("operation {index}: {refusal}")]
    Refused {
        /// Which operation of the list, from 0.
        index: usize,
        /// Why not.
        refusal: EditRefusal,
    },
    /// The new text does not mean what the operations ask for: a defect of the editor, found in time.
    #[error(
        "the edited text would not mean what was asked for ({0}); nothing was changed, please report this"
    )]
    Unfaithful(String),
}

/// Writes the operations into one document of a YAML or JSON text, and touches nothing else.
///
/// `document` counts from 0. Returns the whole text; without operations it is the source. The result is
/// parsed again and compared: it means what [`apply`] makes of the document, and all other documents are
/// byte for byte what they were.
///
/// # Errors
/// [`EditError`]; never a text that means something else.
pub fn yaml_sink(source: &[u8], document: usize, ops: &[FieldOp]) -> Result<Vec<u8>, EditError> {
    let stream = Stream::parse(source)?;
    let count = stream.documents().len();
    let edited = stream.document(document).ok_or(EditError::NoDocument { document, count })?;
    let intended = applied(ops, edited.to_value())?;
    let mut editor = Editor::new(edited);
    for (index, op) in ops.iter().enumerate() {
        put(&mut editor, op).map_err(|refusal| EditError::Refused { index, refusal })?;
    }
    let intended = BTreeMap::from([(document, intended)]);
    let is_meant = |text: &str| check(&stream, &intended, &read_again(text)?);
    let mut text = editor.finish(true);
    if is_meant(&text).is_err() {
        text = editor.finish(false);
        is_meant(&text)?;
    }
    Ok(text.into_owned().into_bytes())
}

/// Puts one operation into the editor.
pub(super) fn put(editor: &mut Editor<'_>, op: &FieldOp) -> Result<(), EditRefusal> {
    match op {
        FieldOp::Set { at, value } => editor.set(at, value.clone()),
        FieldOp::Replace { at, value } => editor.replace(at, value.clone()),
        FieldOp::Insert { at, value } => editor.insert(at, value.clone()),
        FieldOp::Append { at, value } => editor.append(at, value.clone()),
        FieldOp::Remove { at } => editor.remove(at),
    }
}

/// Compares what was written, parsed again, with what was meant: the values of the changed documents.
pub(super) fn check(
    before: &Stream<'_>,
    intended: &BTreeMap<usize, Value>,
    after: &Stream<'_>,
) -> Result<(), EditError> {
    let counts = (before.documents().len(), after.documents().len());
    if counts.0 != counts.1 {
        return Err(unfaithful(format!("{} documents instead of {}", counts.1, counts.0)));
    }
    for (old, new) in before.documents().zip(after.documents()) {
        match intended.get(&old.index()) {
            Some(intended) if !has_value(new, intended) => {
                return Err(unfaithful("another value".to_owned()));
            }
            None if before.source()[old.span()] != after.source()[new.span()] => {
                return Err(unfaithful(format!("document {} changed", old.index())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Parses what was written.
pub(super) fn read_again(text: &str) -> Result<Stream<'_>, EditError> {
    Stream::parse(text.as_bytes()).map_err(|error| unfaithful(error.to_string()))
}

fn unfaithful(reason: String) -> EditError {
    EditError::Unfaithful(reason)
}

fn has_value(document: Document<'_>, value: &Value) -> bool {
    document.root().map_or_else(|| value.is_null(), |root| means_the_same(value, root))
}

/// Whether a node has a value, where 1 and 1.0 are the same number, as they are once written.
///
/// No value is made of the node: this is done for every file that is written.
fn means_the_same(value: &Value, node: Node<'_>) -> bool {
    match (node.kind(), value) {
        (Kind::Mapping, Value::Object(value)) => {
            let mut entries = node.entries().map(|(key, child)| (key.key(), child));
            let mut count = 0;
            let own = entries.try_fold(true, |is_same, (key, child)| {
                let key = key.filter(|key| key != MERGE)?;
                count += 1;
                let there = value.get(key.as_ref());
                Some(is_same && there.is_some_and(|value| means_the_same(value, child)))
            });
            match own {
                Some(is_same) => is_same && count == value.len(),
                // What a merge brings in, and what wins then, the value itself must say.
                None => is_same_mapping(value, &node.to_value()),
            }
        }
        (Kind::Sequence, Value::Array(value)) => {
            let mut items = node.items();
            let is_item =
                |value: &Value, item: Option<Node<'_>>| item.is_some_and(|item| means_the_same(value, item));
            value.iter().all(|value| is_item(value, items.next())) && items.next().is_none()
        }
        (Kind::Scalar, Value::String(value)) => node.as_str().is_some_and(|text| text == value.as_str()),
        (Kind::Scalar, value) => is_same_value(value, &node.to_value()),
        _ => false,
    }
}

/// The key whose value's entries count as the mapping's own.
const MERGE: &str = "<<";

fn is_same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || is_same_number(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| is_same_value(left, right))
        }
        (Value::Object(left), right) => is_same_mapping(left, right),
        _ => left == right,
    }
}

fn is_same_mapping(left: &Map<String, Value>, right: &Value) -> bool {
    right.as_object().is_some_and(|right| {
        left.len() == right.len()
            && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| is_same_value(left, right)))
    })
}

/// Only floats are compared as floats: of large integers these would not tell neighbours apart.
fn is_same_number(left: &Number, right: &Number) -> bool {
    (left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64()
}
