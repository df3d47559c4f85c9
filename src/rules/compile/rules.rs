//! One rule: its condition, output and event types.

use std::collections::BTreeSet;

use crate::event::{EventType, Source};

use super::super::code::Code;
use super::super::collect::{RuleInfo, with_exceptions};
use super::super::condition::{Expr, Place};
use super::super::dag::{Dag, NodeId};
use super::super::diagnostic::{Context, Diagnostic};
use super::super::priority::Priority;
use super::super::said::Said;
use super::super::source_text::Phrase;
use super::super::template::{Template, TemplateError};
use super::check;
use super::macros::{Macros, condition_warnings, undefined};
use super::{NodeError, Nodes, Reader, slot};

/// A rule that can be evaluated.
#[derive(Debug)]
pub(in super::super) struct CompiledRule {
    pub(in super::super) name: String,
    pub(in super::super) source: Source,
    /// The condition with its exceptions, lists resolved, macros by name.
    pub(in super::super) tree: Expr,
    pub(in super::super) root: NodeId,
    pub(in super::super) output_text: String,
    pub(in super::super) output: Template,
    /// Fields that the configuration adds to alerts: key, template.
    pub(in super::super) extra_fields: Vec<(String, Template)>,
    pub(in super::super) priority: Priority,
    pub(in super::super) tags: BTreeSet<String>,
    pub(in super::super) enabled: bool,
    /// Whether the author asked to be spared the warning of too many event types.
    pub(in super::super) warn_evttypes: bool,
    pub(in super::super) context: Context,
}

/// What the configuration adds to the outputs of rules: `append_output`.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Only rules of this source.
    pub source: Option<String>,
    /// Only this rule.
    pub rule: Option<String>,
    /// Only rules with all of these tags.
    pub tags: BTreeSet<String>,
    /// Text for the end of the output.
    pub output: Option<String>,
    /// Fields for `output_fields`: key and template.
    pub fields: Vec<(String, String)>,
}

impl Extra {
    fn is_for(&self, rule: &RuleInfo) -> bool {
        self.source.as_ref().is_none_or(|source| *source == rule.source_name)
            && self.rule.as_ref().is_none_or(|name| *name == rule.name)
            && self.tags.is_subset(&rule.tags)
    }
}

const CONTAINER_INFO: &str = "%container.info";
const CONTAINER_INFO_IS_DEPRECATED: &str = "%container.info is deprecated and no more useful, and will be \
    dropped by Falco 1.0.0. The container plugin will automatically add required fields to the output message.";

/// Event types beyond which a rule is worth a warning.
pub(in super::super) const MANY_TYPES: usize = 100;

/// Compiles a rule; `None` where it is skipped or wrong, which is said then.
pub(super) fn compile_rule(
    info: &RuleInfo,
    extras: &[Extra],
    reader: &mut Reader<'_, '_>,
    macros: &mut Macros,
    dags: &mut [Dag; 2],
) -> Option<CompiledRule> {
    let source = info.source?;
    let compiled_output = compile_output(info, extras, source, reader);
    let phrase = match with_exceptions(info) {
        Ok(phrase) => phrase,
        Err(refused) => {
            reader.diagnostics.extend(refused);
            return None;
        }
    };
    let tree = reader.condition(&phrase, "rule condition", &info.context)?;
    let named = resolve_macros(info, &tree, &phrase, reader, macros)?;
    let needed = macros.needed(&named.iter().map(|(number, _)| *number).collect::<Vec<_>>());
    macros.compile(&needed, source, reader, dags);
    let mut node_of = |name: &str| {
        let number = reader.collected.macros.number(name).ok_or(NodeError::Unknown)?;
        macros.node(number, source)
    };
    let dag = &mut dags[slot(source)];
    let mut nodes = Nodes { source, dag, macros: &mut node_of, errors: Vec::new() };
    let root = nodes.compile(&tree);
    let errors = nodes.errors;
    for error in errors {
        refuse(info, error, &phrase, source, reader, macros);
    }
    let root = root?;
    warn(info, &tree, &phrase, &named, source, reader, macros);
    let (output_text, output, extra_fields) = compiled_output?;
    Some(CompiledRule {
        name: info.name.clone(),
        source,
        tree,
        root,
        output_text,
        output,
        extra_fields,
        priority: info.priority,
        tags: info.tags.clone(),
        enabled: info.enabled,
        warn_evttypes: info.warn_evttypes,
        context: info.context.clone(),
    })
}

type Output = (String, Template, Vec<(String, Template)>);

fn compile_output(
    info: &RuleInfo,
    extras: &[Extra],
    source: Source,
    reader: &mut Reader<'_, '_>,
) -> Option<Output> {
    let start = info.output.start().unwrap_or_else(|| info.context.spot()).clone();
    let context = info.context.join("rule output", "", start);
    let mut text = info.output.text().to_owned();
    for extra in extras.iter().filter(|extra| extra.is_for(info)) {
        if let Some(output) = &extra.output {
            text = format!("{text} {output}");
        }
    }
    if text.contains(CONTAINER_INFO) {
        let warning = Diagnostic::new(Code::DeprecatedItem, CONTAINER_INFO_IS_DEPRECATED, context.clone());
        reader.diagnostics.push(warning);
        text = text.replace(CONTAINER_INFO, "");
    }
    let output = match Template::parse(&text, source) {
        Ok(output) => output,
        Err(error) => {
            refuse_output(info, &error, &context, reader);
            return None;
        }
    };
    for name in output.field_names() {
        if check::deprecation(name).is_some() {
            let message = format!("usage of deprecated field '{name}' has been detected in the rule output");
            reader.diagnostics.push(Diagnostic::new(Code::DeprecatedItem, message, context.clone()));
        }
    }
    let mut fields = Vec::new();
    for (key, format) in extras.iter().filter(|extra| extra.is_for(info)).flat_map(|extra| &extra.fields) {
        match Template::parse(format, source) {
            Ok(template) => fields.push((key.clone(), template)),
            Err(error) => {
                refuse_output(info, &error, &context, reader);
                return None;
            }
        }
    }
    Some((text, output, fields))
}

fn refuse_output(info: &RuleInfo, error: &TemplateError, context: &Context, reader: &mut Reader<'_, '_>) {
    let is_forgiven = error.is_unknown && info.skip_if_unknown_filter;
    let code = if is_forgiven { Code::UnknownFilter } else { Code::CompileOutput };
    let spot = reader.spot_at(&info.output, error.offset, context);
    let at = context.join("rule output expression", "", spot);
    let diagnostic = Diagnostic::new(code, error.message.clone(), at).suggest(error.suggestion.clone());
    reader.diagnostics.push(diagnostic);
}

/// The macros that a condition names, with the place; `None` where one is not there, which is said.
fn resolve_macros(
    info: &RuleInfo,
    tree: &Expr,
    phrase: &Phrase,
    reader: &mut Reader<'_, '_>,
    macros: &mut Macros,
) -> Option<Vec<(usize, Place)>> {
    let mut named = Vec::new();
    tree.for_each_macro(&mut |name, place| named.push((name.to_owned(), place)));
    let mut found = Vec::new();
    let mut is_complete = true;
    for (name, place) in named {
        if let Some(number) = macros.named(&name, reader) {
            found.push((number, place));
            continue;
        }
        is_complete = false;
        if !reader.collected.was_refused("macro", &name) {
            let at = reader.context_at(phrase, place.0 as usize, &info.context);
            let message = format!("Undefined macro '{name}' used in filter.");
            let diagnostic = undefined(reader, &name, Diagnostic::new(Code::Validate, message, at));
            reader.diagnostics.push(diagnostic);
        }
    }
    is_complete.then_some(found)
}

/// Says why a condition does not compile, unless a macro is at fault and that was said.
fn refuse(
    info: &RuleInfo,
    error: NodeError,
    phrase: &Phrase,
    source: Source,
    reader: &mut Reader<'_, '_>,
    macros: &mut Macros,
) {
    let forgives = info.skip_if_unknown_filter;
    match error {
        NodeError::Check(error) => {
            let mut diagnostic = reader.check_diagnostic(&error, phrase, &info.context);
            if error.is_unknown && forgives {
                diagnostic.code = Code::UnknownFilter;
            }
            reader.diagnostics.push(diagnostic);
        }
        NodeError::Macro(number) => {
            let entry = &reader.collected.macros.items()[number];
            let is_forgiven = forgives && macros.errors(number, source).iter().all(|error| error.is_unknown);
            if !is_forgiven && !macros.first_error(number, source) {
                return;
            }
            for error in macros.errors(number, source) {
                let mut diagnostic = reader.check_diagnostic(error, &entry.condition, &entry.context);
                diagnostic = diagnostic.relate(info.context.spot(), format!("rule '{}' uses it", info.name));
                if is_forgiven {
                    diagnostic.code = Code::UnknownFilter;
                }
                reader.diagnostics.push(diagnostic);
            }
        }
        NodeError::Unknown => {}
    }
}

fn warn(
    info: &RuleInfo,
    tree: &Expr,
    phrase: &Phrase,
    named: &[(usize, Place)],
    source: Source,
    reader: &mut Reader<'_, '_>,
    macros: &mut Macros,
) {
    for (code, place, message) in condition_warnings(tree, source) {
        let at = reader.context_at(phrase, place.0 as usize, &info.context);
        reader.diagnostics.push(Diagnostic::new(code, message, at));
    }
    for (number, place) in named {
        // What a macro uses was asked for when the macro was.
        if macros.was_warned(*number, source) {
            continue;
        }
        for used in macros.needed(&[*number]) {
            if !macros.first_warning(used, source) {
                continue;
            }
            for warning in macros.warnings(used, source, reader) {
                let at = reader.context_at(phrase, place.0 as usize, &info.context);
                let name = &reader.collected.macros.items()[used].name;
                let label = format!("in macro '{name}'");
                let diagnostic =
                    Diagnostic::new(warning.code, warning.message, at).relate(&warning.spot, label);
                reader.diagnostics.push(diagnostic);
            }
        }
    }
}

/// Warns of rules of system calls that hold for too many event types.
pub(in super::super) fn warn_of_types(
    rule: &CompiledRule,
    types: &[EventType],
    tree_fields: &[String],
    diagnostics: &mut Said,
) {
    if rule.source != Source::Syscall || !rule.warn_evttypes || types.len() <= MANY_TYPES {
        return;
    }
    let message = "Rule matches too many evt.type values. This has a significant performance penalty.";
    let about = |prefixes: &[&str]| {
        tree_fields.iter().any(|field| prefixes.iter().any(|prefix| field.starts_with(prefix)))
    };
    let proposed = if about(&[
        "fd.sip",
        "fd.cip",
        "fd.rip",
        "fd.lip",
        "fd.sport",
        "fd.cport",
        "fd.rport",
        "fd.ip",
        "fd.port",
        "fd.net",
        "fd.snet",
        "fd.cnet",
        "fd.rnet",
        "fd.l4proto",
    ]) {
        "connect, accept, accept4, sendto, recvfrom"
    } else if about(&["fd.", "fs.path"]) {
        "open, openat, openat2"
    } else {
        "execve, execveat"
    };
    let help = format!("add `evt.type in ({proposed}) and` if that is what the rule is about");
    let warning = Diagnostic::new(Code::NoEvttype, message, rule.context.clone());
    diagnostics.push(warning.suggest(Some(help)));
}
