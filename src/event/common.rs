//! Fields that every event has: number, times, type, source.

use std::cell::OnceCell;
use std::sync::LazyLock;

use super::field::{Field, FieldId};
use super::source::Source;
use super::time::Timestamp;
use super::types::EventType;
use super::value::Value;

/// What every event knows about itself.
#[derive(Clone, Debug)]
pub struct Common {
    pub(super) source: Source,
    pub(super) event_type: EventType,
    pub(super) time: Timestamp,
    pub(super) number: u64,
    /// Written times, made when the first of them is asked for.
    written: OnceCell<Box<Written>>,
}

#[derive(Clone, Debug)]
struct Written {
    clock: String,
    date_and_clock: String,
    iso8601: String,
}

#[derive(Clone, Copy)]
enum Which {
    Number,
    Clock,
    ClockSeconds,
    Iso8601,
    DateAndClock,
    DateAndClockSeconds,
    Raw,
    RawSeconds,
    RawNanoseconds,
    Source,
    Plugin,
    Direction,
    Type,
    TypeIs,
    Syscall,
    One,
}

const COMMON: &[(&str, Which)] = &[
    ("evt.num", Which::Number),
    ("evt.time", Which::Clock),
    ("evt.time.s", Which::ClockSeconds),
    ("evt.time.iso8601", Which::Iso8601),
    ("evt.datetime", Which::DateAndClock),
    ("evt.datetime.s", Which::DateAndClockSeconds),
    ("evt.rawtime", Which::Raw),
    ("evt.rawtime.s", Which::RawSeconds),
    ("evt.rawtime.ns", Which::RawNanoseconds),
    ("evt.source", Which::Source),
    ("evt.pluginname", Which::Plugin),
    ("evt.dir", Which::Direction),
    ("evt.type", Which::Type),
    ("evt.type.is", Which::TypeIs),
    ("syscall.type", Which::Syscall),
    ("evt.count", Which::One),
    ("evt.count.exit", Which::One),
];

static BY_FIELD: LazyLock<Box<[Option<Which>]>> = LazyLock::new(|| {
    let mut table = vec![None; FieldId::all().len()];
    for (name, which) in COMMON {
        let id = FieldId::from_name(name).expect("the field table has it");
        table[id.index()] = Some(*which);
    }
    table.into()
});

impl Common {
    /// What an event of this type and time knows about itself; `number` counts events from 1.
    pub const fn new(source: Source, event_type: EventType, time: Timestamp, number: u64) -> Self {
        Self { source, event_type, time, number, written: OnceCell::new() }
    }

    /// When it happened.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    fn written(&self) -> &Written {
        self.written.get_or_init(|| {
            Box::new(Written {
                clock: self.time.clock(0),
                date_and_clock: self.time.date_and_clock(0),
                iso8601: self.time.iso8601(),
            })
        })
    }

    /// The value of a field that every event has.
    pub fn value(&self, field: &Field) -> Option<Value<'_>> {
        let without_fraction = |text: &'_ str| text.find('.').unwrap_or(text.len());
        Some(match BY_FIELD[field.id().index()]? {
            Which::Number => Value::Unsigned(self.number),
            Which::Clock => Value::text(&self.written().clock),
            Which::ClockSeconds => {
                let text = &self.written().clock;
                Value::text(&text[..without_fraction(text)])
            }
            Which::Iso8601 => Value::text(&self.written().iso8601),
            Which::DateAndClock => Value::text(&self.written().date_and_clock),
            Which::DateAndClockSeconds => {
                let text = &self.written().date_and_clock;
                Value::text(&text[..without_fraction(text)])
            }
            Which::Raw => Value::Unsigned(self.time.0),
            Which::RawSeconds => Value::Unsigned(self.time.seconds()),
            Which::RawNanoseconds => Value::Unsigned(self.time.nanoseconds()),
            Which::Source => Value::text(self.source.name()),
            Which::Plugin if self.source == Source::K8sAudit => Value::text("k8saudit"),
            Which::Direction => Value::text("<"),
            Which::Type => Value::text(self.event_type.name()),
            Which::TypeIs => Value::Unsigned(u64::from(field.key()? == self.event_type.name())),
            Which::Syscall if self.event_type.is_syscall() => Value::text(self.event_type.name()),
            Which::Plugin | Which::Syscall => return None,
            Which::One => Value::Unsigned(1),
        })
    }
}
