//! The verdict on one AdmissionReview: pure, no server, no cluster, no clock.
//!
//! Data in: the bytes of a review, the [`Policy`] made of `lithify.yaml`, the labels of the review's namespace
//! and today's date. Data out: a [`Verdict`], and its JSON. Nothing here allows what it could not read: a
//! review whose uid is known is answered with a denial that says why, any other is [`Malformed`].

mod admission;
mod demand;
mod exempt;
mod judge;
mod limits;
mod mutate;
mod object;
mod open;
mod owner;
mod policy;
mod sidecar;
mod text;
mod uid;
mod validate;
mod verdict;

pub use admission::{Malformed, Operation, Review};
pub use demand::{AUDIT_LABEL, ENFORCE_LABEL, Labels, PRIVILEGED, WARN_LABEL};
pub use mutate::{ANNOTATION, mutate};
pub use owner::Owner;
pub use policy::Policy;
pub use sidecar::LABEL as PROBE_LABEL;
pub use validate::validate;
pub use verdict::{Decision, Record, Refusal, Verdict};

/// What a verdict depends on beside the review and the policy.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'s> {
    /// The labels of the review's namespace; `None` where they could not be learned, which denies.
    pub labels: Option<&'s Labels>,
    /// The day that exemptions are compared with.
    pub today: jiff::civil::Date,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether the object may pass.
    Validate,
    /// How the object is to be changed.
    Mutate,
}

impl Question {
    /// The last part of its path, and its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Mutate => "mutate",
        }
    }

    /// The answer to a review.
    pub fn answer(self, review: &Review<'_>, policy: &Policy, surroundings: Surroundings<'_>) -> Verdict {
        match self {
            Self::Validate => validate(review, policy, surroundings),
            Self::Mutate => mutate(review, policy, surroundings),
        }
    }
}

/// Decodes and answers in one step, for callers that know the namespace's labels beforehand.
///
/// # Errors
/// [`Malformed`] where not even a denial can be addressed.
pub fn review(
    body: &[u8],
    question: Question,
    policy: &Policy,
    surroundings: Surroundings<'_>,
) -> Result<Verdict, Malformed> {
    match Review::decode(body) {
        Ok(review) => Ok(question.answer(&review, policy, surroundings)),
        Err(malformed) => malformed.verdict().ok_or(malformed),
    }
}

#[cfg(test)]
mod tests;
