//! # What it does
//! Finds every container, init container and ephemeral container whose `securityContext.capabilities.drop` is
//! without `ALL`, and each capability in `add` but `NET_BIND_SERVICE`. From v1.25 on, pods with
//! `spec.os.name: windows` are exempt. Exists from version v1.22 of the Pod Security Standards on.
//!
//! # Why it matters
//! The runtime's default set lets root in a container change owners, kill, make device nodes and send raw
//! packets. Few programs need any of it; `NET_BIND_SERVICE` opens ports below 1024, which is what is left.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   securityContext:
//!     capabilities:
//!       drop: [ALL]
//!       add: [NET_BIND_SERVICE]   # optional
//! ```
//!
//! # Fix safety
//! Unsafe: the fix adds `ALL` to `drop` and removes what `add` may not have, and a program that used a capability
//! fails with `EPERM`.
//!
//! # References
//! - [Pod Security Standards, *Capabilities*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test, WINDOWS};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const RULES: [Rule; 2] = [
    Rule::new(
        Scope::Container,
        "keeps capabilities",
        Test::Field(&["securityContext", "capabilities", "drop"], &Test::Includes("ALL")),
    )
    .with_remedy(Change::risky("drop all capabilities", Action::Include("ALL"))),
    Rule::new(
        Scope::Container,
        "adds a capability",
        Test::Field(
            &["securityContext", "capabilities", "add"],
            &Test::Each(&Test::Is(Allowed::text(&["NET_BIND_SERVICE"]))),
        ),
    )
    .with_remedy(Change::risky("remove the capability", Action::RemoveItem)),
];

pub(super) const CHECK: Check = Check {
    id: "undropped-capabilities",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(22), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision { since: PssVersion::minor(25), predicate: Predicate { exempt: &[WINDOWS], rules: &RULES } },
    ]),
    overrides: &["added-capabilities"],
    source: include_str!("undropped_capabilities.rs"),
};
