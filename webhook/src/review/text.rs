//! What users read: one line a violation, with container, field and check, and how to repair it.

use lithify::checks::Finding;
use lithify::yaml::Pointer;

/// One violation; the check comes first, for a long warning is cut at its end.
pub(super) fn violation(finding: &Finding) -> String {
    format!("{}: {}", finding.check, finding.message)
}

/// One violation with its place, for where there is room.
pub(super) fn placed(finding: &Finding) -> String {
    format!("{} ({})", violation(finding), field_path(&finding.pointer))
}

/// The command that repairs the manifest, and the one that explains `check`.
pub(super) fn repair(check: &str) -> String {
    format!("repair the manifest with `lithify fix FILE`; `lithify checks {check}` explains")
}

/// `spec.containers[0].securityContext` of `/spec/containers/0/securityContext`.
fn field_path(pointer: &Pointer) -> String {
    let mut path = String::new();
    for token in pointer.tokens() {
        if token.bytes().all(|byte| byte.is_ascii_digit()) {
            path.extend(["[", token, "]"]);
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(token);
        }
    }
    path
}
