//! Alerts by rule, counted across reloads: a rule that comes back goes on where it was.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use lithify::event::Source;
use lithify::rules::{Priority, Rule};

/// How often a rule raised an alert.
#[derive(Debug)]
pub struct RuleCounter {
    /// The rule's name.
    pub name: String,
    /// Its priority.
    pub priority: Priority,
    /// Its source.
    pub source: Source,
    /// Its tags, separated by commas.
    pub tags: String,
    count: AtomicU64,
}

impl RuleCounter {
    /// One more.
    pub(super) fn add(&self) {
        self.count.fetch_add(1, Relaxed);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

/// The counters of all rules that have ever been in force.
#[derive(Debug, Default)]
pub struct RuleCounters {
    rules: Mutex<BTreeMap<String, Arc<RuleCounter>>>,
}

impl RuleCounters {
    /// The counter of a rule.
    pub(super) fn of(&self, rule: &Rule) -> Arc<RuleCounter> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |count| {
            Arc::new(RuleCounter {
                name: rule.name.clone(),
                priority: rule.priority,
                source: rule.source,
                tags: rule.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
                count: AtomicU64::new(count),
            })
        };
        match rules.entry(rule.name.clone()) {
            Entry::Vacant(place) => place.insert(fresh(0)).clone(),
            Entry::Occupied(mut known) => {
                let same = known.get().priority == rule.priority && known.get().source == rule.source;
                if !same {
                    let changed = fresh(known.get().count());
                    known.insert(changed);
                }
                known.get().clone()
            }
        }
    }

    /// Every counter, by name.
    pub fn all(&self) -> Vec<Arc<RuleCounter>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What Falco prints at the end: alerts in all, by priority, and by rule.
    pub fn summary(&self) -> String {
        let rules = self.all();
        let total: u64 = rules.iter().map(|rule| rule.count()).sum();
        let mut text = format!("Events detected: {total}\nRule counts by severity:\n");
        for priority in Priority::ALL {
            let of = rules.iter().filter(|rule| rule.priority == priority);
            let count: u64 = of.map(|rule| rule.count()).sum();
            if count > 0 {
                // Writing into a string cannot fail.
                let _ = writeln!(text, "   {}: {count}", priority.name().to_uppercase());
            }
        }
        text.push_str("Triggered rules by rule name:\n");
        for rule in rules.iter().filter(|rule| rule.count() > 0) {
            let _ = writeln!(text, "   {}: {}", rule.name, rule.count());
        }
        text
    }
}
