//! # What it does
//! Finds every container, init container and ephemeral container without
//! `securityContext.readOnlyRootFilesystem: true`. Pods with `spec.os.name: windows` are exempt: Windows has
//! no such setting.
//!
//! # Why it matters
//! An intruder in a container first writes: a tool, a web shell, a changed binary. On a read-only root there
//! is no place to write to but the volumes that somebody chose, and what runs is what was built and signed.
//! A privileged container can mount its root again for writing, which makes the setting void: the message
//! says so.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: nginx
//!   image: nginx:1.29
//!   securityContext:
//!     readOnlyRootFilesystem: true
//!   volumeMounts:
//!   - {name: rw-nginx-var-cache-nginx, mountPath: /var/cache/nginx}
//! volumes:
//! - {name: rw-nginx-var-cache-nginx, emptyDir: {}}
//! ```
//!
//! # Fix safety
//! Unsafe by itself: a program that writes outside its volumes fails with `EROFS`. A complete write-path
//! profile of the container makes it safe, for the fix then mounts an emptyDir at each path that is written.
//!
//! # References
//! - [Configure a Security Context](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/)
//! - [NSA/CISA Kubernetes Hardening Guide, *Immutable container file systems*](https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF)

use super::predicate::{Action, Allowed, Change, Literal, Note, Predicate, Rule, Scope, Test, WINDOWS};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const PRIVILEGED: Test =
    Test::Field(&["securityContext", "privileged"], &Test::Is(Allowed::Bool(true)));
pub(super) const READ_ONLY: Test =
    Test::Field(&["securityContext", "readOnlyRootFilesystem"], &Test::Is(Allowed::Bool(true)));

pub(super) const CHECK: Check = Check {
    id: "writable-root-filesystem",
    group: Group::Immutable,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[WINDOWS],
            rules: &[Rule::new(Scope::Container, "has a writable root filesystem", READ_ONLY).with_notes(&[Note {
                when: PRIVILEGED,
                text: "the container is privileged, which makes a read-only root void: it can mount it again for writing",
            }])
            .with_remedy(Change::risky(
                "set readOnlyRootFilesystem to true",
                Action::Set(Literal::Bool(true)),
            ))],
        },
    }]),
    overrides: &[],
    source: include_str!("writable_root_filesystem.rs"),
};
