//! The lossless YAML sink.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::{ApplyError, FieldOp, apply};
use crate::yaml::{EditRefusal, Editor, Stream, SyntaxError};

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
    let mut intended = edited.to_value();
    apply(ops, &mut intended)?;
    let mut editor = Editor::new(edited);
    for (index, op) in ops.iter().enumerate() {
        put(&mut editor, op).map_err(|refusal| EditError::Refused { index, refusal })?;
    }
    let intended = BTreeMap::from([(document, intended)]);
    let mut text = editor.finish(true);
    if check(&stream, &intended, &text).is_err() {
        text = editor.finish(false);
        check(&stream, &intended, &text)?;
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

/// Parses what was written and compares it with what was meant: the values of the changed documents.
pub(super) fn check(
    before: &Stream<'_>,
    intended: &BTreeMap<usize, Value>,
    text: &str,
) -> Result<(), EditError> {
    let unfaithful = |reason: String| EditError::Unfaithful(reason);
    let after = Stream::parse(text.as_bytes()).map_err(|error| unfaithful(error.to_string()))?;
    let counts = (before.documents().len(), after.documents().len());
    if counts.0 != counts.1 {
        return Err(unfaithful(format!("{} documents instead of {}", counts.1, counts.0)));
    }
    for (old, new) in before.documents().zip(after.documents()) {
        match intended.get(&old.index()) {
            Some(intended) if !means_the_same(intended, &new.to_value()) => {
                return Err(unfaithful("another value".to_owned()));
            }
            None if before.source()[old.span()] != text[new.span()] => {
                return Err(unfaithful(format!("document {} changed", old.index())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Equality of values where 1 and 1.0 are the same number, as they are once written.
fn means_the_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || same_number(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| means_the_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| means_the_same(left, right)))
        }
        _ => left == right,
    }
}

/// Only floats are compared as floats: of large integers these would not tell neighbours apart.
fn same_number(left: &Number, right: &Number) -> bool {
    (left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64()
}
