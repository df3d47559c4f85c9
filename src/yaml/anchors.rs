//! Anchors of the current document, and how much their aliases expand to.
//!
//! Go's reader copies an aliased node wherever it is named, and refuses documents in which copies dwarf
//! what is written. The same count decides here, as the parser passes by: nothing is copied to find out.

use std::collections::HashMap;

use super::error::SyntaxReason;

/// Most bytes of scalar text that aliases of one document may expand to. Go shares the strings of copies; a
/// JSON value cannot.
const MAX_ALIASED_TEXT: u64 = 16 << 20;

/// What is known of an anchored node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchored {
    pub(super) node: u32,
    /// Levels below it, aliases expanded.
    pub(super) height: usize,
    weight: Weight,
    complete: bool,
}

/// Running totals of the document, aliases expanded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    nodes: u64,
    text: u64,
}

#[derive(Debug, Default)]
pub(super) struct Anchors<'s> {
    by_name: HashMap<&'s str, usize>,
    all: Vec<Anchored>,
    total: Weight,
    aliased: Weight,
}

impl<'s> Anchors<'s> {
    /// Begins another document.
    pub(super) fn clear(&mut self) {
        self.by_name.clear();
        self.all.clear();
        self.total = Weight::default();
        self.aliased = Weight::default();
    }

    /// The totals so far; hand them to [`close`](Self::close) to tell what a node added.
    pub(super) fn total(&self) -> Weight {
        self.total
    }

    /// Counts a node that is written out.
    #[inline]
    pub(super) fn count(&mut self, text: usize) {
        self.total.nodes += 1;
        self.total.text += text as u64;
    }

    /// A node that begins; a later anchor of the same name hides an earlier one.
    pub(super) fn open(&mut self, name: &'s str, node: u32) -> usize {
        self.by_name.insert(name, self.all.len());
        self.all.push(Anchored { node, height: 0, weight: Weight::default(), complete: false });
        self.all.len() - 1
    }

    /// The node that began with `before` as totals ends.
    pub(super) fn close(&mut self, anchor: usize, before: Weight, height: usize) {
        let anchored = &mut self.all[anchor];
        anchored.height = height;
        anchored.complete = true;
        anchored.weight =
            Weight { nodes: self.total.nodes - before.nodes, text: self.total.text - before.text };
    }

    /// Resolves and counts an alias.
    pub(super) fn alias(&mut self, name: &str) -> Result<Anchored, SyntaxReason> {
        let index = self.by_name.get(name).ok_or_else(|| SyntaxReason::UndefinedAlias(name.to_owned()))?;
        let anchored = self.all[*index];
        if !anchored.complete {
            return Err(SyntaxReason::RecursiveAlias(name.to_owned()));
        }
        self.total.nodes += 1 + anchored.weight.nodes;
        self.total.text += anchored.weight.text;
        self.aliased.nodes += anchored.weight.nodes;
        self.aliased.text += anchored.weight.text;
        if is_excessive(self.aliased.nodes, self.total.nodes) {
            return Err(SyntaxReason::ExcessiveAliasing(self.total.nodes));
        }
        if self.aliased.text > MAX_ALIASED_TEXT {
            return Err(SyntaxReason::ExcessiveAliasedText(MAX_ALIASED_TEXT));
        }
        Ok(anchored)
    }
}

/// Source: go-yaml v2 `decode.go`, `allowedAliasRatio`: 99 % of the nodes may be copies up to 400,000
/// nodes, 10 % from 4,000,000 on, and in between the share falls linearly.
fn is_excessive(aliased: u64, total: u64) -> bool {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    let per_mille = match total {
        ..=LOW => 990,
        HIGH.. => 100,
        _ => 990 - 890 * (total - LOW) / (HIGH - LOW),
    };
    aliased > 100 && total > 1000 && u128::from(aliased) * 1000 > u128::from(total) * u128::from(per_mille)
}
