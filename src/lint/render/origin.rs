//! Where in the files of an overlay a place of a rendered object comes from.
//!
//! Data in: a finding in what kustomize printed, and the files that the overlay is made of. Data out: the node
//! that it is about: of a patch where one sets that very place, else of the file that the object comes from.

use std::path::{Path, PathBuf};

use crate::yaml::{Document, Node, Pointer, Stream};

/// Kustomize's note of where an object comes from: YAML with `path`, from the directory that was built.
pub(super) const ANNOTATION: &str = "config.kubernetes.io/origin";

/// The file that a rendered object comes from, relative to the directory that was built; `None` where
/// kustomize has made the object itself.
pub(super) fn file_of(object: Node<'_>) -> Option<PathBuf> {
    let annotation = object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.text()?;
    let stream = Stream::parse(annotation.as_bytes()).ok()?;
    Some(Path::new(stream.document(0)?.root()?.get("path")?.text()?.as_ref()).to_owned())
}

/// How near a file comes to a place: the steps of the pointer that are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nearness {
    steps: usize,
    /// All of the steps.
    is_exact: bool,
}

/// The document of `file` that an object comes from or that patches it, the node nearest to a place of it, and
/// how near that is.
///
/// Kustomize may have put something before or behind the name; items are known by their own names.
pub(super) fn nearest<'f>(
    file: &'f Stream<'_>,
    object: Node<'_>,
    pointer: &Pointer,
) -> Option<(Document<'f>, Node<'f>, Nearness)> {
    let documents = file.documents().filter_map(|document| Some((document, document.root()?)));
    let likeness = |root: Node<'_>| {
        let is_kind = text(root, "kind").is_some_and(|kind| text(object, "kind") == Some(kind));
        let name = |node: Node<'_>| node.get("metadata").and_then(|metadata| text(metadata, "name"));
        let (rendered, own) = (name(object)?, name(root)?);
        (is_kind && rendered.contains(&own)).then_some(own.len())
    };
    let of = documents.filter_map(|(document, root)| Some((likeness(root)?, document, root)));
    let (_, document, root) = of.max_by_key(|(likeness, _, _)| *likeness)?;
    let (node, nearness) = follow(object, root, pointer);
    Some((document, node, nearness))
}

fn text(node: Node<'_>, key: &str) -> Option<String> {
    Some(node.get(key)?.text()?.into_owned())
}

/// Goes down both objects, as far as the one in the file goes.
fn follow<'f>(rendered: Node<'_>, file: Node<'f>, pointer: &Pointer) -> (Node<'f>, Nearness) {
    let (mut rendered, mut node) = (Some(rendered), file);
    let all = pointer.tokens().len();
    for (steps, token) in pointer.tokens().enumerate() {
        let (below, next) = step(rendered, node, token);
        let Some(next) = next else { return (node, Nearness { steps, is_exact: false }) };
        (rendered, node) = (below, next);
    }
    (node, Nearness { steps: all, is_exact: true })
}

fn step<'r, 'f>(
    rendered: Option<Node<'r>>,
    file: Node<'f>,
    token: &str,
) -> (Option<Node<'r>>, Option<Node<'f>>) {
    if let Some(value) = file.get(token) {
        return (rendered.and_then(|rendered| rendered.get(token)), Some(value));
    }
    let Ok(index) = token.parse::<usize>() else { return (None, None) };
    let item = rendered.and_then(|rendered| rendered.items().nth(index));
    let next = match item.and_then(|item| text(item, "name")) {
        Some(name) => file.items().find(|own| text(*own, "name").as_ref() == Some(&name)),
        None => file.items().nth(index),
    };
    (item, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENDERED: &str = "\
kind: Deployment
metadata:
  name: prod-web
  annotations:
    config.kubernetes.io/origin: |
      path: ../base/web.yaml
spec:
  containers: [{name: side}, {name: app, image: a, securityContext: {privileged: true}}]
";
    const FILE: &str = "\
kind: Service
metadata: {name: web}
---
kind: Deployment
metadata: {name: web}
spec:
  containers:
  - {image: a, name: app}
";

    fn found(pointer: &str) -> (usize, String, Nearness) {
        let (rendered, file) =
            (Stream::parse(RENDERED.as_bytes()).unwrap(), Stream::parse(FILE.as_bytes()).unwrap());
        let object = rendered.document(0).unwrap().root().unwrap();
        let (document, node, nearness) = nearest(&file, object, &pointer.parse().unwrap()).unwrap();
        (document.index(), file.source()[node.span()].to_owned(), nearness)
    }

    #[test]
    fn follows_items_by_their_names() {
        let exact = |steps| Nearness { steps, is_exact: true };
        assert_eq!(found("/spec/containers/1/image"), (1, "a".to_owned(), exact(4)));
        let app = "{image: a, name: app}".to_owned();
        let privileged = found("/spec/containers/1/securityContext/privileged");
        assert_eq!(privileged, (1, app, Nearness { steps: 3, is_exact: false }));
        assert_eq!(found("/spec/containers/0").2, Nearness { steps: 2, is_exact: false }, "it has no side");
        assert!(exact(1) < Nearness { steps: 2, is_exact: false }, "nearer is better");
    }

    #[test]
    fn reads_where_an_object_comes_from() {
        let stream = Stream::parse(RENDERED.as_bytes()).unwrap();
        let object = stream.document(0).unwrap().root().unwrap();
        assert_eq!(file_of(object), Some("../base/web.yaml".into()));
    }
}
