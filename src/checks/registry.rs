//! The registry: every check, one line each.

use super::predicate::Predicate;
use super::pss::PssVersion;
use super::{
    Severity, added_capabilities, audit_policy, host_namespaces, host_path_volumes, host_ports, host_probes,
    missing_seccomp_profile, privilege_escalation, privileged, restricted_volume_types, run_as_root,
    run_as_user_zero, selinux_options, static_pod, unconfined_apparmor, unconfined_seccomp,
    undropped_capabilities, unmasked_proc, unmasked_proc_restricted, unsafe_sysctls, windows_host_process,
    writable_root_filesystem,
};

/// Every check, in the order of the manual: by group, then as the standard lists them.
pub const CHECKS: &[&Check] = &[
    &privileged::CHECK,
    &host_namespaces::CHECK,
    &host_path_volumes::CHECK,
    &host_ports::CHECK,
    &host_probes::CHECK,
    &added_capabilities::CHECK,
    &unconfined_apparmor::CHECK,
    &selinux_options::CHECK,
    &unmasked_proc::CHECK,
    &unconfined_seccomp::CHECK,
    &unsafe_sysctls::CHECK,
    &windows_host_process::CHECK,
    &restricted_volume_types::CHECK,
    &privilege_escalation::CHECK,
    &run_as_root::CHECK,
    &run_as_user_zero::CHECK,
    &missing_seccomp_profile::CHECK,
    &undropped_capabilities::CHECK,
    &unmasked_proc_restricted::CHECK,
    &writable_root_filesystem::CHECK,
    &static_pod::missing_audit_policy_file::CHECK,
    &static_pod::missing_audit_log_path::CHECK,
    &static_pod::low_audit_log_maxage::CHECK,
    &static_pod::low_audit_log_maxbackup::CHECK,
    &static_pod::low_audit_log_maxsize::CHECK,
    &static_pod::unmounted_audit_path::CHECK,
    &static_pod::audit_log_mounted_as_file::CHECK,
    &static_pod::stray_manifest_copy::CHECK,
    &audit_policy::invalid_audit_policy::CHECK,
    &audit_policy::ignored_audit_field::CHECK,
    &audit_policy::audited_secret_bodies::CHECK,
    &audit_policy::shadowed_audit_rule::CHECK,
    &audit_policy::unmatched_audit_rule::CHECK,
    &audit_policy::missing_audit_catch_all::CHECK,
    &audit_policy::unomitted_audit_stage::CHECK,
];

/// A check: what it is called, what it is for, and what it demands.
#[derive(Debug)]
pub struct Check {
    /// The identifier, kebab-case, which names the bad thing and never changes meaning.
    pub id: &'static str,
    /// What it belongs to, from which follow the levels that have it.
    pub group: Group,
    /// How bad its findings are.
    pub severity: Severity,
    /// What it judges.
    pub subject: Subject,
    /// Weaker checks that a level leaves out beside this one, for they would say the same again.
    pub overrides: &'static [&'static str],
    /// The source file, of which the module's doc is the manual.
    pub source: &'static str,
}

/// Where a check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Pod Security Standards, *Baseline*.
    Baseline,
    /// Pod Security Standards, *Restricted*.
    Restricted,
    /// Read-only root filesystems.
    Immutable,
    /// Manifests of the control plane's static pods.
    StaticPod,
    /// Audit policies.
    AuditPolicy,
}

/// What a check judges.
#[derive(Debug)]
pub enum Subject {
    /// Pod specs, each by the predicate of the Pod Security Standards' version.
    PodSpec(&'static [Revision]),
    /// The Pod in a static pod manifest; the area's own function judges it for all of its checks at once.
    StaticPod,
    /// An audit policy, likewise.
    AuditPolicy,
}

/// What a check demands from a version of the Pod Security Standards on.
#[derive(Debug)]
pub struct Revision {
    /// The first version.
    pub since: PssVersion,
    /// The demand.
    pub predicate: Predicate,
}

/// Sets of checks to choose from, each with all the checks of the control plane's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// The Pod Security Standards' *Baseline*.
    Baseline,
    /// *Baseline*, and read-only root filesystems.
    #[default]
    Immutable,
    /// The Pod Security Standards' *Restricted*.
    Restricted,
    /// *Restricted*, and read-only root filesystems.
    Strict,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Immutable, Self::Restricted, Self::Strict];

    /// `baseline`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Immutable => "immutable",
            Self::Restricted => "restricted",
            Self::Strict => "strict",
        }
    }

    /// Whether the level has the checks of a group.
    pub fn has(self, group: Group) -> bool {
        match group {
            Group::Baseline | Group::StaticPod | Group::AuditPolicy => true,
            Group::Restricted => matches!(self, Self::Restricted | Self::Strict),
            Group::Immutable => matches!(self, Self::Immutable | Self::Strict),
        }
    }
}

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let level = Self::ALL.into_iter().find(|level| level.name() == text);
        level.ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// A text that is no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level `{0}`, expected baseline, immutable, restricted or strict")]
pub struct UnknownLevel(String);

impl Check {
    /// The check with this identifier.
    pub fn find(id: &str) -> Option<&'static Self> {
        CHECKS.iter().find(|check| check.id == id).copied()
    }

    /// Whether a version of the Pod Security Standards has it; what is no part of them always exists.
    pub fn exists_in(&self, version: PssVersion) -> bool {
        match self.subject {
            Subject::PodSpec(_) => self.predicate(version).is_some(),
            Subject::StaticPod | Subject::AuditPolicy => true,
        }
    }

    /// What it demands of pod specs at a version; `None` where the version does not have it, or where it
    /// judges something else.
    pub fn predicate(&self, version: PssVersion) -> Option<&'static Predicate> {
        let Subject::PodSpec(revisions) = self.subject else { return None };
        let revision = revisions.iter().rev().find(|revision| revision.since <= version)?;
        Some(&revision.predicate)
    }
}
