//! Exemptions in annotations: `lithify.dev/allow: "privileged, host-ports"`, for the object that carries it.

use super::allow::AllowError;
use crate::checks::{Check, Finding};
use crate::k8s::{Object, Step, Tree};
use crate::yaml::Pointer;

const ANNOTATION: &str = "lithify.dev/allow";

/// Removes the findings that the object's annotation allows; returns what is wrong with the annotation.
///
/// `is_selected`: whether a check is judged at all, for one that is not cannot be found unused.
pub(super) fn silence<T: Tree>(
    object: &Object<T>,
    findings: &mut Vec<Finding>,
    is_selected: impl Fn(&str) -> bool,
) -> Vec<(Pointer, AllowError)> {
    let annotation =
        object.tree.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(ANNOTATION));
    let Some(allowed) = annotation.and_then(Tree::as_str) else { return Vec::new() };
    let names = allowed.as_ref().split([',', ' ']).filter(|name| !name.is_empty());
    let mut errors = Vec::new();
    for name in names {
        let before = findings.len();
        findings.retain(|finding| finding.check != name);
        if Check::find(name).is_none() {
            errors.push(AllowError::UnknownCheck(name.to_owned()));
        } else if findings.len() == before && is_selected(name) {
            errors.push(AllowError::Unused(name.to_owned()));
        }
    }
    let place = place(object);
    errors.into_iter().map(|error| (place.clone(), error)).collect()
}

fn place<T: Tree>(object: &Object<T>) -> Pointer {
    let tokens = object.path.iter().map(|step| match step {
        Step::Key(key) => key.to_string(),
        Step::Item(index) => index.to_string(),
    });
    tokens.chain(["metadata", "annotations", ANNOTATION].map(str::to_owned)).collect()
}
