//! Which repairs of one document go together, each having been made for the document as it was.
//!
//! Two repairs go together where neither changes what the other names. Beyond that, two that make the same mapping
//! or list where there was none are merged (each container check makes the `securityContext` that it misses), and
//! two that remove items of one list are: the indices are counted anew.

use serde_json::Value;

use crate::edit::FieldOp;
use crate::yaml::{Pointer, parse_index};

/// The repairs of a document that are accepted so far.
#[derive(Debug, Default)]
pub(super) struct Batch {
    accepted: Vec<FieldOp>,
}

/// Whether a repair goes together with those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// With these operations, to be made after those before them.
    Now(Vec<FieldOp>),
    /// Not in this round.
    Later,
}

impl Batch {
    /// Takes the operations of a repair, as they were made for the document as it was.
    pub(super) fn accept(&mut self, ops: &[FieldOp]) {
        for op in ops {
            let made = self.accepted.iter_mut().find_map(|accepted| match (accepted, op) {
                (FieldOp::Set { at: other, value: there }, FieldOp::Set { at, value }) if other == at => {
                    Some((there, value))
                }
                _ => None,
            });
            match made {
                Some((there, value)) => unite(there, value),
                None => self.accepted.push(op.clone()),
            }
        }
    }

    /// Whether the operations go together with the accepted ones, and what they are then.
    pub(super) fn join(&self, ops: &[FieldOp]) -> Joined {
        if self.accepted.is_empty() {
            return Joined::Now(ops.to_vec());
        }
        if let [FieldOp::Remove { at }] = ops {
            return self.join_removal(at);
        }
        let joined: Option<Vec<Vec<FieldOp>>> = ops.iter().map(|op| self.join_op(op)).collect();
        joined.map_or(Joined::Later, |ops| Joined::Now(ops.concat()))
    }

    /// Whether [`join`](Self::join) says so, without the operations.
    pub(super) fn joins(&self, ops: &[FieldOp]) -> bool {
        match ops {
            _ if self.accepted.is_empty() => true,
            [FieldOp::Remove { at }] => matches!(self.join_removal(at), Joined::Now(_)),
            ops => ops.iter().all(|op| self.lets_pass(op)),
        }
    }

    /// The operations of all accepted repairs at once, for the document as it was; `None` where one moves items, so that
    /// places depend on what came before.
    pub(super) fn all(&self) -> Option<&[FieldOp]> {
        (!self.accepted.iter().any(moves_siblings)).then_some(&self.accepted)
    }

    /// One operation, unless an accepted one is in its way; what others have done already is left out.
    fn join_op(&self, op: &FieldOp) -> Option<Vec<FieldOp>> {
        if !self.lets_pass(op) {
            return None;
        }
        let missing = self.accepted.iter().find_map(|accepted| match (op, accepted) {
            (FieldOp::Set { at, value }, FieldOp::Set { at: other, value: there }) if at == other => {
                Some(missing(at, there, value))
            }
            _ => None,
        });
        Some(missing.unwrap_or_else(|| vec![op.clone()]))
    }

    /// Whether no accepted operation is in the way of another one.
    fn lets_pass(&self, op: &FieldOp) -> bool {
        self.accepted.iter().all(|accepted| match (op, accepted) {
            (FieldOp::Set { at, value }, FieldOp::Set { at: other, value: there }) if at == other => {
                agree(there, value)
            }
            (FieldOp::Append { at, value }, FieldOp::Append { at: other, value: there }) if at == other => {
                !is_same_item(value, there)
            }
            _ => are_apart(op, accepted),
        })
    }

    /// A removal beside removals from the same list.
    fn join_removal(&self, at: &Pointer) -> Joined {
        let item = at.last().and_then(parse_index);
        let parent = at.parent();
        let mut before = 0;
        for accepted in &self.accepted {
            match accepted {
                FieldOp::Remove { at: other } if item.is_some() && other.parent() == parent => {
                    let other = other.last().and_then(parse_index);
                    if other == item {
                        return Joined::Later;
                    }
                    before += usize::from(other < item);
                }
                _ if are_apart(&FieldOp::Remove { at: at.clone() }, accepted) => {}
                _ => return Joined::Later,
            }
        }
        let moved = item.zip(parent).map(|(index, parent)| parent.item(index - before));
        Joined::Now(vec![FieldOp::Remove { at: moved.unwrap_or_else(|| at.clone()) }])
    }
}

/// Whether what is wanted at a place goes together with what another repair has put there.
fn agree(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| there.get(key).is_none_or(|other| agree(other, value)))
        }
        (Value::Array(there), Value::Array(wanted)) => {
            !wanted.iter().any(|item| there.iter().any(|other| is_same_item(item, other)))
        }
        (there, wanted) => there == wanted,
    }
}

/// What makes `wanted` of the value that another repair has put at a place, and which it [`agree`]s with: the values
/// that are missing in it.
fn missing(at: &Pointer, there: &Value, wanted: &Value) -> Vec<FieldOp> {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            let of_entry = |(key, value): (&String, &Value)| match there.get(key) {
                Some(other) => missing(&at.join(key), other, value),
                None => vec![FieldOp::Set { at: at.join(key), value: value.clone() }],
            };
            wanted.iter().flat_map(of_entry).collect()
        }
        (Value::Array(_), Value::Array(wanted)) => {
            wanted.iter().map(|item| FieldOp::Append { at: at.clone(), value: item.clone() }).collect()
        }
        _ => Vec::new(),
    }
}

/// Puts into a value what another repair adds to it.
fn unite(there: &mut Value, more: &Value) {
    match (there, more) {
        (Value::Object(there), Value::Object(more)) => {
            for (key, value) in more {
                match there.get_mut(key) {
                    Some(known) => unite(known, value),
                    None => _ = there.insert(key.clone(), value.clone()),
                }
            }
        }
        (Value::Array(there), Value::Array(more)) => there.extend(more.iter().cloned()),
        _ => {}
    }
}

/// Equal, or two items of a list that the API keys by name: volumes, mounts, containers.
fn is_same_item(left: &Value, right: &Value) -> bool {
    let name = |value: &Value| value.get("name").cloned();
    left == right || (name(left).is_some() && name(left) == name(right))
}

/// Whether neither operation changes what the other names.
fn are_apart(left: &FieldOp, right: &FieldOp) -> bool {
    match (reach(left), reach(right)) {
        // An item at the end moves nothing, so that items of the list may change, but not the list.
        (Reach::End(one), Reach::End(other)) => one == other || !(one.is_above(other) || other.is_above(one)),
        (Reach::End(list), Reach::All(place)) | (Reach::All(place), Reach::End(list)) => {
            !place.is_above(list)
        }
        (Reach::All(one), Reach::All(other)) => !one.is_above(other) && !other.is_above(one),
    }
}

/// What an operation changes.
enum Reach<'o> {
    /// Everything at and below a place.
    All(Place<'o>),
    /// The end of a list.
    End(Place<'o>),
}

fn reach(op: &FieldOp) -> Reach<'_> {
    let at = op.at();
    let depth = at.tokens().len();
    match op {
        FieldOp::Append { .. } => Reach::End(Place { at, depth }),
        op if moves_siblings(op) => Reach::All(Place { at, depth: depth.saturating_sub(1) }),
        _ => Reach::All(Place { at, depth }),
    }
}

/// Whether the items of a list have other indices afterwards.
fn moves_siblings(op: &FieldOp) -> bool {
    match op {
        FieldOp::Insert { .. } => true,
        FieldOp::Remove { at } => at.last().and_then(parse_index).is_some(),
        _ => false,
    }
}

/// The first tokens of a pointer: pairs of places are compared far too often to copy them.
#[derive(Clone, Copy)]
struct Place<'o> {
    at: &'o Pointer,
    depth: usize,
}

impl Place<'_> {
    /// Whether this place is another one or above it.
    fn is_above(self, other: Place<'_>) -> bool {
        self.depth <= other.depth && self.at.tokens().take(self.depth).eq(other.at.tokens().take(self.depth))
    }
}

impl PartialEq for Place<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.depth == other.depth && self.is_above(*other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::edit::apply;

    fn at(text: &str) -> Pointer {
        text.parse().unwrap()
    }

    fn set(text: &str, value: Value) -> FieldOp {
        FieldOp::Set { at: at(text), value }
    }

    fn append(text: &str, value: Value) -> FieldOp {
        FieldOp::Append { at: at(text), value }
    }

    fn remove(text: &str) -> FieldOp {
        FieldOp::Remove { at: at(text) }
    }

    /// The object after every repair that goes together with those before it, and how many there were.
    fn joined(mut object: Value, repairs: &[Vec<FieldOp>]) -> (Value, usize) {
        let (mut batch, mut before) = (Batch::default(), object.clone());
        let mut count = 0;
        for repair in repairs {
            let joined = batch.join(repair);
            assert_eq!(batch.joins(repair), joined != Joined::Later);
            if let Joined::Now(ops) = joined {
                apply(&ops, &mut object).unwrap();
                batch.accept(repair);
                count += 1;
            }
        }
        if let Some(ops) = batch.all() {
            apply(ops, &mut before).unwrap();
            assert_eq!(before, object, "all at once make the same");
        }
        (object, count)
    }

    #[test]
    fn merges_mappings_that_several_make() {
        let repairs = [
            vec![set("/c", json!({"a": true}))],
            vec![set("/c", json!({"b": {"x": 1}}))],
            vec![set("/d", json!(1))],
            vec![set("/c", json!({"a": true}))],
            vec![set("/c", json!({"b": {"y": [1]}}))],
            vec![set("/c", json!({"a": false}))],
        ];
        let expected = json!({"c": {"a": true, "b": {"x": 1, "y": [1]}}, "d": 1});
        assert_eq!(joined(json!({}), &repairs), (expected, 5));
    }

    #[test]
    fn counts_indices_anew_where_several_items_go() {
        let repairs =
            [vec![remove("/l/0")], vec![remove("/l/2")], vec![remove("/l/1")], vec![remove("/l/2")]];
        assert_eq!(joined(json!({"l": ["a", "b", "c", "d"]}), &repairs), (json!({"l": ["d"]}), 3));
    }

    #[test]
    fn lists_grow_together_unless_names_clash() {
        let repairs = [
            vec![set("/v", json!([{"name": "a"}])), append("/w", json!({"name": "a"}))],
            vec![set("/v", json!([{"name": "b"}])), append("/w", json!({"name": "b"}))],
            vec![append("/w", json!({"name": "b", "x": 1}))],
            vec![set("/w/0/x", json!(1))],
        ];
        let expected =
            json!({"v": [{"name": "a"}, {"name": "b"}], "w": [{"x": 1}, {"name": "a"}, {"name": "b"}]});
        assert_eq!(joined(json!({"w": [{}]}), &repairs), (expected, 3));
    }

    #[test]
    fn what_moves_others_waits() {
        let insert = FieldOp::Insert { at: at("/c/0"), value: json!({}) };
        let repairs =
            [vec![set("/c/0/x", json!(1)), insert], vec![set("/c/1/x", json!(1))], vec![remove("/c")]];
        assert_eq!(joined(json!({"c": [{}, {}]}), &repairs), (json!({"c": [{}, {"x": 1}, {}]}), 1));
    }
}
