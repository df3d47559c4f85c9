//! The walk over a plan, and values that take the place of others.

use serde_json::Value;

use super::block;
use super::flow;
use super::layout::Layout;
use super::plan::Plan;
use super::splice::Splices;
use crate::yaml::emit::{FlowStyle, Style, ends_with_line_break};
use crate::yaml::node::Shape;
use crate::yaml::quote::{Quote, is_literal, quoted};
use crate::yaml::tree::Document;

/// Where a node stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// The whole document.
    Root,
    /// After the key of a block mapping in `column`.
    MappingValue { mapping: u32, key: u32, column: usize },
    /// After the dash of a block sequence in `column`.
    Item { sequence: u32, column: usize, gap: usize },
    /// Inside a flow collection; `key`: of a mapping's entry.
    Flow { collection: u32, key: Option<u32> },
}

pub(super) fn write_root(layout: &Layout<'_>, plan: &Plan, document: Document<'_>, splices: &mut Splices) {
    write(layout, plan, document.root_index(), &Slot::Root, splices);
}

/// Writes what becomes of the node at `index`.
pub(super) fn write(layout: &Layout<'_>, plan: &Plan, index: u32, slot: &Slot, splices: &mut Splices) {
    let to_value = |index: u32| layout.document.node(index).to_value();
    match plan {
        Plan::Keep(_) => {}
        Plan::New(value) => replace(layout, index, value, slot, splices),
        Plan::Mapping(mapping) => {
            let stays = mapping.entries.iter().any(|entry| entry.origin.is_some() && entry.value.is_some());
            match layout.tree.node(index).shape {
                _ if !stays => replace(layout, index, &plan.to_value(&to_value), slot, splices),
                Shape::BlockMapping => block::write_mapping(layout, mapping, splices),
                _ => flow::write_mapping(layout, mapping, splices),
            }
        }
        Plan::Sequence(sequence) => {
            let stays = sequence.items.iter().any(|item| item.origin.is_some());
            match layout.tree.node(index).shape {
                _ if !stays => replace(layout, index, &plan.to_value(&to_value), slot, splices),
                Shape::BlockSequence => block::write_sequence(layout, sequence, splices),
                _ => flow::write_sequence(layout, sequence, splices),
            }
        }
    }
}

/// `value` takes the place of the node at `index`.
fn replace(layout: &Layout<'_>, index: u32, value: &Value, slot: &Slot, splices: &mut Splices) {
    match *slot {
        Slot::Flow { collection, key } => flow::replace(layout, collection, key, index, value, splices),
        Slot::Root => replace_root(layout, index, value, splices),
        Slot::MappingValue { mapping, key, column } => {
            replace_mapping_value(layout, mapping, key, column, value, splices);
        }
        Slot::Item { sequence, column, gap } => {
            let start = layout.outer_start(index);
            let dash = layout.lead(index).unwrap_or(start);
            let unwritten = start == dash + 1 && layout.end(index) == start;
            let content = if unwritten { column + 1 + gap } else { layout.lines.column(start) };
            let style = layout.after(layout.style(sequence), layout.lines.end(layout.end(index)));
            let mut text = style.node(content, column, value);
            if unwritten {
                text.insert_str(0, &" ".repeat(gap));
            }
            replace_inline(layout, start, layout.end(index), &text, value, splices);
        }
    }
}

/// Puts the first line of `text` in the place of `start..end`, and its other lines below the line that
/// this ends on, whose comment so stays.
fn replace_inline(
    layout: &Layout<'_>,
    start: usize,
    end: usize,
    text: &str,
    value: &Value,
    splices: &mut Splices,
) {
    let eol = layout.eol();
    let (head, tail) = text.find(eol).map_or((text, ""), |at| text.split_at(at));
    splices.replace(start..end, head);
    insert_tail(layout, end, tail, value, splices);
}

/// Lines below the line of `end`.
fn insert_tail(layout: &Layout<'_>, end: usize, tail: &str, value: &Value, splices: &mut Splices) {
    if !tail.is_empty() {
        splices.insert_open(layout.lines.end(end), tail, ends_with_line_break(value));
    }
}

fn replace_root(layout: &Layout<'_>, index: u32, value: &Value, splices: &mut Splices) {
    let start = layout.outer_start(index);
    let end = layout.end(index);
    let style = layout.after(layout.style(index), layout.lines.end(end));
    if layout.json {
        let inside = layout.flow_style(index);
        let lines = inside.lines.map(|(column, step)| (column.saturating_sub(step), step));
        let flow = FlowStyle { lines, ..inside };
        splices.replace(start..end, flow.value(&style, value));
        return;
    }
    let content = layout.document.content_start();
    let beside_marker = layout.has_marker() && layout.lines.start(start) == layout.lines.start(content);
    let text = style.node(if beside_marker { 0 } else { layout.lines.column(start) }, 0, value);
    let is_block = matches!(value, Value::Object(entries) if !entries.is_empty())
        || matches!(value, Value::Array(items) if !items.is_empty());
    if !beside_marker {
        replace_inline(layout, start, end, &text, value, splices);
    } else if is_block {
        splices.remove(content..end);
        insert_tail(layout, end, &format!("{}{text}", layout.eol()), value, splices);
    } else {
        splices.remove(content..end);
        splices.insert(content, format!(" {text}"));
    }
}

fn replace_mapping_value(
    layout: &Layout<'_>,
    mapping: u32,
    key: u32,
    column: usize,
    value: &Value,
    splices: &mut Splices,
) {
    let index = key + 1;
    let eol = layout.eol();
    let start = layout.outer_start(index);
    let end = layout.end(index);
    let mut style = Style { always: None, ..layout.after(layout.style(mapping), layout.lines.end(end)) };
    // Comments between the key and its value would become lines of a block scalar.
    let key_line = layout.lines.end(layout.end(key));
    style.literals &= start <= key_line || layout.lines.next(key_line) == Some(layout.lines.start(start));
    let text = restyled(layout, index, value).unwrap_or_else(|| style.after_colon(column, value));
    let (head, tail) = text.find(eol).map_or((text.as_str(), ""), |at| text.split_at(at));
    let Some(colon) = layout.lead(index) else {
        // An explicit key without a value.
        let line = format!("{eol}{}:{head}{tail}", " ".repeat(column));
        splices.insert_open(layout.lines.end(end), line, ends_with_line_break(value));
        return;
    };
    let beside_key = layout.lines.start(start) == layout.lines.start(colon);
    if beside_key && end == colon + 1 {
        splices.insert(end, head);
        insert_tail(layout, end, tail, value, splices);
    } else if beside_key && !head.is_empty() {
        splices.replace(start..end, head.trim_start());
        insert_tail(layout, end, tail, value, splices);
    } else if beside_key {
        splices.remove(colon + 1..end);
        insert_tail(layout, end, tail, value, splices);
    } else {
        let collection = layout.tree.node(index).shape.is_collection();
        let last = match tail.is_empty() {
            _ if collection => layout.lines.entry_end(end, column),
            true => end,
            // A comment after the old scalar would end up in the last of the new lines.
            false => layout.lines.end(end),
        };
        splices.insert(colon + 1, head);
        splices.replace_open(layout.lines.removal(start, last, false), tail, ends_with_line_break(value));
    }
}

/// A string in the place of a quoted one keeps its quotes.
fn restyled(layout: &Layout<'_>, index: u32, value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !is_literal(text))?;
    let quote = match layout.tree.node(index).shape {
        Shape::SingleQuoted => Quote::Single,
        Shape::DoubleQuoted => Quote::Double,
        _ => return None,
    };
    Some(format!(" {}", quoted(text, quote)))
}
