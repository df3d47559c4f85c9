//! The index as a tree.

use lithify::k8s::{Tree, TreeKind};
use serde_json::Number;

use super::{Document, Entry, hash};

/// One value of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'d> {
    document: &'d Document<'d>,
    entry: &'d Entry,
    at: u32,
}

impl<'d> Node<'d> {
    pub(super) fn new(document: &'d Document<'d>, at: u32) -> Self {
        Self { document, entry: &document.entries[at as usize], at }
    }

    fn text(self) -> &'d str {
        self.document.text(self.entry.value)
    }

    fn key(self) -> &'d str {
        self.document.text(self.entry.key)
    }

    /// What is directly in it.
    fn children(self) -> impl Iterator<Item = Node<'d>> + Clone {
        let end = self.entry.end;
        let node = move |at: u32| (at < end).then(|| Self::new(self.document, at));
        std::iter::successors(node(self.at + 1), move |child| node(child.entry.end))
    }

    /// Whether both are the same value; the order of keys does not count.
    pub(crate) fn is_same(self, other: Self) -> bool {
        if self.kind() != other.kind() {
            return false;
        }
        match self.kind() {
            TreeKind::Null => true,
            TreeKind::Number => self.text() == other.text() || self.number() == other.number(),
            TreeKind::Bool | TreeKind::String => self.text() == other.text(),
            TreeKind::Sequence => {
                self.text() == other.text() || same(self.children(), other.children(), false)
            }
            TreeKind::Mapping => {
                self.text() == other.text()
                    || same(self.children(), other.children(), true)
                    || same(by_key(self).into_iter(), by_key(other).into_iter(), true)
            }
        }
    }
}

fn by_key(mapping: Node<'_>) -> Vec<Node<'_>> {
    let mut children: Vec<_> = mapping.children().collect();
    children.sort_by_key(|child| child.key());
    children
}

fn same<'d>(
    mut one: impl Iterator<Item = Node<'d>>,
    mut other: impl Iterator<Item = Node<'d>>,
    has_keys: bool,
) -> bool {
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if (!has_keys || one.key() == other.key()) && one.is_same(other) => {}
            _ => return false,
        }
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        Node::is_same(*self, *other)
    }
}

impl<'d> Tree for Node<'d> {
    type Text = &'d str;

    fn kind(self) -> TreeKind {
        self.entry.kind
    }

    fn get(self, key: &str) -> Option<Self> {
        if self.kind() != TreeKind::Mapping {
            return None;
        }
        let Document { text, unescaped, entries } = self.document;
        let (end, hash) = (self.entry.end, hash(key));
        let mut at = self.at + 1;
        while at < end {
            let entry = &entries[at as usize];
            if entry.hash == hash && entry.key.shown(text, unescaped) == key {
                return Some(Self { entry, at, ..self });
            }
            at = entry.end;
        }
        None
    }

    fn entries(self) -> impl Iterator<Item = (&'d str, Self)> {
        let mapping = Some(self).filter(|node| node.kind() == TreeKind::Mapping);
        mapping.into_iter().flat_map(Node::children).map(|child| (child.key(), child))
    }

    fn items(self) -> impl Iterator<Item = Self> {
        let sequence = Some(self).filter(|node| node.kind() == TreeKind::Sequence);
        sequence.into_iter().flat_map(Node::children)
    }

    fn as_str(self) -> Option<&'d str> {
        (self.kind() == TreeKind::String).then(|| self.text())
    }

    fn as_bool(self) -> Option<bool> {
        (self.kind() == TreeKind::Bool).then(|| self.text() == "true")
    }

    fn number(self) -> Option<Number> {
        (self.kind() == TreeKind::Number).then(|| serde_json::from_str(self.text()).ok())?
    }
}
