//! From an event to alerts.

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::event::{Event, Source};
use lithify::rules::{Rule, RuleSet, Scratch};

use super::counters::{RuleCounter, RuleCounters};
use super::fields::WithFields;
use crate::alert::Alert;
use crate::config::{Config, Matching};

/// A set of rules with how its alerts look. It never changes: a reload makes another one.
#[derive(Debug)]
pub struct Verdicts {
    rules: RuleSet,
    /// By the rule's number.
    counters: Vec<Arc<RuleCounter>>,
    matching: Matching,
    fields: BTreeMap<String, String>,
    hostname: Arc<str>,
}

impl Verdicts {
    /// Rules with what the configuration says of their alerts.
    pub fn new(rules: RuleSet, config: &Config, hostname: Arc<str>, counters: &RuleCounters) -> Self {
        let counters = rules.rules().iter().map(|rule| counters.of(rule)).collect();
        let fields = config.static_fields.clone();
        Self { rules, counters, matching: config.matching, fields, hostname }
    }

    /// Room for judging events, one a thread.
    pub fn scratch(&self) -> Scratch {
        self.rules.scratch()
    }

    /// Whether any rule is about events of a source.
    pub fn are_about(&self, source: Source) -> bool {
        self.rules.rules().iter().any(|rule| rule.source == source)
    }

    /// How many rules there are.
    pub fn count(&self) -> usize {
        self.rules.rules().len()
    }

    /// The rules.
    pub const fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Calls `raise` with every alert that an event raises, in the rules' order.
    pub fn judge<E: Event + ?Sized>(&self, event: &E, scratch: &mut Scratch, raise: &mut impl FnMut(Alert)) {
        if self.fields.is_empty() {
            self.judge_plain(event, scratch, raise);
        } else {
            self.judge_plain(&WithFields { event, fields: &self.fields }, scratch, raise);
        }
    }

    fn judge_plain<E: Event + ?Sized>(
        &self,
        event: &E,
        scratch: &mut Scratch,
        raise: &mut impl FnMut(Alert),
    ) {
        match self.matching {
            Matching::First => {
                if let Some(rule) = self.rules.first_match(event, scratch) {
                    raise(self.alert(rule, event));
                }
            }
            Matching::All => {
                self.rules.all_matches(event, scratch, &mut |rule| raise(self.alert(rule, event)));
            }
        }
    }

    fn alert<E: Event + ?Sized>(&self, rule: &Rule, event: &E) -> Alert {
        self.counters[rule.number].add();
        Alert {
            time_ns: event.time().0,
            hostname: self.hostname.clone(),
            rule: rule.name.clone(),
            priority: rule.priority,
            source: rule.source.name().to_owned(),
            tags: rule.tags.clone(),
            output: rule.output.render(event).trim().to_owned(),
            output_fields: rule.output_fields(event).into_iter().collect(),
        }
    }
}
