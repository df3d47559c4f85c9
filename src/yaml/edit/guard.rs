//! Which places an edit must not touch: text that an alias repeats or a merge key reads.

use serde_json::Value;

use super::EditRefusal;
use crate::yaml::node::{Shape, Tree};
use crate::yaml::pointer::Pointer;
use crate::yaml::tree::{Document, Node};

/// The aliases of a document, and the place that the current change is about.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    document: Document<'a>,
    pub(super) tree: &'a Tree<'a>,
    /// Index of each alias and of its target.
    aliases: Vec<(u32, u32)>,
    pub(super) at: Pointer,
}

impl<'a> Guard<'a> {
    pub(super) fn new(document: Document<'a>) -> Self {
        let tree = document.tree();
        let root = document.root_index();
        let aliases = (root..tree.after(root))
            .filter(|&index| tree.node(index).shape == Shape::Alias)
            .map(|index| (index, tree.node(index).aux))
            .collect();
        Self { document, tree, aliases, at: Pointer::root() }
    }

    pub(super) fn node(&self, index: u32) -> Node<'a> {
        self.document.node(index)
    }

    pub(super) fn to_value(&self, index: u32) -> Value {
        self.node(index).to_value()
    }

    pub(super) fn no_such_place(&self, problem: &'static str) -> EditRefusal {
        EditRefusal::NoSuchPlace { at: self.at.to_string(), problem }
    }

    fn aliased(&self, alias: u32, target: u32) -> EditRefusal {
        let target = self.node(target);
        EditRefusal::Aliased {
            at: self.at.to_string(),
            anchor: target.anchor().unwrap_or_default().to_owned(),
            defined: target.position(),
            used: self.node(alias).position(),
        }
    }

    /// The inside of the collection at `index` is about to change.
    pub(super) fn allow_inside(&self, index: u32) -> Result<(), EditRefusal> {
        if self.tree.node(index).shape == Shape::Alias {
            return Err(self.aliased(index, self.tree.node(index).aux));
        }
        match self.aliases.iter().find(|(_, target)| *target == index) {
            Some(&(alias, target)) => Err(self.aliased(alias, target)),
            None => Ok(()),
        }
    }

    /// The nodes from `first` up to `end` are about to go.
    pub(super) fn allow_removal(&self, first: u32, end: u32) -> Result<(), EditRefusal> {
        let gone = first..end;
        let left_over =
            self.aliases.iter().find(|(alias, target)| gone.contains(target) && !gone.contains(alias));
        match left_over {
            Some(&(alias, target)) => Err(self.aliased(alias, target)),
            None => Ok(()),
        }
    }

    /// `name` of the mapping at `mapping` is about to change, be added or go. `explicit`: index of its key.
    pub(super) fn allow_key(
        &self,
        mapping: u32,
        name: &str,
        explicit: Option<u32>,
        removal: bool,
    ) -> Result<(), EditRefusal> {
        let merges = self.node(mapping).entries().filter(|(key, _)| self.tree.is_merge(key.index()));
        for (key, value) in merges {
            // A merge before the key yields to it, unless the key goes.
            let yields = !removal && explicit.is_some_and(|explicit| explicit > key.index());
            if !yields && value.merged_entry(name).is_some() {
                return Err(EditRefusal::Merged { at: self.at.to_string(), merge: key.position() });
            }
        }
        Ok(())
    }
}
