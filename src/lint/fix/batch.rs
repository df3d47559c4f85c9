//! Which repairs of one document go together, each having been made for the document as it was.
//!
//! Two repairs go together where neither changes what the other names. Beyond that, two that make the same mapping
//! or list where there was none are merged (each container check makes the `securityContext` that it misses), and
//! two that remove items of one list are: the indices are counted anew.

use serde_json::{Map, Value};

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

    /// One operation, unless an accepted one is in its way; what others have done already is left out.
    fn join_op(&self, op: &FieldOp) -> Option<Vec<FieldOp>> {
        let mut ops = vec![op.clone()];
        for accepted in &self.accepted {
            match (op, accepted) {
                (FieldOp::Set { at, value }, FieldOp::Set { at: other, value: there }) if at == other => {
                    ops = merge(at, there, value)?;
                }
                (FieldOp::Append { at, value }, FieldOp::Append { at: other, value: there })
                    if at == other =>
                {
                    if is_same_item(value, there) {
                        return None;
                    }
                }
                _ if are_apart(op, accepted) => {}
                _ => return None,
            }
        }
        Some(ops)
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

/// What makes `wanted` of the value that another repair has put at a place: the values that are missing in it.
/// `None` where the two contradict each other.
fn merge(at: &Pointer, there: &Value, wanted: &Value) -> Option<Vec<FieldOp>> {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => merge_mappings(at, there, wanted),
        (Value::Array(there), Value::Array(wanted)) => {
            let clashes = wanted.iter().any(|item| there.iter().any(|other| is_same_item(item, other)));
            let append = |item: &Value| FieldOp::Append { at: at.clone(), value: item.clone() };
            (!clashes).then(|| wanted.iter().map(append).collect())
        }
        (there, wanted) => (there == wanted).then(Vec::new),
    }
}

fn merge_mappings(
    at: &Pointer,
    there: &Map<String, Value>,
    wanted: &Map<String, Value>,
) -> Option<Vec<FieldOp>> {
    let mut ops = Vec::new();
    for (key, value) in wanted {
        match there.get(key) {
            Some(other) => ops.extend(merge(&at.join(key), other, value)?),
            None => ops.push(FieldOp::Set { at: at.join(key), value: value.clone() }),
        }
    }
    Some(ops)
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
    let (reach, other) = (reach(left), reach(right));
    match (reach, other) {
        // An item at the end moves nothing, so that items of the list may change, but not the list.
        (Reach::End(one), Reach::End(other)) => {
            one == other || !(is_above(&one, &other) || is_above(&other, &one))
        }
        (Reach::End(list), Reach::All(place)) | (Reach::All(place), Reach::End(list)) => {
            !is_above(&place, &list)
        }
        (Reach::All(one), Reach::All(other)) => !is_above(&one, &other) && !is_above(&other, &one),
    }
}

/// What an operation changes.
enum Reach {
    /// Everything at and below a place.
    All(Pointer),
    /// The end of a list.
    End(Pointer),
}

fn reach(op: &FieldOp) -> Reach {
    let moves_siblings = match op {
        FieldOp::Insert { .. } => true,
        FieldOp::Remove { at } => at.last().and_then(parse_index).is_some(),
        FieldOp::Append { at, .. } => return Reach::End(at.clone()),
        FieldOp::Set { .. } | FieldOp::Replace { .. } => false,
    };
    let at = op.at();
    Reach::All(if moves_siblings { at.parent().unwrap_or_default() } else { at.clone() })
}

/// Whether a place is another one or above it.
fn is_above(place: &Pointer, other: &Pointer) -> bool {
    place.tokens().len() <= other.tokens().len() && place.tokens().zip(other.tokens()).all(|(a, b)| a == b)
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
        let mut batch = Batch::default();
        let mut count = 0;
        for repair in repairs {
            if let Joined::Now(ops) = batch.join(repair) {
                apply(&ops, &mut object).unwrap();
                batch.accept(repair);
                count += 1;
            }
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
