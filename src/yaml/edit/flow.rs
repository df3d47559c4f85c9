//! Entries and items of flow collections, JSON's included.

use serde_json::Value;

use super::layout::Layout;
use super::plan::{MappingPlan, Plan, SequencePlan};
use super::replace::{Slot, write};
use super::splice::Splices;
use crate::yaml::emit::FlowStyle;
use crate::yaml::node::Shape;

/// One entry or item of the text, and what is to become of it.
struct Part {
    start: usize,
    end: usize,
    kept: bool,
    /// It ends with a `:`, an anchor or a tag, to which a comma may not be joined.
    unwritten: bool,
    /// Texts of the new ones that come after it.
    added: Vec<String>,
}

pub(super) fn write_mapping(layout: &Layout<'_>, plan: &MappingPlan, splices: &mut Splices) {
    let flow = layout.flow_style(plan.node);
    let style = layout.style(plan.node);
    let mut parts: Vec<Part> = Vec::new();
    for entry in &plan.entries {
        match (entry.origin, &entry.value) {
            (Some(key), value) => {
                if let Some(value) = value {
                    write(
                        layout,
                        value,
                        key + 1,
                        &Slot::Flow { collection: plan.node, key: Some(key) },
                        splices,
                    );
                }
                let start = layout.lead(key).unwrap_or_else(|| layout.outer_start(key));
                let end = layout.end(key).max(layout.end(key + 1));
                let unwritten = is_unwritten(layout, key + 1);
                parts.push(Part { start, end, kept: value.is_some(), unwritten, added: Vec::new() });
            }
            (None, Some(Plan::New(value))) => {
                if let Some(last) = parts.iter_mut().rfind(|part| part.kept) {
                    last.added.push(flow.entry(&style, &entry.key, value));
                }
            }
            (None, _) => {}
        }
    }
    if layout.tree.node(plan.node).shape == Shape::PairMapping {
        // `[a: b]` holds one pair; braces let it hold more.
        let node = layout.tree.node(plan.node);
        if parts.iter().any(|part| !part.added.is_empty()) {
            splices.insert(node.start as usize, "{");
            write_parts(layout, plan.node, &flow, &parts, Vec::new(), splices);
            splices.insert(node.end as usize, "}");
        }
        return;
    }
    write_parts(layout, plan.node, &flow, &parts, Vec::new(), splices);
}

pub(super) fn write_sequence(layout: &Layout<'_>, plan: &SequencePlan, splices: &mut Splices) {
    let flow = layout.flow_style(plan.node);
    let style = layout.style(plan.node);
    let mut stay = plan.items.iter().filter_map(|item| item.origin).peekable();
    let mut parts: Vec<Part> = layout
        .children(plan.node)
        .map(|item| Part {
            start: layout.outer_start(item),
            end: layout.end(item),
            kept: stay.next_if_eq(&item).is_some(),
            unwritten: is_unwritten(layout, item),
            added: Vec::new(),
        })
        .collect();
    let origins: Vec<u32> = layout.children(plan.node).collect();
    let mut first = Vec::new();
    let mut before = None;
    for item in &plan.items {
        match (item.origin, &item.value) {
            (Some(origin), value) => {
                write(layout, value, origin, &Slot::Flow { collection: plan.node, key: None }, splices);
                before = origins.binary_search(&origin).ok();
            }
            (None, Plan::New(value)) => {
                let text = flow.value(&style, value);
                match before.and_then(|before: usize| parts.get_mut(before)) {
                    Some(part) => part.added.push(text),
                    None => first.push(text),
                }
            }
            (None, _) => {}
        }
    }
    write_parts(layout, plan.node, &flow, &parts, first, splices);
}

/// Nothing is written of the node but what leads up to it.
fn is_unwritten(layout: &Layout<'_>, index: u32) -> bool {
    if layout.tree.node(index).shape == Shape::PairMapping {
        return is_unwritten(layout, index + 2);
    }
    let start = layout.tree.node(index).start as usize;
    start == layout.end(index) && (layout.lead(index).is_some() || layout.outer_start(index) < start)
}

/// `value` takes the place of the node at `index`.
pub(super) fn replace(
    layout: &Layout<'_>,
    collection: u32,
    key: Option<u32>,
    index: u32,
    value: &Value,
    splices: &mut Splices,
) {
    let flow = layout.flow_style(collection);
    let mut style = layout.style(collection);
    style.always = None;
    let text = flow.value(&style, value);
    let start = layout.outer_start(index);
    let end = layout.end(index);
    match key {
        Some(_) if layout.lead(index).is_none() => splices.insert(end, format!(": {text}")),
        Some(_) if start == end => splices.insert(end, format!(" {text}")),
        _ => splices.replace(start..end, text),
    }
}

/// Takes parts out and puts new ones in, with their commas; at least one stays.
fn write_parts(
    layout: &Layout<'_>,
    node: u32,
    flow: &FlowStyle,
    parts: &[Part],
    first: Vec<String>,
    splices: &mut Splices,
) {
    let closing = layout.end(node) - usize::from(layout.tree.node(node).shape != Shape::PairMapping);
    if let (false, Some(part)) = (first.is_empty(), parts.first()) {
        for text in first {
            splices.insert(part.start, format!("{text},{}", gap(layout, flow, part)));
        }
    }
    let last_kept = parts.iter().rposition(|part| part.kept);
    for (index, part) in parts.iter().enumerate() {
        let next = parts.get(index + 1);
        let next_kept = next.filter(|_| last_kept.is_some_and(|last| last > index));
        add_after(layout, flow, part, next.map(|next| (next, next_kept.is_some())), closing, splices);
        if !part.kept {
            match next {
                // The next one moves up.
                Some(next) if next_kept.is_some() => splices.remove(part.start..next.start),
                _ => {
                    let start = if index == 0 { part.start } else { parts[index - 1].end };
                    remove_last(layout, start, part, splices);
                }
            }
        }
    }
}

/// What separates a part from the next, after the comma.
fn gap(layout: &Layout<'_>, flow: &FlowStyle, part: &Part) -> String {
    if layout.lines.begins_line(part.start) {
        return format!("{}{}", layout.eol(), " ".repeat(layout.lines.column(part.start)));
    }
    if flow.compact { String::new() } else { " ".to_owned() }
}

/// Puts new parts after this one. `next`: with whether it or a later one stays.
fn add_after(
    layout: &Layout<'_>,
    flow: &FlowStyle,
    part: &Part,
    next: Option<(&Part, bool)>,
    closing: usize,
    splices: &mut Splices,
) {
    if part.added.is_empty() {
        return;
    }
    let gap = gap(layout, flow, part);
    let limit = next.map_or(closing, |(next, _)| next.start);
    // Where all that follow go, the comma goes with them.
    let goes = next.is_some_and(|(_, stays)| !stays);
    let comma = find_comma(&layout.lines.source[part.end..limit]).filter(|_| !goes).map(|at| part.end + at);
    let line_end = layout.lines.end(part.end);
    let own_line = layout.lines.begins_line(part.start);
    let commented = own_line && layout.lines.source[part.end..line_end.min(limit)].contains('#');
    let joined = part.added.join(&format!(",{gap}"));
    let blank = if part.unwritten { " " } else { "" };
    match comma {
        None if commented && !goes => {
            splices.insert(part.end, format!("{blank},"));
            splices.insert(line_end, format!("{gap}{joined}"));
        }
        None => splices.insert(part.end, format!("{blank},{gap}{joined}")),
        // After the comment that belongs to this part.
        Some(_) if commented => splices.insert(line_end, format!("{gap}{joined},")),
        Some(comma) => splices.insert(comma + 1, format!("{gap}{joined},")),
    }
}

/// Takes out the last part, and the comma that separates it from the one before, which ends at `start`.
fn remove_last(layout: &Layout<'_>, start: usize, part: &Part, splices: &mut Splices) {
    let between = &layout.lines.source[start..part.start];
    match (find_comma(between), between.find('#')) {
        (Some(comma), Some(comment)) if comma < comment => {
            splices.remove(start + comma..start + comma + 1);
            let line_end = layout.lines.end(part.end);
            let rest = &layout.lines.source[part.end..line_end];
            if rest.trim_matches([' ', '\t']).is_empty() {
                splices.remove(layout.lines.removal(part.start, line_end, false));
            } else {
                // What closes the collection must not move into the comment.
                splices.remove(part.start..part.end);
            }
        }
        _ => splices.remove(start..part.end),
    }
}

/// The comma between two parts, outside of comments.
fn find_comma(between: &str) -> Option<usize> {
    let mut in_comment = false;
    between.bytes().position(|byte| {
        match byte {
            b'#' => in_comment = true,
            b'\n' | b'\r' => in_comment = false,
            _ => {}
        }
        byte == b',' && !in_comment
    })
}
