//! The rules of one source, ready to run: one graph a group of event types, tables and searches.

use regex_automata::PatternSet;

use crate::event::{Event, EventType, Field, Source, Value};

use super::super::dag::{Dag, Node, NodeId};
use super::super::predicate::Predicate;
use super::super::test::Test;
use super::build::build;
use super::exact::ExactTable;
use super::need::{Needs, needs_of};
use super::search::Search;

/// The rules of one source.
#[derive(Debug)]
pub(super) struct Matcher {
    code: Code,
    programs: Vec<Program>,
    /// The program of each event type.
    by_type: Vec<u16>,
    graph: Dag,
}

/// Conditions as steps, by the numbers of their nodes.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) steps: Vec<Step>,
    pub(super) children: Vec<NodeId>,
    pub(super) fields: Vec<(Field, Predicate)>,
    pub(super) tests: Vec<Test>,
    pub(super) tables: Vec<(Field, ExactTable)>,
    pub(super) searches: Vec<PreparedSearch>,
    pub(super) search_words: usize,
    pub(super) memos: usize,
}

#[derive(Debug)]
pub(super) struct PreparedSearch {
    pub(super) field: Field,
    pub(super) search: Search,
    pub(super) patterns: usize,
    /// The words of its bits in the scratch.
    pub(super) words: std::ops::Range<usize>,
}

/// The rules that can hold for some event types: number and condition.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) rules: Vec<(usize, NodeId)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) what: What,
    /// Where its result is kept while an event lasts; [`NO_MEMO`] for what is as quick to do again.
    pub(super) memo: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Constant(bool),
    /// A bit of the row of a field's text; for `!=` the opposite, if there is a text.
    Exact {
        table: u32,
        bit: u32,
        is_negated: bool,
    },
    /// A bit of the result of a field's search.
    Search {
        search: u32,
        bit: u32,
    },
    /// A comparison of a single value with constants.
    Field(u32),
    /// Any other comparison.
    Test(u32),
    Not(NodeId),
    And {
        start: u32,
        end: u32,
    },
    Or {
        start: u32,
        end: u32,
    },
}

pub(super) const NO_MEMO: u32 = u32::MAX;

/// Room for evaluating events: what was found out about the current one.
#[derive(Debug)]
pub struct Scratch {
    known: Vec<u64>,
    truths: Vec<u64>,
    rows: Vec<u32>,
    searched: Vec<Searched>,
    bits: Vec<u64>,
    patterns: PatternSet,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Searched {
    Not,
    Absent,
    Done,
}

/// The row was not looked up yet.
const UNKNOWN: u32 = u32::MAX;
/// The event does not have the field.
const ABSENT: u32 = u32::MAX - 1;

impl Scratch {
    pub(super) fn new(matchers: &[Matcher]) -> Self {
        let most = |size: fn(&Matcher) -> usize| matchers.iter().map(size).max().unwrap_or(0);
        let memo_words = most(|matcher| matcher.code.memos.div_ceil(64));
        let patterns =
            most(|matcher| matcher.code.searches.iter().map(|search| search.patterns).max().unwrap_or(0));
        Self {
            known: vec![0; memo_words],
            truths: vec![0; memo_words],
            rows: vec![UNKNOWN; most(|matcher| matcher.code.tables.len())],
            searched: vec![Searched::Not; most(|matcher| matcher.code.searches.len())],
            bits: vec![0; most(|matcher| matcher.code.search_words)],
            patterns: PatternSet::new(patterns),
            buffer: Vec::new(),
        }
    }

    fn reset(&mut self) {
        self.known.fill(0);
        self.rows.fill(UNKNOWN);
        self.searched.fill(Searched::Not);
    }
}

impl Matcher {
    /// `rules`: the number of each rule and its condition in `dag`.
    pub(super) fn new(source: Source, dag: &Dag, rules: &[(usize, NodeId)]) -> Self {
        let wanted = dag.reachable(rules.iter().map(|(_, root)| *root));
        let named = if source == Source::Syscall { dag.named_types() } else { Vec::new() };
        let mut graph = Dag::default();
        let mut programs = Vec::new();
        for event in std::iter::once(None).chain(named.iter().copied().map(Some)) {
            // A graph that is simplified is no deeper than before.
            let numbers = dag.specialise(event, &wanted, &mut graph).unwrap_or_default();
            let possible = rules.iter().filter_map(|(rule, root)| {
                let node = *numbers.get(*root as usize)?;
                (*graph.node(node) != Node::Constant(false)).then_some((*rule, node))
            });
            programs.push(Program { rules: possible.collect() });
        }
        let mut by_type = vec![0; EventType::all().len()];
        for (event, program) in named.iter().zip(1..) {
            by_type[event.index()] = program;
        }
        let code = build(&graph, &programs);
        Self { code, programs, by_type, graph }
    }

    fn program(&self, event: EventType) -> &Program {
        &self.programs[usize::from(self.by_type[event.index()])]
    }

    pub(super) fn has_rules(&self, event: EventType) -> bool {
        !self.program(event).rules.is_empty()
    }

    pub(super) fn rules_of(&self, event: EventType) -> usize {
        self.program(event).rules.len()
    }

    pub(super) fn needs(&self, event: EventType) -> Needs {
        let roots = self.program(event).rules.iter().map(|(_, root)| *root);
        needs_of(event, roots, &self.graph)
    }

    /// Calls `visit` with each rule that an event fulfils, in order, until it returns false.
    pub(super) fn evaluate<E: Event + ?Sized>(
        &self,
        event: &E,
        scratch: &mut Scratch,
        visit: &mut dyn FnMut(usize) -> bool,
    ) {
        let program = self.program(event.event_type());
        if program.rules.is_empty() {
            return;
        }
        scratch.reset();
        for (rule, root) in &program.rules {
            if self.code.holds(*root, event, scratch) && !visit(*rule) {
                return;
            }
        }
    }
}

impl Code {
    /// Whether a condition holds. The depth of recursion is bounded by that of the graph.
    fn holds<E: Event + ?Sized>(&self, id: NodeId, event: &E, scratch: &mut Scratch) -> bool {
        let step = self.steps[id as usize];
        let (word, mask) = (step.memo as usize / 64, 1_u64 << (step.memo % 64));
        if step.memo != NO_MEMO && scratch.known[word] & mask != 0 {
            return scratch.truths[word] & mask != 0;
        }
        let truth = match step.what {
            What::Exact { table, bit, is_negated } => self.exact(table, bit, is_negated, event, scratch),
            What::And { start, end } => self.children[start as usize..end as usize]
                .iter()
                .all(|child| self.holds(*child, event, scratch)),
            What::Or { start, end } => self.children[start as usize..end as usize]
                .iter()
                .any(|child| self.holds(*child, event, scratch)),
            What::Not(child) => !self.holds(child, event, scratch),
            What::Field(number) => {
                let (field, predicate) = &self.fields[number as usize];
                event.value(field).is_some_and(|value| predicate.holds(value))
            }
            What::Test(test) => self.tests[test as usize].holds(event, &mut scratch.buffer),
            What::Search { search, bit } => self.search(search as usize, bit as usize, event, scratch),
            What::Constant(truth) => truth,
        };
        if step.memo != NO_MEMO {
            scratch.known[word] |= mask;
            if truth {
                scratch.truths[word] |= mask;
            } else {
                scratch.truths[word] &= !mask;
            }
        }
        truth
    }

    #[inline]
    fn exact<E: Event + ?Sized>(
        &self,
        table: u32,
        bit: u32,
        is_negated: bool,
        event: &E,
        scratch: &mut Scratch,
    ) -> bool {
        let (field, exact) = &self.tables[table as usize];
        let row = &mut scratch.rows[table as usize];
        if *row == UNKNOWN {
            *row = event.value(field).and_then(Value::bytes).map_or(ABSENT, |text| exact.row(text));
        }
        *row != ABSENT && exact.holds(*row, bit) != is_negated
    }

    fn search<E: Event + ?Sized>(&self, number: usize, bit: usize, event: &E, scratch: &mut Scratch) -> bool {
        let prepared = &self.searches[number];
        if scratch.searched[number] == Searched::Not {
            let text = event.value(&prepared.field).and_then(Value::bytes);
            scratch.searched[number] = match text {
                None => Searched::Absent,
                Some(text) => {
                    let bits = &mut scratch.bits[prepared.words.clone()];
                    bits.fill(0);
                    prepared.search.run(text, bits, &mut scratch.patterns);
                    Searched::Done
                }
            };
        }
        scratch.searched[number] == Searched::Done
            && scratch.bits[prepared.words.start + bit / 64] >> (bit % 64) & 1 != 0
    }
}
