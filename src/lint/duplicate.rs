//! Keys that stand twice in one mapping: kubectl takes the last and says nothing, so the value that a reader
//! sees first may not be the one that runs. The objects are judged with the last, too.
//!
//! Source: seen of kubectl 1.32 (`kubectl label --local`); kustomize 5.5 refuses such a file, and so does the
//! apiserver with `fieldValidation=Strict`.

use super::report::{Located, ObjectRef, Place};
use crate::checks::{Finding, Severity};
use crate::yaml::{Duplicate, Node, Pointer, Stream};

/// The identifier of what is reported about a key that stands twice.
pub const DUPLICATE_KEY: &str = "duplicate-key";

/// A finding for every repeated key of a stream that was parsed leniently.
pub(super) fn findings<'s>(stream: &'s Stream<'_>, file: &'s str) -> impl Iterator<Item = Located> + 's {
    stream.duplicates().filter_map(move |duplicate| finding(&duplicate, stream, file))
}

fn finding(duplicate: &Duplicate<'_>, stream: &Stream<'_>, file: &str) -> Option<Located> {
    let span = duplicate.second.span();
    let document = stream.documents().find(|document| document.span().contains(&span.start))?;
    let root = document.root()?;
    let pointer = path_to(root, span.start).join(duplicate.key);
    let first = duplicate.first.position().line;
    let message = format!(
        "key `{}` stands twice in one mapping: kubectl takes this one and ignores the one on line {first}",
        duplicate.key
    );
    let finding = Finding {
        check: DUPLICATE_KEY,
        severity: Severity::Error,
        related: vec![(pointer.clone(), "ignored".to_owned())],
        pointer,
        container: None,
        message,
        notes: vec!["kustomize and strict validation refuse the file; remove one of both".to_owned()],
        fix: None,
    };
    Some(Located {
        file: file.into(),
        document: document.index(),
        object: ObjectRef::of(root).into(),
        position: stream.position(span.start),
        end: stream.position(span.end),
        related: vec![Place::of(duplicate.first.span(), stream)],
        span,
        finding,
    })
}

/// The pointer of the innermost mapping that holds the byte at `at`.
fn path_to(root: Node<'_>, at: usize) -> Pointer {
    let (mut node, mut pointer) = (root, Pointer::root());
    loop {
        let entry = node.entries().find(|(_, value)| value.span().contains(&at));
        let item = || node.items().enumerate().find(|(_, item)| item.span().contains(&at));
        if let Some((key, value)) = entry {
            let Some(key) = key.key() else { return pointer };
            (node, pointer) = (value, pointer.join(key));
        } else if let Some((index, item)) = item() {
            (node, pointer) = (item, pointer.item(index));
        } else {
            return pointer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(String, u32)> {
        let stream = Stream::parse_lenient(source.as_bytes()).unwrap();
        let found = findings(&stream, "a.yaml");
        found.map(|located| (located.finding.pointer.to_string(), located.position.line)).collect()
    }

    #[test]
    fn names_the_key_by_its_pointer_and_its_second_line() {
        let source =
            "a: 1\n---\nspec:\n  list:\n  - {x: 1}\n  - k: 1\n    z: 2\n    k: 3\nspec: {a: 1, a: 2}\n";
        let expected = [("/spec/list/1/k".to_owned(), 8), ("/spec".to_owned(), 9), ("/spec/a".to_owned(), 9)];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn finds_nothing_in_what_is_right() {
        assert_eq!(found("a: &a {x: 1}\nb: {<<: *a, x: 2}\nc: *a\n"), []);
    }
}
