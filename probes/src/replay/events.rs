//! Events of recorded values.

use std::io::{self, BufRead};

use lithify::event::{AuditEvent, RecordedEvent, Source, Timestamp};
use lithify::rules::Scratch;
use serde_json::Value as Json;

use super::values::{Cut, Values};
use crate::alert::Alert;
use crate::engine::Verdicts;

/// A recorded event of either source.
#[derive(Clone, Debug)]
pub enum AnyEvent {
    /// Fields with their values.
    Recorded(Box<RecordedEvent>),
    /// An audit event as the apiserver wrote it.
    Audit(Box<AuditEvent>),
}

/// A value that is no event.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The text cannot be read on.
    #[error("{name}: {error}")]
    Read {
        /// The text's name.
        name: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A value is no event; the next one can be asked for.
    #[error("{name}:{line}: {message}")]
    Value {
        /// The text's name.
        name: String,
        /// The line on which it begins, or on which it goes wrong.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

/// The events of a text, in order.
pub struct Events<R> {
    name: String,
    values: Values<R>,
    source: Option<Source>,
    /// Events of a list that have not been given yet, last first, with their line.
    waiting: Vec<(Json, u64)>,
    number: u64,
}

impl<R: BufRead> Events<R> {
    /// The events of a text; `source`: all of them are of this one.
    pub fn new(name: impl Into<String>, reader: R, source: Option<Source>) -> Self {
        Self { name: name.into(), values: Values::new(reader), source, waiting: Vec::new(), number: 0 }
    }

    fn refuse(&self, line: u64, message: impl Into<String>) -> ReplayError {
        ReplayError::Value { name: self.name.clone(), line, message: message.into() }
    }

    /// The next value of the text, or the next event of a list.
    fn next_json(&mut self) -> Option<Result<(Json, u64), ReplayError>> {
        loop {
            if let Some((json, line)) = self.waiting.pop() {
                return Some(Ok((json, line)));
            }
            let (line, bytes) = match self.values.next() {
                Err(error) => return Some(Err(ReplayError::Read { name: self.name.clone(), error })),
                Ok(None) => return None,
                Ok(Some(Cut::Broken(line, message))) => return Some(Err(self.refuse(line, message))),
                Ok(Some(Cut::Value(line, bytes))) => (line, bytes),
            };
            let mut parsed = Vec::new();
            for json in serde_json::Deserializer::from_slice(&bytes).into_iter::<Json>() {
                match json {
                    Ok(json) => parsed.push((json, line)),
                    Err(error) => {
                        let at = line + (error.line() as u64).saturating_sub(1);
                        return Some(Err(self.refuse(at, format!("expected JSON: {error}"))));
                    }
                }
            }
            self.waiting = parsed;
            self.waiting.reverse();
            while let Some((json, line)) = self.waiting.pop() {
                match items_of(json) {
                    Ok(items) => self.waiting.extend(items.into_iter().rev().map(|item| (item, line))),
                    Err(json) => return Some(Ok((json, line))),
                }
            }
        }
    }

    fn event(&mut self, json: Json, line: u64) -> Result<AnyEvent, ReplayError> {
        self.number += 1;
        let is_recorded = json.get("fields").is_some() && json.get("source").is_some();
        let is_audit = json.get("auditID").is_some();
        if is_recorded || (self.source == Some(Source::Syscall) && !is_audit) {
            let event = RecordedEvent::from_json(&json, self.number)
                .map_err(|error| self.refuse(line, error.to_string()))?;
            self.expect_source(lithify::event::Event::source(&event), line)?;
            return Ok(AnyEvent::Recorded(Box::new(event)));
        }
        if !is_audit {
            let message =
                "expected a recorded event (`time`, `source`, `fields`) or an audit event (`auditID`)";
            return Err(self.refuse(line, message));
        }
        self.expect_source(Source::K8sAudit, line)?;
        Ok(AnyEvent::Audit(Box::new(AuditEvent::new(json, self.number, Timestamp::default()))))
    }

    fn expect_source(&self, found: Source, line: u64) -> Result<(), ReplayError> {
        match self.source {
            Some(source) if source != found => {
                Err(self.refuse(line, format!("expected an event of source {source}, found one of {found}")))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = Result<AnyEvent, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (json, line) = match self.next_json()? {
            Ok(next) => next,
            Err(error) => return Some(Err(error)),
        };
        Some(self.event(json, line))
    }
}

/// The events of a list, or the value itself where it is none.
fn items_of(json: Json) -> Result<Vec<Json>, Json> {
    match json {
        Json::Array(items) => Ok(items),
        Json::Object(mut object) if object.get("kind").and_then(Json::as_str) == Some("EventList") => {
            match object.remove("items") {
                Some(Json::Array(items)) => Ok(items),
                _ => Ok(Vec::new()),
            }
        }
        other => Err(other),
    }
}

impl AnyEvent {
    /// Calls `raise` with every alert that it raises.
    pub fn judge(&self, verdicts: &Verdicts, scratch: &mut Scratch, raise: &mut impl FnMut(Alert)) {
        match self {
            Self::Recorded(event) => verdicts.judge(&**event, scratch, raise),
            Self::Audit(event) => verdicts.judge(&**event, scratch, raise),
        }
    }
}
