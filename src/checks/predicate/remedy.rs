//! Repairs as data, and the field operations that they come to.

use serde_json::{Map, Value};

use super::walk::{Pod, Problem, Subject, Violation, holds};
use super::{Rule, Test};
use crate::edit::{Applicability, FieldOp, Fix};
use crate::k8s::{Step, Tree};
use crate::yaml::Pointer;

/// How to repair a violation.
#[derive(Debug)]
pub enum Remedy {
    /// Not by a program; the check's manual says why.
    None,
    /// By one change.
    Change(Change),
    /// By the flag and an emptyDir wherever the container writes: [`read_only_root`](crate::checks::read_only_root).
    ReadOnlyRoot,
}

/// A change at the place of the violation.
#[derive(Debug)]
pub struct Change {
    /// As an imperative: `set privileged to false`.
    pub title: &'static str,
    /// What is done.
    pub action: Action,
    /// How sure it is.
    pub applicability: Applicability,
    /// Where it keeps behaviour all the same; judged on the part that the rule is about.
    pub safe_if: Option<&'static Test>,
    /// Where it is not to be done at all, likewise.
    pub never_if: Option<&'static Test>,
}

impl Change {
    /// A change that may alter behaviour.
    pub const fn risky(title: &'static str, action: Action) -> Self {
        Self { title, action, applicability: Applicability::Unsafe, safe_if: None, never_if: None }
    }

    /// A change that keeps behaviour.
    pub const fn safe(title: &'static str, action: Action) -> Self {
        Self { title, action, applicability: Applicability::Safe, safe_if: None, never_if: None }
    }

    /// The change, safe where the test holds.
    pub const fn safe_if(mut self, test: &'static Test) -> Self {
        self.safe_if = Some(test);
        self
    }

    /// The change, left out where the test holds.
    pub const fn never_if(mut self, test: &'static Test) -> Self {
        self.never_if = Some(test);
        self
    }
}

/// What is done at a place.
#[derive(Debug)]
pub enum Action {
    /// Set the field, with its parents where they are missing.
    Set(Literal),
    /// Set this field of the mapping at the place.
    SetBelow(&'static str, Literal),
    /// Remove the field.
    Remove,
    /// Remove the item of a list that the place is, or is in.
    RemoveItem,
    /// Add the string to the list, which is made where it is missing.
    Include(&'static str),
}

/// A value to set.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    /// A boolean.
    Bool(bool),
    /// A string.
    Text(&'static str),
    /// `{}`.
    EmptyMapping,
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Bool(value) => Self::Bool(value),
            Literal::Text(text) => Self::String(text.to_owned()),
            Literal::EmptyMapping => Self::Object(Map::new()),
        }
    }
}

/// The repair of a violation in a pod whose spec (for annotations: whose metadata) is at `base`.
///
/// A field of a wrong type is not repaired: what was meant is not known.
pub(in crate::checks) fn fix<T: Tree>(
    rule: &'static Rule,
    violation: &Violation<'_, T>,
    pod: Pod<T>,
    base: &[Step],
) -> Option<Fix> {
    let Remedy::Change(change) = &rule.remedy else { return None };
    if matches!(violation.problem, Problem::WrongType(_) | Problem::InheritsBad) {
        return None;
    }
    let part = match violation.subject {
        Subject::Pod | Subject::Annotation => pod.spec,
        Subject::Volume(part, _) | Subject::Container(_, part, _) => part,
    };
    let is = |test: Option<&'static Test>| test.is_some_and(|test| holds(test, part, pod.spec));
    if is(change.never_if) {
        return None;
    }
    let ops = vec![operation(&change.action, violation, base)?];
    let applicability = if is(change.safe_if) { Applicability::Safe } else { change.applicability };
    Some(Fix::new(change.title, ops, applicability))
}

fn operation<T: Tree>(action: &Action, violation: &Violation<'_, T>, base: &[Step]) -> Option<FieldOp> {
    match action {
        Action::Remove => Some(FieldOp::Remove { at: pointer(base, violation.path) }),
        Action::RemoveItem => {
            let item = violation.path.iter().rposition(|step| matches!(step, Step::Item(_)))?;
            Some(FieldOp::Remove { at: pointer(base, &violation.path[..=item]) })
        }
        Action::Include(text) if violation.found.is_some() => {
            Some(FieldOp::Append { at: pointer(base, violation.path), value: Value::from(*text) })
        }
        Action::Include(text) => set(violation, base, Value::from(vec![*text])),
        Action::Set(literal) => set(violation, base, Value::from(*literal)),
        Action::SetBelow(key, literal) => {
            violation.found?;
            Some(FieldOp::Set { at: pointer(base, violation.path).join(key), value: Value::from(*literal) })
        }
    }
}

/// Sets the field at the violation's place by way of its nearest parent that is there.
fn set<T: Tree>(violation: &Violation<'_, T>, base: &[Step], value: Value) -> Option<FieldOp> {
    let first_missing = violation.anchor? + 1;
    let missing = violation.path.get(first_missing..)?;
    let value = missing.iter().rev().try_fold(value, |value, step| match step {
        Step::Key(key) => Some(Value::Object(Map::from_iter([(key.to_string(), value)]))),
        Step::Item(_) => None,
    })?;
    Some(FieldOp::Set { at: pointer(base, &violation.path[..first_missing]), value })
}

/// The pointer of a path below `base`.
pub(in crate::checks) fn pointer(base: &[Step], path: &[Step]) -> Pointer {
    let token = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Item(index) => Pointer::index(*index),
    };
    base.iter().chain(path).map(token).collect()
}
