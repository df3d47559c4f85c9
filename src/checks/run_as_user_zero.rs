//! # What it does
//! Finds `securityContext.runAsUser: 0` of the pod or of any container. From v1.35 on, pods with
//! `hostUsers: false` are exempt: there root is nobody on the node. Exists from version v1.23 of the Pod Security
//! Standards on.
//!
//! # Why it matters
//! User 0 is root, in the container and, but for namespaces and capabilities, on the node. Beside
//! `runAsNonRoot: true` it keeps the container from starting at all.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   securityContext:
//!     runAsUser: 0       # allowed: any other number, or nothing
//! ```
//!
//! # Fix safety
//! Unsafe: the fix removes the field, and the container runs as the pod's `runAsUser` or the image's user, to
//! which the files of its volumes may not belong.
//!
//! # References
//! - [Pod Security Standards, *Running as Non-root user*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [Configure a Security Context](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test, USER_NAMESPACE};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const NOT_ROOT: Test =
    Test::Field(&["securityContext", "runAsUser"], &Test::UnsetOr(&Test::Is(Allowed::IntExcept(0))));
const REMOVE: Change =
    Change::risky("remove runAsUser, so that another user of pod or image applies", Action::Remove);

const RULES: [Rule; 2] = [
    Rule::new(Scope::Pod, "runs as root", NOT_ROOT).with_remedy(REMOVE),
    Rule::new(Scope::Container, "runs as root", NOT_ROOT).with_remedy(REMOVE),
];

pub(super) const CHECK: Check = Check {
    id: "run-as-user-zero",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(23), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision {
            since: PssVersion::minor(35),
            predicate: Predicate { exempt: &[USER_NAMESPACE], rules: &RULES },
        },
    ]),
    overrides: &[],
    source: include_str!("run_as_user_zero.rs"),
};
