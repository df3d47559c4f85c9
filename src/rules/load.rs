//! Loading: files in, rules out, with everything that there is to say about them.

use serde_json::{Value as Json, json};

use crate::event::{EventType, Source};

use super::collect::Collected;
use super::compile::{Compiled, CompiledRule, Extra, MANY_TYPES, compile, slot, warn_of_types};
use super::diagnostic::FileResult;
use super::engine::RuleSet;
use super::read::read;
use super::said::Said;
use super::selection::Selection;
use super::source_text::{RuleFile, Sources};

/// Rules of several files, loaded in order as one set.
#[derive(Debug)]
pub struct Load {
    pub(super) sources: Sources,
    pub(super) collected: Collected,
    pub(super) compiled: Compiled,
    /// The event types that each compiled rule holds for.
    pub(super) types: Vec<Vec<EventType>>,
    results: Vec<FileResult>,
}

impl Load {
    /// Loads rule files in order: later items replace or change earlier ones of the same name.
    ///
    /// All items are put together before any is compiled, so that a file may use what a later one defines.
    /// One bad item does not keep the others from being read; whether the rules may be used says
    /// [`Load::is_successful`].
    pub fn new(files: &[RuleFile], extras: &[Extra]) -> Self {
        let mut sources = Sources::default();
        let mut diagnostics = Said::default();
        let mut collected = Collected::default();
        for file in files {
            let number = sources.add(file);
            for item in read(file, number, &mut diagnostics) {
                collected.add(item, &mut diagnostics);
            }
        }
        collected.check_plugins(&mut diagnostics);
        let compiled = compile(&collected, extras, &sources, &mut diagnostics);
        let types = types_of(&compiled);
        for (rule, types) in compiled.rules.iter().zip(&types) {
            let fields = fields_of(rule, types, &compiled);
            warn_of_types(rule, types, &fields, &mut diagnostics);
        }
        let results = diagnostics.into_results(files);
        Self { sources, collected, compiled, types, results }
    }

    /// Whether no file has an error.
    pub fn is_successful(&self) -> bool {
        self.results.iter().all(FileResult::is_successful)
    }

    /// What there is to say, file by file, in the order in which they were given.
    pub fn results(&self) -> &[FileResult] {
        &self.results
    }

    /// The files' texts, for the places that diagnostics name.
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Falco's JSON: `{"falco_load_results": […]}`.
    pub fn to_json(&self) -> Json {
        let results: Vec<Json> = self.results.iter().map(|result| result.to_json(&self.sources)).collect();
        json!({"falco_load_results": results})
    }

    /// Each file's verdict with its errors, warnings and notices.
    pub fn to_text(&self) -> String {
        self.results.iter().map(|result| result.to_text(&self.sources)).collect()
    }

    /// The rules that a configuration selects, ready to be evaluated.
    pub fn rule_set(&self, selection: &Selection) -> RuleSet {
        RuleSet::new(self, selection)
    }

    /// The event types that a rule holds for; `None` where it is not compiled.
    pub fn event_types(&self, rule: &str) -> Option<&[EventType]> {
        let number = self.compiled.rules.iter().position(|compiled| compiled.name == rule)?;
        Some(&self.types[number])
    }
}

/// The event types that each rule holds for, in the table's order; for other sources the one they have.
fn types_of(compiled: &Compiled) -> Vec<Vec<EventType>> {
    let dag = &compiled.dags[slot(Source::Syscall)];
    let named = dag.named_types();
    let of_others = dag.decided(None);
    let of_named: Vec<_> = named.iter().map(|event| dag.decided(Some(*event))).collect();
    let possible = |rule: &CompiledRule, event: EventType| {
        let decided = named.binary_search(&event).map_or(&of_others, |number| &of_named[number]);
        decided[rule.root as usize] != Some(false)
    };
    let types = |rule: &CompiledRule| match rule.source {
        Source::Syscall => {
            // What plugins report is no event of this source.
            let of_source = EventType::all().filter(|event| *event != EventType::plugin());
            of_source.filter(|event| possible(rule, *event)).collect()
        }
        Source::K8sAudit => vec![EventType::plugin()],
    };
    compiled.rules.iter().map(types).collect()
}

/// The fields of a rule that holds for many types, for the proposal.
fn fields_of(rule: &CompiledRule, types: &[EventType], compiled: &Compiled) -> Vec<String> {
    if types.len() <= MANY_TYPES || rule.source != Source::Syscall || !rule.warn_evttypes {
        return Vec::new();
    }
    compiled.dags[slot(rule.source)].fields_below(rule.root)
}
