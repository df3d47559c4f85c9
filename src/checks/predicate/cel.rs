//! Predicates as CEL, for the validations of a ValidatingAdmissionPolicy.
//!
//! Only `has()` chains: every apiserver with the v1 API compiles them, and evaluators outside it can test
//! them. The object is read as the apiserver hands it over: decoded, so without nulls.

use std::fmt;

use super::describe::demand;
use super::{Allowed, AnnotationKey, CONTAINER_LISTS, Predicate, Rule, Scope, Test};

/// Where an expression finds the parts of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Roots<'r> {
    /// The pod spec, which is there: `object.spec`, or a variable of the policy.
    pub spec: &'r str,
    /// The pod's annotations, a map that is there.
    pub annotations: &'r str,
}

impl Roots<'static> {
    /// Those of a Pod.
    pub const POD: Self = Self {
        spec: "object.spec",
        annotations: "(has(object.metadata.annotations) ? object.metadata.annotations : {})",
    };
}

/// One validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// True where the object is allowed.
    pub expression: String,
    /// What is demanded, in one line.
    pub message: String,
}

/// One validation for each rule, in the order of the rules.
pub fn validations(predicate: &Predicate, roots: Roots<'_>) -> Vec<Validation> {
    let validation = |rule: &Rule| {
        let exempt = predicate.exempt.iter().map(|exemption| condition(&exemption.when, roots.spec, roots));
        let expression = Expr::any(exempt.chain([demanded(rule, roots)]));
        Validation { expression: expression.to_string(), message: demand(rule) }
    };
    predicate.rules.iter().map(validation).collect()
}

/// A boolean expression, so that parentheses stand where they are needed and only there.
enum Expr {
    Atom(String),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    /// Condition, then, else.
    Choice(Box<[Expr; 3]>),
}

impl Expr {
    fn all(members: impl IntoIterator<Item = Self>) -> Self {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::All(members) => members,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::All)
    }

    fn any(members: impl IntoIterator<Item = Self>) -> Self {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::Any(members) => members,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::Any)
    }

    fn one_or(mut members: Vec<Self>, several: impl FnOnce(Vec<Self>) -> Self) -> Self {
        match members.len() {
            1 => members.remove(0),
            _ => several(members),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, members: &[Self], operator: &str| {
            for (index, member) in members.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { operator })?;
                match member {
                    Self::Atom(text) => f.write_str(text)?,
                    compound => write!(f, "({compound})")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Atom(text) => f.write_str(text),
            Self::All(members) => joined(f, members, " && "),
            Self::Any(members) => joined(f, members, " || "),
            Self::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                write!(f, "({condition}) ? ({then}) : ({otherwise})")
            }
        }
    }
}

fn demanded(rule: &Rule, roots: Roots<'_>) -> Expr {
    match rule.scope {
        Scope::Pod => condition(&rule.test, roots.spec, roots),
        Scope::Volume => each_of("volumes", "v", &condition(&rule.test, "v", roots), roots),
        Scope::Container => each_container(&condition(&rule.test, "c", roots), roots),
        Scope::Annotation(key) => annotation(key, &rule.test, roots),
    }
}

fn each_of(list: &str, item: &str, test: &Expr, roots: Roots<'_>) -> Expr {
    let spec = roots.spec;
    let all = Expr::Atom(format!("{spec}.{list}.all({item}, {test})"));
    Expr::any([Expr::Atom(format!("!has({spec}.{list})")), all])
}

fn each_container(test: &Expr, roots: Roots<'_>) -> Expr {
    Expr::all(CONTAINER_LISTS.map(|(list, _)| each_of(list, "c", test, roots)))
}

fn annotation(key: AnnotationKey, test: &Test, roots: Roots<'_>) -> Expr {
    let annotations = roots.annotations;
    let unless_there = |key: &str| {
        let test = condition(test, &format!("{annotations}[{key}]"), roots);
        Expr::any([Expr::Atom(format!("!({key} in {annotations})")), test])
    };
    match key {
        AnnotationKey::Named(name) => unless_there(&text(name)),
        AnnotationKey::WithPrefix(prefix) => {
            let test = condition(test, &format!("{annotations}[k]"), roots);
            let test = Expr::any([Expr::Atom(format!("!k.startsWith({})", text(prefix))), test]);
            Expr::Atom(format!("{annotations}.all(k, {test})"))
        }
        AnnotationKey::OfContainer(prefix) => {
            each_container(&unless_there(&format!("({} + c.name)", text(prefix))), roots)
        }
    }
}

/// The test of a value that is there.
fn condition(test: &Test, value: &str, roots: Roots<'_>) -> Expr {
    let all_or_any = |tests: &'static [Test]| tests.iter().map(|test| condition(test, value, roots));
    match test {
        Test::Is(allowed) => is(allowed, value),
        Test::Unset => Expr::Atom("false".to_owned()),
        Test::UnsetOr(test) => condition(test, value, roots),
        Test::Field(path, test) => field(path, test, value, roots),
        Test::Each(test) => Expr::Atom(format!("{value}.all(i, {})", condition(test, "i", roots))),
        Test::Includes(item) => Expr::Atom(format!("{} in {value}", text(item))),
        Test::AnyField(keys) => Expr::any(keys.iter().map(|key| Expr::Atom(has(value, &[key])))),
        Test::OnlyKeys(keys) => {
            let keys: Vec<_> = keys.iter().map(|key| text(key)).collect();
            Expr::Atom(format!("{value}.all(k, k in [{}])", keys.join(", ")))
        }
        Test::All(tests) => Expr::all(all_or_any(tests)),
        Test::Any(tests) => Expr::any(all_or_any(tests)),
        Test::Not(test) => Expr::Atom(format!("!({})", condition(test, value, roots))),
        Test::Inherited(path, test) => {
            let own = condition(test, &join(value, path), roots);
            let pods = field(path, test, roots.spec, roots);
            Expr::Choice(Box::new([is_set(value, path), own, pods]))
        }
    }
}

/// The test of a field of a value that is there.
fn field(path: &[&str], test: &Test, value: &str, roots: Roots<'_>) -> Expr {
    let test_there = || condition(test, &join(value, path), roots);
    if !holds_unset(test) {
        return Expr::all([is_set(value, path), test_there()]);
    }
    let missing = (1..=path.len()).map(|depth| Expr::Atom(format!("!{}", has(value, &path[..depth]))));
    let there = (!matches!(test, Test::Unset)).then(test_there);
    Expr::any(missing.chain(there))
}

/// Whether the test holds for an absent value.
pub(in crate::checks) fn holds_unset(test: &Test) -> bool {
    match test {
        Test::Unset | Test::UnsetOr(_) | Test::Each(_) | Test::OnlyKeys(_) => true,
        Test::Is(_) | Test::Includes(_) | Test::AnyField(_) | Test::Inherited(..) => false,
        Test::Field(_, test) => holds_unset(test),
        Test::Not(test) => !holds_unset(test),
        Test::All(tests) => tests.iter().all(holds_unset),
        Test::Any(tests) => tests.iter().any(holds_unset),
    }
}

fn is(allowed: &Allowed, value: &str) -> Expr {
    Expr::Atom(match allowed {
        Allowed::Bool(allowed) => format!("{value} == {allowed}"),
        Allowed::Int(allowed) => format!("{value} == {allowed}"),
        Allowed::IntExcept(forbidden) => format!("{value} != {forbidden}"),
        Allowed::Text { values: [only], prefixes: [] } => format!("{value} == {}", text(only)),
        Allowed::Text { values, prefixes } => {
            let values: Vec<_> = values.iter().map(|value| text(value)).collect();
            let whole = Expr::Atom(format!("{value} in [{}]", values.join(", ")));
            let starts = |prefix: &&str| Expr::Atom(format!("{value}.startsWith({})", text(prefix)));
            return Expr::any([whole].into_iter().chain(prefixes.iter().map(starts)));
        }
    })
}

fn is_set(value: &str, path: &[&str]) -> Expr {
    Expr::all((1..=path.len()).map(|depth| Expr::Atom(has(value, &path[..depth]))))
}

fn has(value: &str, path: &[&str]) -> String {
    format!("has({})", join(value, path))
}

fn join(value: &str, path: &[&str]) -> String {
    path.iter().fold(value.to_owned(), |place, key| place + "." + key)
}

/// A CEL string; the tables hold no quotes and no backslashes.
fn text(text: &str) -> String {
    debug_assert!(!text.contains(['\'', '\\']));
    format!("'{text}'")
}

#[cfg(test)]
mod tests {
    use super::super::super::{Check, PssVersion};
    use super::*;

    fn of(check: &str) -> Vec<Validation> {
        validations(Check::find(check).unwrap().predicate(PssVersion::LATEST).unwrap(), Roots::POD)
    }

    #[test]
    fn asks_for_each_parent_of_a_field() {
        let network = Validation {
            expression: "!has(object.spec.hostNetwork) || object.spec.hostNetwork == false".to_owned(),
            message: "the pod shares the network of its node: hostNetwork must be unset or false".to_owned(),
        };
        assert_eq!(of("host-namespaces")[0], network);
        let volumes = "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))";
        assert_eq!(of("host-path-volumes")[0].expression, volumes);
    }

    #[test]
    fn reads_every_kind_of_container() {
        let expression = &of("writable-root-filesystem")[0].expression;
        for (list, _) in CONTAINER_LISTS {
            assert!(expression.contains(&format!("object.spec.{list}.all(c, ")), "{expression}");
        }
    }

    #[test]
    fn takes_the_roots_that_a_policy_defines() {
        let roots = Roots { spec: "variables.spec", annotations: "variables.annotations" };
        let predicate = Check::find("unconfined-apparmor").unwrap().predicate(PssVersion::LATEST).unwrap();
        let validations = validations(predicate, roots);
        assert!(validations.iter().all(|validation| !validation.expression.contains("object.")));
        let annotations = &validations[2];
        let expected = "variables.annotations.all(k, \
            !k.startsWith('container.apparmor.security.beta.kubernetes.io/') || \
            variables.annotations[k] in ['', 'runtime/default'] || \
            variables.annotations[k].startsWith('localhost/'))";
        assert_eq!(annotations.expression, expected);
        assert!(
            annotations.message.contains("annotations container.apparmor.security.beta.kubernetes.io/* must")
        );
    }
}
