//! The model of an `audit.k8s.io/v1` Policy, as the apiserver holds it after loading.
//!
//! Source: kubernetes `staging/src/k8s.io/apiserver/pkg/apis/audit/types.go`, v1.34.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much of a request is recorded; each level holds what the one before it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Who, what, when and the outcome, without bodies.
    Metadata,
    /// Metadata and the request's body.
    Request,
    /// Metadata, the request's and the response's body.
    RequestResponse,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Metadata, Self::Request, Self::RequestResponse];

    /// The level's name in policies and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// When, in the handling of a request, an event is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// The request has arrived and nothing has been done about it.
    RequestReceived,
    /// The headers of a long-running response (`watch`) are sent.
    ResponseStarted,
    /// The response is sent.
    ResponseComplete,
    /// The handler panicked.
    Panic,
}

impl Stage {
    /// Every stage, in order of time.
    pub const ALL: [Self; 4] =
        [Self::RequestReceived, Self::ResponseStarted, Self::ResponseComplete, Self::Panic];

    /// The stage's name in policies and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestReceived => "RequestReceived",
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
            Self::Panic => "Panic",
        }
    }
}

/// A word that names no level or stage. Names are case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {expected}, found `{found}`")]
pub struct UnknownName {
    found: String,
    expected: String,
}

macro_rules! named {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.into_iter().find(|named| named.name() == text).ok_or_else(|| UnknownName {
                    found: text.to_owned(),
                    expected: Self::ALL.map(Self::name).join(", "),
                })
            }
        }
    };
}
named!(Level);
named!(Stage);

/// A set of stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StageSet(u8);

impl StageSet {
    /// Whether the stage is in the set.
    pub fn contains(self, stage: Stage) -> bool {
        self.0 & Self::bit(stage) != 0
    }

    /// The stages of either set.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The stages of the set, in order of time.
    pub fn iter(self) -> impl Iterator<Item = Stage> {
        Stage::ALL.into_iter().filter(move |stage| self.contains(*stage))
    }

    /// Whether no stage is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(stage: Stage) -> u8 {
        1 << stage as u8
    }
}

impl FromIterator<Stage> for StageSet {
    fn from_iter<I: IntoIterator<Item = Stage>>(stages: I) -> Self {
        Self(stages.into_iter().fold(0, |set, stage| set | Self::bit(stage)))
    }
}

/// An audit policy that the apiserver accepts: the first rule that matches a request decides, and a request
/// that no rule matches is not logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The rules, in order; at least one.
    pub rules: Vec<PolicyRule>,
    /// Stages for which no rule makes events.
    pub omit_stages: StageSet,
    /// Whether bodies are logged without `metadata.managedFields`, where a rule does not say otherwise.
    pub omit_managed_fields: bool,
}

/// One rule; a request must satisfy every field that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRule {
    /// What is recorded.
    pub level: Level,
    /// Names of authenticated users.
    pub users: Vec<String>,
    /// Groups, one of which the user is in.
    pub user_groups: Vec<String>,
    /// Verbs of resource requests, or lower-case HTTP methods of others.
    pub verbs: Vec<String>,
    /// Resources; makes the rule match resource requests only.
    pub resources: Vec<GroupResources>,
    /// Namespaces, the empty string for requests without one; makes the rule match resource requests only.
    pub namespaces: Vec<String>,
    /// URL paths, where a final `*` stands for any rest; makes the rule match other requests only.
    pub non_resource_urls: Vec<String>,
    /// Stages for which this rule makes no events, besides those of the policy.
    pub omit_stages: StageSet,
    /// Overrides the policy's.
    pub omit_managed_fields: Option<bool>,
}

impl PolicyRule {
    /// Whether the rule matches resource requests only.
    pub fn is_for_resources(&self) -> bool {
        !self.resources.is_empty() || !self.namespaces.is_empty()
    }

    /// Whether the rule matches every request.
    pub fn is_catch_all(&self) -> bool {
        self.users.is_empty()
            && self.user_groups.is_empty()
            && self.verbs.is_empty()
            && !self.is_for_resources()
            && self.non_resource_urls.is_empty()
    }
}

/// Resources of one API group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupResources {
    /// The API group; empty for the core group. No wildcards.
    pub group: String,
    /// `pods`, `pods/log`, `pods/*` (pods and their subresources), `*/scale` (that subresource of all) or `*`
    /// (all). Empty means all.
    pub resources: Vec<String>,
    /// Names of objects; empty means all.
    pub resource_names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_by_what_they_hold() {
        assert!(Level::None < Level::Metadata && Level::Request < Level::RequestResponse);
    }

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!("Metadata".parse(), Ok(Level::Metadata));
        let error = "metadata".parse::<Level>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected one of None, Metadata, Request, RequestResponse, found `metadata`"
        );
        assert!("Received".parse::<Stage>().is_err());
    }

    #[test]
    fn a_stage_set_lists_its_stages_in_order() {
        let set: StageSet = [Stage::Panic, Stage::RequestReceived].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Stage::RequestReceived, Stage::Panic]);
        assert!(!set.contains(Stage::ResponseComplete));
    }
}
