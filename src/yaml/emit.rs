//! Values as YAML text.

use serde_json::Value;

use super::quote::{Quote, is_literal, is_plain_in_block, is_plain_in_flow, quoted};

/// How new text is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// The line break.
    pub(super) eol: &'static str,
    /// Columns from a mapping's keys to those of a mapping inside it.
    pub(super) step: usize,
    /// Columns from a key to the dashes of its sequence; 0 where they stand under the key.
    pub(super) dash_offset: usize,
    /// Quotes for strings that need some.
    pub(super) quote: Quote,
    /// Strings of several lines may be literal scalars.
    pub(super) literals: bool,
    /// Quotes for every string, where all that stand around have them.
    pub(super) always: Option<Quote>,
}

/// A value as a document of its own: block style, two columns a step, ended by a line break.
pub fn document(value: &Value) -> String {
    let style =
        Style { eol: "\n", step: 2, dash_offset: 0, quote: Quote::Double, literals: true, always: None };
    style.node(0, 0, value) + "\n"
}

/// How new text inside `{}` and `[]` is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlowStyle {
    /// Every string and key in double quotes.
    pub(super) json: bool,
    /// No blank after `,`, nor after the `:` of a quoted key.
    pub(super) compact: bool,
    /// One entry a line: the column of the line that it stands on, and the step to the entries.
    pub(super) lines: Option<(usize, usize)>,
}

impl Style {
    /// What follows a key's colon: ` value`, or lines that begin with a line break. `column`: the key's.
    pub(super) fn after_colon(&self, column: usize, value: &Value) -> String {
        let mut out = String::new();
        self.push_after_colon(&mut out, column, value);
        out
    }

    /// A node whose first line begins in `column`; the first line is not indented, the last not ended.
    /// `parent`: column of the collection that it is in, where that is its indentation.
    pub(super) fn node(&self, column: usize, parent: usize, value: &Value) -> String {
        let mut out = String::new();
        self.push_node(&mut out, column, parent, value);
        out
    }

    /// `key: value` for a mapping in `column`.
    pub(super) fn entry(&self, column: usize, key: &str, value: &Value) -> String {
        let mut out = String::new();
        self.push_entry(&mut out, column, key, value);
        out
    }

    /// `- value` for a sequence whose dashes stand in `column`, `gap` blanks after the dash.
    pub(super) fn item(&self, column: usize, gap: usize, value: &Value) -> String {
        let mut out = format!("-{}", " ".repeat(gap));
        self.push_node(&mut out, column + 1 + gap, column, value);
        out
    }

    /// A key.
    pub(super) fn key(&self, key: &str) -> String {
        match self.always {
            Some(quote) => quoted(key, quote),
            None if is_plain_in_block(key) => key.to_owned(),
            None => quoted(key, self.quote),
        }
    }

    fn push_entry(&self, out: &mut String, column: usize, key: &str, value: &Value) {
        out.push_str(&self.key(key));
        out.push(':');
        self.push_after_colon(out, column, value);
    }

    fn push_after_colon(&self, out: &mut String, column: usize, value: &Value) {
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                self.push_line(out, column + self.step);
                self.push_node(out, column + self.step, column, value);
            }
            Value::Array(items) if !items.is_empty() => {
                self.push_line(out, column + self.dash_offset);
                self.push_node(out, column + self.dash_offset, column, value);
            }
            value => {
                out.push(' ');
                self.push_node(out, column + self.step, column, value);
            }
        }
    }

    fn push_node(&self, out: &mut String, column: usize, parent: usize, value: &Value) {
        let mut separate = Separator { style: self, column, first: true };
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    separate.push(out);
                    self.push_entry(out, column, key, value);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for item in items {
                    separate.push(out);
                    out.push_str("- ");
                    self.push_node(out, column + 2, column, item);
                }
            }
            Value::String(text) => self.push_string(out, column, parent, text),
            value => out.push_str(&value.to_string()),
        }
    }

    fn push_string(&self, out: &mut String, column: usize, parent: usize, text: &str) {
        if self.literals && is_literal(text) && (1..10).contains(&(column - parent.min(column))) {
            self.push_literal(out, column, parent, text);
        } else {
            out.push_str(&match self.always {
                Some(quote) => quoted(text, quote),
                None if is_plain_in_block(text) => text.to_owned(),
                None => quoted(text, self.quote),
            });
        }
    }

    fn push_literal(&self, out: &mut String, column: usize, parent: usize, text: &str) {
        out.push('|');
        let first = text.split('\n').find(|line| !line.is_empty()).unwrap_or_default();
        if first.starts_with([' ', '\t']) {
            // Without the number readers would take the blanks for indentation.
            out.push_str(&(column - parent).to_string());
        }
        let body = text.strip_suffix('\n');
        if body.is_none() {
            out.push('-');
        }
        for line in body.unwrap_or(text).split('\n') {
            self.push_line(out, if line.is_empty() { 0 } else { column });
            out.push_str(line);
        }
    }

    fn push_line(&self, out: &mut String, column: usize) {
        out.push_str(self.eol);
        out.extend(std::iter::repeat_n(' ', column));
    }
}

/// Line breaks between entries, none before the first.
struct Separator<'a> {
    style: &'a Style,
    column: usize,
    first: bool,
}

impl Separator<'_> {
    fn push(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.first) {
            self.style.push_line(out, self.column);
        }
    }
}

/// Whether the text of this value ends with the lines of a literal scalar, whose last line break counts.
pub(super) fn ends_with_line_break(value: &Value) -> bool {
    match value {
        Value::Object(entries) => entries.values().next_back().is_some_and(ends_with_line_break),
        Value::Array(items) => items.last().is_some_and(ends_with_line_break),
        Value::String(text) => is_literal(text) && text.ends_with('\n'),
        _ => false,
    }
}

impl FlowStyle {
    /// A value inside a flow collection.
    pub(super) fn value(&self, style: &Style, value: &Value) -> String {
        let mut out = String::new();
        self.push(&mut out, style, value);
        out
    }

    /// `key: value` inside a flow mapping.
    pub(super) fn entry(&self, style: &Style, key: &str, value: &Value) -> String {
        format!("{}:{}{}", self.string(style, key), self.after_colon(), self.value(style, value))
    }

    fn after_comma(&self) -> &'static str {
        if self.compact { "" } else { " " }
    }

    /// A plain key needs a blank to end it.
    fn after_colon(&self) -> &'static str {
        if self.compact && self.json { "" } else { " " }
    }

    fn string(&self, style: &Style, text: &str) -> String {
        if self.json {
            quoted(text, Quote::Double)
        } else if let Some(quote) = style.always {
            quoted(text, quote)
        } else if is_plain_in_flow(text) {
            text.to_owned()
        } else {
            quoted(text, style.quote)
        }
    }

    fn push(&self, out: &mut String, style: &Style, value: &Value) {
        match value {
            Value::Object(entries) => {
                self.push_all(out, style, ('{', '}'), entries.iter(), |inner, out, (key, value)| {
                    out.push_str(&inner.string(style, key));
                    out.push(':');
                    out.push_str(inner.after_colon());
                    inner.push(out, style, value);
                });
            }
            Value::Array(items) => {
                self.push_all(out, style, ('[', ']'), items.iter(), |inner, out, item| {
                    inner.push(out, style, item);
                });
            }
            Value::String(text) => out.push_str(&self.string(style, text)),
            value => out.push_str(&value.to_string()),
        }
    }

    fn push_all<T>(
        &self,
        out: &mut String,
        style: &Style,
        brackets: (char, char),
        parts: impl ExactSizeIterator<Item = T>,
        mut push: impl FnMut(&Self, &mut String, T),
    ) {
        let lines = self.lines.filter(|_| parts.len() > 0);
        let inner = Self { lines: lines.map(|(column, step)| (column + step, step)), ..*self };
        out.push(brackets.0);
        for (index, part) in parts.enumerate() {
            if index > 0 {
                out.push(',');
            }
            match inner.lines {
                Some((column, _)) => style.push_line(out, column),
                None if index > 0 => out.push_str(self.after_comma()),
                None => {}
            }
            push(&inner, out, part);
        }
        if let Some((column, _)) = lines {
            style.push_line(out, column);
        }
        out.push(brackets.1);
    }
}
