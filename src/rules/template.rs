//! Output templates: text with fields in it.
//!
//! `%field`, `%field[argument]`, `%transformer(field)`, `%20field` (padded or cut to so many characters). A
//! `*` at the beginning asks for `<NA>` where a value is missing; Falco always adds it, and so missing values
//! always print `<NA>` here.

use std::fmt::Write;
use std::ops::ControlFlow;

use serde_json::Value as Json;

use crate::event::{Event, Field, FieldError, Shape, Source, Value, write_list};

use super::compile::{CallError, parse_call};
use super::computed::Computed;

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Template {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    Text(String),
    Value {
        /// As it is written, without the `%` and the width.
        name: String,
        width: usize,
        what: What,
    },
}

#[derive(Clone, Debug)]
enum What {
    Field(Field),
    Computed(Computed),
}

/// What stands for a value that an event does not have.
pub const MISSING: &str = "<NA>";

/// Wider fields are surely a mistake; they would only fill memory.
const MAX_WIDTH: usize = 4096;

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// The byte at which it goes wrong.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
    /// A field is unknown, which `skip-if-unknown-filter` forgives.
    pub is_unknown: bool,
}

impl TemplateError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), suggestion: None, is_unknown: false }
    }
}

impl Template {
    /// Compiles a template for events of a source.
    ///
    /// # Errors
    /// [`TemplateError`] where a `%` does not begin a field that the source has.
    pub fn parse(text: &str, source: Source) -> Result<Self, TemplateError> {
        let (start, text) = match text.strip_prefix('*') {
            Some(rest) => (1, rest),
            None => (0, text),
        };
        if text.is_empty() {
            return Err(TemplateError::new(start, "empty formatting token"));
        }
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(percent) = text[at..].find('%').map(|found| at + found) {
            if percent > at {
                tokens.push(Token::Text(text[at..percent].to_owned()));
            }
            let (token, end) = token(text, percent, source)
                .map_err(|error| TemplateError { offset: error.offset + start, ..error })?;
            tokens.push(token);
            at = end;
        }
        if at < text.len() {
            tokens.push(Token::Text(text[at..].to_owned()));
        }
        Ok(Self { tokens })
    }

    /// The text for an event.
    pub fn render<E: Event + ?Sized>(&self, event: &E) -> String {
        let mut out = String::new();
        let mut buffer = Vec::new();
        for token in &self.tokens {
            match token {
                Token::Text(text) => out.push_str(text),
                Token::Value { width: 0, what, .. } => what.write(event, &mut out, &mut buffer),
                Token::Value { width, what, .. } => {
                    let mut value = String::new();
                    what.write(event, &mut value, &mut buffer);
                    let length = value.chars().count();
                    out.extend(value.chars().take(*width));
                    out.extend(std::iter::repeat_n(' ', width.saturating_sub(length)));
                }
            }
        }
        out
    }

    /// The fields with their values, as `output_fields` of an alert has them; missing values are null.
    pub fn fields<'t, E: Event + ?Sized>(&'t self, event: &E) -> Vec<(&'t str, Json)> {
        let mut buffer = Vec::new();
        let mut fields = Vec::new();
        for token in &self.tokens {
            if let Token::Value { name, what, .. } = token {
                fields.push((name.as_str(), what.to_json(event, &mut buffer)));
            }
        }
        fields
    }

    /// Whether it is one field and nothing else, so that its value keeps its type.
    pub fn is_single(&self) -> bool {
        matches!(self.tokens.as_slice(), [Token::Value { width: 0, .. }])
    }

    /// The names of its fields as they are written.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Value { name, .. } => Some(name.as_str()),
            Token::Text(_) => None,
        })
    }
}

/// The token behind a `%`, and where it ends.
fn token(text: &str, percent: usize, source: Source) -> Result<(Token, usize), TemplateError> {
    let mut at = percent + 1;
    if at == text.len() {
        let message = "invalid formatting syntax: formatting cannot end with a %";
        return Err(TemplateError::new(percent, message));
    }
    let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let width = match &text[at..at + digits] {
        "" => 0,
        digits => digits.parse().unwrap_or(usize::MAX),
    };
    if width > MAX_WIDTH {
        return Err(TemplateError::new(
            percent,
            format!("invalid formatting syntax: a width over {MAX_WIDTH}"),
        ));
    }
    at += digits;
    if at == text.len() {
        let message = "invalid formatting syntax: formatting cannot end with a number";
        return Err(TemplateError::new(percent, message));
    }
    let rest = &text[at..];
    let (what, length) = match parse_call(rest, source) {
        Some(Ok((computed, length))) => (What::Computed(computed), length),
        Some(Err(CallError { offset, message, suggestion, is_unknown })) => {
            return Err(TemplateError { offset: at + offset, message, suggestion, is_unknown });
        }
        None => {
            let found = Field::at_start(rest, source).map_err(|error| field_error(percent, rest, &error))?;
            (What::Field(found.0), found.1)
        }
    };
    let name = text[at..at + length].to_owned();
    Ok((Token::Value { name, width, what }, at + length))
}

fn field_error(percent: usize, rest: &str, error: &FieldError) -> TemplateError {
    let message = match error {
        FieldError::Unknown { .. } | FieldError::OtherSource { .. } => {
            let shown: String = rest.chars().take_while(|c| !c.is_whitespace()).take(60).collect();
            format!("invalid formatting token {shown}")
        }
        other => other.to_string(),
    };
    let suggestion = error.suggestion().map(|near| format!("did you mean `%{near}`?"));
    TemplateError { offset: percent, message, suggestion, is_unknown: error.is_unknown() }
}

impl What {
    fn write<E: Event + ?Sized>(&self, event: &E, out: &mut String, buffer: &mut Vec<u8>) {
        let written = match self {
            Self::Field(field) if field.shape() == Shape::One => {
                event.value(field).map(|value| out.push_str(&value.display()))
            }
            Self::Field(field) => write_several(event, field, out),
            Self::Computed(computed) => {
                buffer.clear();
                computed.make(event, buffer).map(|made| out.push_str(&made.value(buffer).display()))
            }
        };
        if written.is_none() {
            out.push_str(MISSING);
        }
    }

    fn to_json<E: Event + ?Sized>(&self, event: &E, buffer: &mut Vec<u8>) -> Json {
        match self {
            Self::Field(field) if field.shape() == Shape::List => {
                let mut values = Vec::new();
                let is_there = event.each(field, &mut |value| {
                    values.push(value.to_json());
                    ControlFlow::Continue(())
                });
                if is_there { values.into() } else { Json::Null }
            }
            Self::Field(field) => event.value(field).map_or(Json::Null, Value::to_json),
            Self::Computed(computed) => {
                buffer.clear();
                computed.make(event, buffer).map_or(Json::Null, |made| made.value(buffer).to_json())
            }
        }
    }
}

/// A list in parentheses; other fields with several values by their first.
fn write_several<E: Event + ?Sized>(event: &E, field: &Field, out: &mut String) -> Option<()> {
    if field.shape() != Shape::List {
        return event.value(field).map(|value| out.push_str(&value.display()));
    }
    let mut texts = Vec::new();
    let is_there = event.each(field, &mut |value| {
        texts.push(value.display().into_owned());
        ControlFlow::Continue(())
    });
    is_there.then(|| {
        // Writing into a string cannot fail.
        let _ = write_list(out, texts.iter().map(|text| Value::text(text)));
    })
}

/// A text with control characters escaped as in JSON: one alert is one line.
pub fn one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\u{8}' => line.push_str("\\b"),
            '\u{c}' => line.push_str("\\f"),
            c if c.is_control() => {
                // Writing into a string cannot fail.
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RecordedEvent;
    use proptest::prelude::*;

    fn event() -> RecordedEvent {
        let line = r#"{"time":"2026-11-01T10:00:00Z","source":"syscall","fields":{"evt.type":"openat",
            "proc.name":"Bash","proc.tty":0,"fd.name":"/a/b","evt.arg.flags":"O_RDONLY","fd.types":["file","pipe"]}}"#;
        RecordedEvent::parse(line, 1).unwrap()
    }

    fn rendered(text: &str) -> String {
        Template::parse(text, Source::Syscall).unwrap().render(&event())
    }

    #[test]
    fn fields_stand_behind_a_percent_sign() {
        assert_eq!(rendered("*name=%proc.name (tty=%proc.tty)."), "name=Bash (tty=0).");
        assert_eq!(rendered("%proc.name.%fd.name, %evt.arg.flags!"), "Bash./a/b, O_RDONLY!");
        assert_eq!(rendered("%proc.pname|%proc.aname[2]|100"), "<NA>|<NA>|100");
        assert_eq!(rendered("%8proc.name|%2proc.name|"), "Bash    |Ba|");
        assert_eq!(rendered("%fd.types"), "(file,pipe)");
    }

    #[test]
    fn functions_stand_behind_a_percent_sign() {
        assert_eq!(rendered("%toupper(proc.name) %basename(fd.name)x"), "BASH bx");
        assert_eq!(rendered(r#"%join("-", (proc.name, proc.tty))"#), "Bash-0");
    }

    #[test]
    fn values_keep_their_type_in_json() {
        let template =
            Template::parse("%proc.name %proc.tty %proc.pname %fd.types", Source::Syscall).unwrap();
        let fields = template.fields(&event());
        let json = serde_json::json!([
            ["proc.name", "Bash"],
            ["proc.tty", 0],
            ["proc.pname", null],
            ["fd.types", ["file", "pipe"]]
        ]);
        assert_eq!(serde_json::to_value(fields).unwrap(), json);
    }

    #[test]
    fn refusals_name_the_place_and_what_was_meant() {
        let refused = |text: &str| Template::parse(text, Source::Syscall).unwrap_err();
        let error = refused("a %proc.nmae b");
        assert_eq!((error.offset, error.message.as_str()), (2, "invalid formatting token proc.nmae"));
        assert_eq!(error.suggestion.as_deref(), Some("did you mean `%proc.name`?"));
        assert!(error.is_unknown);
        assert!(refused("100%").message.contains("cannot end with a %"));
        assert!(refused("%12").message.contains("cannot end with a number"));
        assert!(refused("").message.contains("empty"));
        assert!(refused("%99999999999999999999proc.name").message.contains("width"));
        assert!(refused("%tolower(proc.nmae)").suggestion.is_some());
    }

    #[test]
    fn control_characters_never_break_a_line() {
        assert_eq!(one_line("a\nb\u{1b}[0m"), "a\\nb\\u001b[0m");
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_or_refused(text in "[%*a-z.\\[\\]()\"' é0-9]{0,30}") {
            if let Ok(template) = Template::parse(&text, Source::Syscall) {
                template.render(&event());
            }
        }
    }
}
