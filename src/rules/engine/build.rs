//! From the graph of all programs to steps: tables, searches, the order of children, shared results.

use std::collections::{BTreeMap, HashMap};

use crate::event::Field;

use super::super::dag::{Dag, Node, NodeId};
use super::super::predicate::Predicate;
use super::super::test::{Comparison, Mode, Test};
use super::exact::{self, ExactTable};
use super::matcher::{Code, NO_MEMO, PreparedSearch, Program, Step, What};
use super::search::{self, Search};

/// Results below this cost, in rough nanoseconds, are not worth being kept.
const MEMO_COST: f32 = 12.0;

/// Turns a graph into steps, for the programs that run them.
pub(super) fn build(graph: &Dag, programs: &[Program]) -> Code {
    Builder::new(graph, programs).finish()
}

struct Builder<'g> {
    graph: &'g Dag,
    reachable: Vec<bool>,
    /// Nodes that one program reaches in two ways.
    shared: Vec<bool>,
    /// What the comparisons of a field become together.
    whats: HashMap<NodeId, What>,
    tables: Vec<(Field, ExactTable)>,
    searches: Vec<PreparedSearch>,
    search_words: usize,
    costs: Vec<f32>,
    likelihoods: Vec<f32>,
}

impl<'g> Builder<'g> {
    fn new(graph: &'g Dag, programs: &[Program]) -> Self {
        let reachable = graph.reachable(programs.iter().flat_map(|p| &p.rules).map(|(_, root)| *root));
        let mut shared = vec![false; graph.len()];
        for program in programs {
            let of_program = graph.reachable(program.rules.iter().map(|(_, root)| *root));
            let mut seen = vec![false; graph.len()];
            let mut count =
                |id: NodeId| shared[id as usize] |= std::mem::replace(&mut seen[id as usize], true);
            program.rules.iter().for_each(|(_, root)| count(*root));
            for id in (0..graph.len()).filter(|id| of_program[*id]) {
                match graph.node(number(id)) {
                    Node::Not(child) => count(*child),
                    Node::And(children) | Node::Or(children) => {
                        for child in children {
                            count(*child);
                        }
                    }
                    Node::Constant(_) | Node::Test(_) => {}
                }
            }
        }
        Self {
            graph,
            reachable,
            shared,
            whats: HashMap::new(),
            tables: Vec::new(),
            searches: Vec::new(),
            search_words: 0,
            costs: Vec::new(),
            likelihoods: Vec::new(),
        }
    }

    fn nodes(&self) -> impl Iterator<Item = (NodeId, &'g Node)> + use<'g> {
        let graph = self.graph;
        (0..).zip(0..graph.len()).map(move |(id, _)| (id, graph.node(id)))
    }

    /// The comparisons of single text fields with constants, by field.
    fn by_field(&self) -> BTreeMap<String, Vec<(NodeId, &'g Field, &'g Predicate)>> {
        let mut fields: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (id, node) in self.nodes().filter(|(id, _)| self.reachable[*id as usize]) {
            let Node::Test(test) = node else { continue };
            if let Comparison::Field(field, predicate, Mode::One) = &self.graph.test(*test).comparison {
                fields.entry(field.to_string()).or_default().push((id, field, predicate));
            }
        }
        fields
    }

    /// Puts the equalities of each field into a table, and its searches into passes.
    fn group(&mut self) {
        for comparisons in self.by_field().into_values() {
            self.add_table(&comparisons);
            for kind in [search::Kind::Contains, search::Kind::ContainsIgnoringCase, search::Kind::Regex] {
                self.add_search(kind, &comparisons);
            }
        }
    }

    fn add_table(&mut self, comparisons: &[(NodeId, &'g Field, &'g Predicate)]) {
        let mut nodes = Vec::new();
        let mut texts = Vec::new();
        for (id, _, predicate) in comparisons {
            let (inner, is_negated) = match predicate {
                Predicate::Not(inner) => (&**inner, true),
                other => (*other, false),
            };
            if let Some(found) = exact::texts(inner) {
                nodes.push((*id, is_negated));
                texts.push(found);
            }
        }
        let Some((_, field, _)) = comparisons.first() else { return };
        // One text alone is compared sooner than looked up.
        if texts.is_empty() || (texts.len() == 1 && texts[0].len() == 1) {
            return;
        }
        let table = number(self.tables.len());
        for ((id, is_negated), bit) in nodes.into_iter().zip(0..) {
            self.whats.insert(id, What::Exact { table, bit, is_negated });
        }
        self.tables.push(((*field).clone(), ExactTable::new(&texts)));
    }

    fn add_search(&mut self, kind: search::Kind, comparisons: &[(NodeId, &'g Field, &'g Predicate)]) {
        let found: Vec<(NodeId, &Field, &[u8])> = comparisons
            .iter()
            .filter_map(|(id, field, predicate)| {
                let (found, pattern) = search::pattern(predicate)?;
                (found == kind).then_some((*id, *field, pattern))
            })
            .collect();
        if found.len() < search::WORTHWHILE {
            return;
        }
        let patterns: Vec<&[u8]> = found.iter().map(|(_, _, pattern)| *pattern).collect();
        let Some(search) = Search::new(kind, &patterns) else { return };
        let search_number = number(self.searches.len());
        for ((id, ..), bit) in found.iter().zip(0..) {
            self.whats.insert(*id, What::Search { search: search_number, bit });
        }
        let words = self.search_words..self.search_words + patterns.len().div_ceil(64);
        self.search_words = words.end;
        let field = found[0].1.clone();
        self.searches.push(PreparedSearch { field, search, patterns: patterns.len(), words });
    }

    /// Cost and likelihood of a node whose children have theirs.
    fn weigh(&self, id: NodeId, node: &Node) -> (f32, f32) {
        let cost = |id: &NodeId| self.costs[*id as usize];
        let likelihood = |id: &NodeId| self.likelihoods[*id as usize];
        match node {
            Node::Constant(truth) => (0.0, if *truth { 1.0 } else { 0.0 }),
            Node::Test(test) => {
                let test = self.graph.test(*test);
                let cost = match self.whats.get(&id) {
                    Some(What::Exact { .. }) => 8.0,
                    Some(_) => 25.0,
                    None => test.cost(),
                };
                (cost, test.likelihood())
            }
            Node::Not(child) => (cost(child), 1.0 - likelihood(child)),
            Node::And(children) | Node::Or(children) => {
                let is_and = matches!(node, Node::And(_));
                let mut total = 0.0;
                let mut reached = 1.0;
                for child in self.ordered(children, is_and) {
                    total += reached * cost(&child);
                    let goes_on = if is_and { likelihood(&child) } else { 1.0 - likelihood(&child) };
                    reached *= goes_on;
                }
                (total, if is_and { reached } else { 1.0 - reached })
            }
        }
    }

    /// Children in the order in which the expected cost until one decides is least.
    fn ordered(&self, children: &[NodeId], is_and: bool) -> Vec<NodeId> {
        let rank = |id: &NodeId| {
            let likelihood = self.likelihoods[*id as usize];
            let decides = if is_and { 1.0 - likelihood } else { likelihood };
            self.costs[*id as usize] / decides.max(0.001)
        };
        let mut ordered = children.to_vec();
        ordered.sort_by(|one, other| rank(one).total_cmp(&rank(other)).then(one.cmp(other)));
        ordered
    }

    /// Steps for all nodes, each with its children in order and room for its result where that is shared.
    fn finish(mut self) -> Code {
        self.group();
        let mut code = Code::default();
        for (id, node) in self.nodes() {
            let (cost, likelihood) = self.weigh(id, node);
            let what = match (self.whats.get(&id), node) {
                (Some(what), _) => *what,
                (None, Node::Constant(truth)) => What::Constant(*truth),
                (None, Node::Test(test)) => code.add(self.graph.test(*test)),
                (None, Node::Not(child)) => What::Not(*child),
                (None, Node::And(children) | Node::Or(children)) => {
                    let is_and = matches!(node, Node::And(_));
                    let start = number(code.children.len());
                    code.children.extend(self.ordered(children, is_and));
                    let end = number(code.children.len());
                    if is_and { What::And { start, end } } else { What::Or { start, end } }
                }
            };
            let memo = if self.shared[id as usize] && cost > MEMO_COST {
                code.memos += 1;
                number(code.memos - 1)
            } else {
                NO_MEMO
            };
            code.steps.push(Step { what, memo });
            self.costs.push(cost);
            self.likelihoods.push(likelihood);
        }
        code.tables = self.tables;
        code.searches = self.searches;
        code.search_words = self.search_words;
        code
    }
}

impl Code {
    /// A comparison that no table and no search makes.
    fn add(&mut self, test: &Test) -> What {
        if let Comparison::Field(field, predicate, Mode::One) = &test.comparison {
            self.fields.push((field.clone(), predicate.clone()));
            return What::Field(number(self.fields.len() - 1));
        }
        self.tests.push(test.clone());
        What::Test(number(self.tests.len() - 1))
    }
}

/// Numbers of nodes are 32 bits wide, and nothing here is more than there are nodes.
fn number(count: usize) -> u32 {
    u32::try_from(count).expect("counts are below those of nodes")
}
