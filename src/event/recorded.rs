//! Recorded events: one JSON line each, the input of `replay` and of rule authors' tests.
//!
//! `{"time":"…","source":"syscall","fields":{"evt.type":"execve","proc.name":"bash",…}}`. Fields keep the
//! names that rules use, arguments included; a field of several values is an array.

use std::ops::ControlFlow;

use serde_json::Value as Json;

use super::Event;
use super::common::Common;
use super::field::{Argument, Field, Shape};
use super::field_error::FieldError;
use super::source::Source;
use super::time::{TimeError, Timestamp};
use super::types::EventType;
use super::value::{Datum, Value, ValueError};

/// An event whose values were written down.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    common: Common,
    entries: Vec<(Field, Datum)>,
    /// Places in `entries` plus one, by hash; 0 is free. Twice as many as entries, a power of two.
    index: Box<[u16]>,
}

/// A line that is no recorded event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordedError {
    /// It is not JSON.
    #[error("expected a recorded event as one JSON object: {0}")]
    Syntax(String),
    /// A key is missing or of another type.
    #[error("a recorded event needs `{0}`")]
    Missing(&'static str),
    /// The time is not written as RFC 3339 asks.
    #[error("`time`: {0}")]
    Time(#[from] TimeError),
    /// There is no such source.
    #[error("unknown source `{0}`: expected syscall or k8s_audit")]
    Source(String),
    /// There is no such event type.
    #[error("unknown event type `{name}`{}", did_you_mean(.near.as_deref()))]
    EventType {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// There is no such field.
    #[error("{error}{}", did_you_mean(.error.suggestion().as_deref()))]
    Field {
        /// Why.
        error: FieldError,
    },
    /// The value does not fit its field.
    #[error("`{field}`: {error}")]
    Value {
        /// The field.
        field: String,
        /// Why.
        error: ValueError,
    },
    /// More fields than there are.
    #[error("a recorded event has at most {MAX_FIELDS} fields")]
    TooManyFields,
}

/// More than the field table and every argument of a call together.
const MAX_FIELDS: usize = 4096;

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

impl RecordedEvent {
    /// Makes an event from its values.
    ///
    /// # Errors
    /// [`RecordedError::TooManyFields`].
    pub fn new(
        source: Source,
        event_type: EventType,
        time: Timestamp,
        number: u64,
        entries: Vec<(Field, Datum)>,
    ) -> Result<Self, RecordedError> {
        if entries.len() > MAX_FIELDS {
            return Err(RecordedError::TooManyFields);
        }
        let size = (entries.len() * 2).next_power_of_two().max(2);
        let mut index = vec![0_u16; size].into_boxed_slice();
        for (place, (field, _)) in (1_u16..).zip(&entries) {
            let mut slot = hash(field) & (size - 1);
            while index[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            index[slot] = place;
        }
        Ok(Self { common: Common::new(source, event_type, time, number), entries, index })
    }

    /// Reads one line; `number` becomes `evt.num` where the line has none.
    ///
    /// # Errors
    /// [`RecordedError`] says what is missing, unknown or of the wrong type.
    pub fn parse(line: &str, number: u64) -> Result<Self, RecordedError> {
        let json: Json =
            serde_json::from_str(line).map_err(|error| RecordedError::Syntax(error.to_string()))?;
        Self::from_json(&json, number)
    }

    /// Reads one parsed line; `number` becomes `evt.num` where the line has none.
    ///
    /// # Errors
    /// [`RecordedError`] says what is missing, unknown or of the wrong type.
    pub fn from_json(json: &Json, number: u64) -> Result<Self, RecordedError> {
        let text =
            |key: &'static str| json.get(key).and_then(Json::as_str).ok_or(RecordedError::Missing(key));
        let time = Timestamp::parse(text("time")?)?;
        let name = text("source")?;
        let source = Source::from_name(name).ok_or_else(|| RecordedError::Source(name.to_owned()))?;
        let fields = json.get("fields").and_then(Json::as_object).ok_or(RecordedError::Missing("fields"))?;
        let event_type = match source {
            Source::Syscall => event_type(fields.get("evt.type"))?,
            Source::K8sAudit => EventType::plugin(),
        };
        let number = fields.get("evt.num").and_then(Json::as_u64).unwrap_or(number);
        let entries = fields.iter().filter(|(name, value)| !value.is_null() && name.as_str() != "evt.type");
        let entries = entries.map(|(name, value)| entry(name, value, source)).collect::<Result<_, _>>()?;
        Self::new(source, event_type, time, number, entries)
    }

    /// The line that [`RecordedEvent::parse`] reads back.
    pub fn to_json(&self) -> Json {
        let mut fields = serde_json::Map::new();
        if self.common.source == Source::Syscall {
            fields.insert("evt.type".to_owned(), self.common.event_type.name().into());
        }
        for (field, datum) in &self.entries {
            fields.insert(field.to_string(), datum_to_json(datum));
        }
        serde_json::json!({"time": self.common.time.rfc3339(), "source": self.common.source.name(), "fields": fields})
    }

    fn datum(&self, field: &Field) -> Option<&Datum> {
        let mask = self.index.len() - 1;
        let mut slot = hash(field) & mask;
        loop {
            let place = self.index[slot].checked_sub(1)?;
            let (stored, datum) = &self.entries[usize::from(place)];
            if stored == field {
                return Some(datum);
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// Spreads fields over a table: fields have neighbouring numbers, arguments are short.
fn hash(field: &Field) -> usize {
    let argument = match field.argument() {
        Argument::None => 0,
        Argument::Index(number) => u64::from(*number) + 1,
        Argument::Key(key) => key.bytes().fold(7, |sum, byte| sum * 31 % 65_521 + u64::from(byte)),
    };
    let mixed = (field.id().index() as u64 + (argument << 16)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The high bits are the well mixed ones.
    usize::try_from(mixed >> 48).unwrap_or_default()
}

fn event_type(json: Option<&Json>) -> Result<EventType, RecordedError> {
    let name = json.and_then(Json::as_str).ok_or(RecordedError::Missing("fields.evt.type"))?;
    EventType::from_name(name).ok_or_else(|| RecordedError::EventType {
        name: name.to_owned(),
        near: EventType::near(name).map(str::to_owned),
    })
}

fn entry(name: &str, json: &Json, source: Source) -> Result<(Field, Datum), RecordedError> {
    let (base, argument) = match name.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((base, argument)) => (base, Some(argument)),
        None => (name, None),
    };
    let field = Field::resolve(base, argument, source).map_err(|error| RecordedError::Field { error })?;
    let refused = |error| RecordedError::Value { field: name.to_owned(), error };
    let datum = Datum::from_json(field.kind(), json).map_err(refused)?;
    Ok((field, datum))
}

fn datum_to_json(datum: &Datum) -> Json {
    match datum {
        Datum::List(items) => items.iter().map(datum_to_json).collect(),
        one => one.value().map_or(Json::Null, Value::to_json),
    }
}

impl Event for RecordedEvent {
    fn source(&self) -> Source {
        self.common.source
    }

    fn event_type(&self) -> EventType {
        self.common.event_type
    }

    fn time(&self) -> Timestamp {
        self.common.time
    }

    fn value(&self, field: &Field) -> Option<Value<'_>> {
        match self.datum(field) {
            Some(datum) => datum.value(),
            None => self.common.value(field),
        }
    }

    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        match self.datum(field) {
            Some(Datum::List(items)) => {
                let _ = items.iter().filter_map(Datum::value).try_for_each(visit);
                field.shape() != Shape::List || !items.is_empty()
            }
            _ => match self.value(field) {
                Some(value) => {
                    let _ = visit(value);
                    true
                }
                None => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"time":"2026-11-01T10:00:00.000000000Z","source":"syscall","fields":{"evt.type":"execve",
        "proc.name":"bash","proc.tty":34816,"proc.aname":["sshd","systemd"],"proc.aname[2]":"systemd",
        "evt.arg.flags":"EXE_WRITABLE","container.id":"host","container.name":null}}"#;

    fn field(name: &str) -> Field {
        Field::at_start(name, Source::Syscall).unwrap().0
    }

    #[test]
    fn gives_what_was_recorded() {
        let event = RecordedEvent::parse(LINE, 7).unwrap();
        assert_eq!(event.event_type().name(), "execve");
        assert_eq!(event.value(&field("proc.name")), Some(Value::text("bash")));
        assert_eq!(event.value(&field("proc.tty")), Some(Value::Unsigned(34816)));
        assert_eq!(event.value(&field("proc.aname[2]")), Some(Value::text("systemd")));
        assert_eq!(event.value(&field("evt.arg.flags")), Some(Value::text("EXE_WRITABLE")));
        assert_eq!(event.value(&field("container.name")), None);
        assert_eq!(event.value(&field("evt.num")), Some(Value::Unsigned(7)));
        assert_eq!(event.value(&field("evt.type")), Some(Value::text("execve")));
        assert_eq!(event.value(&field("evt.time.s")), Some(Value::text("10:00:00")));
        let mut names = Vec::new();
        event.each(&field("proc.aname"), &mut |value| {
            names.push(value.display().into_owned());
            ControlFlow::Continue(())
        });
        assert_eq!(names, ["sshd", "systemd"]);
    }

    #[test]
    fn is_written_as_it_was_read() {
        let event = RecordedEvent::parse(LINE, 7).unwrap();
        let again = RecordedEvent::from_json(&event.to_json(), 7).unwrap();
        assert_eq!(event.to_json(), again.to_json());
    }

    #[test]
    fn refusals_say_what_was_meant() {
        let refused = |text: &str, with: &str| {
            RecordedEvent::parse(&LINE.replace(text, with), 1).unwrap_err().to_string()
        };
        assert!(refused("proc.name", "proc.nmae").ends_with("did you mean `proc.name`?"));
        assert!(refused("\"execve\"", "\"execv\"").ends_with("did you mean `execve`?"));
        assert!(refused("34816", "\"tty\"").contains("`proc.tty`: expected a whole number"));
        assert!(refused("syscall", "windows").contains("unknown source `windows`"));
        assert!(RecordedEvent::parse("{", 1).is_err());
        assert_eq!(RecordedEvent::parse("{}", 1).unwrap_err().to_string(), "a recorded event needs `time`");
    }
}
