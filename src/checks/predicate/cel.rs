//! Predicates as CEL: the expressions from which exported policies are made.
//!
//! Only `has()` chains: every apiserver with the v1 API compiles them, and evaluators outside it can test
//! them. The object is read as the apiserver hands it over: decoded, so without nulls.

use std::fmt::{self, Write as _};

use super::{Allowed, Predicate, Test};

/// Where an expression finds what a condition may look at besides its own value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roots<'r> {
    /// The pod spec, a map that is there.
    pub(crate) spec: &'r str,
}

/// Whether the test holds for `value`, an expression for something that is there.
pub(crate) fn holds(test: &Test, value: &str, roots: Roots<'_>) -> Expr {
    condition(test, value, roots)
}

/// Whether the predicate's rules are not for the pod; `None` where they are for every pod.
pub(crate) fn exempt(predicate: &Predicate, roots: Roots<'_>) -> Option<Expr> {
    let mut conditions =
        predicate.exempt.iter().map(|exemption| condition(&exemption.when, roots.spec, roots));
    let first = conditions.next()?;
    Some(Expr::any([first].into_iter().chain(conditions)))
}

/// A boolean expression, so that parentheses stand where they are needed and only there.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    /// Needs none: a call, a comparison.
    Atom(String),
    /// All hold.
    All(Vec<Expr>),
    /// One holds.
    Any(Vec<Expr>),
    /// Condition, then, else.
    Choice(Box<[Expr; 3]>),
}

impl Expr {
    pub(crate) fn all(members: impl IntoIterator<Item = Self>) -> Self {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::All(members) => members,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::All)
    }

    pub(crate) fn any(members: impl IntoIterator<Item = Self>) -> Self {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::Any(members) => members,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::Any)
    }

    /// It does not hold.
    pub(crate) fn not(self) -> Self {
        match self {
            Self::Atom(text) if text.starts_with('!') || text.contains(' ') => {
                Self::Atom(format!("!({text})"))
            }
            Self::Atom(text) => Self::Atom(format!("!{text}")),
            compound => Self::Atom(format!("!({compound})")),
        }
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
        Test::Not(test) => condition(test, value, roots).not(),
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

/// A CEL string.
pub(crate) fn text(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            control if control.is_control() => _ = write!(literal, "\\u{:04x}", u32::from(control)),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::super::super::{Check, PssVersion};
    use super::*;

    const ROOTS: Roots<'static> = Roots { spec: "object.spec" };

    fn of(check: &str, rule: usize, value: &str) -> String {
        let predicate = Check::find(check).unwrap().predicate(PssVersion::LATEST).unwrap();
        holds(&predicate.rules[rule].test, value, ROOTS).to_string()
    }

    #[test]
    fn asks_for_each_parent_of_a_field() {
        let network = "!has(object.spec.hostNetwork) || object.spec.hostNetwork == false";
        assert_eq!(of("host-namespaces", 0, "object.spec"), network);
        assert_eq!(of("host-path-volumes", 0, "v"), "!has(v.hostPath)");
    }

    #[test]
    fn inherits_from_the_pod_that_the_roots_name() {
        let expected = "(has(c.securityContext) && has(c.securityContext.runAsNonRoot)) ? \
            (c.securityContext.runAsNonRoot == true) : (has(object.spec.securityContext) && \
            has(object.spec.securityContext.runAsNonRoot) && object.spec.securityContext.runAsNonRoot == true)";
        assert_eq!(of("run-as-root", 1, "c"), expected);
        let predicate = Check::find("run-as-root").unwrap().predicate(PssVersion::LATEST).unwrap();
        let exempt = exempt(predicate, ROOTS).unwrap().to_string();
        assert_eq!(exempt, "has(object.spec.hostUsers) && object.spec.hostUsers == false");
    }

    #[test]
    fn quotes_whatever_a_text_holds() {
        assert_eq!(text("a'b\\c\n"), "'a\\'b\\\\c\\u000a'");
    }
}
