//! Exemptions in annotations: `lithify.dev/allow: "privileged, host-ports"`, for the object that carries it.
//!
//! As in a comment, `until 2027-06-30` may end it and `-- reason` may say why; an annotation has a place for a
//! reason in the change that brought it, so it need not.

use jiff::civil::Date;

use super::allow::{Allow, AllowError, read_entry};
use crate::checks::Check;
use crate::k8s::{Object, Step, Tree};
use crate::yaml::{Pointer, Position};

const ANNOTATION: &str = "lithify.dev/allow";

/// The annotation of one object.
pub(super) struct Annotation {
    allow: Allow,
    used: Vec<bool>,
    error: Option<AllowError>,
}

impl Annotation {
    /// The object's annotation; `None` where it has none.
    pub(super) fn of<T: Tree>(object: &Object<T>, today: Date) -> Option<Self> {
        let metadata = object.tree.get("metadata")?;
        let text = metadata.get("annotations")?.get(ANNOTATION)?.as_str()?;
        let nothing = || Allow {
            position: Position { line: 0, column: 0 },
            checks: Vec::new(),
            until: None,
            reason: String::new(),
        };
        let (mut allow, mut error) = match read_entry(text.as_ref(), Position { line: 0, column: 0 }) {
            Ok(allow) => (allow, None),
            Err(error) => (nothing(), Some(error)),
        };
        if let Some(until) = allow.until.filter(|until| *until < today) {
            (allow, error) = (nothing(), Some(AllowError::Expired(until)));
        }
        Some(Self { used: vec![false; allow.checks.len()], allow, error })
    }

    /// The reason, perhaps empty, why findings of this check are allowed; `None` where they are not.
    pub(super) fn silences(&mut self, check: &str) -> Option<String> {
        let at = self.allow.checks.iter().position(|own| own == check)?;
        self.used[at] = true;
        Some(self.allow.reason.clone())
    }

    /// What is wrong with it, and where it stands.
    ///
    /// `is_selected`: whether a check is judged at all, for one that is not cannot be found unused.
    pub(super) fn into_errors<T: Tree>(
        self,
        object: &Object<T>,
        is_selected: impl Fn(&str) -> bool,
    ) -> Vec<(Pointer, AllowError)> {
        let unused = self.allow.checks.into_iter().zip(self.used).filter(|(_, used)| !used);
        let wrong = unused.filter_map(|(check, _)| {
            if Check::find(&check).is_none() {
                Some(AllowError::UnknownCheck(check))
            } else {
                is_selected(&check).then_some(AllowError::Unused(check))
            }
        });
        let errors: Vec<_> = self.error.into_iter().chain(wrong).collect();
        errors.into_iter().map(|error| (place(object), error)).collect()
    }
}

fn place<T: Tree>(object: &Object<T>) -> Pointer {
    let tokens = object.path.iter().map(|step| match step {
        Step::Key(key) => key.to_string(),
        Step::Item(index) => index.to_string(),
    });
    tokens.chain(["metadata", "annotations", ANNOTATION].map(str::to_owned)).collect()
}
