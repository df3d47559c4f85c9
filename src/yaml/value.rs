//! From nodes to JSON values.

use serde_json::{Map, Value};

use super::node::Tree;

/// The value of a node. Recursion is bounded by the parser's depth limit, which counts aliases as expanded,
/// and the size of the result by its limit on aliases.
pub(super) fn to_value(tree: &Tree<'_>, index: u32) -> Value {
    let index = tree.target(index);
    let node = tree.node(index);
    if node.shape.is_mapping() {
        let mut object = Map::new();
        merge_into(tree, index, &mut object);
        Value::Object(object)
    } else if node.shape.is_sequence() {
        let mut items = Vec::new();
        let mut item = index + 1;
        while item < node.aux {
            items.push(to_value(tree, item));
            item = tree.after(item);
        }
        Value::Array(items)
    } else {
        let text = tree.scalar_text(index);
        let resolved = tree.resolve(index, &text).expect("the parser checked tagged scalars");
        resolved.into_value(text)
    }
}

/// Sets a mapping's entries in order, so that later ones win over earlier ones, merged ones included: this
/// is what go-yaml v2 does, other than the merge key's definition has it.
fn merge_into(tree: &Tree<'_>, mapping: u32, object: &mut Map<String, Value>) {
    let mut key = mapping + 1;
    while key < tree.node(mapping).aux {
        let value = key + 1;
        if tree.is_merge(key) {
            for source in merge_sources(tree, value) {
                merge_into(tree, source, object);
            }
        } else {
            let name = tree.key(key).expect("the parser checked keys").into_owned();
            object.insert(name, to_value(tree, value));
        }
        key = tree.after(value);
    }
}

/// The mappings that a merge key names, the one with most precedence last.
pub(super) fn merge_sources(tree: &Tree<'_>, value: u32) -> Vec<u32> {
    if tree.node(tree.target(value)).shape.is_mapping() {
        return vec![tree.target(value)];
    }
    let mut sources = Vec::new();
    let mut item = value + 1;
    while item < tree.after(value) {
        sources.push(tree.target(item));
        item = tree.after(item);
    }
    sources.reverse();
    sources
}
