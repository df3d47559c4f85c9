//! `lithify.yaml`: what to check, what to exempt, and how far to go. Linter and webhook read the same file.
//!
//! Data in: the bytes of the file. Data out: a [`Config`], or the place and the name that was meant. Nothing
//! here reads files or the clock: an exemption is asked with today's date.

mod exemption;
mod read;

use crate::checks::read_only_root::{self, Medium};
use crate::checks::{Level, PssVersion};
use crate::k8s::Kinds;
use crate::profile::{ContainerPath, Profiles};

pub use exemption::{Exemption, Subject};
pub use read::{ConfigError, read};

/// The whole file; an absent key has the contract's default.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The set of checks to begin with.
    pub level: Option<Level>,
    /// Checks to add.
    pub select: Vec<String>,
    /// Checks to leave out.
    pub ignore: Vec<String>,
    /// The version of the Pod Security Standards.
    pub pss_version: Option<PssVersion>,
    /// Which containers the webhook changes.
    pub mutation: Mutation,
    /// What the fix of a writable root mounts.
    pub writable: Writable,
    /// What the webhook does about findings.
    pub enforcement: Enforcement,
    /// What is let through, and why.
    pub exemptions: Vec<Exemption>,
    /// Kinds with pod templates that Kubernetes does not know.
    pub kinds: Kinds,
    /// What only the webhook reads.
    pub webhook: Webhook,
}

/// What only the webhook reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The most that is done about a workload, where its pods would be refused: they are refused anyway.
    pub workloads: Mode,
    /// The most that is done about new ephemeral containers, as `kubectl debug` makes them.
    pub ephemeral_containers: Mode,
    /// Whether an object's own annotation `lithify.dev/allow` exempts it.
    pub annotations: bool,
    /// Users whose requests are never judged, by their full names.
    pub exempt_users: Vec<String>,
    /// Whether workloads are changed as well as pods; GitOps tools see that as drift.
    pub mutate_workloads: bool,
    /// The image of the probe that pods get as a sidecar where they ask for it, by its digest; `None`: they do not.
    pub probe_image: Option<String>,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            workloads: Mode::Warn,
            ephemeral_containers: Mode::Warn,
            annotations: false,
            exempt_users: Vec::new(),
            mutate_workloads: false,
            probe_image: None,
        }
    }
}

/// Which containers the webhook changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutation {
    /// None.
    Off,
    /// Those with a complete write-path profile.
    #[default]
    Profiled,
    /// All.
    All,
}

/// What the fix of a writable root mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writable {
    /// Mounted where a container has no profile and its fix was asked for.
    pub default: Vec<ContainerPath>,
    /// Globs of write-path profiles, relative to the configuration's directory.
    pub profiles: Vec<String>,
    /// `emptyDir.sizeLimit`; empty for none.
    pub size_limit: String,
    /// `emptyDir.medium`: empty or `Memory`.
    pub medium: String,
}

impl Default for Writable {
    fn default() -> Self {
        Self {
            default: read_only_root::Writable::default().default,
            profiles: Vec::new(),
            size_limit: String::new(),
            medium: String::new(),
        }
    }
}

impl Writable {
    /// The settings of the fix, with the profiles that the caller has read.
    pub fn with_profiles(&self, profiles: Profiles) -> read_only_root::Writable {
        read_only_root::Writable {
            profiles,
            default: self.default.clone(),
            size_limit: (!self.size_limit.is_empty()).then(|| self.size_limit.clone()),
            medium: if self.medium == "Memory" { Medium::Memory } else { Medium::Disk },
        }
    }
}

/// What the webhook does about findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// Where nothing else is said.
    pub default: Mode,
    /// By namespace, in the order of the file.
    pub namespaces: Vec<(String, Mode)>,
}

/// What to do about a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Refuse the object.
    Deny,
    /// Let it pass with a warning.
    #[default]
    Warn,
    /// Let it pass and note it in the audit log.
    Audit,
    /// Nothing.
    Off,
}
