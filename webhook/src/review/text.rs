//! What users read: one line a violation, with container, field and check, and how to repair it.

use lithify::checks::Finding;
use lithify::edit::Applicability;
use lithify::yaml::Pointer;

/// One violation; the check comes first, for a long warning is cut at its end.
pub(super) fn violation(finding: &Finding) -> String {
    format!("{}: {}", finding.check, finding.message)
}

/// One violation with its place, for where there is room.
pub(super) fn placed(finding: &Finding) -> String {
    format!("{} ({})", violation(finding), field_path(&finding.pointer))
}

/// The command that repairs the manifest, as far as there is one, and the one that explains the first check.
pub(super) fn repair(findings: &[Finding]) -> String {
    let fixes = || findings.iter().map(|finding| finding.fix.as_ref().map(|fix| fix.applicability));
    let has = |wanted| fixes().any(|fix| fix == Some(wanted));
    let command = if has(Applicability::Unsafe) { "lithify fix --unsafe FILE" } else { "lithify fix FILE" };
    let check = findings.first().map_or("", |finding| finding.check);
    let explains = format!("`lithify checks {check}` explains");
    let is_whole = fixes().all(|fix| matches!(fix, Some(Applicability::Safe | Applicability::Unsafe)));
    match (has(Applicability::Safe) || has(Applicability::Unsafe), is_whole) {
        (true, true) => format!("repair the manifest with `{command}`; {explains}"),
        (true, false) => format!("repair what has a fix with `{command}`; {explains}"),
        (false, _) => format!("to be repaired by hand; {explains}"),
    }
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
