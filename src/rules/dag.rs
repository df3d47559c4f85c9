//! Conditions of all rules of a source as one graph without duplicates.
//!
//! Each comparison and each combination of them is one node, however many rules and macros use it, so that a
//! macro is expanded once and a common part is found by its number. Children have smaller numbers than
//! their parents: passes over the graph are loops, and no depth of macros overflows a stack.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::event::{EventType, Value};

use super::test::Test;

/// A node's number.
pub(super) type NodeId = u32;
/// A comparison's number.
pub(super) type TestId = u32;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Constant(bool),
    Test(TestId),
    Not(NodeId),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
}

/// How deep a condition may be nested once its macros are expanded.
pub(super) const MAX_DEPTH: u16 = 1000;

/// Children that a flattened node takes from one child: a chain of macros that each add one would else
/// take the square of its length.
const FLATTENED: usize = 64;

/// A graph of conditions.
#[derive(Debug, Default)]
pub(super) struct Dag {
    nodes: Vec<Node>,
    depths: Vec<u16>,
    numbers: HashMap<Node, NodeId>,
    tests: Vec<Test>,
    test_numbers: HashMap<String, TestId>,
}

/// A condition is nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

impl Dag {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn test(&self, id: TestId) -> &Test {
        &self.tests[id as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn intern(&mut self, node: Node) -> Result<NodeId, TooDeep> {
        if let Some(id) = self.numbers.get(&node) {
            return Ok(*id);
        }
        let below = |id: &NodeId| self.depths[*id as usize];
        let depth = match &node {
            Node::Constant(_) | Node::Test(_) => 0,
            Node::Not(child) => below(child),
            Node::And(children) | Node::Or(children) => children.iter().map(below).max().unwrap_or(0) + 1,
        };
        if depth > MAX_DEPTH {
            return Err(TooDeep);
        }
        let id = u32::try_from(self.nodes.len()).map_err(|_| TooDeep)?;
        self.nodes.push(node.clone());
        self.depths.push(depth);
        self.numbers.insert(node, id);
        Ok(id)
    }

    pub(super) fn constant(&mut self, truth: bool) -> Result<NodeId, TooDeep> {
        self.intern(Node::Constant(truth))
    }

    /// The node of a comparison; `written` tells it from every other of the source.
    pub(super) fn add_test(&mut self, written: String, test: Test) -> Result<NodeId, TooDeep> {
        let next = u32::try_from(self.tests.len()).map_err(|_| TooDeep)?;
        let id = *self.test_numbers.entry(written).or_insert(next);
        if id == next {
            self.tests.push(test);
        }
        self.intern(Node::Test(id))
    }

    /// The node of a comparison that was added before.
    pub(super) fn find_test(&mut self, written: &str) -> Option<Result<NodeId, TooDeep>> {
        let id = *self.test_numbers.get(written)?;
        Some(self.intern(Node::Test(id)))
    }

    pub(super) fn not(&mut self, child: NodeId) -> Result<NodeId, TooDeep> {
        match *self.node(child) {
            Node::Constant(truth) => self.constant(!truth),
            Node::Not(inner) => Ok(inner),
            _ => self.intern(Node::Not(child)),
        }
    }

    pub(super) fn and(&mut self, children: Vec<NodeId>) -> Result<NodeId, TooDeep> {
        self.combine(children, true)
    }

    pub(super) fn or(&mut self, children: Vec<NodeId>) -> Result<NodeId, TooDeep> {
        self.combine(children, false)
    }

    /// All of (`is_and`) or any of the children, simplified: what is neutral and what stands twice is left
    /// out, and what decides alone decides.
    fn combine(&mut self, children: Vec<NodeId>, is_and: bool) -> Result<NodeId, TooDeep> {
        let mut parts = Vec::with_capacity(children.len());
        for child in children {
            match (self.node(child), is_and) {
                (Node::Constant(truth), _) if *truth == is_and => {}
                (Node::Constant(_), _) => return self.constant(!is_and),
                (Node::And(inner), true) | (Node::Or(inner), false) if inner.len() <= FLATTENED => {
                    parts.extend_from_slice(inner);
                }
                _ => parts.push(child),
            }
        }
        parts.sort_unstable();
        parts.dedup();
        let contradicts = |id: &NodeId| match self.node(*id) {
            Node::Not(inner) => parts.binary_search(inner).is_ok(),
            _ => false,
        };
        if parts.iter().any(contradicts) {
            return self.constant(!is_and);
        }
        match parts[..] {
            [] => self.constant(is_and),
            [only] => Ok(only),
            _ if is_and => self.intern(Node::And(parts.into())),
            _ => self.intern(Node::Or(parts.into())),
        }
    }

    /// The same conditions in another graph, with every comparison that an event type decides decided.
    ///
    /// `None` stands for a type that no condition names. Returns the numbers of the nodes in `into`.
    pub(super) fn specialise(
        &self,
        event: Option<EventType>,
        wanted: &[bool],
        into: &mut Self,
    ) -> Result<Vec<NodeId>, TooDeep> {
        let mut numbers = vec![0; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            if !wanted[id] {
                continue;
            }
            let number = |child: &NodeId| numbers[*child as usize];
            numbers[id] = match node {
                Node::Constant(truth) => into.constant(*truth)?,
                Node::Test(test) => {
                    if let Some(truth) = self.decide(*test, event) {
                        into.constant(truth)?
                    } else {
                        let test = self.test(*test);
                        into.add_test(test.written.clone(), test.clone())?
                    }
                }
                Node::Not(child) => into.not(number(child))?,
                Node::And(children) => into.and(children.iter().map(number).collect())?,
                Node::Or(children) => into.or(children.iter().map(number).collect())?,
            };
        }
        Ok(numbers)
    }

    /// The nodes that these reach, themselves included.
    pub(super) fn reachable(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut wanted = vec![false; self.nodes.len()];
        for root in roots {
            wanted[root as usize] = true;
        }
        for id in (0..self.nodes.len()).rev() {
            if !wanted[id] {
                continue;
            }
            match &self.nodes[id] {
                Node::Constant(_) | Node::Test(_) => {}
                Node::Not(child) => wanted[*child as usize] = true,
                Node::And(children) | Node::Or(children) => {
                    children.iter().for_each(|child| wanted[*child as usize] = true);
                }
            }
        }
        wanted
    }

    /// The fields that a condition asks for, sorted, with their arguments.
    pub(super) fn fields_below(&self, root: NodeId) -> Vec<String> {
        let mut open = vec![root];
        let mut seen = HashSet::new();
        let mut fields = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.node(id) {
                Node::Constant(_) => {}
                Node::Test(test) => fields.extend(self.test(*test).fields().iter().map(ToString::to_string)),
                Node::Not(child) => open.push(*child),
                Node::And(children) | Node::Or(children) => open.extend(children),
            }
        }
        fields.into_iter().collect()
    }

    /// What a comparison comes to for every event of a type, if the type decides it.
    fn decide(&self, test: TestId, event: Option<EventType>) -> Option<bool> {
        let (decided_by, predicate) = self.test(test).type_test()?;
        let Some(event) = event else {
            // A type that is named nowhere: its name is any but those.
            return Some(predicate.holds(Value::text("\0")));
        };
        Some(
            (!decided_by.is_syscall_only || event.is_syscall()) && predicate.holds(Value::text(event.name())),
        )
    }

    /// What every node comes to for every event of a type (`None`: one that no condition names), if the type
    /// decides it.
    pub(super) fn decided(&self, event: Option<EventType>) -> Vec<Option<bool>> {
        let mut decided: Vec<Option<bool>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of = |child: &NodeId| decided[*child as usize];
            // All or any of several: one that decides does, else all must be decided.
            let combined = |children: &[NodeId], deciding: bool| {
                if children.iter().any(|child| of(child) == Some(deciding)) {
                    return Some(deciding);
                }
                children.iter().all(|child| of(child).is_some()).then_some(!deciding)
            };
            let truth = match node {
                Node::Constant(truth) => Some(*truth),
                Node::Test(test) => self.decide(*test, event),
                Node::Not(child) => of(child).map(|truth| !truth),
                Node::And(children) => combined(children, false),
                Node::Or(children) => combined(children, true),
            };
            decided.push(truth);
        }
        decided
    }

    /// The types that a comparison tells from those that are named nowhere, sorted.
    pub(super) fn named_types(&self) -> Vec<EventType> {
        let tests: Vec<_> = self.tests.iter().filter_map(Test::type_test).collect();
        let differs = |event: &EventType| {
            tests.iter().any(|(decided_by, predicate)| {
                let holds = (!decided_by.is_syscall_only || event.is_syscall())
                    && predicate.holds(Value::text(event.name()));
                holds != predicate.holds(Value::text("\0"))
            })
        };
        EventType::all().filter(differs).collect()
    }
}
