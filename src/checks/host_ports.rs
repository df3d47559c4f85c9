//! # What it does
//! Finds `hostPort` of any port of any container, unless it is 0.
//!
//! # Why it matters
//! A host port is open on the node's own addresses, where NetworkPolicies may not reach it and where it can take
//! the port of something else; and it pins at most one such pod to a node.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   ports:
//!   - containerPort: 8080
//!     hostPort: 8080      # allowed: 0, or nothing
//! ```
//! Use a Service (NodePort or LoadBalancer where it must be reached from outside).
//!
//! # Fix safety
//! Unsafe: the fix removes `hostPort`, and whoever connected to the node's port no longer can.
//!
//! # References
//! - [Pod Security Standards, *Host Ports*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Configuration good practices](https://kubernetes.io/docs/concepts/configuration/overview/#services)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const CHECK: Check = Check {
    id: "host-ports",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[Rule::new(
                Scope::Container,
                "takes a port of its node",
                Test::Field(
                    &["ports"],
                    &Test::Each(&Test::Field(&["hostPort"], &Test::UnsetOr(&Test::Is(Allowed::Int(0))))),
                ),
            )
            .with_remedy(Change::risky("remove hostPort", Action::Remove))],
        },
    }]),
    overrides: &[],
    source: include_str!("host_ports.rs"),
};
