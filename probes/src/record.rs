//! Recorded events: one JSON line each, for `replay` and for rule authors' tests.

use lithify::event::{Event, EventType, Field, FieldId, Source};
use serde_json::{Map, Value as Json};

/// How many ancestors are written.
const ANCESTORS: u32 = 8;
const ENVIRONMENT: &str = "proc.env";

/// Writes events as lines; knows which fields there are.
pub struct Recorder {
    fields: Vec<(String, Field)>,
    /// `evt.arg.*`, `evt.arg[*]` and `evt.rawarg.*` by type.
    arguments: Vec<Vec<(String, Field)>>,
    environment: Option<Field>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// A recorder of every field of system calls.
    pub fn new() -> Self {
        let plain = FieldId::all().filter(|id| id.is_of(Source::Syscall) && !id.is_deprecated());
        let plain = plain.filter_map(|id| Field::resolve(id.name(), None, Source::Syscall).ok());
        let ancestors = ["proc.aname", "proc.aexe", "proc.aexepath", "proc.apid", "proc.acmdline"];
        let ancestors = ancestors.into_iter().flat_map(|name| {
            (1..=ANCESTORS)
                .filter_map(move |level| Field::resolve(name, Some(&level.to_string()), Source::Syscall).ok())
        });
        let named = |field: Field| (field.to_string(), field);
        let arguments = EventType::all().map(|event| {
            let fields = event.parameters().enumerate().flat_map(|(number, parameter)| {
                let number = number.to_string();
                let all = [
                    ("evt.arg", parameter.name),
                    ("evt.arg", number.as_str()),
                    ("evt.rawarg", parameter.name),
                ];
                all.map(|(name, argument)| Field::resolve(name, Some(argument), Source::Syscall).ok())
            });
            fields.flatten().map(named).collect()
        });
        Self {
            fields: plain.chain(ancestors).map(named).collect(),
            arguments: arguments.collect(),
            environment: Field::resolve(ENVIRONMENT, None, Source::Syscall).ok(),
        }
    }

    /// The line of an event, without its end. Fields without a value are left out.
    pub fn line(&self, event: &dyn Event) -> String {
        let mut fields = Map::new();
        fields.insert("evt.type".to_owned(), event.event_type().name().into());
        for (name, field) in self.fields.iter().chain(&self.arguments[event.event_type().index()]) {
            if let Some(json) = json(event, field) {
                fields.insert(name.clone(), json);
            }
        }
        for (name, value) in self.variables(event) {
            fields.insert(name, value);
        }
        serde_json::json!({"time": event.time().rfc3339(), "source": event.source().name(), "fields": fields})
            .to_string()
    }
}

impl Recorder {
    /// Each variable of the process: the whole environment is one text, whose blanks may be a value's own.
    fn variables(&self, event: &dyn Event) -> Vec<(String, Json)> {
        let whole = self.environment.as_ref().and_then(|field| event.value(field));
        let Some(whole) = whole.map(|value| value.display().into_owned()) else { return Vec::new() };
        let names = whole.split(' ').filter_map(|word| Some(word.split_once('=')?.0));
        let fields = names.filter_map(|name| Field::resolve(ENVIRONMENT, Some(name), Source::Syscall).ok());
        fields.filter_map(|field| Some((field.to_string(), json(event, &field)?))).collect()
    }
}

fn json(event: &dyn Event, field: &Field) -> Option<Json> {
    use lithify::event::Shape;
    match field.shape() {
        Shape::One => event.value(field).map(lithify::event::Value::to_json),
        Shape::List | Shape::Ends | Shape::Lineage => {
            let mut values = Vec::new();
            let any = event.each(field, &mut |value| {
                values.push(value.to_json());
                std::ops::ControlFlow::Continue(())
            });
            (any && !values.is_empty()).then_some(Json::Array(values))
        }
    }
}
