//! Fields of system calls: a getter for each, by subject.
//!
//! A field of the table that has no getter here has no value: neither the kernel nor the probe can tell it.

mod container;
pub(super) mod event;
mod fd;
mod identity;
mod parameter;
mod process;

use std::ops::ControlFlow;

use lithify::event::{Event as _, Field, FieldId, Shape, Value};

use super::event::SyscallEvent;

/// Takes a field's value from an event.
pub(crate) type Getter = for<'v> fn(&'v SyscallEvent<'_>, &Field) -> Option<Value<'v>>;

/// Every field that can have a value, with its getter.
pub(crate) fn all() -> impl Iterator<Item = &'static (&'static str, Getter)> {
    [event::FIELDS, process::FIELDS, fd::FIELDS, identity::FIELDS, container::FIELDS].into_iter().flatten()
}

/// Whether events of system calls ever have a value for a field of theirs.
pub(crate) fn has_value(field: FieldId) -> bool {
    all().any(|(name, _)| *name == field.name())
}

/// Shows every value of a field.
pub(crate) fn each(
    event: &SyscallEvent<'_>,
    field: &Field,
    visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
) -> bool {
    match field.shape() {
        Shape::Ends => fd::each_end(event, field, visit),
        Shape::Lineage => process::each_ancestor(event, field, visit),
        Shape::One | Shape::List => match event.value(field) {
            Some(value) => {
                let _ = visit(value);
                true
            }
            None => false,
        },
    }
}
