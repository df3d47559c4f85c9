//! What a rule is once all files are put together: its parts, where each came from, what it needs.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use serde_json::{Value as Json, json};

use crate::event::EventType;

use super::collect::{Change, Origin, RuleInfo};
use super::compile::CompiledRule;
use super::condition::{Expr, write_check};
use super::load::Load;
use super::uses::Uses;

/// Conditions are written out up to so many bytes: macros that each name another twice double.
const MAX_WRITTEN: usize = 1 << 20;

/// Conditions inside conditions are written out so deep.
const MAX_DEPTH: usize = 1000;

impl Load {
    /// The names of all rules in order, those that do not compile included.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.collected.rules.items().iter().map(|rule| rule.name.as_str())
    }

    /// A rule's condition with all lists and macros written out; `None` where it is not compiled.
    pub fn compiled_condition(&self, rule: &str) -> Option<String> {
        Some(self.written_out(&self.compiled_rule(rule)?.tree))
    }

    /// A condition with its macros written out.
    pub(super) fn written_out(&self, tree: &Expr) -> String {
        let mut writer = Writer { load: self, out: String::new(), depth: 0 };
        // Only the limit of bytes is an error.
        if writer.expr(tree).is_err() {
            writer.out.push_str(" …");
        }
        writer.out
    }

    /// A rule's output with what the configuration adds; `None` where it is not compiled.
    pub fn compiled_output(&self, rule: &str) -> Option<&str> {
        self.compiled_rule(rule).map(|rule| rule.output_text.as_str())
    }

    pub(super) fn compiled_rule(&self, name: &str) -> Option<&CompiledRule> {
        self.compiled.rules.iter().find(|rule| rule.name == name)
    }

    /// One line of a list of rules: name, priority, source, whether it is enabled, tags, description.
    pub fn list_json(&self) -> Json {
        let line = |rule: &RuleInfo| {
            json!({
                "name": rule.name,
                "priority": rule.priority.name(),
                "source": rule.source_name,
                "enabled": rule.enabled,
                "tags": rule.tags,
                "description": rule.description.text().trim(),
            })
        };
        json!({"rules": self.collected.rules.items().iter().map(line).collect::<Vec<_>>()})
    }

    /// A rule as Falco's `-L` shows it (`info`, `details`), and where each part came from (`origins`).
    ///
    /// `None` where there is no rule of this name.
    pub fn describe(&self, name: &str) -> Option<Json> {
        let rule = self.collected.rules.get(name)?;
        let uses = Uses::of_rule(self, rule);
        let events: Vec<&str> =
            self.event_types(name).unwrap_or_default().iter().map(|event| event.name()).collect();
        let compiled = self.compiled_rule(name);
        let output_fields: BTreeSet<&str> =
            compiled.map(|rule| rule.output.field_names().collect()).unwrap_or_default();
        Some(json!({
            "info": {
                "name": rule.name,
                "condition": rule.condition.text(),
                "output": rule.output.text(),
                "description": rule.description.text(),
                "priority": rule.priority.name(),
                "source": rule.source_name,
                "enabled": rule.enabled,
                "tags": rule.tags,
                "capture": rule.capture,
                "capture_duration": rule.capture_duration,
            },
            "details": {
                "condition_compiled": self.compiled_condition(name),
                "output_compiled": self.compiled_output(name),
                "condition_fields": uses.fields,
                "condition_operators": uses.operators,
                "output_fields": output_fields,
                "macros": uses.macros,
                "lists": uses.lists,
                "exception_names": rule.exceptions.iter().map(|exception| &exception.name).collect::<Vec<_>>(),
                "events": events,
            },
            "origins": rule.origins.iter().map(|origin| self.origin_json(origin)).collect::<Vec<_>>(),
        }))
    }

    fn origin_json(&self, origin: &Origin) -> Json {
        let position = self.sources().position(&origin.spot);
        json!({
            "key": origin.key,
            "change": change(origin.change),
            "file": self.sources().name(origin.spot.file),
            "line": position.line,
            "column": position.column,
        })
    }

    /// A rule for people; `None` where there is no rule of this name.
    pub fn describe_text(&self, name: &str) -> Option<String> {
        let rule = self.collected.rules.get(name)?;
        let mut out = String::new();
        // Writing into a string cannot fail.
        let _ = self.write_description(&mut out, rule);
        Some(out)
    }

    fn write_description(&self, out: &mut String, rule: &RuleInfo) -> fmt::Result {
        let name = rule.name.as_str();
        writeln!(out, "rule: {name}")?;
        writeln!(out, "defined: {}", self.sources().link(rule.context.spot()))?;
        writeln!(out, "description: {}", rule.description.text().trim())?;
        let state = if rule.enabled { "enabled" } else { "disabled" };
        writeln!(out, "priority: {}, source: {}, {state}", rule.priority, rule.source_name)?;
        if !rule.tags.is_empty() {
            writeln!(out, "tags: {}", rule.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", "))?;
        }
        writeln!(out, "output: {}", rule.output.text())?;
        match self.compiled_condition(name) {
            Some(condition) => writeln!(out, "condition: {condition}")?,
            None => writeln!(out, "condition (does not compile): {}", rule.condition.text().trim())?,
        }
        let events = self.event_types(name).unwrap_or_default();
        writeln!(out, "events: {}", event_list(events))?;
        let uses = Uses::of_rule(self, rule);
        for (what, names) in [("fields", &uses.fields), ("macros", &uses.macros), ("lists", &uses.lists)] {
            if !names.is_empty() {
                writeln!(out, "{what}: {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))?;
            }
        }
        writeln!(out, "parts:")?;
        for origin in &rule.origins {
            let link = self.sources().link(&origin.spot);
            writeln!(out, "  {}: {} at {link}", origin.key, change(origin.change))?;
        }
        Ok(())
    }
}

/// More event types than these are only counted.
const LISTED: usize = 40;

fn event_list(events: &[EventType]) -> String {
    if events.len() > LISTED {
        return format!("{} types", events.len());
    }
    events.iter().map(|event| event.name()).collect::<Vec<_>>().join(", ")
}

const fn change(change: Change) -> &'static str {
    match change {
        Change::Defined => "defined",
        Change::Appended => "appended",
        Change::Replaced => "replaced",
    }
}

/// Writes conditions with their macros, up to a limit.
struct Writer<'l> {
    load: &'l Load,
    out: String,
    depth: usize,
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.out.len() + text.len() > MAX_WRITTEN {
            return Err(fmt::Error);
        }
        self.out.push_str(text);
        Ok(())
    }
}

impl Writer<'_> {
    fn expr(&mut self, expr: &Expr) -> fmt::Result {
        if self.depth == MAX_DEPTH {
            return self.write_str("…");
        }
        self.depth += 1;
        let written = self.node(expr);
        self.depth -= 1;
        written
    }

    fn node(&mut self, expr: &Expr) -> fmt::Result {
        match expr {
            Expr::And(_, children) => self.several(children, " and "),
            Expr::Or(_, children) => self.several(children, " or "),
            Expr::Not(_, child) => {
                self.write_str("not ")?;
                self.expr(child)
            }
            Expr::Check(check) => write_check(self, check),
            Expr::Macro(_, name) => {
                let number = self.load.collected.macros.number(name);
                let tree = number.and_then(|number| self.load.compiled.macros[number].as_ref());
                match tree {
                    Some(tree) => self.expr(tree),
                    None => self.write_str(name),
                }
            }
        }
    }

    fn several(&mut self, children: &[Expr], connective: &str) -> fmt::Result {
        self.write_str("(")?;
        for (index, child) in children.iter().enumerate() {
            if index > 0 {
                self.write_str(connective)?;
            }
            self.expr(child)?;
        }
        self.write_str(")")
    }
}
