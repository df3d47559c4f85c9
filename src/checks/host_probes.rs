//! # What it does
//! Finds a `host` in the `httpGet` or `tcpSocket` of a probe (`livenessProbe`, `readinessProbe`,
//! `startupProbe`) or of a lifecycle handler (`postStart`, `preStop`) of any container. Exists from version v1.34
//! of the Pod Security Standards on.
//!
//! # Why it matters
//! The kubelet makes the request, from the node's network: with a host of its choice a pod has the kubelet talk
//! to the node's loopback, to cloud metadata, or to any address that the pod itself may not reach, and learns the
//! answer from its own status.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   livenessProbe:
//!     httpGet:
//!       host: 127.0.0.1   # allowed: "", or nothing, which is the pod's own address
//!       port: 8080
//! ```
//!
//! # Fix safety
//! Unsafe: the fix removes `host`, and the kubelet asks the pod's own address instead. A probe of another machine
//! then probes something else; a program that listens on loopback only fails its probe.
//!
//! # References
//! - [Pod Security Standards, *Host Probes / Lifecycle Hooks*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const NO_HOST: Test = Test::UnsetOr(&Test::Is(Allowed::text(&[""])));

pub(super) const CHECK: Check = Check {
    id: "host-probes",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(34),
        predicate: Predicate {
            exempt: &[],
            rules: &[Rule::new(
                Scope::Container,
                "has the kubelet call a host of its choice",
                Test::All(&[
                    Test::Field(&["livenessProbe", "httpGet", "host"], &NO_HOST),
                    Test::Field(&["livenessProbe", "tcpSocket", "host"], &NO_HOST),
                    Test::Field(&["readinessProbe", "httpGet", "host"], &NO_HOST),
                    Test::Field(&["readinessProbe", "tcpSocket", "host"], &NO_HOST),
                    Test::Field(&["startupProbe", "httpGet", "host"], &NO_HOST),
                    Test::Field(&["startupProbe", "tcpSocket", "host"], &NO_HOST),
                    Test::Field(&["lifecycle", "postStart", "httpGet", "host"], &NO_HOST),
                    Test::Field(&["lifecycle", "postStart", "tcpSocket", "host"], &NO_HOST),
                    Test::Field(&["lifecycle", "preStop", "httpGet", "host"], &NO_HOST),
                    Test::Field(&["lifecycle", "preStop", "tcpSocket", "host"], &NO_HOST),
                ]),
            )
            .with_remedy(Change::risky(
                "remove host, so that the kubelet asks the pod itself",
                Action::Remove,
            ))],
        },
    }]),
    overrides: &[],
    source: include_str!("host_probes.rs"),
};
