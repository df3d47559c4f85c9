//! # What it does
//! Finds `hostNetwork: true`, `hostPID: true` and `hostIPC: true` of a pod.
//!
//! # Why it matters
//! In the host's network a pod reaches everything that listens on the node's loopback, past every
//! NetworkPolicy; with the host's process ids it sees, and with matching privileges traces, every process of the
//! node; with the host's IPC it reads their shared memory.
//!
//! # Example
//! ```yaml
//! spec:
//!   hostNetwork: true    # allowed: false, or nothing
//!   containers:
//!   - name: app
//!     image: registry.example/app:1.4
//! ```
//! Give the pod a Service, or a `hostPort` where a port of the node is what it needs.
//!
//! # Fix safety
//! Unsafe: the fix sets the field to `false`, and a pod that needed the host's namespace stops working.
//! Components of the control plane need the host's network: in their static pod manifests the finding is of
//! severity info.
//!
//! # References
//! - [Pod Security Standards, *Host Namespaces*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [KEP-127, user namespaces](https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/127-user-namespaces)

use super::predicate::{Action, Change, Literal, Predicate, Rule, Scope, Test, UNSET_OR_FALSE};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const SET_FALSE: Action = Action::Set(Literal::Bool(false));

pub(super) const CHECK: Check = Check {
    id: "host-namespaces",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[
                Rule::new(
                    Scope::Pod,
                    "shares the network of its node",
                    Test::Field(&["hostNetwork"], &UNSET_OR_FALSE),
                )
                .with_remedy(Change::risky("set hostNetwork to false", SET_FALSE)),
                Rule::new(
                    Scope::Pod,
                    "sees the processes of its node",
                    Test::Field(&["hostPID"], &UNSET_OR_FALSE),
                )
                .with_remedy(Change::risky("set hostPID to false", SET_FALSE)),
                Rule::new(
                    Scope::Pod,
                    "shares the IPC of its node",
                    Test::Field(&["hostIPC"], &UNSET_OR_FALSE),
                )
                .with_remedy(Change::risky("set hostIPC to false", SET_FALSE)),
            ],
        },
    }]),
    overrides: &[],
    source: include_str!("host_namespaces.rs"),
};
