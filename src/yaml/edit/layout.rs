//! The style of a document: what new text should look like.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use super::lines::Lines;
use crate::yaml::emit::{FlowStyle, Style};
use crate::yaml::node::{NONE, Shape, Tree};
use crate::yaml::quote::Quote;
use crate::yaml::tree::Document;

/// Used where a text has no mapping inside another: as `kubectl` and kubeadm write.
const DEFAULT_STEP: usize = 2;
const DEFAULT_DASH_OFFSET: usize = 0;

/// The text of a document with what it shows about its writer's habits.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) tree: &'a Tree<'a>,
    pub(super) lines: Lines<'a>,
    pub(super) document: Document<'a>,
    root: u32,
    eol: &'static str,
    /// The root is a flow collection with double-quoted keys.
    pub(super) json: bool,
    /// Strings of several lines may become literal scalars.
    literals: bool,
    majority: OnceCell<Majority>,
    /// The last collection asked about: many changes reach one collection.
    style: Cell<Option<(u32, Style)>>,
    flow_style: Cell<Option<(u32, FlowStyle)>>,
}

/// What most of the document does.
#[derive(Debug, Clone, Copy)]
struct Majority {
    step: usize,
    dash_offset: usize,
    quote: Quote,
}

impl<'a> Layout<'a> {
    pub(super) fn new(document: Document<'a>, literals: bool) -> Self {
        let tree = document.tree();
        let lines = Lines::new(tree);
        let first_break = memchr::memchr2(b'\n', b'\r', lines.source.as_bytes());
        let eol = match first_break.map(|at| &lines.source[at..]) {
            Some(rest) if rest.starts_with("\r\n") => "\r\n",
            Some(rest) if rest.starts_with('\r') => "\r",
            _ => "\n",
        };
        let root = document.root_index();
        let json = is_json(tree, root);
        Self {
            tree,
            lines,
            document,
            root,
            eol,
            json,
            literals,
            majority: OnceCell::new(),
            style: Cell::new(None),
            flow_style: Cell::new(None),
        }
    }

    /// Where a node begins, its anchor and tag included.
    pub(super) fn outer_start(&self, index: u32) -> usize {
        let start = self.tree.node(index).start as usize;
        self.tree.properties(index).map_or(start, |properties| properties.start)
    }

    pub(super) fn end(&self, index: u32) -> usize {
        self.tree.node(index).end as usize
    }

    /// Offset of the indicator that introduces a node.
    pub(super) fn lead(&self, index: u32) -> Option<usize> {
        let lead = self.tree.node(index).lead;
        (lead != NONE).then_some(lead as usize)
    }

    /// Column of the entries of a block collection.
    pub(super) fn column(&self, index: u32) -> usize {
        self.lines.column(self.tree.node(index).start as usize)
    }

    /// Indices of a collection's children.
    pub(super) fn children(&self, index: u32) -> impl Iterator<Item = u32> + use<'a> {
        let tree = self.tree;
        let end = if tree.node(index).shape.is_collection() { tree.node(index).aux } else { 0 };
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = next;
            if child >= end {
                return None;
            }
            next = tree.after(child);
            Some(child)
        })
    }

    /// A style for new text after the line that ends at `at`.
    pub(super) fn after(&self, style: Style, at: usize) -> Style {
        Style { literals: style.literals && !self.lines.could_join_scalar(at), ..style }
    }

    /// The style for new text inside the collection at `near`. `O(its children)`.
    pub(super) fn style(&self, near: u32) -> Style {
        cached(&self.style, near, || self.find_style(near))
    }

    fn find_style(&self, near: u32) -> Style {
        let siblings = self.siblings(near);
        let majority = *self.majority.get_or_init(|| self.majority());
        Style {
            eol: self.eol,
            step: siblings.step().unwrap_or(majority.step),
            dash_offset: siblings.dash_offset().unwrap_or(majority.dash_offset),
            quote: majority.quote,
            literals: self.literals,
            always: self.common_quote(near),
        }
    }

    /// The last node of the document.
    pub(super) fn last_node(&self) -> u32 {
        self.tree.after(self.root) - 1
    }

    /// Whether `---` introduces the document.
    pub(super) fn has_marker(&self) -> bool {
        self.lines.source[..self.document.content_start()].ends_with("---")
    }

    pub(super) fn eol(&self) -> &'static str {
        self.eol
    }

    /// The habits of the values of a mapping, or of a sequence and its items.
    fn siblings(&self, collection: u32) -> Offsets {
        let mut offsets = Offsets::default();
        match self.tree.node(collection).shape {
            Shape::BlockMapping => offsets.count_values(self, collection),
            Shape::BlockSequence => {
                for item in self.children(collection) {
                    if self.tree.node(item).shape == Shape::BlockMapping {
                        offsets.count_values(self, item);
                    }
                }
                let is_value =
                    self.lead(collection).is_some_and(|lead| self.lines.source[lead..].starts_with(':'));
                if is_value && offsets.dashes.is_empty() {
                    // Keys have no descendants, so the key stands right before its value.
                    offsets.count(self, self.lines.column(self.outer_start(collection - 1)), collection);
                }
            }
            _ => {}
        }
        offsets
    }

    fn majority(&self) -> Majority {
        let mut offsets = Offsets::default();
        let mut single = 0_usize;
        let mut double = 0_usize;
        for index in self.root..self.tree.after(self.root) {
            match self.tree.node(index).shape {
                Shape::SingleQuoted => single += 1,
                Shape::DoubleQuoted => double += 1,
                Shape::BlockMapping => offsets.count_values(self, index),
                _ => {}
            }
        }
        Majority {
            step: offsets.step().unwrap_or(DEFAULT_STEP),
            dash_offset: offsets.dash_offset().unwrap_or(DEFAULT_DASH_OFFSET),
            quote: if single > double { Quote::Single } else { Quote::Double },
        }
    }

    /// The quotes that all strings of a collection have: keys of a mapping, items of a sequence.
    fn common_quote(&self, collection: u32) -> Option<Quote> {
        let shape = self.tree.node(collection).shape;
        let step = if shape.is_mapping() { 2 } else { 1 };
        let mut common = None;
        for child in self.children(collection).step_by(step) {
            let quote = match self.tree.node(child).shape {
                Shape::SingleQuoted => Quote::Single,
                Shape::DoubleQuoted => Quote::Double,
                _ => return None,
            };
            if common.is_some_and(|common| common != quote) {
                return None;
            }
            common = Some(quote);
        }
        common
    }

    /// The style for new text inside a flow collection, one entry a line if its last entry has its own.
    pub(super) fn flow_style(&self, collection: u32) -> FlowStyle {
        cached(&self.flow_style, collection, || self.find_flow_style(collection))
    }

    fn find_flow_style(&self, collection: u32) -> FlowStyle {
        let mapping = self.tree.node(collection).shape.is_mapping();
        let json = self.json || (mapping && self.common_quote(collection) == Some(Quote::Double));
        let compact = self.is_compact(collection, mapping);
        let first = self.children(collection).next();
        let lines =
            first.map(|first| self.outer_start(first)).filter(|&at| self.lines.begins_line(at)).map(|at| {
                let column = self.lines.column(at);
                let around = self.lines.text_start(self.tree.node(collection).start as usize);
                (column, column.saturating_sub(self.lines.column(around)).clamp(1, 8))
            });
        FlowStyle { json, compact, lines: lines.filter(|_| json) }
    }

    /// No blank after the colon of the first entry, or after the first comma of a sequence.
    fn is_compact(&self, collection: u32, mapping: bool) -> bool {
        let mut children = self.children(collection);
        let (Some(first), Some(second)) = (children.next(), children.next()) else { return false };
        let before =
            if mapping { self.lead(second).map(|colon| colon + 1) } else { Some(self.end(first) + 1) };
        before == Some(self.outer_start(second)) && self.end(second) > self.outer_start(second)
    }
}

fn cached<T: Copy>(cell: &Cell<Option<(u32, T)>>, key: u32, find: impl FnOnce() -> T) -> T {
    match cell.get() {
        Some((known, found)) if known == key => found,
        _ => {
            let found = find();
            cell.set(Some((key, found)));
            found
        }
    }
}

/// How often each number of columns occurs.
#[derive(Debug, Default)]
struct Offsets {
    steps: BTreeMap<usize, usize>,
    dashes: BTreeMap<usize, usize>,
}

impl Offsets {
    fn count_values(&mut self, layout: &Layout<'_>, mapping: u32) {
        let column = layout.column(mapping);
        for value in layout.children(mapping).skip(1).step_by(2) {
            self.count(layout, column, value);
        }
    }

    /// Counts a value of a mapping in `column`.
    fn count(&mut self, layout: &Layout<'_>, column: usize, value: u32) {
        let counts = match layout.tree.node(value).shape {
            Shape::BlockMapping => &mut self.steps,
            Shape::BlockSequence => &mut self.dashes,
            _ => return,
        };
        *counts.entry(layout.column(value).saturating_sub(column)).or_default() += 1;
    }

    fn step(&self) -> Option<usize> {
        most(&self.steps).filter(|&step| step > 0)
    }

    fn dash_offset(&self) -> Option<usize> {
        most(&self.dashes)
    }
}

/// The most frequent, the smallest of several.
fn most(counts: &BTreeMap<usize, usize>) -> Option<usize> {
    counts
        .iter()
        .max_by_key(|&(offset, count)| (*count, std::cmp::Reverse(*offset)))
        .map(|(offset, _)| *offset)
}

fn is_json(tree: &Tree<'_>, root: u32) -> bool {
    let node = tree.node(root);
    let first = root + 1;
    match node.shape {
        Shape::FlowMapping => first >= node.aux || matches!(tree.node(first).shape, Shape::DoubleQuoted),
        Shape::FlowSequence => first < node.aux && is_json_inside(tree, first),
        _ => false,
    }
}

/// The first item of a sequence shows whether the whole is JSON.
fn is_json_inside(tree: &Tree<'_>, item: u32) -> bool {
    let node = tree.node(item);
    match node.shape {
        Shape::FlowMapping => item + 1 >= node.aux || tree.node(item + 1).shape == Shape::DoubleQuoted,
        Shape::DoubleQuoted => true,
        _ => false,
    }
}
