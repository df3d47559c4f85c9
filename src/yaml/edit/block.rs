//! Entries and items of block collections.

use serde_json::Value;

use super::layout::Layout;
use super::plan::{EntryPlan, ItemPlan, MappingPlan, Plan, SequencePlan};
use super::replace::{Slot, write};
use super::splice::Splices;
use crate::yaml::emit::{Style, ends_with_line_break};
use crate::yaml::node::{Shape, Span};

/// One entry or item of the text.
struct Part {
    /// Index of its first node.
    index: u32,
    /// Its first byte: the key, `?` or dash.
    start: usize,
    /// End of what is written of it.
    end: usize,
    kept: bool,
}

pub(super) fn write_mapping(layout: &Layout<'_>, plan: &MappingPlan, splices: &mut Splices) {
    let column = layout.column(plan.node);
    let parts: Vec<Part> = plan.entries.iter().filter_map(|entry| entry_part(layout, entry)).collect();
    remove_parts(layout, plan.node, column, &parts, splices);
    for entry in &plan.entries {
        if let (Some(key), Some(value)) = (entry.origin, &entry.value) {
            write(layout, value, key + 1, &Slot::MappingValue { mapping: plan.node, key, column }, splices);
        }
    }
    let Some(last) = parts.iter().rfind(|part| part.kept) else { return };
    let at = layout.lines.entry_end(last.end, column);
    let style = layout.after(layout.style(plan.node), at);
    for entry in plan.entries.iter().filter(|entry| entry.origin.is_none()) {
        if let Some(Plan::New(value)) = &entry.value {
            strip_final_scalar(layout, last.end, splices);
            let text = style.entry(column, &entry.key, value);
            insert_line(layout, at, column, &text, ends_with_line_break(value), splices);
        }
    }
}

fn entry_part(layout: &Layout<'_>, entry: &EntryPlan) -> Option<Part> {
    let key = entry.origin?;
    let start = layout.lead(key).unwrap_or_else(|| layout.outer_start(key));
    let end = layout.end(key).max(layout.end(key + 1));
    Some(Part { index: key, start, end, kept: entry.value.is_some() })
}

/// A new last line ends the block scalar before it, whose value had no final line break while it ended the
/// file: its header must say so now. `end`: where the text ends that new lines come after.
fn strip_final_scalar(layout: &Layout<'_>, end: usize, splices: &mut Splices) {
    let node = layout.tree.node(layout.last_node());
    let ends_file = end == layout.lines.length() && node.end as usize == end;
    let start = node.start as usize;
    if !ends_file || !matches!(node.shape, Shape::Literal | Shape::Folded) || splices.touches(start) {
        return;
    }
    let header = &layout.lines.source[start + 1..layout.lines.end(start)];
    let indicators = &header[..header.find(|c: char| !"+-123456789".contains(c)).unwrap_or(header.len())];
    if !indicators.contains('-') {
        let end = start + 1 + indicators.len();
        let stripped = layout.lines.source[start..end].replace('+', "");
        splices.replace(start..end, format!("{stripped}-"));
    }
}

pub(super) fn write_sequence(layout: &Layout<'_>, plan: &SequencePlan, splices: &mut Splices) {
    let column = layout.column(plan.node);
    let mut stay = plan.items.iter().filter_map(|item| item.origin).peekable();
    let parts: Vec<Part> = layout
        .children(plan.node)
        .map(|item| Part {
            index: item,
            start: layout.lead(item).unwrap_or_else(|| layout.outer_start(item)),
            end: layout.end(item),
            kept: stay.next_if_eq(&item).is_some(),
        })
        .collect();
    remove_parts(layout, plan.node, column, &parts, splices);
    let style = layout.style(plan.node);
    let gap = dash_gap(layout, plan.node);
    let mut before: Option<usize> = None;
    for item in &plan.items {
        match item {
            ItemPlan { origin: Some(origin), value } => {
                write(layout, value, *origin, &Slot::Item { sequence: plan.node, column, gap }, splices);
                before = Some(layout.end(*origin));
            }
            ItemPlan { origin: None, value: Plan::New(value) } => {
                if let Some(end) = before {
                    strip_final_scalar(layout, end, splices);
                    let at = layout.lines.entry_end(end, column);
                    let text = layout.after(style, at).item(column, gap, value);
                    insert_line(layout, at, column, &text, ends_with_line_break(value), splices);
                } else {
                    insert_first(layout, plan.node, style, gap, value, splices);
                }
            }
            ItemPlan { .. } => {}
        }
    }
}

/// Blanks after the dash of the last item whose text stands beside it.
fn dash_gap(layout: &Layout<'_>, sequence: u32) -> usize {
    let mut gap = 1;
    for item in layout.children(sequence) {
        let Some(dash) = layout.lead(item) else { continue };
        let start = layout.outer_start(item);
        if start > dash + 1 && layout.lines.start(start) == layout.lines.start(dash) {
            gap = start - dash - 1;
        }
    }
    gap
}

/// A new line after the one that ends at `at`. `open`: see [`Splices::insert_open`].
fn insert_line(layout: &Layout<'_>, at: usize, column: usize, text: &str, open: bool, splices: &mut Splices) {
    splices.insert_open(at, format!("{}{}{text}", layout.eol(), " ".repeat(column)), open);
}

/// A new first item, above the comments that stand directly above the item that was the first.
fn insert_first(
    layout: &Layout<'_>,
    sequence: u32,
    style: Style,
    gap: usize,
    value: &Value,
    splices: &mut Splices,
) {
    let eol = layout.eol();
    let dash = layout.tree.node(sequence).start as usize;
    let column = layout.column(sequence);
    let indent = " ".repeat(column);
    let first = layout.lines.comments_start(dash, None);
    let previous = layout.lines.previous_end(first);
    let mut style = layout.after(style, previous.unwrap_or(first));
    style.literals &= layout.lines.comment_column(first).is_none_or(|comment| comment == 0);
    let text = style.item(column, gap, value);
    if !layout.lines.begins_line(dash) {
        splices.insert(dash, format!("{text}{eol}{indent}"));
    } else if let Some(previous) = previous {
        splices.insert(previous, format!("{eol}{indent}{text}"));
    } else {
        splices.insert(first, format!("{indent}{text}{eol}"));
    }
}

/// Takes out the parts that go; at least one stays.
fn remove_parts(layout: &Layout<'_>, node: u32, column: usize, parts: &[Part], splices: &mut Splices) {
    let lines = &layout.lines;
    let is_root = node == layout.document.root_index();
    let mut index = 0;
    while index < parts.len() {
        let run = parts[index..].iter().take_while(|part| !part.kept).count();
        if run == 0 {
            index += 1;
            continue;
        }
        let (first, last) = (&parts[index], &parts[index + run - 1]);
        if lines.begins_line(first.start) {
            let above_all = index == 0 && is_root;
            let start = if above_all {
                lines.start(first.start)
            } else {
                lines.comments_start(first.start, Some(column))
            };
            let end = lines.entry_end(last.end, column);
            splices.remove(removal_after(layout, first.index - 1, start, end));
        } else if let Some(next) = parts.get(index + run) {
            // The first entry stands beside the dash of the item: the next one moves up to it.
            let block = lines.comments_start(next.start, None);
            let block = if block > last.end { block } else { lines.start(next.start) };
            splices.remove(first.start..lines.text_start(block));
        }
        index += run;
    }
}

/// The lines to take out after the node at `before`. What follows them must not join a block scalar.
fn removal_after(layout: &Layout<'_>, before: u32, start: usize, end: usize) -> Span {
    let lines = &layout.lines;
    let node = layout.tree.node(before);
    if !matches!(node.shape, Shape::Literal | Shape::Folded) {
        return lines.removal(start, end, false);
    }
    let header = node.start as usize..lines.end(node.start as usize);
    let keeps_blank_lines = lines.source[header].contains('+');
    let blank_too = keeps_blank_lines || lines.could_join_scalar(end);
    lines.removal(start, if blank_too { lines.blank_lines_end(end) } else { end }, true)
}
