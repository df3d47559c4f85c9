//! YAML nodes as trees, so that a file is judged without a JSON value of it. It stands here because `yaml`
//! and `k8s`, which have the two sides, do not see each other.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::k8s::{Tree, TreeKind};
use crate::yaml::{Kind, Node};

impl<'a> Tree for Node<'a> {
    type Text = Cow<'a, str>;

    fn kind(self) -> TreeKind {
        match Node::kind(&self) {
            Kind::Mapping => TreeKind::Mapping,
            Kind::Sequence => TreeKind::Sequence,
            Kind::Scalar if Node::as_str(&self).is_some() => TreeKind::String,
            Kind::Scalar => Tree::kind(&self.to_value()),
        }
    }

    fn get(self, key: &str) -> Option<Self> {
        Node::get(&self, key)
    }

    fn entries(self) -> impl Iterator<Item = (Cow<'a, str>, Self)> {
        let named = |(name, value): (Node<'a>, Node<'a>)| Some((name.key()?, value));
        let is_merged = Node::entries(&self).any(|(name, _)| name.key().is_some_and(|name| name == "<<"));
        // Merge keys are rare enough to let the value say which keys they bring in.
        let merged = if is_merged { self.to_value() } else { Value::Null };
        let keys = merged.as_object().into_iter().flat_map(serde_json::Map::keys).cloned();
        let keys: Vec<_> = keys.collect();
        let own = (!is_merged).then(|| Node::entries(&self).filter_map(named));
        let expanded = keys.into_iter().filter_map(move |key| {
            let value = Node::get(&self, &key)?;
            Some((Cow::Owned(key), value))
        });
        own.into_iter().flatten().chain(expanded)
    }

    fn items(self) -> impl Iterator<Item = Self> {
        Node::items(&self)
    }

    fn as_str(self) -> Option<Cow<'a, str>> {
        Node::as_str(&self)
    }

    fn as_bool(self) -> Option<bool> {
        scalar(self)?.as_bool()
    }

    fn number(self) -> Option<Number> {
        scalar(self)?.as_number().cloned()
    }
}

/// The value of a scalar that is no string; strings need no copy.
fn scalar(node: Node<'_>) -> Option<Value> {
    let is_other = Node::kind(&node) == Kind::Scalar && Node::as_str(&node).is_none();
    is_other.then(|| node.to_value())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::k8s::{brief, to_value};
    use crate::yaml::Stream;

    #[test]
    fn shows_the_value_that_kubernetes_reads() {
        let source =
            "a: &a {x: yes, y: 010, 3: ~}\nb: {<<: *a, x: 'yes', z: 0x1f}\nc: [*a, 1e3, 1.5, text]\n";
        let stream = Stream::parse(source.as_bytes()).unwrap();
        let document = stream.documents().next().unwrap();
        assert_eq!(to_value(document.root().unwrap()), document.to_value());
    }

    #[test]
    fn answers_only_for_what_a_node_is() {
        let stream = Stream::parse(b"[true, 'true', 1, {a: 1}]").unwrap();
        let root = stream.documents().next().unwrap().root().unwrap();
        let items: Vec<_> = Tree::items(root).collect();
        assert_eq!(items[1].as_bool(), None);
        assert_eq!(Tree::as_str(items[0]), None);
        assert_eq!(Tree::as_i64(items[3]), None);
        assert_eq!(brief(items[1]), json!("true").to_string());
    }
}
