//! From collected rules to compiled ones: lists and macros resolved, names and types checked, conditions in
//! one graph a source, outputs as templates.
//!
//! Macros are compiled once a source, in an order in which each comes after those it uses. What is wrong in
//! a macro is said once, where it stands; rules that use it are not blamed.

mod check;
mod lists;
mod macros;
mod operand;
mod rules;

use crate::event::Source;

use super::code::Code;
use super::collect::Collected;
use super::computed::{Computed, Side};
use super::condition::{self, Expr, Place};
use super::dag::{Dag, NodeId, TooDeep};
use super::diagnostic::{Context, Diagnostic};
use super::said::Said;
use super::source_text::{Phrase, Sources, Spot};
use check::{CheckError, compile_check};
use lists::{Lists, ResolveError};
use macros::Macros;
pub use rules::Extra;
pub(super) use rules::{CompiledRule, MANY_TYPES, warn_of_types};

/// What compiling gives.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// Rules that can be evaluated, in order.
    pub(super) rules: Vec<CompiledRule>,
    /// The conditions of the rules of each source.
    pub(super) dags: [Dag; 2],
    /// The conditions of macros as trees, lists resolved, by their number.
    pub(super) macros: Vec<Option<Expr>>,
}

/// The graph of a source.
pub(super) const fn slot(source: Source) -> usize {
    match source {
        Source::Syscall => 0,
        Source::K8sAudit => 1,
    }
}

/// Compiles everything that was collected.
pub(super) fn compile(
    collected: &Collected,
    extras: &[Extra],
    sources: &Sources,
    diagnostics: &mut Said,
) -> Compiled {
    let mut lists = Lists::new(collected);
    let mut reader = Reader { collected, sources, lists: &mut lists, diagnostics };
    let mut macros = Macros::read(&mut reader);
    let mut compiled = Compiled::default();
    for info in collected.rules.items() {
        if let Some(rule) = rules::compile_rule(info, extras, &mut reader, &mut macros, &mut compiled.dags) {
            compiled.rules.push(rule);
        }
    }
    warn_of_unused(collected, &macros, &lists, diagnostics);
    compiled.macros = macros.into_trees();
    compiled
}

fn warn_of_unused(collected: &Collected, macros: &Macros, lists: &Lists<'_>, diagnostics: &mut Said) {
    for (number, entry) in collected.macros.items().iter().enumerate() {
        if !macros.is_used(number) {
            let message = "Macro not referred to by any other rule/macro";
            diagnostics.push(Diagnostic::new(Code::UnusedMacro, message, entry.context.clone()));
        }
    }
    for (number, entry) in collected.lists.items().iter().enumerate() {
        if !lists.is_used(number) {
            let message = "List not referred to by any other rule/macro";
            diagnostics.push(Diagnostic::new(Code::UnusedList, message, entry.context.clone()));
        }
    }
}

/// What reading conditions needs.
struct Reader<'r, 'c> {
    collected: &'c Collected,
    sources: &'r Sources,
    lists: &'r mut Lists<'c>,
    diagnostics: &'r mut Said,
}

impl Reader<'_, '_> {
    /// Reads a condition, its lists resolved. `None` where that failed, which is said then.
    fn condition(&mut self, phrase: &Phrase, item_type: &'static str, context: &Context) -> Option<Expr> {
        let start = phrase.start().unwrap_or_else(|| context.spot()).clone();
        let context = context.join(item_type, "", start);
        let mut expr = match condition::parse(phrase.text()) {
            Ok(expr) => expr,
            Err(error) => {
                let at = self.context_at(phrase, error.offset, &context);
                let rest = phrase.text().get(error.offset..).unwrap_or_default();
                // The commonest slip: a value of several words.
                let is_word = error.message.starts_with("unexpected token") && !rest.starts_with([')', '(']);
                let help = is_word.then_some("put values that have blanks in them into quotes");
                let diagnostic = Diagnostic::new(Code::CompileCondition, error.message, at);
                self.diagnostics.push(diagnostic.suggest(help));
                return None;
            }
        };
        match self.lists.resolve(&mut expr) {
            Ok(()) => Some(expr),
            Err(ResolveError::Check(error)) => {
                let diagnostic = self.check_diagnostic(&error, phrase, &context);
                self.diagnostics.push(diagnostic);
                None
            }
            Err(ResolveError::List(error)) => {
                if let Some(error) = error {
                    let diagnostic = Diagnostic::new(Code::Validate, error.message, error.context);
                    self.diagnostics.push(diagnostic.suggest(error.suggestion));
                }
                None
            }
        }
    }

    /// The place of a byte of a condition.
    fn spot_at(&self, phrase: &Phrase, offset: usize, context: &Context) -> Spot {
        phrase.spot(offset, self.sources).unwrap_or_else(|| context.spot().clone())
    }

    fn context_at(&self, phrase: &Phrase, offset: usize, context: &Context) -> Context {
        let shown: String = phrase.text().chars().take(20).collect::<String>().replace(['\n', '\r'], " ");
        let name = if phrase.text().chars().count() > 20 { format!("{}...", &shown) } else { shown };
        context.join("condition expression", name, self.spot_at(phrase, offset, context))
    }

    fn check_diagnostic(&self, error: &CheckError, phrase: &Phrase, context: &Context) -> Diagnostic {
        let at = self.context_at(phrase, error.place.0 as usize, context);
        Diagnostic::new(Code::CompileCondition, error.message.clone(), at).suggest(error.suggestion.clone())
    }
}

/// Compiles trees into the graph of a source.
struct Nodes<'n> {
    source: Source,
    dag: &'n mut Dag,
    /// The node of a macro by its name.
    macros: &'n mut dyn FnMut(&str) -> Result<NodeId, NodeError>,
    /// Everything that is wrong in the tree.
    errors: Vec<NodeError>,
}

impl Nodes<'_> {
    /// The node of a tree; `None` where something is wrong in it. Goes on behind an error to find the next.
    ///
    /// Trees are as deep as the parser allows, so that recursion is bounded.
    fn compile(&mut self, expr: &Expr) -> Option<NodeId> {
        match expr {
            Expr::Check(check) => {
                let node = compile_check(check, self.source, self.dag);
                self.keep(node.map_err(NodeError::Check))
            }
            Expr::Macro(_, name) => {
                let node = (self.macros)(name);
                self.keep(node)
            }
            Expr::Not(place, child) => {
                let child = self.compile(child)?;
                let node = self.dag.not(child);
                self.shallow(*place, node)
            }
            Expr::And(place, children) => {
                let children = self.compile_all(children)?;
                let node = self.dag.and(children);
                self.shallow(*place, node)
            }
            Expr::Or(place, children) => {
                let children = self.compile_all(children)?;
                let node = self.dag.or(children);
                self.shallow(*place, node)
            }
        }
    }

    fn compile_all(&mut self, children: &[Expr]) -> Option<Vec<NodeId>> {
        let nodes: Vec<Option<NodeId>> = children.iter().map(|child| self.compile(child)).collect();
        nodes.into_iter().collect()
    }

    fn keep(&mut self, node: Result<NodeId, NodeError>) -> Option<NodeId> {
        node.map_err(|error| self.errors.push(error)).ok()
    }

    fn shallow(&mut self, place: Place, node: Result<NodeId, TooDeep>) -> Option<NodeId> {
        self.keep(node.map_err(|error| NodeError::Check(CheckError::of_depth(place, error))))
    }
}

/// Why a tree does not compile: its own fault, or a macro's, by its number.
enum NodeError {
    Check(CheckError),
    Macro(usize),
    /// A macro that is not there, which was said already.
    Unknown,
}

/// A function in an output template, and why it does not compile.
pub(super) struct CallError {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
    pub(super) is_unknown: bool,
}

/// Longer functions are no functions: looking for their end in every part of a text would cost its square.
const MAX_CALL: usize = 4096;

/// A function at the beginning of a text, and how many bytes it takes; `None` where there is none.
pub(super) fn parse_call(text: &str, source: Source) -> Option<Result<(Computed, usize), CallError>> {
    let end = (0..=text.len().min(MAX_CALL)).rev().find(|end| text.is_char_boundary(*end))?;
    let (operand, length) = match condition::parse_call(&text[..end])? {
        Ok(call) => call,
        Err(error) => {
            let condition::ParseError { offset, message } = error;
            return Some(Err(CallError { offset, message, suggestion: None, is_unknown: false }));
        }
    };
    Some(match operand::resolve_operand(&operand, source) {
        Ok(operand::Typed { side: Side::Computed(computed), .. }) => Ok((computed, length)),
        Ok(_) => return None,
        Err(error) => Err(CallError {
            offset: error.place.0 as usize,
            message: error.message,
            suggestion: error.suggestion,
            is_unknown: error.is_unknown,
        }),
    })
}
