//! How many containers of an object have a read-only root filesystem.

use super::report::Coverage;
use crate::checks::{Context, Finding, RootFilesystem, root_filesystems};
use crate::k8s::{Object, Tree, pod_specs};
use crate::yaml::Pointer;

/// The check that asks for it.
const CHECK: &str = "writable-root-filesystem";

/// The object's containers, counted; `None` where it has none. `exempted`: findings that somebody allowed.
pub(super) fn coverage<'f, T: Tree>(
    object: &Object<T>,
    context: &Context,
    exempted: impl Iterator<Item = &'f Finding> + Clone,
) -> Option<Coverage> {
    let mut coverage = Coverage::default();
    let mut allowed = exempted.filter(|finding| finding.check == CHECK).peekable();
    let has_allowed = allowed.peek().is_some();
    for pod in pod_specs(object, &context.kinds).into_iter().flatten() {
        for (place, state) in root_filesystems(&pod) {
            coverage.containers += 1;
            let is_allowed = || allowed.clone().any(|finding| is_within(&finding.pointer, &place));
            match state {
                RootFilesystem::ReadOnly => coverage.read_only += 1,
                RootFilesystem::NotApplicable => coverage.exempt += 1,
                RootFilesystem::Writable if has_allowed && is_allowed() => coverage.exempt += 1,
                RootFilesystem::Void => coverage.void += 1,
                RootFilesystem::Writable => {}
            }
        }
    }
    coverage.namespace = object.namespace().map(|name| name.as_ref().to_owned()).unwrap_or_default();
    (coverage.containers > 0).then_some(coverage)
}

fn is_within(pointer: &Pointer, place: &Pointer) -> bool {
    let mut tokens = pointer.tokens();
    place.tokens().all(|token| tokens.next() == Some(token))
}
