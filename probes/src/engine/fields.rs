//! Fields that the configuration sets: `static.NAME`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use lithify::event::{Event, EventType, Field, FieldId, Source, Timestamp, Value};

static STATIC: LazyLock<FieldId> =
    LazyLock::new(|| FieldId::from_name("static").expect("the field table has static"));

/// An event that also has the fields of the configuration.
pub(super) struct WithFields<'e, E: ?Sized> {
    pub(super) event: &'e E,
    pub(super) fields: &'e BTreeMap<String, String>,
}

impl<E: Event + ?Sized> Event for WithFields<'_, E> {
    fn source(&self) -> Source {
        self.event.source()
    }

    fn event_type(&self) -> EventType {
        self.event.event_type()
    }

    fn time(&self) -> Timestamp {
        self.event.time()
    }

    fn value(&self, field: &Field) -> Option<Value<'_>> {
        if field.id() == *STATIC {
            return self.fields.get(field.key()?).map(|text| Value::text(text));
        }
        self.event.value(field)
    }

    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        if field.id() == *STATIC {
            return self.value(field).map(visit).is_some();
        }
        self.event.each(field, visit)
    }
}
