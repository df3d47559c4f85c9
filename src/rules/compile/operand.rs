//! Fields and functions of fields, resolved and typed.

use crate::event::{Class, Field, Kind, Shape, Source};

use super::super::computed::{Computed, Side};
use super::super::condition::{Argument, Function, Operand, Place};
use super::check::{CheckError, MADE_TEXT, is_single};

/// A side of a comparison with its type.
pub(super) struct Typed {
    pub(super) side: Side,
    pub(super) kind: Kind,
    pub(super) is_list: bool,
}

/// Resolves a side of a comparison for events of a source.
pub(super) fn resolve_operand(operand: &Operand, source: Source) -> Result<Typed, CheckError> {
    match operand {
        Operand::Field(place, name, argument) => {
            let field = resolve_field(*place, name, argument.as_deref(), source)?;
            let (kind, is_list) = (field.kind(), field.shape() == Shape::List);
            Ok(Typed { side: Side::Field(field), kind, is_list })
        }
        Operand::Call(_, Function::Val, arguments, _) => match arguments.as_slice() {
            [Argument::Operand(inner)] => resolve_operand(inner, source),
            // The parser reads one field there.
            _ => Err(CheckError::new(operand.place(), "filter error: val() takes one field")),
        },
        Operand::Call(place, function, arguments, option) => {
            let call = Call { place: *place, function: *function, source };
            let computed = call.resolve(arguments, option.as_deref())?;
            let kind = if *function == Function::Len { Kind::Uint64 } else { MADE_TEXT };
            Ok(Typed { side: Side::Computed(computed), kind, is_list: false })
        }
    }
}

fn resolve_field(
    place: Place,
    name: &str,
    argument: Option<&str>,
    source: Source,
) -> Result<Field, CheckError> {
    Field::resolve(name, argument, source).map_err(|error| CheckError::of_field(place, &error))
}

struct Call {
    place: Place,
    function: Function,
    source: Source,
}

impl Call {
    fn refused(&self, expected: &str) -> CheckError {
        CheckError::new(self.place, format!("filter error: {}() takes {expected}", self.function.name()))
    }

    fn resolve(&self, arguments: &[Argument], option: Option<&str>) -> Result<Computed, CheckError> {
        if option.is_some() && self.function != Function::Getopt {
            return Err(self.refused("no argument in brackets behind it"));
        }
        match (self.function, arguments) {
            (Function::Tolower, [only]) => Ok(Computed::Lower(self.text(only)?)),
            (Function::Toupper, [only]) => Ok(Computed::Upper(self.text(only)?)),
            (Function::B64, [only]) => Ok(Computed::Base64(self.text(only)?)),
            (Function::Basename, [only]) => Ok(Computed::Basename(self.text(only)?)),
            (Function::Len, [only]) => self.length(only),
            (Function::Join, [separator, Argument::List(_, items)]) => {
                let items = items.iter().map(|item| self.part(item)).collect::<Result<_, _>>()?;
                Ok(Computed::Join(self.text(separator)?, items))
            }
            (Function::Join, [separator, Argument::Operand(Operand::Field(place, name, argument))]) => {
                let field = resolve_field(*place, name, argument.as_deref(), self.source)?;
                if field.shape() != Shape::List {
                    return Err(self.refused("a separator and a list"));
                }
                Ok(Computed::JoinField(self.text(separator)?, field))
            }
            (Function::Concat, [_, _, ..]) => {
                let parts = arguments.iter().map(|part| self.part(part)).collect::<Result<_, _>>()?;
                Ok(Computed::Concat(parts))
            }
            (Function::Getopt, [words, Argument::Text(known)]) => {
                let Some([wanted]) = option.map(str::as_bytes) else {
                    return Err(self.refused("one letter in brackets behind it: the option"));
                };
                if !known.bytes.contains(wanted) {
                    return Err(self.refused("an option in brackets that its second argument names"));
                }
                let words = match words {
                    Argument::Operand(Operand::Field(place, name, argument)) => {
                        let field = resolve_field(*place, name, argument.as_deref(), self.source)?;
                        let blank = Box::new(Computed::Constant(b" ".as_slice().into()));
                        match field.shape() {
                            Shape::List => Computed::JoinField(blank, field),
                            _ => self.as_text(field)?,
                        }
                    }
                    other => *self.text(other)?,
                };
                Ok(Computed::Getopt(Box::new(words), known.bytes.as_slice().into(), *wanted))
            }
            (Function::Tolower | Function::Toupper | Function::B64 | Function::Basename, _) => {
                Err(self.refused("one text"))
            }
            (Function::Len, _) => Err(self.refused("one text or list")),
            (Function::Join, _) => Err(self.refused("a separator and a list")),
            (Function::Concat, _) => Err(self.refused("two or more texts")),
            (Function::Getopt, _) => Err(self.refused("a field and the options in quotes, such as \"nt:\"")),
            (Function::Val, _) => Err(self.refused("one field, on the right side")),
        }
    }

    /// An argument that must be a text.
    fn text(&self, argument: &Argument) -> Result<Box<Computed>, CheckError> {
        let computed = self.part(argument)?;
        let is_text = match &computed {
            Computed::Field(field) => matches!(field.kind().class(), Class::Text | Class::Bytes),
            Computed::Length(_) | Computed::Count(_) => false,
            _ => true,
        };
        if is_text { Ok(Box::new(computed)) } else { Err(self.refused("texts")) }
    }

    /// An argument that can be written as text.
    fn part(&self, argument: &Argument) -> Result<Computed, CheckError> {
        match argument {
            Argument::Number(_, number) => Ok(Computed::Constant(number.as_bytes().into())),
            Argument::Text(literal) => Ok(Computed::Constant(literal.bytes.as_slice().into())),
            Argument::List(..) => Err(self.refused("no list there")),
            Argument::Operand(operand) => match resolve_operand(operand, self.source)?.side {
                Side::Field(field) => self.as_text(field),
                Side::Computed(computed) => Ok(computed),
            },
        }
    }

    fn as_text(&self, field: Field) -> Result<Computed, CheckError> {
        if !field.is_transformable() || !is_single(field.shape()) {
            let message =
                format!("filter error: field '{field}' cannot be used with {}()", self.function.name());
            return Err(CheckError::new(self.place, message));
        }
        Ok(Computed::Field(field))
    }

    fn length(&self, argument: &Argument) -> Result<Computed, CheckError> {
        if let Argument::List(_, items) = argument {
            return Ok(Computed::Length(Box::new(Computed::Constant(vec![0; items.len()].into()))));
        }
        if let Argument::Operand(Operand::Field(place, name, argument)) = argument {
            let field = resolve_field(*place, name, argument.as_deref(), self.source)?;
            if field.shape() == Shape::List {
                return Ok(Computed::Count(field));
            }
        }
        self.text(argument).map(Computed::Length)
    }
}
