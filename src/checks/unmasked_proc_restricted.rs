//! # What it does
//! Finds `securityContext.procMount` of any container that is not `Default`, in a user namespace too. Exists
//! from version v1.35 of the Pod Security Standards on, when `unmasked-proc` began to exempt pods with
//! `hostUsers: false`.
//!
//! # Why it matters
//! An unmasked `/proc` shows and lets change what belongs to the whole node. A user namespace takes most of that
//! away, but leaves it to the kernel alone: *Restricted* keeps both fences.
//!
//! # Example
//! ```yaml
//! spec:
//!   hostUsers: false
//!   containers:
//!   - name: builder
//!     image: registry.example/builder:2
//!     securityContext:
//!       procMount: Unmasked    # allowed: Default, or nothing
//! ```
//!
//! # Fix safety
//! Unsafe: the fix sets `Default`. Programs that run containers of their own (builders) then fail to mount
//! `/proc`.
//!
//! # References
//! - [Pod Security Standards, */proc Mount Type*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [KEP-4265, ProcMount option](https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/4265-proc-mount)

use super::predicate::Predicate;
use super::unmasked_proc::RULES;
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const CHECK: Check = Check {
    id: "unmasked-proc-restricted",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(35),
        predicate: Predicate { exempt: &[], rules: &RULES },
    }]),
    overrides: &["unmasked-proc"],
    source: include_str!("unmasked_proc_restricted.rs"),
};
