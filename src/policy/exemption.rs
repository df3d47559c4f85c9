//! The configuration's exemptions as conditions of validations.

use jiff::civil::Date;

use super::glob::any_of;
use super::variables::Variable;
use crate::checks::predicate::cel::Expr;
use crate::config::Exemption;

/// The exemptions that hold today.
pub(super) struct Exemptions<'c> {
    carried: Vec<Carried<'c>>,
}

struct Carried<'c> {
    exemption: &'c Exemption,
    /// Whether the object is meant; absent where every object is.
    object: Option<Variable>,
    /// Whether one container's image is meant, for a container `c`.
    image: Option<Expr>,
    /// Whether one container's name is meant, likewise.
    container: Option<Expr>,
}

const NAME: &str = "(has(object.metadata.name) ? object.metadata.name : \
    has(object.metadata.generateName) ? object.metadata.generateName : '')";

impl<'c> Exemptions<'c> {
    /// Those of the configuration that have not ended, with what cannot be said of them.
    pub(super) fn new(all: &'c [Exemption], today: Date) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let mut carried = Vec::new();
        for (index, exemption) in all.iter().enumerate() {
            let number = index + 1;
            let name =
                format!("exemption {number} ({}: {})", exemption.checks.join(", "), exemption.reason.trim());
            if exemption.is_expired(today) {
                notes.push(format!("{name} is left out: it has expired"));
                continue;
            }
            if let Some(last) = exemption.expires {
                notes.push(format!(
                    "{name} ends on {last}, which CEL cannot tell: export again then, or it stays"
                ));
            }
            if exemption.names.is_some() {
                notes.push(format!(
                    "{name} covers objects by name: the pods of an exempt workload have names of their own, \
                     so let a glob cover them, as `web-*`"
                ));
            }
            carried.push(carry(exemption, number, &mut |glob| {
                notes.push(format!("{name}: the glob `{glob}` is left out, RE2 reads it in another way"));
            }));
        }
        (Self { carried }, notes)
    }

    /// What the conditions refer to.
    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> + '_ {
        self.carried.iter().filter_map(|carried| carried.object.clone())
    }

    /// Whether a finding of the check about the container `c` is exempt.
    pub(super) fn of_container(&self, check: &str) -> Vec<Expr> {
        self.of(check, |carried| Some([carried.image.clone(), carried.container.clone()]))
    }

    /// Whether a finding of the check about the whole pod is exempt: not by the name of a container, and by
    /// images only where all are meant.
    pub(super) fn of_pod(&self, check: &str) -> Vec<Expr> {
        self.of(check, |carried| {
            let images = carried.image.as_ref().map(|image| {
                Expr::all([
                    Expr::Atom("variables.containers.size() > 0".to_owned()),
                    Expr::Atom(format!("variables.containers.all(c, {image})")),
                ])
            });
            carried.container.is_none().then_some([images, None])
        })
    }

    fn of(&self, check: &str, more: impl Fn(&Carried<'_>) -> Option<[Option<Expr>; 2]>) -> Vec<Expr> {
        let is_meant = |carried: &&Carried<'_>| carried.exemption.checks.iter().any(|own| own == check);
        let condition = |carried: &Carried<'_>| {
            let more = more(carried)?;
            let object = carried.object.as_ref().map(Variable::reference);
            let mut all = object.into_iter().chain(more.into_iter().flatten()).peekable();
            Some(if all.peek().is_some() { Expr::all(all) } else { Expr::Atom("true".to_owned()) })
        };
        self.carried.iter().filter(is_meant).filter_map(condition).collect()
    }
}

fn carry<'c>(exemption: &'c Exemption, number: usize, lose: &mut dyn FnMut(&str)) -> Carried<'c> {
    let mut condition = |globs: Option<&'c Vec<globset::GlobMatcher>>, subject: &str| {
        let (any, unsaid) = any_of(globs?, subject);
        unsaid.into_iter().for_each(&mut *lose);
        Some(any)
    };
    let namespace = condition(exemption.namespaces.as_ref(), "request.namespace");
    let name = condition(exemption.names.as_ref(), NAME);
    let has_image = Expr::Atom("has(c.image)".to_owned());
    let image = condition(exemption.images.as_ref(), "c.image").map(|image| Expr::all([has_image, image]));
    let container = condition(exemption.containers.as_ref(), "c.name");
    let object: Vec<_> = namespace.into_iter().chain(name).collect();
    let object = (!object.is_empty())
        .then(|| Variable::new(format!("exempt_{number}"), Expr::all(object).to_string()));
    Carried { exemption, object, image, container }
}
