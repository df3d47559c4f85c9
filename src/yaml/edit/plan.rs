//! What a document is to become: a tree over its tree, grown only where changes reach.

use std::slice;

use serde_json::Value;

use super::EditRefusal;
use super::guard::Guard;
use crate::yaml::pointer::{Pointer, parse_index};

/// What becomes of a node.
#[derive(Debug)]
pub(super) enum Plan {
    /// It stays: its index.
    Keep(u32),
    /// This value takes its place.
    New(Value),
    /// Its entries change.
    Mapping(MappingPlan),
    /// Its items change.
    Sequence(SequencePlan),
}

#[derive(Debug)]
pub(super) struct MappingPlan {
    pub(super) node: u32,
    /// Those of the text in order, removed ones too, then the new ones.
    pub(super) entries: Vec<EntryPlan>,
}

#[derive(Debug)]
pub(super) struct EntryPlan {
    pub(super) key: String,
    /// Index of the key in the text.
    pub(super) origin: Option<u32>,
    pub(super) is_merge: bool,
    /// `None`: it goes.
    pub(super) value: Option<Plan>,
}

#[derive(Debug)]
pub(super) struct SequencePlan {
    pub(super) node: u32,
    pub(super) items: Vec<ItemPlan>,
}

#[derive(Debug)]
pub(super) struct ItemPlan {
    /// Index of the item in the text.
    pub(super) origin: Option<u32>,
    pub(super) value: Plan,
}

/// One change at a place.
#[derive(Debug)]
pub(super) enum Change {
    Set(Value),
    Replace(Value),
    Insert(Value),
    Append(Value),
    Remove,
}

/// Puts a change into the plan.
pub(super) fn change(
    plan: &mut Plan,
    guard: &Guard<'_>,
    at: &Pointer,
    change: Change,
) -> Result<(), EditRefusal> {
    let tokens: Vec<&str> = at.tokens().collect();
    // Set, insert and remove change the collection that holds the place.
    let of_parent = matches!(change, Change::Set(_) | Change::Insert(_) | Change::Remove);
    let (last, path) = match tokens.split_last() {
        Some((last, path)) if of_parent => (Some(*last), path),
        None if of_parent => return Err(guard.no_such_place("is the whole document")),
        _ => (None, tokens.as_slice()),
    };
    let mut plan = plan;
    let mut rest = path.iter();
    loop {
        if let Plan::New(value) = plan {
            return change_value(value, guard, rest, last, change);
        }
        let Some(token) = rest.next() else { break };
        plan = plan.child(guard, token)?;
    }
    match change {
        Change::Replace(value) => plan.replace(guard, value),
        Change::Append(value) => {
            plan.sequence(guard)?.items.push(ItemPlan { origin: None, value: Plan::New(value) });
            Ok(())
        }
        Change::Set(value) => plan.mapping(guard)?.set(guard, last.unwrap_or_default(), value),
        Change::Insert(value) => plan.sequence(guard)?.insert(guard, last.unwrap_or_default(), value),
        Change::Remove => plan.remove(guard, last.unwrap_or_default()),
    }
}

impl Plan {
    /// Opens a kept node, whose inside is about to change.
    fn open(&mut self, guard: &Guard<'_>) -> Result<(), EditRefusal> {
        let Self::Keep(index) = *self else { return Ok(()) };
        guard.allow_inside(index)?;
        let shape = guard.tree.node(index).shape;
        if shape.is_mapping() {
            *self = Self::Mapping(MappingPlan::new(guard, index));
        } else if shape.is_sequence() {
            *self = Self::Sequence(SequencePlan::new(guard, index));
        }
        Ok(())
    }

    fn child(&mut self, guard: &Guard<'_>, token: &str) -> Result<&mut Self, EditRefusal> {
        self.open(guard)?;
        match self {
            Self::Mapping(mapping) => mapping.child(guard, token),
            Self::Sequence(sequence) => {
                let item = parse_index(token).and_then(|index| sequence.items.get_mut(index));
                Ok(&mut item.ok_or_else(|| guard.no_such_place("names no item"))?.value)
            }
            Self::Keep(_) | Self::New(_) => Err(guard.no_such_place("leads through a scalar")),
        }
    }

    fn mapping(&mut self, guard: &Guard<'_>) -> Result<&mut MappingPlan, EditRefusal> {
        self.open(guard)?;
        match self {
            Self::Mapping(mapping) => Ok(mapping),
            _ => Err(guard.no_such_place("is in no mapping")),
        }
    }

    fn sequence(&mut self, guard: &Guard<'_>) -> Result<&mut SequencePlan, EditRefusal> {
        self.open(guard)?;
        match self {
            Self::Sequence(sequence) => Ok(sequence),
            _ => Err(guard.no_such_place("is no sequence, or in none")),
        }
    }

    fn remove(&mut self, guard: &Guard<'_>, token: &str) -> Result<(), EditRefusal> {
        self.open(guard)?;
        match self {
            Self::Mapping(mapping) => mapping.remove(guard, token),
            Self::Sequence(sequence) => sequence.remove(guard, token),
            Self::Keep(_) | Self::New(_) => Err(guard.no_such_place("is in no collection")),
        }
    }

    /// Replaces what is there, as little of it as the values differ in.
    fn replace(&mut self, guard: &Guard<'_>, value: Value) -> Result<(), EditRefusal> {
        *self = match self {
            Self::Keep(index) => difference(guard, *index, value)?,
            Self::New(_) => Self::New(value),
            Self::Mapping(MappingPlan { node, .. }) | Self::Sequence(SequencePlan { node, .. }) => {
                difference(guard, *node, value)?
            }
        };
        Ok(())
    }

    /// The value that the plan makes.
    pub(super) fn to_value(&self, guard_value: &impl Fn(u32) -> Value) -> Value {
        match self {
            Self::Keep(index) => guard_value(*index),
            Self::New(value) => value.clone(),
            Self::Mapping(mapping) => {
                let entries = mapping.entries.iter();
                Value::Object(
                    entries
                        .filter_map(|entry| {
                            Some((entry.key.clone(), entry.value.as_ref()?.to_value(guard_value)))
                        })
                        .collect(),
                )
            }
            Self::Sequence(sequence) => {
                sequence.items.iter().map(|item| item.value.to_value(guard_value)).collect()
            }
        }
    }
}

impl MappingPlan {
    fn new(guard: &Guard<'_>, node: u32) -> Self {
        let entries = guard.node(node).entries().map(|(key, value)| EntryPlan {
            key: key.key().unwrap_or_default().into_owned(),
            origin: Some(key.index()),
            is_merge: guard.tree.is_merge(key.index()),
            value: Some(Plan::Keep(value.index())),
        });
        Self { node, entries: entries.collect() }
    }

    fn entry(&mut self, key: &str) -> Option<&mut EntryPlan> {
        self.entries.iter_mut().find(|entry| !entry.is_merge && entry.key == key)
    }

    fn child(&mut self, guard: &Guard<'_>, key: &str) -> Result<&mut Plan, EditRefusal> {
        let node = self.node;
        let explicit = self.entry(key).and_then(|entry| entry.origin);
        guard.allow_key(node, key, explicit, false)?;
        let entry = self.entry(key).and_then(|entry| entry.value.as_mut());
        entry.ok_or_else(|| guard.no_such_place("names no key"))
    }

    fn set(&mut self, guard: &Guard<'_>, key: &str, value: Value) -> Result<(), EditRefusal> {
        let node = self.node;
        let explicit = self.entry(key).and_then(|entry| entry.origin);
        guard.allow_key(node, key, explicit, false)?;
        match self.entry(key) {
            Some(EntryPlan { value: Some(plan), .. }) => plan.replace(guard, value),
            Some(EntryPlan { value: removed, origin, .. }) => {
                *removed = Some(match *origin {
                    Some(origin) => difference(guard, origin + 1, value)?,
                    None => Plan::New(value),
                });
                Ok(())
            }
            None => {
                let value = Some(Plan::New(value));
                self.entries.push(EntryPlan { key: key.to_owned(), origin: None, is_merge: false, value });
                Ok(())
            }
        }
    }

    fn remove(&mut self, guard: &Guard<'_>, key: &str) -> Result<(), EditRefusal> {
        let node = self.node;
        let explicit = self.entry(key).and_then(|entry| entry.origin);
        guard.allow_key(node, key, explicit, true)?;
        if let Some(origin) = explicit {
            guard.allow_removal(origin, guard.tree.after(origin + 1))?;
        }
        let entry = self.entry(key).filter(|entry| entry.value.is_some());
        entry.ok_or_else(|| guard.no_such_place("names no key"))?.value = None;
        if explicit.is_none() {
            self.entries.retain(|entry| entry.origin.is_some() || entry.value.is_some());
        }
        Ok(())
    }
}

impl SequencePlan {
    fn new(guard: &Guard<'_>, node: u32) -> Self {
        let items = guard
            .node(node)
            .items()
            .map(|item| ItemPlan { origin: Some(item.index()), value: Plan::Keep(item.index()) });
        Self { node, items: items.collect() }
    }

    fn insert(&mut self, guard: &Guard<'_>, token: &str, value: Value) -> Result<(), EditRefusal> {
        let index = if token == "-" { Some(self.items.len()) } else { parse_index(token) };
        let index = index.filter(|&index| index <= self.items.len());
        let index = index.ok_or_else(|| guard.no_such_place("is past the end of the sequence"))?;
        self.items.insert(index, ItemPlan { origin: None, value: Plan::New(value) });
        Ok(())
    }

    fn remove(&mut self, guard: &Guard<'_>, token: &str) -> Result<(), EditRefusal> {
        let index = parse_index(token).filter(|&index| index < self.items.len());
        let index = index.ok_or_else(|| guard.no_such_place("names no item"))?;
        if let Some(origin) = self.items[index].origin {
            guard.allow_removal(origin, guard.tree.after(origin))?;
        }
        self.items.remove(index);
        Ok(())
    }
}

/// The least change that makes `value` of the node at `index`.
fn difference(guard: &Guard<'_>, index: u32, value: Value) -> Result<Plan, EditRefusal> {
    let shape = guard.tree.node(index).shape;
    let merges = || guard.node(index).entries().any(|(key, _)| guard.tree.is_merge(key.index()));
    match value {
        Value::Object(new) if shape.is_mapping() && !merges() => mapping_difference(guard, index, new),
        Value::Array(new) if shape.is_sequence() => sequence_difference(guard, index, new),
        value if guard.to_value(index) == value => Ok(Plan::Keep(index)),
        value => {
            guard.allow_removal(index, guard.tree.after(index))?;
            Ok(Plan::New(value))
        }
    }
}

fn mapping_difference(
    guard: &Guard<'_>,
    index: u32,
    mut new: serde_json::Map<String, Value>,
) -> Result<Plan, EditRefusal> {
    let mut plan = MappingPlan::new(guard, index);
    let mut changed = false;
    for entry in &mut plan.entries {
        let origin = entry.origin.unwrap_or(index);
        entry.value = if let Some(value) = new.shift_remove(&entry.key) {
            Some(difference(guard, origin + 1, value)?)
        } else {
            guard.allow_removal(origin, guard.tree.after(origin + 1))?;
            None
        };
        changed |= !matches!(entry.value, Some(Plan::Keep(_)));
    }
    for (key, value) in new {
        changed = true;
        plan.entries.push(EntryPlan { key, origin: None, is_merge: false, value: Some(Plan::New(value)) });
    }
    if !changed {
        return Ok(Plan::Keep(index));
    }
    guard.allow_inside(index)?;
    Ok(Plan::Mapping(plan))
}

fn sequence_difference(guard: &Guard<'_>, index: u32, new: Vec<Value>) -> Result<Plan, EditRefusal> {
    let old: Vec<u32> = guard.node(index).items().map(|item| item.index()).collect();
    let same = |item: u32, value: &Value| guard.to_value(item) == *value;
    let before = old.iter().zip(&new).take_while(|(item, value)| same(**item, value)).count();
    let behind = old[before..].iter().rev().zip(new[before..].iter().rev());
    let behind = behind.take_while(|(item, value)| same(**item, value)).count();
    if before == old.len() && before == new.len() {
        return Ok(Plan::Keep(index));
    }
    guard.allow_inside(index)?;
    let keep = |&item: &u32| ItemPlan { origin: Some(item), value: Plan::Keep(item) };
    let mut items: Vec<ItemPlan> = old[..before].iter().map(keep).collect();
    let middle = &old[before..old.len() - behind];
    let count = new.len() - before - behind;
    let mut replaced = middle.iter();
    for value in new.into_iter().skip(before).take(count) {
        items.push(match replaced.next() {
            Some(&item) => ItemPlan { origin: Some(item), value: difference(guard, item, value)? },
            None => ItemPlan { origin: None, value: Plan::New(value) },
        });
    }
    for &item in replaced {
        guard.allow_removal(item, guard.tree.after(item))?;
    }
    items.extend(old[old.len() - behind..].iter().map(keep));
    Ok(Plan::Sequence(SequencePlan { node: index, items }))
}

/// Changes a value that an earlier change has made.
fn change_value(
    value: &mut Value,
    guard: &Guard<'_>,
    path: slice::Iter<'_, &str>,
    last: Option<&str>,
    change: Change,
) -> Result<(), EditRefusal> {
    let mut value = value;
    for token in path {
        let child = match value {
            Value::Object(entries) => entries.get_mut(*token),
            Value::Array(items) => parse_index(token).and_then(|index| items.get_mut(index)),
            _ => None,
        };
        value = child.ok_or_else(|| guard.no_such_place("does not exist"))?;
    }
    let last = last.unwrap_or_default();
    match (change, value) {
        (Change::Replace(new), value) => *value = new,
        (Change::Append(new), Value::Array(items)) => items.push(new),
        (Change::Set(new), Value::Object(entries)) => {
            entries.insert(last.to_owned(), new);
        }
        (Change::Insert(new), Value::Array(items)) => {
            let index = if last == "-" { Some(items.len()) } else { parse_index(last) };
            let index = index.filter(|&index| index <= items.len());
            items.insert(index.ok_or_else(|| guard.no_such_place("is past the end of the sequence"))?, new);
        }
        (Change::Remove, Value::Object(entries)) => {
            entries.shift_remove(last).ok_or_else(|| guard.no_such_place("names no key"))?;
        }
        (Change::Remove, Value::Array(items)) => {
            let index = parse_index(last).filter(|&index| index < items.len());
            items.remove(index.ok_or_else(|| guard.no_such_place("names no item"))?);
        }
        _ => return Err(guard.no_such_place("is of another kind")),
    }
    Ok(())
}
