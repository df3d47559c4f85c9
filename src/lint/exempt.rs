//! Who is allowed what: findings of an object, sorted out by comments, its annotation and the configuration.
//!
//! Data in: an object's findings. Data out: those that remain, those that are exempt with the reason, and what is
//! wrong with the annotation. Every exemption that covers a finding counts as used, not only the first one, so that
//! none is called useless for standing beside another.

use std::collections::BTreeSet;

use super::allow::{AllowError, Allows};
use super::annotation::Annotation;
use super::report::{ExemptedBy, Suppression};
use super::source::Settings;
use crate::checks::{Context, Finding};
use crate::config::Subject;
use crate::k8s::{Object, Tree, pod_specs};
use crate::yaml::{Document, Pointer, Stream};

/// An exemption of the configuration, by its place in the list, and a check that it silenced.
pub(super) type Use = (usize, &'static str);

/// The findings of one object.
pub(super) struct SortedOut {
    pub(super) reported: Vec<Finding>,
    pub(super) exempted: Vec<(Finding, Suppression)>,
    /// What is wrong with the object's annotation, and where.
    pub(super) errors: Vec<(Pointer, AllowError)>,
}

/// The exemptions that hold in one source.
pub(super) struct Exemptions<'s> {
    settings: &'s Settings,
    allows: Allows,
    used: BTreeSet<Use>,
}

impl<'s> Exemptions<'s> {
    pub(super) fn new(settings: &'s Settings, allows: Allows) -> Self {
        Self { settings, allows, used: BTreeSet::new() }
    }

    /// The comments, with which of them are used, and the uses of the configuration's exemptions.
    pub(super) fn into_parts(self) -> (Allows, Vec<Use>) {
        (self.allows, self.used.into_iter().collect())
    }

    pub(super) fn sort_out<T: Tree>(
        &mut self,
        object: &Object<T>,
        findings: Vec<Finding>,
        (stream, document): (&Stream<'_>, Document<'_>),
    ) -> SortedOut {
        let mut annotation = Annotation::of(object, self.settings.today);
        let mut sorted = SortedOut { reported: Vec::new(), exempted: Vec::new(), errors: Vec::new() };
        if annotation.is_none() && self.allows.is_empty() && self.settings.exemptions.is_empty() {
            sorted.reported = findings;
            return sorted;
        }
        for finding in findings {
            let by_annotation = annotation.as_mut().and_then(|own| own.silences(finding.check));
            let by_config = self.configured(object, &finding);
            let by_comment = self.allows.silences(&finding, stream, document);
            let first = by_comment.map(|reason| (ExemptedBy::Comment, reason));
            let first = first.or(by_annotation.map(|reason| (ExemptedBy::Annotation, reason)));
            match first.or(by_config.map(|reason| (ExemptedBy::Configuration, reason))) {
                Some((by, reason)) => sorted.exempted.push((finding, Suppression { by, reason })),
                None => sorted.reported.push(finding),
            }
        }
        let is_selected = |id: &str| self.settings.selection.has(id);
        sorted.errors = annotation.map(|own| own.into_errors(object, is_selected)).unwrap_or_default();
        sorted
    }

    /// The reason of the first exemption of the configuration that covers a finding.
    fn configured<T: Tree>(&mut self, object: &Object<T>, finding: &Finding) -> Option<String> {
        let settings = self.settings;
        let mut named = settings.exemptions.iter().enumerate().filter(|(_, exemption)| {
            exemption.checks.iter().any(|check| check == finding.check)
                && !exemption.is_expired(settings.today)
        });
        let first = named.next()?;
        let (namespace, name) = (object.namespace(), object.name());
        let container = finding.container.as_deref();
        let images = images(object, &settings.context, container);
        let images: Vec<&str> = images.iter().map(AsRef::as_ref).collect();
        let text =
            |text: &Option<T::Text>| text.as_ref().map_or(String::new(), |text| text.as_ref().to_owned());
        let (namespace, name) = (text(&namespace), text(&name));
        let subject = Subject { namespace: &namespace, name: &name, container, images: &images };
        let mut reason = None;
        for (index, exemption) in std::iter::once(first).chain(named) {
            if exemption.covers(finding.check, &subject) {
                self.used.insert((index, finding.check));
                reason.get_or_insert_with(|| exemption.reason.clone());
            }
        }
        reason
    }
}

/// The images of the containers with this name, or of all.
fn images<T: Tree>(object: &Object<T>, context: &Context, container: Option<&str>) -> Vec<T::Text> {
    let pods = pod_specs(object, &context.kinds).into_iter().flatten();
    let containers = pods.flat_map(|pod| containers(pod.spec));
    let is_meant = |tree: &T| {
        container.is_none_or(|name| {
            tree.get("name").and_then(Tree::as_str).is_some_and(|own| own.as_ref() == name)
        })
    };
    containers.filter(is_meant).filter_map(|tree| tree.get("image")?.as_str()).collect()
}

fn containers<T: Tree>(spec: T) -> impl Iterator<Item = T> {
    let kinds = crate::checks::predicate::CONTAINER_LISTS.into_iter();
    kinds.filter_map(move |(list, _)| spec.get(list)).flat_map(Tree::items)
}
