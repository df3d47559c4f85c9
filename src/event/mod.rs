//! Events as rules see them: types, fields, values.
//!
//! Data in: what the kernel or a kube-apiserver reported, or a recorded line. Data out: values of fields,
//! each taken from its event only when a rule or a template asks for it. [`table`] is the one place where
//! event types and fields stand.

mod common;
mod field;
mod field_error;
mod k8s_audit;
mod kind;
mod listing;
mod numbers;
mod origin;

mod recorded;
mod source;
mod table;
mod time;
mod types;
mod value;

use std::ops::ControlFlow;

pub use common::Common;
pub use field::{Argument, ArgumentRule, Field, FieldId, Shape};
pub use field_error::FieldError;
pub use k8s_audit::AuditEvent;
pub use kind::{Class, Kind};
pub use listing::FieldList;
pub use origin::{Origin, Peer};

pub use recorded::{RecordedError, RecordedEvent};
pub use source::Source;
pub use time::{TimeError, Timestamp};
pub use types::{Architecture, EventType, Parameter};
pub(crate) use value::write_list;
pub use value::{Datum, Value, ValueError};

/// Something that happened, whose fields have values.
///
/// # Guarantees asked of implementations
/// Values do not change while the event is borrowed, and asking twice costs little: the engine asks once
/// for each comparison that it cannot answer from what it knows already.
pub trait Event {
    /// Where it comes from.
    fn source(&self) -> Source;

    /// What it is; [`EventType::plugin`] for sources other than system calls.
    fn event_type(&self) -> EventType;

    /// When it happened.
    fn time(&self) -> Timestamp;

    /// The value of a field; `None` where the event does not have it. Of several values the first.
    fn value(&self, field: &Field) -> Option<Value<'_>>;

    /// Shows every value of a field with several, until `visit` breaks off.
    ///
    /// Returns whether the event has the field at all.
    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        match self.value(field) {
            Some(value) => {
                let _ = visit(value);
                true
            }
            None => false,
        }
    }
}

impl<E: Event + ?Sized> Event for &E {
    fn source(&self) -> Source {
        (**self).source()
    }

    fn event_type(&self) -> EventType {
        (**self).event_type()
    }

    fn time(&self) -> Timestamp {
        (**self).time()
    }

    fn value(&self, field: &Field) -> Option<Value<'_>> {
        (**self).value(field)
    }

    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        (**self).each(field, visit)
    }
}
