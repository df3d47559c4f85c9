//! Exemptions of the configuration: for whom, from what, why and until when.

use globset::GlobMatcher;
use jiff::civil::Date;

use crate::yaml::Position;

/// One entry of `exemptions`. A list that is absent says nothing, so that all pass it.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// The checks that it exempts from.
    pub checks: Vec<String>,
    /// Namespaces, as globs.
    pub namespaces: Option<Vec<GlobMatcher>>,
    /// Object names, as globs.
    pub names: Option<Vec<GlobMatcher>>,
    /// Container names, as globs.
    pub containers: Option<Vec<GlobMatcher>>,
    /// Images, as globs in which `*` also matches `/`.
    pub images: Option<Vec<GlobMatcher>>,
    /// Why.
    pub reason: String,
    /// Its last day.
    pub expires: Option<Date>,
    /// Where it stands, for reports about itself.
    pub position: Position,
}

/// Who asks to be exempt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'s> {
    /// The object's namespace; empty where it names none.
    pub namespace: &'s str,
    /// The object's name.
    pub name: &'s str,
    /// The container, for a finding about one.
    pub container: Option<&'s str>,
    /// The container's image, or every image of the pod for a finding about the pod.
    pub images: &'s [&'s str],
}

impl Exemption {
    /// Whether it has ended before `today`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }

    /// Whether it covers a check for a subject; its date is the caller's to compare.
    pub fn covers(&self, check: &str, subject: &Subject<'_>) -> bool {
        let any = |globs: &Option<Vec<GlobMatcher>>, text: &str| {
            globs.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.is_match(text)))
        };
        let container = match (&self.containers, subject.container) {
            (Some(_), None) => false,
            (_, container) => any(&self.containers, container.unwrap_or_default()),
        };
        // A finding about the pod is exempt only where every image of the pod is.
        let images = self.images.is_none()
            || (!subject.images.is_empty() && subject.images.iter().all(|image| any(&self.images, image)));
        self.checks.iter().any(|own| own == check)
            && any(&self.namespaces, subject.namespace)
            && any(&self.names, subject.name)
            && container
            && images
    }
}
