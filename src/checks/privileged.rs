//! # What it does
//! Finds `securityContext.privileged: true` of any container, init container or ephemeral container.
//!
//! # Why it matters
//! A privileged container has every capability, every device of the host, and neither seccomp nor AppArmor
//! nor masks on `/proc`: root in it is root on the node. It can also mount its own root filesystem again for
//! writing, which makes `readOnlyRootFilesystem: true` void.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   securityContext:
//!     privileged: true    # allowed: false, or nothing
//! ```
//! Give the container what it needs instead: one capability (`capabilities.add`), or one device through a
//! device plugin.
//!
//! # Fix safety
//! Unsafe: the fix sets the field to `false`, and a container that used the privilege stops working.
//!
//! # References
//! - [Pod Security Standards, *Privileged Containers*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Configure a Security Context](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/)

use super::predicate::{Action, Allowed, Change, Literal, Note, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const READ_ONLY_ROOT: Test =
    Test::Field(&["securityContext", "readOnlyRootFilesystem"], &Test::Is(Allowed::Bool(true)));

pub(super) const CHECK: Check = Check {
    id: "privileged",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[Rule::new(
                Scope::Container,
                "is privileged",
                Test::Field(
                    &["securityContext", "privileged"],
                    &Test::UnsetOr(&Test::Is(Allowed::Bool(false))),
                ),
            )
            .with_notes(&[Note {
                when: READ_ONLY_ROOT,
                text: "its read-only root filesystem is void: privileged, it can mount it again for writing",
            }])
            .with_remedy(Change::risky("set privileged to false", Action::Set(Literal::Bool(false))))],
        },
    }]),
    overrides: &[],
    source: include_str!("privileged.rs"),
};
