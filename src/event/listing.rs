//! Lists of fields, for people and programs.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::{FieldId, Source};

/// Which fields are listed.
#[derive(Clone, Debug, Default)]
pub struct FieldList {
    fields: Vec<FieldId>,
}

impl FieldList {
    /// The fields of a source, or of all, whose names contain a text.
    pub fn new(source: Option<Source>, part: &str) -> Self {
        let is_listed =
            |field: &FieldId| source.is_none_or(|source| field.is_of(source)) && field.name().contains(part);
        Self { fields: FieldId::all().filter(is_listed).collect() }
    }

    /// Names only, one a line.
    pub fn names(&self) -> String {
        self.fields.iter().fold(String::new(), |text, field| text + field.name() + "\n")
    }

    /// One line a field: name with its argument, type, sources, description.
    pub fn to_text(&self) -> String {
        let width = self.fields.iter().map(|field| written(*field).len()).max().unwrap_or_default();
        self.lines(|out, field| {
            let (name, kind, sources) = (written(field), kind(field), sources(field).join(","));
            writeln!(out, "{name:width$}  {kind:14}  {sources:17}  {}", description(field))
        })
    }

    /// A table in Markdown.
    pub fn to_markdown(&self) -> String {
        let head = "Name | Type | Source | Description\n:----|:-----|:-------|:-----------\n";
        let rows = self.lines(|out, field| {
            let (name, kind, sources) = (written(field), kind(field), sources(field).join(", "));
            writeln!(out, "`{name}` | {kind} | {sources} | {}", description(field))
        });
        format!("{head}{rows}")
    }

    /// `{"fields": [{name, type, list, sources, description, argument, deprecated}]}`.
    pub fn to_json(&self) -> Json {
        json!({"fields": self.fields.iter().map(|field| to_json(*field)).collect::<Vec<_>>()})
    }

    fn lines(&self, line: impl Fn(&mut String, FieldId) -> std::fmt::Result) -> String {
        let mut out = String::new();
        for field in &self.fields {
            // Writing into a string cannot fail.
            let _ = line(&mut out, *field);
        }
        out
    }
}

/// The name with what may or must follow it.
fn written(field: FieldId) -> String {
    let rule = field.argument_rule();
    let argument = match (rule.index, rule.key) {
        (true, true) => "N|KEY",
        (true, false) => "N",
        (false, true) => "KEY",
        (false, false) => return field.name().to_owned(),
    };
    if rule.required {
        format!("{}[{argument}]", field.name())
    } else {
        format!("{}[[{argument}]]", field.name())
    }
}

fn kind(field: FieldId) -> String {
    if field.is_list() { format!("LIST({})", field.kind()) } else { field.kind().to_string() }
}

fn sources(field: FieldId) -> Vec<&'static str> {
    Source::ALL.into_iter().filter(|source| field.is_of(*source)).map(Source::name).collect()
}

fn description(field: FieldId) -> String {
    let mark = if field.is_deprecated() { "(deprecated) " } else { "" };
    format!("{mark}{}", field.description())
}

fn to_json(field: FieldId) -> Json {
    let rule = field.argument_rule();
    json!({
        "name": field.name(),
        "type": field.kind().name(),
        "list": field.is_list(),
        "sources": sources(field),
        "description": field.description(),
        "argument": {"index": rule.index, "key": rule.key, "required": rule.required},
        "deprecated": field.is_deprecated(),
    })
}
