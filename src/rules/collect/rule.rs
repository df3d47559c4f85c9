//! A rule as the items of all files make it, and where each of its parts came from.

use std::collections::BTreeSet;

use crate::event::Source;

use super::super::code::Code;
use super::super::diagnostic::{Context, Diagnostic};
use super::super::priority::Priority;
use super::super::read::RuleParts;
use super::super::source_text::{Phrase, Spot};
use super::exceptions::Exception;
use super::{Added, refuse};

/// How a part of a rule came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It stood there first.
    Defined,
    /// It was added to what stood there.
    Appended,
    /// It replaced what stood there.
    Replaced,
}

/// Where a part of a rule came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The rule's key.
    pub key: &'static str,
    /// What was done to it.
    pub change: Change,
    /// Where.
    pub spot: Spot,
}

/// A rule, all files put together.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are the keys of a rule file")]
pub(in super::super) struct RuleInfo {
    pub(in super::super) name: String,
    pub(in super::super) source_name: String,
    /// `None` where there is no such source: the rule is skipped.
    pub(in super::super) source: Option<Source>,
    pub(in super::super) condition: Phrase,
    pub(in super::super) output: Phrase,
    pub(in super::super) description: Phrase,
    pub(in super::super) priority: Priority,
    pub(in super::super) tags: BTreeSet<String>,
    pub(in super::super) exceptions: Vec<Exception>,
    pub(in super::super) enabled: bool,
    pub(in super::super) warn_evttypes: bool,
    pub(in super::super) skip_if_unknown_filter: bool,
    pub(in super::super) capture: bool,
    pub(in super::super) capture_duration: Option<u32>,
    pub(in super::super) context: Context,
    pub(in super::super) origins: Vec<Origin>,
}

impl RuleInfo {
    pub(super) fn new(
        name: String,
        context: Context,
        source_name: String,
        source: Option<Source>,
        parts: RuleParts,
    ) -> Result<Self, Option<Diagnostic>> {
        let mut rule = Self {
            name,
            source_name,
            source,
            condition: Phrase::default(),
            output: Phrase::default(),
            description: Phrase::default(),
            priority: Priority::Debug,
            tags: BTreeSet::new(),
            exceptions: Vec::new(),
            enabled: true,
            warn_evttypes: true,
            skip_if_unknown_filter: false,
            capture: false,
            capture_duration: None,
            context,
            origins: Vec::new(),
        };
        rule.replace_as(parts, Change::Defined)?;
        Ok(rule)
    }

    pub(super) fn note(&mut self, key: &'static str, change: Change, spot: &Spot) {
        self.origins.push(Origin { key, change, spot: spot.clone() });
    }

    fn note_phrase(&mut self, key: &'static str, change: Change, phrase: &Phrase) {
        if let Some(spot) = phrase.start() {
            self.note(key, change, &spot.clone());
        }
    }

    pub(super) fn append(&mut self, parts: RuleParts, context: &Context) -> Added {
        if parts.condition.is_none()
            && parts.exceptions.is_none()
            && parts.output.is_none()
            && parts.description.is_none()
            && parts.tags.is_none()
        {
            let message = "Appended rule must have exceptions or condition property";
            return refuse(Diagnostic::new(Code::Validate, message, context.clone()));
        }
        for (key, phrase) in
            [("condition", parts.condition), ("output", parts.output), ("desc", parts.description)]
        {
            let Some(phrase) = phrase else { continue };
            self.note_phrase(key, Change::Appended, &phrase);
            let own = match key {
                "condition" => &mut self.condition,
                "output" => &mut self.output,
                _ => &mut self.description,
            };
            own.append(" ", &phrase);
        }
        if let Some((tags, spot)) = parts.tags {
            self.note("tags", Change::Appended, &spot);
            self.tags.extend(tags);
        }
        if let Some((exceptions, spot)) = parts.exceptions {
            self.note("exceptions", Change::Appended, &spot);
            for exception in exceptions {
                self.append_exception(exception)?;
            }
        }
        Ok(())
    }

    pub(super) fn replace(&mut self, parts: RuleParts) -> Added {
        self.replace_as(parts, Change::Replaced)
    }

    fn replace_as(&mut self, parts: RuleParts, change: Change) -> Added {
        for (key, phrase) in
            [("condition", parts.condition), ("output", parts.output), ("desc", parts.description)]
        {
            let Some(phrase) = phrase else { continue };
            self.note_phrase(key, change, &phrase);
            match key {
                "condition" => self.condition = phrase,
                "output" => self.output = phrase,
                _ => self.description = phrase,
            }
        }
        if let Some((priority, spot)) = parts.priority {
            self.priority = priority;
            self.note("priority", change, &spot);
        }
        if let Some((tags, spot)) = parts.tags {
            self.tags = tags;
            self.note("tags", change, &spot);
        }
        if let Some((exceptions, spot)) = parts.exceptions {
            let source = self.source;
            self.exceptions =
                exceptions.into_iter().map(|item| Exception::new(item, source)).collect::<Result<_, _>>()?;
            self.note("exceptions", change, &spot);
        }
        if let Some((milliseconds, spot)) = parts.capture_duration {
            self.capture_duration = Some(milliseconds);
            self.note("capture_duration", change, &spot);
        }
        for (key, flag) in [
            ("enabled", parts.enabled),
            ("warn_evttypes", parts.warn_evttypes),
            ("skip-if-unknown-filter", parts.skip_if_unknown_filter),
            ("capture", parts.capture),
        ] {
            let Some((flag, spot)) = flag else { continue };
            self.note(key, change, &spot);
            match key {
                "enabled" => self.enabled = flag,
                "warn_evttypes" => self.warn_evttypes = flag,
                "capture" => self.capture = flag,
                _ => self.skip_if_unknown_filter = flag,
            }
        }
        Ok(())
    }
}
