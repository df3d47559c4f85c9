//! # What it does
//! Finds `securityContext.seccompProfile` of the pod or of any container whose `type` is neither
//! `RuntimeDefault` nor `Localhost`, and containers without a profile where the pod has none either. From v1.25
//! on, pods with `spec.os.name: windows` are exempt. Exists from version v1.19 of the Pod Security Standards on.
//!
//! # Why it matters
//! Unless the kubelet says otherwise (`seccompDefault`), no profile means no filter: all system calls are open,
//! among them those that most kernel exploits begin with.
//!
//! # Example
//! ```yaml
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: RuntimeDefault   # for every container that does not say otherwise
//! ```
//!
//! # Fix safety
//! Unsafe: the fix sets `RuntimeDefault`, and what the filter denies fails with `EPERM`.
//!
//! # References
//! - [Pod Security Standards, *Seccomp*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)

use super::predicate::{Predicate, Rule, Scope, Test, WINDOWS};
use super::unconfined_seccomp::{CONFINE, FILTERED, PROFILE};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const RULES: [Rule; 2] = [
    Rule::new(Scope::Pod, "is not confined by seccomp", Test::Field(PROFILE, &Test::UnsetOr(&FILTERED)))
        .with_remedy(CONFINE),
    Rule::new(Scope::Container, "is not confined by seccomp", Test::Inherited(PROFILE, &FILTERED))
        .with_remedy(CONFINE),
];

pub(super) const CHECK: Check = Check {
    id: "missing-seccomp-profile",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(19), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision { since: PssVersion::minor(25), predicate: Predicate { exempt: &[WINDOWS], rules: &RULES } },
    ]),
    overrides: &["unconfined-seccomp"],
    source: include_str!("missing_seccomp_profile.rs"),
};
