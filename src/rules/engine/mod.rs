//! Rules, evaluated.
//!
//! Data in: an event. Data out: the rules that it fulfils, in order.
//!
//! # Design
//! What can be known before an event comes is known when the set is built:
//! - Macros are expanded once, lists replaced, and all conditions of a source are one graph in which equal
//!   parts are one node ([`super::dag`]).
//! - For every event type that a condition names there is a graph of its own, in which `evt.type` is decided
//!   and what follows from it is simplified away; one more serves all types that are named nowhere. A rule
//!   that cannot hold for a type is not in its graph, so that the rules of a type are its index.
//! - All `=`, `!=` and `in` on one text field are one look-up: a table maps each text to a row with a bit for
//!   every such comparison ([`exact`]). All `contains` on one field are one pass of an Aho-Corasick
//!   automaton, all `icontains` another, all `regex` one pass of a many-pattern automaton ([`search`]).
//!   Prefixes, suffixes and numbers are compared as they are; `pmatch` is a trie.
//!
//! What an event decides is decided once: look-ups and passes leave their result in a [`Scratch`], as do
//! parts of conditions that several rules share. Comparisons have no effects, so that their order is free:
//! in `and` and `or`, what is cheap and probably decides comes first. Nothing is allocated for an event that
//! fulfils no rule once the scratch has grown.

mod build;
mod exact;
mod matcher;
mod need;
mod search;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::event::{Event, EventType, Source};

use super::dag::{Dag, Node, NodeId};
use super::load::Load;
use super::predicate::Predicate;
use super::priority::Priority;
use super::selection::Selection;
use super::template::Template;
use super::test::Comparison;
use matcher::Matcher;
pub use matcher::Scratch;
pub use need::{KernelCheck, Need, Needs, Pattern, Subject};

/// A rule that is evaluated.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its place among [`RuleSet::rules`].
    pub number: usize,
    /// Its name.
    pub name: String,
    /// The events that it is about.
    pub source: Source,
    /// How urgent its alerts are.
    pub priority: Priority,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// What its alerts say.
    pub output: Template,
    /// Fields that the configuration adds to its alerts.
    pub extra_fields: Vec<(String, Template)>,
}

impl Rule {
    /// The values of an alert's `output_fields`, by name; those of missing values are null.
    pub fn output_fields<E: Event + ?Sized>(&self, event: &E) -> serde_json::Map<String, Json> {
        let mut fields: Vec<(String, Json)> =
            self.output.fields(event).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (key, template) in &self.extra_fields {
            let mut values = template.fields(event);
            // A single field keeps its type; a text with fields in it is a text.
            let value = match (values.pop(), values.is_empty(), template.is_single()) {
                (Some((_, value)), true, true) => value,
                _ => template.render(event).into(),
            };
            fields.push((key.clone(), value));
        }
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        fields.into_iter().collect()
    }
}

/// Rules that are evaluated together.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    matchers: [Matcher; 2],
    domains: BTreeSet<String>,
}

/// Fields that compare an address with domain names.
const DOMAIN_FIELDS: &[&str] = &["fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"];

impl RuleSet {
    pub(super) fn new(load: &Load, selection: &Selection) -> Self {
        let mut rules = Vec::new();
        let mut roots: [Vec<(usize, u32)>; 2] = [Vec::new(), Vec::new()];
        for compiled in &load.compiled.rules {
            let tags = compiled.tags.iter().map(String::as_str);
            if !selection.takes(&compiled.name, &tags, compiled.priority, compiled.enabled) {
                continue;
            }
            roots[super::compile::slot(compiled.source)].push((rules.len(), compiled.root));
            rules.push(Rule {
                number: rules.len(),
                name: compiled.name.clone(),
                source: compiled.source,
                priority: compiled.priority,
                tags: compiled.tags.clone(),
                output: compiled.output.clone(),
                extra_fields: compiled.extra_fields.clone(),
            });
        }
        let matcher = |source: Source| {
            let slot = super::compile::slot(source);
            Matcher::new(source, &load.compiled.dags[slot], &roots[slot])
        };
        let matchers = [matcher(Source::Syscall), matcher(Source::K8sAudit)];
        let slot = super::compile::slot(Source::Syscall);
        let domains = domains(&load.compiled.dags[slot], roots[slot].iter().map(|(_, root)| *root));
        Self { rules, matchers, domains }
    }

    /// The domain names that conditions compare addresses with. Rules resolve none: who makes events says which of
    /// them an address has.
    pub const fn domains(&self) -> &BTreeSet<String> {
        &self.domains
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Room for evaluating events, one a thread.
    pub fn scratch(&self) -> Scratch {
        Scratch::new(&self.matchers)
    }

    /// The first rule that an event fulfils.
    pub fn first_match<E: Event + ?Sized>(&self, event: &E, scratch: &mut Scratch) -> Option<&Rule> {
        let mut found = None;
        self.matcher(event).evaluate(event, scratch, &mut |rule| {
            found = Some(rule);
            false
        });
        found.map(|rule| &self.rules[rule])
    }

    /// Calls `visit` with every rule that an event fulfils, in order.
    pub fn all_matches<'r, E: Event + ?Sized>(
        &'r self,
        event: &E,
        scratch: &mut Scratch,
        visit: &mut impl FnMut(&'r Rule),
    ) {
        self.matcher(event).evaluate(event, scratch, &mut |rule| {
            visit(&self.rules[rule]);
            true
        });
    }

    fn matcher<E: Event + ?Sized>(&self, event: &E) -> &Matcher {
        &self.matchers[super::compile::slot(event.source())]
    }

    /// The system call events that any rule can hold for, in the table's order.
    pub fn event_types(&self) -> Vec<EventType> {
        let matcher = &self.matchers[super::compile::slot(Source::Syscall)];
        EventType::all().filter(|event| *event != EventType::plugin() && matcher.has_rules(*event)).collect()
    }

    /// The number of rules that are tried for an event type.
    pub fn rules_of(&self, event: EventType) -> usize {
        self.matchers[super::compile::slot(Source::Syscall)].rules_of(event)
    }

    /// For every event type that a rule can hold for, what an event must fulfil for any rule to hold.
    pub fn needs(&self) -> Vec<Needs> {
        let matcher = &self.matchers[super::compile::slot(Source::Syscall)];
        self.event_types().into_iter().map(|event| matcher.needs(event)).collect()
    }
}

/// The domain names in comparisons below these conditions.
fn domains(graph: &Dag, roots: impl Iterator<Item = NodeId>) -> BTreeSet<String> {
    let reachable = graph.reachable(roots);
    let mut all = BTreeSet::new();
    for (id, _) in (0..).zip(&reachable).filter(|(_, is_reachable)| **is_reachable) {
        let Node::Test(test) = graph.node(id) else { continue };
        let Comparison::Field(field, predicate, _) = &graph.test(*test).comparison else { continue };
        let compared = match predicate {
            Predicate::Not(inner) => inner,
            other => other,
        };
        if DOMAIN_FIELDS.contains(&field.id().name()) {
            let texts = exact::texts(compared).into_iter().flatten();
            all.extend(texts.map(|text| String::from_utf8_lossy(text).into_owned()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::source_text::RuleFile;
    use super::*;

    #[test]
    fn lists_the_domain_names_that_selected_rules_compare_with() {
        let rule = |name: &str, condition: &str, enabled: bool| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: evt.type = connect and {condition}\n  output: o\n  \
                 priority: INFO\n  enabled: {enabled}\n"
            )
        };
        let text = [
            rule("a", "fd.sip.name in (one.test, two.test) and not fd.rip.name = three.test", true),
            rule("b", "fd.lip.name != four.test and fd.name = five.test", true),
            rule("c", "fd.cip.name = six.test", false),
        ]
        .concat();
        let load = Load::new(&[RuleFile::new("rules.yaml", text)], &[]);
        assert!(load.is_successful(), "{}", load.to_text());
        let rules = load.rule_set(&Selection::default());
        assert_eq!(
            rules.domains().iter().map(String::as_str).collect::<Vec<_>>(),
            ["four.test", "one.test", "three.test", "two.test"]
        );
    }
}
