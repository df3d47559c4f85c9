//! Several changes of several documents of one stream, written at once.

use std::collections::BTreeMap;

use super::FieldOp;
use super::apply::applied;
use super::yaml_sink::{EditError, check, put, read_again};
use crate::yaml::{EditRefusal, Editor, Stream};

/// Changes to the documents of a stream, each accepted or refused as a whole before anything is written.
#[derive(Debug)]
pub struct Draft<'s> {
    stream: &'s Stream<'s>,
    changed: BTreeMap<usize, Changed<'s>>,
}

#[derive(Debug)]
struct Changed<'s> {
    editor: Editor<'s>,
    ops: Vec<FieldOp>,
}

impl<'s> Draft<'s> {
    /// A draft without changes.
    pub fn new(stream: &'s Stream<'s>) -> Self {
        Self { stream, changed: BTreeMap::new() }
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Adds a change of a document: all of its operations, which follow those of the changes before it, or none.
    ///
    /// # Errors
    /// Where an operation does not fit the text; the draft is as it was.
    pub fn add(&mut self, document: usize, ops: &[FieldOp]) -> Result<(), EditError> {
        let count = self.stream.documents().len();
        let place = self.stream.document(document).ok_or(EditError::NoDocument { document, count })?;
        let mut fresh = Changed { editor: Editor::new(place), ops: Vec::new() };
        let changed = self.changed.get_mut(&document).unwrap_or(&mut fresh);
        if let Err(error) = put_all(&mut changed.editor, ops) {
            // The editor keeps the operations before the refused one, so it is made anew.
            changed.editor = Editor::new(place);
            put_all(&mut changed.editor, &changed.ops)?;
            return Err(error);
        }
        changed.ops.extend_from_slice(ops);
        if !fresh.ops.is_empty() {
            self.changed.insert(document, fresh);
        }
        Ok(())
    }

    /// The whole text with the changes made; parsed again and compared, as [`yaml_sink`](super::yaml_sink) does.
    ///
    /// # Errors
    /// [`EditError`]; never a text that means something else.
    pub fn finish(self) -> Result<Vec<u8>, EditError> {
        self.finish_with(|_| ()).map(|(text, ())| text)
    }

    /// As [`finish`](Self::finish), with what `read` makes of the new text, which is parsed already.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); nothing is read then.
    pub fn finish_with<R>(self, read: impl FnOnce(&Stream<'_>) -> R) -> Result<(Vec<u8>, R), EditError> {
        let mut intended = BTreeMap::new();
        for (&document, changed) in &self.changed {
            let Some(place) = self.stream.document(document) else { continue };
            intended.insert(document, applied(&changed.ops, place.to_value())?);
        }
        let editors: Vec<&Editor<'_>> = self.changed.values().map(|changed| &changed.editor).collect();
        // What a scalar's style makes of its value shows only once it is read again.
        for literals in [true, false] {
            let text = Editor::finish_all(self.stream, &editors, literals);
            let after =
                read_again(&text).and_then(|after| check(self.stream, &intended, &after).map(|()| after));
            match after {
                Err(_) if literals => {}
                Err(error) => return Err(error),
                Ok(after) => {
                    let read = read(&after);
                    drop(after);
                    return Ok((text.into_owned().into_bytes(), read));
                }
            }
        }
        unreachable!("the second text is returned, or its error")
    }
}

fn put_all(editor: &mut Editor<'_>, ops: &[FieldOp]) -> Result<(), EditError> {
    for (index, op) in ops.iter().enumerate() {
        put(editor, op).map_err(|refusal: EditRefusal| EditError::Refused { index, refusal })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(at: &str, value: Value) -> FieldOp {
        FieldOp::Set { at: at.parse().unwrap(), value }
    }

    #[test]
    fn changes_several_documents_at_once() {
        let stream = Stream::parse(b"a: 1 # one\n---\nb: 2\n---\nc: 3").unwrap();
        let mut draft = Draft::new(&stream);
        draft.add(2, &[set("/d", json!(true))]).unwrap();
        draft.add(0, &[set("/a", json!({}))]).unwrap();
        draft.add(0, &[set("/a/x", json!(1))]).unwrap();
        assert_eq!(draft.finish().unwrap(), b"a: # one\n  x: 1\n---\nb: 2\n---\nc: 3\nd: true");
    }

    #[test]
    fn leaves_out_the_whole_of_a_refused_change() {
        let stream = Stream::parse(b"a: &x {k: 1}\nb: *x\n").unwrap();
        let mut draft = Draft::new(&stream);
        draft.add(0, &[set("/c", json!(1))]).unwrap();
        assert!(draft.add(0, &[set("/d", json!(1)), set("/a/k", json!(2))]).is_err());
        draft.add(0, &[set("/e", json!(1))]).unwrap();
        assert_eq!(draft.finish().unwrap(), b"a: &x {k: 1}\nb: *x\nc: 1\ne: 1\n");
        let mut draft = Draft::new(&stream);
        assert!(draft.add(0, &[set("/a/k", json!(2))]).is_err());
        assert!(draft.is_empty() && draft.add(1, &[]).is_err());
    }
}
