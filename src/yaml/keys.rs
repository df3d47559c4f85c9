//! No key twice in one mapping, and only mappings to merge.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::{Fault, SyntaxReason};
use super::node::{DuplicateData, Tree};
use super::position::position_in;
use super::scanner::Scanned;

/// Up to this many keys comparing each with each is faster than hashing.
const FEW: usize = 12;

/// Checks the keys of each mapping as it ends.
#[derive(Debug)]
pub(super) struct KeyCheck<'s> {
    lenient: bool,
    pub(super) duplicates: Vec<DuplicateData>,
    /// Kept between mappings for its capacity.
    keys: Vec<(Cow<'s, str>, u32)>,
}

impl<'s> KeyCheck<'s> {
    pub(super) fn new(lenient: bool) -> Self {
        Self { lenient, duplicates: Vec::new(), keys: Vec::new() }
    }

    /// Checks the entries between the node indices `first` and `end`.
    pub(super) fn check(&mut self, tree: &Tree<'s>, first: u32, end: u32) -> Scanned<()> {
        self.keys.clear();
        let mut key = first;
        while key < end {
            let value = key + 1;
            if tree.is_merge(key) {
                check_merge(tree, value)?;
            } else {
                let text =
                    tree.key(key).map_err(|reason| Fault::new(tree.node(key).start as usize, reason))?;
                self.keys.push((text, key));
            }
            key = tree.after(value);
        }
        if self.keys.len() <= FEW {
            for index in 1..self.keys.len() {
                let (text, second) = &self.keys[index];
                if let Some((_, first)) = self.keys[..index].iter().find(|(other, _)| other == text) {
                    let (first, second, key) = (*first, *second, text.clone().into_owned());
                    self.report(tree, DuplicateData { first, second, key })?;
                }
            }
            return Ok(());
        }
        self.check_many(tree)
    }

    fn check_many(&mut self, tree: &Tree<'s>) -> Scanned<()> {
        let keys = std::mem::take(&mut self.keys);
        let mut seen: HashMap<&str, u32> = HashMap::with_capacity(keys.len());
        for (text, second) in &keys {
            if let Some(&first) = seen.get(text.as_ref()) {
                let duplicate = DuplicateData { first, second: *second, key: text.clone().into_owned() };
                self.report(tree, duplicate)?;
            } else {
                seen.insert(text, *second);
            }
        }
        Ok(())
    }

    fn report(&mut self, tree: &Tree<'s>, duplicate: DuplicateData) -> Scanned<()> {
        if self.lenient {
            self.duplicates.push(duplicate);
            return Ok(());
        }
        let source = tree.text.source.as_bytes();
        let at = |index: u32| tree.node(index).start as usize;
        let first = position_in(source, at(duplicate.first));
        Err(Fault::new(at(duplicate.second), SyntaxReason::DuplicateKey { key: duplicate.key, first }))
    }
}

/// `<<` takes a mapping, an alias of one, or a sequence of these.
fn check_merge(tree: &Tree<'_>, value: u32) -> Scanned<()> {
    let is_mapping = |index: u32| tree.node(tree.target(index)).shape.is_mapping();
    let fault = |index: u32| Fault::new(tree.node(index).start as usize, SyntaxReason::MergeOfNonMapping);
    if is_mapping(value) {
        return Ok(());
    }
    if !tree.node(value).shape.is_sequence() {
        return Err(fault(value));
    }
    let mut item = value + 1;
    while item < tree.after(value) {
        if !is_mapping(item) {
            return Err(fault(item));
        }
        item = tree.after(item);
    }
    Ok(())
}
