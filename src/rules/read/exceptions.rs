//! Exceptions of a rule: fields, how to compare them, and tuples of values.

use crate::yaml::{Kind, Node};

use super::super::code::Code;
use super::super::diagnostic::Context;
use super::super::source_text::Spot;
use super::Refused;
use super::decode::{Reader, invalid, is_null};
use super::items::{Entry, ExceptionItem};

/// Tuples of values hold words, or lists of words.
const MAX_DEPTH: u32 = 8;

impl Reader<'_> {
    /// The exceptions of an item; no fields are needed where values are appended to an exception.
    pub(super) fn exceptions(
        &mut self,
        node: Node<'_>,
        appends: bool,
        parent: &Context,
    ) -> Result<Option<(Vec<ExceptionItem>, Spot)>, Refused> {
        let Some(value) = node.get("exceptions").filter(|value| !is_null(*value)) else { return Ok(None) };
        let context = parent.join("exceptions", "", self.spot(value));
        if value.kind() != Kind::Sequence {
            return Err(invalid("Rule exceptions must be a sequence", context));
        }
        let mut exceptions: Vec<ExceptionItem> = Vec::new();
        for item in value.items() {
            let at = context.join("exception", "", self.spot(item));
            if item.kind() != Kind::Mapping {
                return Err(invalid("Rule exception must be a mapping", at));
            }
            let exception = self.exception(item, appends, &at, parent)?;
            if let Some(first) = exceptions.iter().find(|first| first.name == exception.name) {
                let message =
                    format!("Multiple definitions of exception '{}' in the same object", exception.name);
                let warning =
                    super::Diagnostic::new(Code::ExceptionNameNotUnique, message, exception.context.clone());
                let warning = warning.relate(first.context.spot(), "first defined here");
                self.diagnostics.push(warning);
            }
            exceptions.push(exception);
        }
        Ok(Some((exceptions, self.spot(value))))
    }

    fn exception(
        &mut self,
        item: Node<'_>,
        appends: bool,
        unnamed: &Context,
        parent: &Context,
    ) -> Result<ExceptionItem, Refused> {
        let name = self.string(item, "name", unnamed)?;
        let context = parent.join("exception", name.as_str(), self.spot(item));
        self.known_keys(item, &["name", "fields", "comps", "values"], &context);
        let fields = self.entry(item, "fields", &context)?;
        if fields.is_none() && !appends {
            return Err(invalid("Item has no mapping for key 'fields'", context));
        }
        let comps = self.entry(item, "comps", &context)?;
        let mut values = Vec::new();
        match item.get("values") {
            Some(value) if !is_null(value) => {
                let at = context.join("exception values", "", self.spot(value));
                if value.kind() != Kind::Sequence {
                    return Err(invalid("Rule exception values must be a sequence", at));
                }
                for tuple in value.items() {
                    values.push(self.entry_of(
                        tuple,
                        &at.join("exception value", "", self.spot(tuple)),
                        0,
                    )?);
                }
            }
            _ if appends => {
                let message = "Overriding/appending exception with no values";
                self.refuse(Code::AppendNoValues, message, context.clone());
            }
            _ => {}
        }
        Ok(ExceptionItem { name, fields, comps, values, context })
    }

    fn entry(&self, item: Node<'_>, key: &str, context: &Context) -> Result<Option<Entry>, Refused> {
        let Some(value) = item.get(key).filter(|value| !is_null(*value)) else { return Ok(None) };
        self.entry_of(value, &context.join("value for", key, self.spot(value)), 0).map(Some)
    }

    fn entry_of(&self, value: Node<'_>, context: &Context, depth: u32) -> Result<Entry, Refused> {
        let spot = self.spot(value);
        if depth > MAX_DEPTH {
            return Err(invalid("Exception values are nested too deep", context.clone()));
        }
        match value.kind() {
            Kind::Scalar => match value.text() {
                Some(text) if !text.is_empty() => Ok(Entry::One(text.into_owned(), spot)),
                _ => Err(invalid("Value must be non-empty", context.clone())),
            },
            Kind::Sequence => {
                let items = value.items().map(|item| {
                    self.entry_of(item, &context.join("exception", "", self.spot(item)), depth + 1)
                });
                Ok(Entry::Several(items.collect::<Result<_, _>>()?, spot))
            }
            Kind::Mapping => Err(invalid("Could not decode scalar value", context.clone())),
        }
    }
}
