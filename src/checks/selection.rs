//! Which checks to run, and what each demands.

use super::predicate::Predicate;
use super::pss::PssVersion;
use super::registry::{CHECKS, Check, Level};
use crate::nearest::nearest;

/// The checks of one run.
#[derive(Clone, Debug)]
pub struct Selection {
    checks: Vec<&'static Check>,
    version: PssVersion,
}

/// A check to run on pod specs.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodCheck {
    pub(super) check: &'static Check,
    pub(super) predicate: &'static Predicate,
}

/// A name that no check has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown check `{id}`{}", near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownCheck {
    /// What was asked for.
    pub id: String,
    /// The check whose name is nearest, unless none is near.
    pub near: Option<&'static str>,
}

impl Selection {
    /// The checks of a level, as a version of the Pod Security Standards has them. A check that another of
    /// the level overrides is left out, as Pod Security Admission leaves it out.
    pub fn level(level: Level, version: PssVersion) -> Self {
        let is_there = |check: &Check| level.has(check.group) && check.exists_in(version);
        let of_level = || CHECKS.iter().copied().filter(|check| is_there(check));
        let is_overridden = |id: &str| of_level().any(|other| other.overrides.contains(&id));
        Self { checks: of_level().filter(|check| !is_overridden(check.id)).collect(), version }
    }

    /// Only these checks.
    ///
    /// # Errors
    /// [`UnknownCheck`].
    pub fn only<'i>(
        ids: impl IntoIterator<Item = &'i str>,
        version: PssVersion,
    ) -> Result<Self, UnknownCheck> {
        Self { checks: Vec::new(), version }.select(ids)
    }

    /// These checks as well.
    ///
    /// # Errors
    /// [`UnknownCheck`].
    pub fn select<'i>(mut self, ids: impl IntoIterator<Item = &'i str>) -> Result<Self, UnknownCheck> {
        for id in ids {
            let check = Check::by_name(id)?;
            if !self.has(id) {
                self.checks.push(check);
            }
        }
        let place = |check: &Check| CHECKS.iter().position(|other| other.id == check.id);
        self.checks.sort_by_key(|check| place(check));
        Ok(self)
    }

    /// Without these checks.
    ///
    /// # Errors
    /// [`UnknownCheck`].
    pub fn ignore<'i>(mut self, ids: impl IntoIterator<Item = &'i str>) -> Result<Self, UnknownCheck> {
        for id in ids {
            let ignored = Check::by_name(id)?;
            self.checks.retain(|check| check.id != ignored.id);
        }
        Ok(self)
    }

    /// The checks, in the registry's order.
    pub fn checks(&self) -> impl ExactSizeIterator<Item = &'static Check> {
        self.checks.iter().copied()
    }

    /// Whether the check is among them.
    pub fn has(&self, id: &str) -> bool {
        self.checks.iter().any(|check| check.id == id)
    }

    /// The version of the Pod Security Standards.
    pub fn version(&self) -> PssVersion {
        self.version
    }

    pub(super) fn pod_checks(&self) -> impl Iterator<Item = PodCheck> {
        let version = self.version;
        self.checks
            .iter()
            .filter_map(move |check| Some(PodCheck { check, predicate: check.predicate(version)? }))
    }
}

impl Check {
    /// The check with this identifier.
    ///
    /// # Errors
    /// [`UnknownCheck`].
    pub fn by_name(id: &str) -> Result<&'static Self, UnknownCheck> {
        let names = CHECKS.iter().map(|check| check.id);
        Self::find(id).ok_or_else(|| UnknownCheck { id: id.to_owned(), near: nearest(id, names) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_check_that_was_meant() {
        let error = Selection::only(["priviledged"], PssVersion::LATEST).unwrap_err();
        assert_eq!(error.to_string(), "unknown check `priviledged`; did you mean `privileged`?");
    }

    #[test]
    fn adds_and_removes_checks() {
        let selection = Selection::level(Level::Baseline, PssVersion::LATEST);
        assert!(selection.has("privileged") && !selection.has("writable-root-filesystem"));
        let selection = selection.select(["writable-root-filesystem", "privileged"]).unwrap();
        let selection = selection.ignore(["privileged"]).unwrap();
        assert!(!selection.has("privileged") && selection.has("writable-root-filesystem"));
    }
}
