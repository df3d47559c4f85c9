//! What the expressions of a policy read, each part computed once a request and only when asked for.

use serde_json::{Value, json};

use super::target::Target;
use crate::checks::predicate::CONTAINER_LISTS;
use crate::checks::predicate::cel::{Expr, Roots};

/// A named expression of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) expression: String,
}

impl Variable {
    pub(super) fn new(name: impl Into<String>, expression: impl Into<String>) -> Self {
        Self { name: name.into(), expression: expression.into() }
    }

    pub(super) fn reference(&self) -> Expr {
        Expr::Atom(format!("variables.{}", self.name))
    }

    fn is_in(&self, text: &str) -> bool {
        let reference = format!("variables.{}", self.name);
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        text.match_indices(&reference).any(|(at, _)| ends(&text[at + reference.len()..]))
    }
}

/// The object as it will be.
pub(super) const NEW: Roots<'static> = Roots { spec: "variables.spec" };
/// The object before an update; empty on creation.
pub(super) const OLD: Roots<'static> = Roots { spec: "variables.oldSpec" };

/// For mutations: as [`common`], and where the pod spec and its metadata are, as pointers; the old parts are those
/// of a Pod, whose containers cannot be changed any more.
pub(super) fn of_mutation(target: &Target) -> Vec<Variable> {
    let old = "request.operation != 'UPDATE' || request.kind.kind != 'Pod' ? {} : dyn(oldObject)".to_owned();
    let mut all = vec![
        Variable::new("at", target.pointer("/spec")),
        Variable::new("metadataAt", target.pointer("/metadata")),
    ];
    all.extend(parts(target.template("object"), NEW_NAMES));
    all.extend(parts(old, OLD_NAMES));
    all
}

const NEW_NAMES: [&str; 5] = ["template", "spec", "annotations", "containers", "volumes"];
const OLD_NAMES: [&str; 5] = ["oldTemplate", "oldSpec", "oldAnnotations", "oldContainers", "oldVolumes"];

/// The parts of the pod template, new and old, in the order in which they depend on each other.
pub(super) fn common(target: &Target) -> Vec<Variable> {
    let old = format!("request.operation != 'UPDATE' ? {{}} :\n{}", target.template("oldObject"));
    let mut all = parts(target.template("object"), NEW_NAMES);
    all.extend(parts(old, OLD_NAMES));
    all
}

fn parts(template: String, names: [&str; 5]) -> Vec<Variable> {
    let [at, spec, annotations, containers, volumes] = names;
    let list = |key: &str| format!("(has(variables.{spec}.{key}) ? variables.{spec}.{key} : [])");
    let lists: Vec<_> = CONTAINER_LISTS.iter().map(|(key, _)| list(key)).collect();
    vec![
        Variable::new(at, template),
        Variable::new(spec, format!("has(variables.{at}.spec) ? variables.{at}.spec : {{}}")),
        Variable::new(
            annotations,
            format!(
                "has(variables.{at}.metadata) && has(variables.{at}.metadata.annotations) ?\n\
                 variables.{at}.metadata.annotations : {{}}"
            ),
        ),
        Variable::new(containers, lists.join(" +\n")),
        Variable::new(volumes, list("volumes")),
    ]
}

/// Those of the variables that the texts refer to, directly or through each other, as the API has them.
pub(super) fn used(all: Vec<Variable>, texts: &[&str]) -> Vec<Value> {
    let mut kept: Vec<Variable> = Vec::new();
    for variable in all.into_iter().rev() {
        let later = kept.iter().map(|kept| kept.expression.as_str());
        if later.chain(texts.iter().copied()).any(|text| variable.is_in(text)) {
            kept.push(variable);
        }
    }
    let shown = |variable: &Variable| json!({"name": variable.name, "expression": variable.expression});
    kept.iter().rev().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_what_is_read() {
        let all = vec![
            Variable::new("a", "object"),
            Variable::new("ab", "variables.a.x"),
            Variable::new("c", "variables.ab"),
            Variable::new("d", "variables.a"),
        ];
        let names = |texts: &[&str]| {
            let used = used(all.clone(), texts);
            used.iter().map(|variable| variable["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&["variables.c == 1"]), ["a", "ab", "c"]);
        assert_eq!(names(&["has(variables.a)"]), ["a"]);
    }
}
