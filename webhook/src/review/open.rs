//! What validation and mutation ask first: what passes unseen, and what cannot be judged.

use lithify::k8s::{Object, pod_specs};

use super::admission::{Operation, Review};
use super::object::{is_being_deleted, is_built_in, typed};
use super::policy::Policy;
use super::verdict::{Decision, Record, Refusal, Verdict};
use crate::json::Node;

/// A request whose objects could be read.
pub(super) enum Opened<'r> {
    /// It passes, whatever it holds.
    Passes(Decision),
    /// It is to be judged.
    Judge {
        /// As it would be stored, of the type that the request names.
        object: Object<Node<'r>>,
        /// As it is stored; `None` for a new one.
        old: Option<Node<'r>>,
    },
}

/// A verdict that says nothing yet.
pub(super) fn start(review: &Review<'_>) -> Verdict {
    let record = Record {
        decision: Decision::Allowed,
        kind: review.kind.kind.clone(),
        namespace: review.namespace.clone(),
        name: review.name.clone(),
        user: review.user.username.clone(),
        dry_run: review.dry_run,
        violations: Vec::new(),
        owner: None,
    };
    Verdict::allowed(review.uid.clone(), record)
}

/// Reads the objects of a request, unless it passes without.
///
/// # Errors
/// Why it cannot be judged.
pub(super) fn open<'r>(review: &'r Review<'_>, policy: &Policy) -> Result<Opened<'r>, Refusal> {
    match review.operation {
        Operation::Create | Operation::Update => {}
        Operation::Delete => return Ok(Opened::Passes(Decision::Deletion)),
        Operation::Connect => {
            let message = "connections (exec, attach, port-forward) are none of this webhook's business";
            return Err(Refusal::bad_request(message.to_owned()));
        }
    }
    if policy.config().webhook.exempt_users.contains(&review.user.username) {
        return Ok(Opened::Passes(Decision::ExemptUser));
    }
    let value =
        review.object().ok_or_else(|| Refusal::bad_request("the request has no object".to_owned()))?;
    let object = typed(review, policy, value).map_err(Refusal::bad_request)?;
    // Without an old object every violation is a new one.
    let old = if review.operation == Operation::Update { review.old_object() } else { None };
    if old.is_some_and(is_being_deleted) {
        return Ok(Opened::Passes(Decision::Deletion));
    }
    if is_built_in(&review.kind) && pod_specs(&object, &policy.context().kinds).is_empty() {
        return Err(Refusal::bad_request(format!("the {} has no pod spec to judge", object.kind)));
    }
    Ok(Opened::Judge { object, old })
}
