//! Macros: which see which, in what order they compile, what they compile to.

use std::collections::{HashMap, HashSet};

use crate::event::Source;
use crate::nearest::nearest;

use super::super::code::Code;
use super::super::condition::{Expr, Place};
use super::super::dag::{Dag, NodeId};
use super::super::diagnostic::Diagnostic;
use super::super::source_text::Spot;
use super::check::{self, CheckError};
use super::{NodeError, Nodes, Reader, slot};

/// All macros, read and put in order.
pub(super) struct Macros {
    trees: Vec<Option<Expr>>,
    /// The macros that each names, with the place.
    uses: Vec<Vec<(usize, Place)>>,
    /// Places in an order in which each macro comes after those it uses.
    rank: Vec<usize>,
    /// The last search that came past a macro, for [`Macros::needed`].
    seen: Vec<u32>,
    searches: u32,
    used: Vec<bool>,
    nodes: HashMap<(usize, Source), Outcome>,
    /// Macros whose oddities were said for a source.
    warned: HashSet<(usize, Source)>,
    /// Macros whose error was said for a source.
    refused: HashSet<(usize, Source)>,
}

/// How far the search for an order came with a macro.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// What a macro compiles to for a source.
#[derive(Clone)]
enum Outcome {
    Node(NodeId),
    /// Its own fault, which is said when the first rule needs it and does not forgive it.
    Wrong(Vec<CheckError>),
    /// The fault of a macro that it uses.
    Uses(usize),
}

impl Outcome {
    /// Its own faults come before those of the macros that it uses.
    fn of(errors: Vec<NodeError>, number: usize) -> Self {
        let mut used = number;
        let mut own = Vec::new();
        for error in errors {
            match error {
                NodeError::Check(error) => own.push(error),
                NodeError::Macro(other) => used = other,
                NodeError::Unknown => {}
            }
        }
        if own.is_empty() { Self::Uses(used) } else { Self::Wrong(own) }
    }
}

/// What is odd in a macro.
pub(super) struct MacroWarning {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) spot: Spot,
}

impl Macros {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let collected = reader.collected;
        let count = collected.macros.items().len();
        let mut macros = Self {
            trees: Vec::with_capacity(count),
            uses: vec![Vec::new(); count],
            rank: vec![usize::MAX; count],
            seen: vec![0; count],
            searches: 0,
            used: vec![false; count],
            nodes: HashMap::new(),
            warned: HashSet::new(),
            refused: HashSet::new(),
        };
        for (number, entry) in collected.macros.items().iter().enumerate() {
            let mut tree = reader.condition(&entry.condition, "macro condition", &entry.context);
            if let Some(expr) = &tree
                && !macros.find_uses(number, expr, reader)
            {
                tree = None;
            }
            macros.trees.push(tree);
        }
        macros.sort(reader);
        macros
    }

    /// Notes the macros that a macro names; false where one is not visible, which is said.
    fn find_uses(&mut self, number: usize, expr: &Expr, reader: &mut Reader<'_, '_>) -> bool {
        let entry = &reader.collected.macros.items()[number];
        let mut named = Vec::new();
        expr.for_each_macro(&mut |name, place| named.push((name.to_owned(), place)));
        let mut is_complete = true;
        for (name, place) in named {
            let found = reader.collected.macros.number(&name);
            let visible =
                found.filter(|other| reader.collected.macros.items()[*other].index < entry.visibility);
            match visible {
                Some(other) => {
                    self.used[other] = true;
                    self.uses[number].push((other, place));
                }
                None if reader.collected.was_refused("macro", &name) => is_complete = false,
                None => {
                    is_complete = false;
                    let at = reader.context_at(&entry.condition, place.0 as usize, &entry.context);
                    let diagnostic = undefined(
                        reader,
                        &name,
                        Diagnostic::new(
                            Code::Validate,
                            format!("Undefined macro '{name}' used in filter."),
                            at,
                        ),
                    );
                    reader.diagnostics.push(diagnostic);
                }
            }
        }
        is_complete
    }

    /// Puts macros in order, depth first without recursion; those of a loop are left out, which is said.
    fn sort(&mut self, reader: &mut Reader<'_, '_>) {
        let count = self.trees.len();
        let mut states = vec![State::New; count];
        let mut done = 0;
        for start in 0..count {
            let mut path = if states[start] == State::New { vec![(start, 0)] } else { Vec::new() };
            while let Some((number, next)) = path.last_mut() {
                states[*number] = State::Open;
                let Some((used, place)) = self.uses[*number].get(*next).copied() else {
                    states[*number] = State::Done;
                    self.rank[*number] = done;
                    done += 1;
                    path.pop();
                    continue;
                };
                *next += 1;
                match states[used] {
                    State::New => path.push((used, 0)),
                    State::Done => {}
                    State::Open => {
                        let looped =
                            path.iter().map(|(number, _)| *number).skip_while(|number| *number != used);
                        let looped: Vec<usize> = looped.collect();
                        self.refuse_loop(&looped, place, reader);
                    }
                }
            }
        }
    }

    fn refuse_loop(&mut self, looped: &[usize], place: Place, reader: &mut Reader<'_, '_>) {
        let items = reader.collected.macros.items();
        if looped.iter().all(|number| self.trees[*number].is_none()) {
            return;
        }
        let (Some(first), Some(last)) = (looped.first(), looped.last()) else { return };
        let (first, last) = (&items[*first], &items[*last]);
        let at = reader.context_at(&last.condition, place.0 as usize, &last.context);
        let message = format!("reference loop in macro '{}'", first.name);
        let mut diagnostic = Diagnostic::new(Code::Validate, message, at);
        for number in looped.iter().take(8) {
            let entry = &items[*number];
            diagnostic =
                diagnostic.relate(entry.context.spot(), format!("macro '{}' is part of it", entry.name));
        }
        reader.diagnostics.push(diagnostic);
        for number in looped {
            self.trees[*number] = None;
        }
    }

    pub(super) fn is_used(&self, number: usize) -> bool {
        self.used[number]
    }

    pub(super) fn into_trees(self) -> Vec<Option<Expr>> {
        self.trees
    }

    /// The macros that these need, themselves included, each after those that it uses.
    pub(super) fn needed(&mut self, roots: &[usize]) -> Vec<usize> {
        self.searches += 1;
        let mut open: Vec<usize> = roots.to_vec();
        let mut found = Vec::new();
        while let Some(number) = open.pop() {
            if std::mem::replace(&mut self.seen[number], self.searches) != self.searches {
                found.push(number);
                open.extend(self.uses[number].iter().map(|(used, _)| *used));
            }
        }
        found.sort_unstable_by_key(|number| self.rank[*number]);
        found
    }

    /// The number of a macro that a rule names; rules see all macros.
    pub(super) fn named(&mut self, name: &str, reader: &Reader<'_, '_>) -> Option<usize> {
        let number = reader.collected.macros.number(name)?;
        self.used[number] = true;
        Some(number)
    }

    /// Compiles the macros that a rule needs, as far as they are not yet.
    pub(super) fn compile(
        &mut self,
        needed: &[usize],
        source: Source,
        reader: &Reader<'_, '_>,
        dags: &mut [Dag; 2],
    ) {
        for number in needed {
            if self.nodes.contains_key(&(*number, source)) {
                continue;
            }
            let outcome = match &self.trees[*number] {
                None => Outcome::Uses(*number),
                Some(expr) => {
                    let mut node_of = |name: &str| {
                        let used = reader.collected.macros.number(name).ok_or(NodeError::Unknown)?;
                        self.node(used, source)
                    };
                    let dag = &mut dags[slot(source)];
                    let mut nodes = Nodes { source, dag, macros: &mut node_of, errors: Vec::new() };
                    match nodes.compile(expr) {
                        Some(node) => Outcome::Node(node),
                        None => Outcome::of(nodes.errors, *number),
                    }
                }
            };
            self.nodes.insert((*number, source), outcome);
        }
    }

    /// The node of a macro that was compiled.
    pub(super) fn node(&self, number: usize, source: Source) -> Result<NodeId, NodeError> {
        match self.nodes.get(&(number, source)) {
            Some(Outcome::Node(node)) => Ok(*node),
            Some(Outcome::Uses(used)) if *used != number => Err(NodeError::Macro(*used)),
            _ => Err(NodeError::Macro(number)),
        }
    }

    /// The errors of a macro that does not compile; none where it was refused before.
    pub(super) fn errors(&self, number: usize, source: Source) -> &[CheckError] {
        match self.nodes.get(&(number, source)) {
            Some(Outcome::Wrong(errors)) => errors,
            _ => &[],
        }
    }

    /// Whether this is the first time that a macro's error is said.
    pub(super) fn first_error(&mut self, number: usize, source: Source) -> bool {
        self.refused.insert((number, source))
    }

    /// Whether a macro's oddities were said.
    pub(super) fn was_warned(&self, number: usize, source: Source) -> bool {
        self.warned.contains(&(number, source))
    }

    /// Whether this is the first time that a macro's oddities are asked for.
    pub(super) fn first_warning(&mut self, number: usize, source: Source) -> bool {
        self.warned.insert((number, source))
    }

    /// What is odd in a macro, for a source.
    pub(super) fn warnings(
        &self,
        number: usize,
        source: Source,
        reader: &Reader<'_, '_>,
    ) -> Vec<MacroWarning> {
        let entry = &reader.collected.macros.items()[number];
        let mut found = Vec::new();
        if let Some(expr) = &self.trees[number] {
            for (code, place, message) in condition_warnings(expr, source) {
                let spot = reader.spot_at(&entry.condition, place.0 as usize, &entry.context);
                found.push(MacroWarning { code, message, spot });
            }
        }
        found
    }
}

/// What is odd in a condition, its macros aside.
pub(super) fn condition_warnings(expr: &Expr, source: Source) -> Vec<(Code, Place, String)> {
    let mut found = Vec::new();
    expr.for_each_check(&mut |checked| {
        if check::is_unsafe_na(checked) {
            let message = "comparing a field value with <NA> is unsafe and can lead to unpredictable behavior of \
                the rule condition. If you need to check for the existence of a field, consider using the \
                'exists' operator instead.";
            found.push((Code::UnsafeNaCheck, checked.place, message.to_owned()));
        }
        if let Some((field, why)) = check::deprecated_field(checked) {
            let message =
                format!("usage of deprecated field '{field}' has been detected in the rule condition: {why}");
            found.push((Code::DeprecatedItem, checked.place, message));
        }
        let odd = check::warnings(checked, source).into_iter();
        found.extend(odd.map(|(place, message)| (Code::ConditionWarning, place, message)));
    });
    found
}

/// Says of a macro that is not there what was probably meant.
pub(super) fn undefined(reader: &Reader<'_, '_>, name: &str, diagnostic: Diagnostic) -> Diagnostic {
    let collected = reader.collected;
    if let Some(later) = collected.macros.get(name) {
        let help = "a macro sees only the macros that stand before it: move this one behind the other";
        return diagnostic
            .suggest(Some(help))
            .relate(later.context.spot(), format!("'{name}' is defined here"));
    }
    if let Some(list) = collected.lists.get(name) {
        let help = format!("'{name}' is a list: compare a field with it, as in `proc.name in ({name})`");
        return diagnostic.suggest(Some(help)).relate(list.context.spot(), "the list is defined here");
    }
    let near = nearest(name, collected.macros.names()).map(|near| format!("did you mean `{near}`?"));
    diagnostic.suggest(near)
}
