//! # What it does
//! Finds `securityContext.procMount` of any container that is not `Default`. From v1.35 on, pods with
//! `hostUsers: false` are exempt: in a user namespace the kernel masks what matters.
//!
//! # Why it matters
//! The runtime masks paths of `/proc` that speak of the whole node (`/proc/kcore`, `/proc/sysrq-trigger`, …) and
//! mounts others read-only. `Unmasked` shows them all.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: builder
//!   image: registry.example/builder:2
//!   securityContext:
//!     procMount: Unmasked    # allowed: Default, or nothing; with hostUsers: false anything
//! ```
//!
//! # Fix safety
//! Unsafe: the fix sets `Default`. Programs that run containers of their own (builders) then fail to mount
//! `/proc`.
//!
//! # References
//! - [Pod Security Standards, */proc Mount Type*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [KEP-4265, ProcMount option](https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/4265-proc-mount)

use super::predicate::{Action, Allowed, Change, Literal, Predicate, Rule, Scope, Test, USER_NAMESPACE};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

/// The demand, which *Restricted* keeps for every pod.
pub(super) const RULES: [Rule; 1] = [Rule::new(
    Scope::Container,
    "has an unmasked /proc",
    Test::Field(&["securityContext", "procMount"], &Test::UnsetOr(&Test::Is(Allowed::text(&["Default"])))),
)
.with_remedy(Change::risky("set procMount to Default", Action::Set(Literal::Text("Default"))))];

pub(super) const CHECK: Check = Check {
    id: "unmasked-proc",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(0), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision {
            since: PssVersion::minor(35),
            predicate: Predicate { exempt: &[USER_NAMESPACE], rules: &RULES },
        },
    ]),
    overrides: &[],
    source: include_str!("unmasked_proc.rs"),
};
