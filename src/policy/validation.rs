//! The rules of a check as validations: what is judged, and how a violation is told.
//!
//! A violation that was there before an update is let through, container by container: whoever scales or
//! repairs an old object must not be stopped by what he did not do.

use serde_json::{Value, json};

use super::exemption::Exemptions;
use super::variables::{NEW, OLD, Variable};
use crate::checks::Check;
use crate::checks::predicate::cel::{self, Expr, holds, text};
use crate::checks::predicate::{AnnotationKey, Predicate, Rule, Scope, demand};

/// The validations of one check, with the variables that they read.
pub(super) struct Validations {
    pub(super) variables: Vec<Variable>,
    pub(super) validations: Vec<Value>,
}

/// A list of parts of a pod, each with a name.
struct Parts {
    list: &'static str,
    old_list: &'static str,
    item: &'static str,
    called: &'static str,
}

const CONTAINERS: Parts = Parts {
    list: "variables.containers",
    old_list: "variables.oldContainers",
    item: "c",
    called: "container",
};
const VOLUMES: Parts =
    Parts { list: "variables.volumes", old_list: "variables.oldVolumes", item: "v", called: "volume" };

pub(super) fn validations(check: &Check, predicate: &Predicate, exemptions: &Exemptions<'_>) -> Validations {
    let mut made = Validations { variables: Vec::new(), validations: Vec::new() };
    for (index, rule) in predicate.rules.iter().enumerate() {
        let number = if predicate.rules.len() == 1 { String::new() } else { format!("_{}", index + 1) };
        let judged = Judged { check, predicate, rule, exemptions };
        judged.add(&format!("{}{number}", check.id.replace('-', "_")), &mut made);
    }
    made
}

struct Judged<'j> {
    check: &'j Check,
    predicate: &'j Predicate,
    rule: &'j Rule,
    exemptions: &'j Exemptions<'j>,
}

impl Judged<'_> {
    fn add(&self, name: &str, made: &mut Validations) {
        let violating = match self.rule.scope {
            Scope::Pod => return made.validations.push(self.pod()),
            Scope::Annotation(AnnotationKey::Named(key)) => {
                return made.validations.push(self.annotation(key));
            }
            Scope::Volume => self.names(&VOLUMES, self.exemptions.of_pod(self.check.id)),
            Scope::Container => self.names(&CONTAINERS, self.exemptions.of_container(self.check.id)),
            Scope::Annotation(AnnotationKey::WithPrefix(prefix)) => self.keys(prefix),
            Scope::Annotation(AnnotationKey::OfContainer(prefix)) => self.keys_of_containers(prefix),
        };
        let variable = Variable::new(name, violating);
        let none = Expr::Atom(format!("variables.{name}.size() == 0"));
        let part = match self.rule.scope {
            Scope::Volume => VOLUMES.called,
            Scope::Container => CONTAINERS.called,
            Scope::Pod | Scope::Annotation(_) => "annotation",
        };
        let told = format!(
            "{} + variables.{name}.join('\", \"') + {}",
            text(&format!("{part} \"")),
            text(&format!("\" {}", self.told()))
        );
        let mut validation = self.validation([none], &format!("a{} {part}", vowel(part)));
        validation["messageExpression"] = json!(told);
        made.variables.push(variable);
        made.validations.push(validation);
    }

    /// A rule for the pod spec.
    fn pod(&self) -> Value {
        let test = |roots: cel::Roots<'_>| holds(&self.rule.test, roots.spec, roots);
        let before = self.was_violated([test(OLD).not()]);
        let allowed = [test(NEW)].into_iter().chain(self.exemptions.of_pod(self.check.id)).chain([before]);
        self.validation(allowed, "pod")
    }

    /// A rule for one annotation of the pod.
    fn annotation(&self, key: &str) -> Value {
        let key = text(key);
        let is_there = |map: &str| Expr::Atom(format!("{key} in variables.{map}"));
        let test = |map: &str, roots| holds(&self.rule.test, &format!("variables.{map}[{key}]"), roots);
        let before = self.was_violated([is_there("oldAnnotations"), test("oldAnnotations", OLD).not()]);
        let allowed = [is_there("annotations").not(), test("annotations", NEW)].into_iter();
        self.validation(allowed.chain(self.exemptions.of_pod(self.check.id)).chain([before]), "annotation")
    }

    /// The names of the parts that violate.
    fn names(&self, parts: &Parts, exempt: Vec<Expr>) -> String {
        let Parts { list, old_list, item, .. } = parts;
        let test = holds(&self.rule.test, item, NEW);
        let old_test = holds(&self.rule.test, "o", OLD).not();
        let same_before = Expr::all([Expr::Atom(format!("o.name == {item}.name")), old_test]);
        let before = Expr::Atom(format!("{old_list}.exists(o, {same_before})"));
        let before = self.where_not_exempt_before(before);
        let allowed = lines([test].into_iter().chain(exempt).chain([before]));
        format!("{list}.filter({item}, !(\n{allowed}\n)).map({item}, {item}.name)")
    }

    /// The keys of annotations with a prefix that violate.
    fn keys(&self, prefix: &str) -> String {
        let test = holds(&self.rule.test, "variables.annotations[k]", NEW);
        let old_test = holds(&self.rule.test, "variables.oldAnnotations[k]", OLD).not();
        let before = Expr::all([Expr::Atom("k in variables.oldAnnotations".to_owned()), old_test]);
        let exempt = self.exemptions.of_pod(self.check.id);
        let allowed = lines([test].into_iter().chain(exempt).chain([self.where_not_exempt_before(before)]));
        format!("variables.annotations.filter(k, k.startsWith({}) && !(\n{allowed}\n))", text(prefix))
    }

    /// The keys of annotations for a container of the pod that violate.
    fn keys_of_containers(&self, prefix: &str) -> String {
        let key = format!("({} + c.name)", text(prefix));
        let test = holds(&self.rule.test, &format!("variables.annotations[{key}]"), NEW);
        let old_test = holds(&self.rule.test, &format!("variables.oldAnnotations[{key}]"), OLD).not();
        let was_there = [
            format!("{key} in variables.oldAnnotations"),
            "variables.oldContainers.exists(o, o.name == c.name)".to_owned(),
        ];
        let before = Expr::all(was_there.map(Expr::Atom).into_iter().chain([old_test]));
        let exempt = self.exemptions.of_pod(self.check.id);
        let allowed = lines([test].into_iter().chain(exempt).chain([self.where_not_exempt_before(before)]));
        format!(
            "variables.containers.filter(c, {key} in variables.annotations && !(\n{allowed}\n)).map(c, {key})"
        )
    }

    fn validation(&self, allowed: impl IntoIterator<Item = Expr>, part: &str) -> Value {
        let exempt = cel::exempt(self.predicate, NEW);
        let expression = lines(exempt.into_iter().chain(allowed));
        json!({
            "expression": expression,
            "message": format!("{part} {}", self.told()),
            "reason": "Forbidden",
        })
    }

    /// What is wrong and what is demanded, and which check says so.
    fn told(&self) -> String {
        format!("{} ({})", demand(self.rule), self.check.id)
    }

    /// The object before the update violated the rule, by these conditions.
    fn was_violated(&self, violated: impl IntoIterator<Item = Expr>) -> Expr {
        let is_update = Expr::Atom("request.operation == 'UPDATE'".to_owned());
        Expr::all([is_update, self.where_not_exempt_before(Expr::all(violated))])
    }

    fn where_not_exempt_before(&self, violated: Expr) -> Expr {
        let not_exempt = cel::exempt(self.predicate, OLD).map(Expr::not);
        Expr::all(not_exempt.into_iter().chain([violated]))
    }
}

/// Alternatives, one a line.
fn lines(alternatives: impl IntoIterator<Item = Expr>) -> String {
    let any = match Expr::any(alternatives) {
        Expr::Any(members) => members,
        one => vec![one],
    };
    let line = |member: &Expr| match member {
        Expr::Atom(text) => text.clone(),
        compound => format!("({compound})"),
    };
    any.iter().map(line).collect::<Vec<_>>().join(" ||\n")
}

fn vowel(part: &str) -> &'static str {
    if part.starts_with(['a', 'e', 'i', 'o', 'u']) { "n" } else { "" }
}
