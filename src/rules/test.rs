//! One comparison, compiled: what is compared, how, and how several values are taken.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use crate::event::{Event, Field, FieldId, Shape, Source, Value};

use super::computed::{Computed, Side};
use super::condition::Operator;
use super::predicate::Predicate;

/// A comparison.
#[derive(Clone, Debug)]
pub(super) struct Test {
    /// As it is written: equal texts are equal comparisons.
    pub(super) written: String,
    pub(super) comparison: Comparison,
}

#[derive(Clone, Debug)]
pub(super) enum Comparison {
    /// A field with constants.
    Field(Field, Predicate, Mode),
    /// What functions make of fields, with constants.
    Computed(Computed, Predicate),
    /// Two sides that both come from the event.
    Sides(Side, Operator, Side),
}

/// How the values of a field with several are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// There is only one.
    One,
    /// Any must compare.
    Any,
    /// All must compare.
    All,
}

impl Mode {
    pub(super) const fn of(shape: Shape, operator: Operator) -> Self {
        match (shape, operator) {
            (Shape::One, _) => Self::One,
            (Shape::List, Operator::In) | (Shape::Ends, Operator::Ne) => Self::All,
            _ => Self::Any,
        }
    }
}

/// What decides a comparison before any event comes: the event's type, or only that of system calls.
pub(super) struct DecidedBy {
    pub(super) is_syscall_only: bool,
}

static EVT_TYPE: LazyLock<Option<FieldId>> = LazyLock::new(|| FieldId::from_name("evt.type"));
static SYSCALL_TYPE: LazyLock<Option<FieldId>> = LazyLock::new(|| FieldId::from_name("syscall.type"));

impl Test {
    /// The predicate on the event's type, if that is all that the comparison asks for.
    pub(super) fn type_test(&self) -> Option<(DecidedBy, &Predicate)> {
        let Comparison::Field(field, predicate, Mode::One) = &self.comparison else { return None };
        let is = |id: &LazyLock<Option<FieldId>>| Some(field.id()) == **id;
        (is(&EVT_TYPE) || is(&SYSCALL_TYPE))
            .then(|| (DecidedBy { is_syscall_only: is(&SYSCALL_TYPE) }, predicate))
    }

    /// Whether the comparison holds for an event. A field that the event does not have compares with nothing.
    pub(super) fn holds<E: Event + ?Sized>(&self, event: &E, buffer: &mut Vec<u8>) -> bool {
        match &self.comparison {
            Comparison::Field(field, predicate, mode) => holds_for_field(event, field, predicate, *mode),
            Comparison::Computed(computed, predicate) => {
                buffer.clear();
                computed.make(event, buffer).is_some_and(|made| predicate.holds(made.value(buffer)))
            }
            Comparison::Sides(left, operator, right) => {
                buffer.clear();
                super::computed::compare(event, left, *operator, right, buffer)
            }
        }
    }

    /// The fields that the comparison asks for.
    pub(super) fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        match &self.comparison {
            Comparison::Field(field, ..) => fields.push(field),
            Comparison::Computed(computed, _) => computed.fields(&mut fields),
            Comparison::Sides(left, _, right) => {
                left.fields(&mut fields);
                right.fields(&mut fields);
            }
        }
        fields
    }

    /// What the comparison costs, in rough nanoseconds.
    pub(super) fn cost(&self) -> f32 {
        match &self.comparison {
            Comparison::Field(_, predicate, Mode::One) => 6.0 + predicate.cost(),
            Comparison::Field(_, predicate, _) => 20.0 + 6.0 * predicate.cost(),
            Comparison::Computed(_, predicate) => 150.0 + predicate.cost(),
            Comparison::Sides(..) => 200.0,
        }
    }

    /// How often the comparison holds, as a guess.
    pub(super) fn likelihood(&self) -> f32 {
        match &self.comparison {
            Comparison::Field(_, predicate, _) | Comparison::Computed(_, predicate) => predicate.likelihood(),
            Comparison::Sides(..) => 0.3,
        }
    }
}

/// Whether a field's values compare, taken as `mode` says.
pub(super) fn holds_for_field<E: Event + ?Sized>(
    event: &E,
    field: &Field,
    predicate: &Predicate,
    mode: Mode,
) -> bool {
    if mode == Mode::One {
        return event.value(field).is_some_and(|value| predicate.holds(value));
    }
    let ends_at = mode == Mode::Any;
    let mut found = !ends_at;
    let mut visit = |value: Value<'_>| {
        if predicate.holds(value) == ends_at {
            found = ends_at;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    event.each(field, &mut visit) && found
}

/// Whether a number field of every event is at least 1, so that comparisons with less are decided.
pub(super) fn counts_from_one(field: &Field) -> bool {
    field.id().name() == "evt.num"
}

/// The one value that a field has in every event of a source.
pub(super) fn fixed_value(field: &Field, source: Source) -> Option<Value<'static>> {
    match field.id().name() {
        "evt.dir" => Some(Value::text("<")),
        "evt.source" => Some(Value::text(source.name())),
        _ => None,
    }
}
