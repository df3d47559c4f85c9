//! The violations of one demand in one object: which are new, which were there before, which are exempt.

use std::collections::HashMap;

use lithify::checks::{Finding, Severity, judge_object};
use lithify::k8s::Object;

use super::demand::Demand;
use super::exempt::Exempt;
use crate::json::Node;

/// What one demand finds.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// What the request brings.
    pub(super) new: Vec<Finding>,
    /// What the stored object has too, to the word: same check, same container, same value.
    pub(super) old: Vec<Finding>,
    /// What is let through, with the reason.
    pub(super) exempt: Vec<(Finding, String)>,
}

/// Judges `exempt.object` by a demand, against what is stored.
pub(super) fn judge(exempt: &Exempt<'_, '_>, old: Option<&Object<Node<'_>>>, demand: &Demand<'_>) -> Judged {
    let context = exempt.policy.context();
    let mut judged = Judged::default();
    let mut stored = HashMap::new();
    if let Some(old) = old {
        let before = Exempt { object: old, ..*exempt };
        for finding in judge_object(old, &demand.selection, context) {
            if before.reason(&finding).is_none() {
                *stored.entry(key(&finding)).or_insert(0_usize) += 1;
            }
        }
    }
    for finding in judge_object(exempt.object, &demand.selection, context) {
        if finding.severity == Severity::Info {
            continue;
        }
        if let Some(reason) = exempt.reason(&finding) {
            judged.exempt.push((finding, reason.to_owned()));
            continue;
        }
        match stored.get_mut(&key(&finding)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                judged.old.push(finding);
            }
            _ => judged.new.push(finding),
        }
    }
    judged
}

/// What makes two findings the same violation: the message has the kind and name of the container, the field
/// and its value; the place may have moved, also within a list.
fn key(finding: &Finding) -> (&'static str, Option<String>, String) {
    (finding.check, finding.container.clone(), without_places(&finding.message))
}

/// `capabilities.add[]` of `capabilities.add[1]`.
fn without_places(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut parts = message.split('[');
    kept.extend(parts.next());
    for part in parts {
        kept.push('[');
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        kept.push_str(if rest.starts_with(']') { rest } else { part });
    }
    kept
}
