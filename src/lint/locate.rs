//! From pointers to places: a finding, and the file that its object stands in.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::report::{Located, ObjectRef, Place};
use crate::checks::Finding;
use crate::yaml::{Document, Node, Pointer, Stream, parse_index};

/// The finding at its place in `document` of `stream`, which was read from `file` and is one object.
pub fn locate(finding: Finding, stream: &Stream<'_>, document: Document<'_>, file: &str) -> Located {
    let object = document.root().map(ObjectRef::of).unwrap_or_default();
    locate_in(finding, stream, document, &file.into(), &object.into())
}

/// The finding at its place, where `object` is told; the findings of one share their names.
pub(super) fn locate_in(
    finding: Finding,
    stream: &Stream<'_>,
    document: Document<'_>,
    file: &Arc<str>,
    object: &Arc<ObjectRef>,
) -> Located {
    let span = document.locate(&finding.pointer).0.span();
    let place = |pointer: &Pointer| Place::of(document.locate(pointer).0.span(), stream);
    let related = finding.related.iter().map(|(pointer, _)| place(pointer)).collect();
    Located {
        position: stream.position(span.start),
        end: stream.position(span.end),
        object: Arc::clone(object),
        file: Arc::clone(file),
        document: document.index(),
        finding,
        span,
        related,
    }
}

/// The lines on which the nodes from the root to `pointer` begin, in ascending order, each once.
///
/// An entry of a mapping begins with its key, an item of a sequence with its content.
pub(super) fn lines_to(stream: &Stream<'_>, document: Document<'_>, pointer: &Pointer) -> BTreeSet<u32> {
    let line = |node: Node<'_>| stream.position(node.span().start).line;
    let Some(mut node) = document.root() else { return BTreeSet::new() };
    let mut lines = BTreeSet::from([line(node)]);
    for token in pointer.tokens() {
        if let Some((key, value)) = node.get_entry(token) {
            lines.insert(line(key));
            node = value;
        } else if let Some(item) = parse_index(token).and_then(|index| node.items().nth(index)) {
            lines.insert(line(item));
            node = item;
        } else {
            break;
        }
    }
    lines
}
