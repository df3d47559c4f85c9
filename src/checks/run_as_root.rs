//! # What it does
//! Finds `securityContext.runAsNonRoot` of the pod or of any container that is false, and containers for which
//! it is not set, neither in their own `securityContext` nor in the pod's. From v1.35 on, pods with
//! `hostUsers: false` are exempt: there root is nobody on the node.
//!
//! # Why it matters
//! Root in a container is root on the node, held back by namespaces and capabilities alone; most escapes begin
//! with it. With `runAsNonRoot: true` the kubelet refuses to start an image whose user is root.
//!
//! # Example
//! ```yaml
//! spec:
//!   securityContext:
//!     runAsNonRoot: true     # for every container that does not say otherwise
//!   containers:
//!   - name: app
//!     image: registry.example/app:1.4
//! ```
//!
//! # Fix safety
//! Safe where `runAsUser` of the container, or else of the pod, is a number other than 0: the container runs as
//! that user before and after. Unsafe otherwise: the image's user may be root, or a name that the kubelet cannot
//! tell from root, and the container no longer starts.
//!
//! # References
//! - [Pod Security Standards, *Running as Non-root*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [Configure a Security Context](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/)

use super::predicate::{Action, Allowed, Change, Literal, Predicate, Rule, Scope, Test, USER_NAMESPACE};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const FIELD: &[&str] = &["securityContext", "runAsNonRoot"];
const TRUE: Test = Test::Is(Allowed::Bool(true));
const SET_TRUE: Change = Change::risky("set runAsNonRoot to true", Action::Set(Literal::Bool(true)));

/// A number that is not root's, from the container or else from the pod.
const OTHER_USER: Test = Test::Inherited(&["securityContext", "runAsUser"], &Test::Is(Allowed::IntExcept(0)));

const RULES: [Rule; 2] = [
    Rule::new(Scope::Pod, "may run as root", Test::Field(FIELD, &Test::UnsetOr(&TRUE))).with_remedy(SET_TRUE),
    Rule::new(Scope::Container, "may run as root", Test::Inherited(FIELD, &TRUE))
        .with_remedy(SET_TRUE.safe_if(&OTHER_USER)),
];

pub(super) const CHECK: Check = Check {
    id: "run-as-root",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(0), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision {
            since: PssVersion::minor(35),
            predicate: Predicate { exempt: &[USER_NAMESPACE], rules: &RULES },
        },
    ]),
    overrides: &[],
    source: include_str!("run_as_root.rs"),
};
