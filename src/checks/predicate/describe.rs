//! Violations in words: what is wrong, where, what was found, what is allowed.

use std::fmt::Write;

use super::walk::{Problem, Subject, Violation};
use super::{AnnotationKey, Rule, Scope, Test};
use crate::k8s::{Step, Tree, brief};

/// `container "app" is privileged: securityContext.privileged is true, must be unset or false`.
pub(in crate::checks) fn message<T: Tree>(rule: &Rule, violation: &Violation<'_, T>) -> String {
    let mut text = String::with_capacity(192);
    let own_steps = subject(&mut text, violation);
    let is_wrong_type = matches!(violation.problem, Problem::WrongType(_));
    if !is_wrong_type {
        text.push(' ');
        text.push_str(rule.wrong);
    }
    text.push_str(": ");
    field(&mut text, &violation.path[own_steps..]);
    match violation.problem {
        Problem::NoneOf(_) => {}
        _ if own_steps == violation.path.len() => text.push_str("it "),
        _ => text.push(' '),
    }
    findings_and_demand(&mut text, violation);
    text
}

/// Writes what was found and what is allowed.
fn findings_and_demand<T: Tree>(text: &mut String, violation: &Violation<'_, T>) {
    let found = |found: Option<T>| found.map_or_else(|| "not set".to_owned(), brief);
    _ = match (violation.problem, violation.found) {
        (Problem::NotAllowed { allowed, optional: false }, value) => {
            write!(text, "is {}, must be {allowed}", found(value))
        }
        (Problem::NotAllowed { allowed, optional: true }, value) => {
            write!(text, "is {}, must be unset or {allowed}", found(value))
        }
        (Problem::Set, value) => write!(text, "is {}, must be unset", value.map_or_else(String::new, target)),
        (Problem::Lacks(item), None) => write!(text, "is not set, must include {item:?}"),
        (Problem::Lacks(item), Some(_)) => write!(text, "must include {item:?}"),
        (Problem::NoneOf(fields), value) => {
            write!(text, "{}, must have one of {}", sources(value), fields.join(", "))
        }
        (Problem::WrongType(kind), value) => {
            write!(text, "is {}, must be {kind}", value.map_or_else(String::new, typed))
        }
        (Problem::InheritsBad, _) => write!(text, "is taken from the pod"),
    };
}

/// What a field leads to: its `path`, where it has one.
fn target<T: Tree>(value: T) -> String {
    value.field("path").map_or_else(|| "set".to_owned(), brief)
}

/// What a volume has besides its name.
fn sources<T: Tree>(volume: Option<T>) -> String {
    let entries = volume.into_iter().flat_map(Tree::entries);
    let set = entries.filter(|(key, value)| key.as_ref() != "name" && !value.is_null());
    let keys: Vec<_> = set.map(|(key, _)| key.as_ref().to_owned()).collect();
    if keys.is_empty() { "it has no source".to_owned() } else { format!("it has {}", keys.join(", ")) }
}

/// Writes what the violation is about; how many steps of its path lead there.
fn subject<T: Tree>(text: &mut String, violation: &Violation<'_, T>) -> usize {
    let (what, tree, steps) = match violation.subject {
        Subject::Pod => {
            text.push_str("pod");
            return 0;
        }
        Subject::Annotation => {
            text.push_str("annotation");
            return 0;
        }
        Subject::Volume(volume, steps) => ("volume", volume, steps),
        Subject::Container(what, container, steps) => (what, container, steps),
    };
    text.push_str(what);
    // A part of a pod is nothing that has a name or a place among others.
    if steps == 0 {
        return 0;
    }
    text.push(' ');
    match (tree.get("name").and_then(Tree::as_str), violation.path.get(steps - 1)) {
        (Some(name), _) => _ = write!(text, "{:?}", name.as_ref()),
        (None, Some(Step::Item(index))) => _ = write!(text, "{index}"),
        _ => {}
    }
    steps
}

/// Writes the dotted path, `capabilities.add[1]`; the key itself where it is an annotation's.
fn field(text: &mut String, path: &[Step]) {
    for (index, step) in path.iter().enumerate() {
        match step {
            Step::Key(key) if key.contains(['.', '/']) => _ = write!(text, "[{key:?}]"),
            Step::Key(key) => {
                text.push_str(if index == 0 { "" } else { "." });
                text.push_str(key);
            }
            Step::Item(index) => _ = write!(text, "[{index}]"),
        }
    }
}

/// A value with its type, for where the type is what is wrong.
fn typed<T: Tree>(value: T) -> String {
    let (kind, shown) = (value.kind().to_string(), brief(value));
    if kind == shown { kind } else { format!("{} {shown}", kind.replacen("a ", "the ", 1)) }
}

/// What a rule demands, in one line that names no object, without the part that it is about:
/// `is privileged: securityContext.privileged must be unset or false`.
pub(crate) fn demand(rule: &Rule) -> String {
    let mut path = match rule.scope {
        Scope::Pod | Scope::Volume | Scope::Container => String::new(),
        Scope::Annotation(AnnotationKey::Named(name)) => format!("annotation {name}"),
        Scope::Annotation(AnnotationKey::WithPrefix(prefix)) => format!("annotations {prefix}*"),
        Scope::Annotation(AnnotationKey::OfContainer(prefix)) => format!("annotations {prefix}CONTAINER"),
    };
    let mut demands = Vec::new();
    collect(&rule.test, &mut path, false, &mut demands);
    format!("{}: {}", rule.wrong, joined(&demands))
}

/// Demands with their fields, those with the same demand together.
fn joined(demands: &[(String, String)]) -> String {
    let mut text = String::new();
    let mut rest = demands;
    while let Some((_, demand)) = rest.first() {
        let same = rest.iter().take_while(|(_, other)| other == demand).count();
        let fields: Vec<_> = rest[..same].iter().map(|(field, _)| field.as_str()).collect();
        let gap = if text.is_empty() { "" } else { "; " };
        let space = if fields[0].is_empty() { "" } else { " " };
        _ = write!(text, "{gap}{}{space}{demand}", fields.join(", "));
        rest = &rest[same..];
    }
    text
}

fn collect(test: &Test, path: &mut String, optional: bool, found: &mut Vec<(String, String)>) {
    let unset_or = if optional { "unset or " } else { "" };
    let mut say = |demand: String| found.push((path.clone(), demand));
    match test {
        Test::Is(allowed) => say(format!("must be {unset_or}{allowed}")),
        Test::Unset => say("must be unset".to_owned()),
        Test::Includes(item) => say(format!("must include {item:?}")),
        Test::AnyField(keys) => say(format!("it must have one of {}", keys.join(", "))),
        Test::OnlyKeys(keys) => say(format!("it must have no fields but {}", keys.join(", "))),
        Test::Not(_) => {}
        Test::UnsetOr(test) => collect(test, path, true, found),
        Test::Each(test) => below(path, "[*]", |path| collect(test, path, false, found)),
        Test::All(tests) | Test::Any(tests) => {
            tests.iter().for_each(|test| collect(test, path, optional, found));
        }
        Test::Field(keys, test) | Test::Inherited(keys, test) => {
            let dot = if path.is_empty() { "" } else { "." };
            below(path, &format!("{dot}{}", keys.join(".")), |path| collect(test, path, false, found));
        }
    }
}

fn below(path: &mut String, suffix: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(suffix);
    then(path);
    path.truncate(length);
}
