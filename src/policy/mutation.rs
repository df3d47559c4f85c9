//! The repairs of a check as RFC 6902 patches in CEL.
//!
//! A patch is only made where the check is violated, so that a repaired object is left alone: mutating twice is
//! mutating once.

use std::fmt::Write as _;

use super::exemption::Exemptions;
use super::variables::NEW;
use crate::checks::Check;
use crate::checks::predicate::cel::{self, Expr, holds, text};
use crate::checks::predicate::{
    Action, AnnotationKey, CONTAINER_LISTS, Change, Literal, Predicate, Remedy, Rule, Scope, Test,
};
use crate::edit::Applicability;

/// The expressions for lists of patches of one check, and why there are none for some of its rules.
#[derive(Debug, Default)]
pub(super) struct Mutations {
    pub(super) patches: Vec<String>,
    pub(super) left_out: Vec<&'static str>,
}

const UNSAFE: &str = "its fix can change behaviour, `--unsafe` exports it";
const NO_FIX: &str = "no program can repair it";
const DEFAULTED: &str = "the apiserver does the same by itself";
const NOT_A_PATCH: &str = "its fix is none that CEL can write";

pub(super) fn mutations(
    check: &Check,
    predicate: &'static Predicate,
    exemptions: &Exemptions<'_>,
    is_unsafe: bool,
) -> Mutations {
    let mut made = Mutations::default();
    for rule in predicate.rules {
        match (Repair { check, predicate, rule, exemptions, is_unsafe }).patches() {
            Ok(patches) => made.patches.extend(patches),
            Err(reason) if made.left_out.contains(&reason) => {}
            Err(reason) => made.left_out.push(reason),
        }
    }
    made
}

struct Repair<'r> {
    check: &'r Check,
    predicate: &'r Predicate,
    rule: &'static Rule,
    exemptions: &'r Exemptions<'r>,
    is_unsafe: bool,
}

/// One demand of a rule on one field.
struct Demand {
    test: &'static Test,
    /// From the part of the pod to the field, or to the list whose items are judged.
    path: Vec<&'static str>,
    /// What each item of the list must be, and the field of it that is judged.
    items: Option<(&'static Test, Vec<&'static str>)>,
    /// The container's field falls back to the pod's.
    is_inherited: bool,
}

impl Repair<'_> {
    fn patches(&self) -> Result<Vec<String>, &'static str> {
        let Remedy::Change(change) = &self.rule.remedy else { return Err(NO_FIX) };
        if matches!(change.action, Action::SetBelow(..)) {
            return Err(DEFAULTED);
        }
        let is_exported = change.applicability == Applicability::Safe
            || change.applicability == Applicability::Unsafe && (self.is_unsafe || change.safe_if.is_some());
        if !is_exported {
            return Err(UNSAFE);
        }
        if let Scope::Annotation(key) = self.rule.scope {
            return self.annotation(change, key).map(|patch| vec![patch]);
        }
        let demands = demands(&self.rule.test).ok_or(NOT_A_PATCH)?;
        let patches = demands.iter().flat_map(|demand| match self.rule.scope {
            Scope::Container => CONTAINER_LISTS.map(|(list, _)| self.in_list(change, demand, list)).to_vec(),
            _ => vec![self.pod(change, demand)],
        });
        patches.collect::<Option<Vec<_>>>().ok_or(NOT_A_PATCH)
    }

    fn pod(&self, change: &Change, demand: &Demand) -> Option<String> {
        let spec = NEW.spec;
        let settable = Expr::any(
            ["request.operation == 'CREATE'", "request.kind.kind != 'Pod'"]
                .map(|text| Expr::Atom(text.to_owned())),
        );
        let exempt = self.exemptions.of_pod(self.check.id);
        let condition = Expr::all([settable, self.condition(change, demand, spec, exempt)]);
        let patch = patch(&change.action, demand, spec, "variables.at")?;
        Some(format!("({condition} ?\n[{patch}] : [])"))
    }

    fn in_list(&self, change: &Change, demand: &Demand, list: &str) -> Option<String> {
        let at = format!("variables.at + '/{list}/' + string(i)");
        let new = Expr::Atom("!variables.oldContainers.exists(o, o.name == c.name)".to_owned());
        let exempt = self.exemptions.of_container(self.check.id);
        let condition = Expr::all([self.condition(change, demand, "c", exempt), new]);
        let patch = patch(&change.action, demand, "c", &at)?;
        let spec = NEW.spec;
        Some(format!("(has({spec}.{list}) ? {spec}.{list}.transformList(i, c,\n{condition},\n{patch}) : [])"))
    }

    /// Whether the demand is to be repaired on `part`.
    fn condition(&self, change: &Change, demand: &Demand, part: &str, exempt: Vec<Expr>) -> Expr {
        let mut all = vec![holds(demand.test, part, NEW).not()];
        if demand.is_inherited {
            // What all containers take from the pod is repaired at the pod.
            let own = set(part, &demand.path);
            all.push(Expr::any([own, set(NEW.spec, &demand.path).not()]));
        }
        all.extend(cel::exempt(self.predicate, NEW).map(Expr::not));
        all.extend(exempt.into_iter().map(Expr::not));
        all.extend(change.never_if.map(|test| holds(test, part, NEW).not()));
        if !self.is_unsafe && change.applicability != Applicability::Safe {
            all.extend(change.safe_if.map(|test| holds(test, part, NEW)));
        }
        Expr::all(all)
    }

    fn annotation(&self, change: &Change, key: AnnotationKey) -> Result<String, &'static str> {
        let (AnnotationKey::WithPrefix(prefix), Action::Set(literal)) = (key, &change.action) else {
            return Err(NOT_A_PATCH);
        };
        let test = holds(&self.rule.test, "variables.annotations[k]", NEW).not();
        let starts = Expr::Atom(format!("k.startsWith({})", text(prefix)));
        let created = Expr::Atom("request.operation == 'CREATE'".to_owned());
        let exempt = self.exemptions.of_pod(self.check.id).into_iter().map(Expr::not);
        let condition = Expr::all([created, starts, test].into_iter().chain(exempt));
        Ok(format!(
            "variables.annotations.filter(k, {condition}).map(k, JSONPatch{{op: 'replace', \
             path: variables.metadataAt + '/annotations/' + jsonpatch.escapeKey(k), value: {}}})",
            shown(*literal)
        ))
    }
}

/// The demands of a test, each on a field of its own; `None` for a test that is no demand on fields.
fn demands(test: &'static Test) -> Option<Vec<Demand>> {
    if let Test::All(tests) = test {
        return tests.iter().map(demand).collect();
    }
    demand(test).map(|demand| vec![demand])
}

fn demand(test: &'static Test) -> Option<Demand> {
    let mut demand = Demand { test, path: Vec::new(), items: None, is_inherited: false };
    let mut rest = test;
    loop {
        rest = match rest {
            Test::Field(path, inner) => {
                demand.path.extend_from_slice(path);
                inner
            }
            Test::Inherited(path, inner) => {
                demand.is_inherited = true;
                demand.path.extend_from_slice(path);
                inner
            }
            Test::UnsetOr(inner) => inner,
            Test::Each(inner) => {
                let below = match inner {
                    Test::Field(path, _) => path.to_vec(),
                    _ => Vec::new(),
                };
                demand.items = Some((inner, below));
                return Some(demand);
            }
            Test::Is(_) | Test::Unset | Test::Includes(_) => return Some(demand),
            _ => return None,
        };
    }
}

/// One patch of the field below `part`, which is at the pointer `at`; both are expressions.
fn patch(action: &Action, demand: &Demand, part: &str, at: &str) -> Option<String> {
    let place = place(part, &demand.path);
    match (action, &demand.items) {
        (Action::Set(literal), None) => Some(set_patch(part, at, &demand.path, &shown(*literal))),
        (Action::Remove, None) => Some(one("remove", at, &demand.path, None)),
        (Action::RemoveItem, Some((items, _))) => {
            let kept = format!("{place}.filter(i2, {})", holds(items, "i2", NEW));
            Some(one("replace", at, &demand.path, Some(&kept)))
        }
        (Action::Remove, Some((items, below))) => {
            let [key] = below[..] else { return None };
            let without = format!("i2.transformMap(k, v, k != {}, v)", text(key));
            let kept = format!("{place}.map(i2, ({}) ? i2 : {without})", holds(items, "i2", NEW));
            Some(one("replace", at, &demand.path, Some(&kept)))
        }
        (Action::Include(item), None) => {
            let list = format!("[{}]", text(item));
            let end = demand.path.iter().copied().chain(["-"]).collect::<Vec<_>>();
            let appended = one("add", at, &end, Some(&text(item)));
            let is_there = set(part, &demand.path);
            Some(format!("({is_there}) ?\n{appended} :\n{}", set_patch(part, at, &demand.path, &list)))
        }
        _ => None,
    }
}

/// Sets a field by way of the nearest parent that is there.
fn set_patch(part: &str, at: &str, path: &[&'static str], value: &str) -> String {
    let mut choices = String::new();
    for depth in 1..path.len() {
        let missing = place(part, &path[..depth]);
        let nested = path[depth..]
            .iter()
            .rev()
            .fold(value.to_owned(), |value, key| format!("{{{}: {value}}}", text(key)));
        _ = writeln!(choices, "!has({missing}) ? {} :", one("add", at, &path[..depth], Some(&nested)));
    }
    choices + &one("add", at, path, Some(value))
}

fn one(op: &str, at: &str, path: &[&str], value: Option<&str>) -> String {
    let path = path.iter().fold(String::new(), |pointer, key| pointer + "/" + key);
    let value = value.map_or_else(String::new, |value| format!(", value: {value}"));
    format!("JSONPatch{{op: '{op}', path: {at} + '{path}'{value}}}")
}

fn place(part: &str, path: &[&str]) -> String {
    path.iter().fold(part.to_owned(), |place, key| place + "." + key)
}

fn set(part: &str, path: &[&str]) -> Expr {
    Expr::all((1..=path.len()).map(|depth| Expr::Atom(format!("has({})", place(part, &path[..depth])))))
}

fn shown(literal: Literal) -> String {
    match literal {
        Literal::Bool(value) => value.to_string(),
        Literal::Text(value) => text(value),
        Literal::EmptyMapping => "{}".to_owned(),
    }
}
