//! # What it does
//! Finds `securityContext.seccompProfile` of the pod or of any container whose `type` is neither
//! `RuntimeDefault` nor `Localhost`. At versions before v1.19 of the Pod Security Standards, reports the
//! annotations `seccomp.security.alpha.kubernetes.io/pod` and `container.seccomp.security.alpha.kubernetes.io/…`
//! instead, unless they are `runtime/default`, `docker/default` or `localhost/…`.
//!
//! # Why it matters
//! The runtime's default filter denies some fifty system calls that containers have no need of and that most
//! kernel exploits begin with. `Unconfined` opens all of them.
//!
//! # Example
//! ```yaml
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: Unconfined    # allowed: RuntimeDefault, Localhost, or no profile at all
//! ```
//! A pod without a profile passes this check and fails `missing-seccomp-profile`.
//!
//! # Fix safety
//! Unsafe: the fix sets `RuntimeDefault`, and what the filter denies fails with `EPERM`.
//!
//! # References
//! - [Pod Security Standards, *Seccomp*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)

use super::predicate::{Action, Allowed, AnnotationKey, Change, Literal, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const ANNOTATION: Test =
    Test::Is(Allowed::Text { values: &["runtime/default", "docker/default"], prefixes: &["localhost/"] });
const CONFINE_BY_ANNOTATION: Change =
    Change::risky("set the profile to runtime/default", Action::Set(Literal::Text("runtime/default")));

/// A profile that filters system calls, judged on `seccompProfile`.
pub(super) const FILTERED: Test =
    Test::Field(&["type"], &Test::Is(Allowed::text(&["RuntimeDefault", "Localhost"])));
pub(super) const PROFILE: &[&str] = &["securityContext", "seccompProfile"];
pub(super) const CONFINE: Change =
    Change::risky("set the profile to RuntimeDefault", Action::Set(Literal::Text("RuntimeDefault")));

pub(super) const CHECK: Check = Check {
    id: "unconfined-seccomp",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision {
            since: PssVersion::minor(0),
            predicate: Predicate {
                exempt: &[],
                rules: &[
                    Rule::new(
                        Scope::Annotation(AnnotationKey::Named("seccomp.security.alpha.kubernetes.io/pod")),
                        "takes the pod out of seccomp",
                        ANNOTATION,
                    )
                    .with_remedy(CONFINE_BY_ANNOTATION),
                    Rule::new(
                        Scope::Annotation(AnnotationKey::OfContainer(
                            "container.seccomp.security.alpha.kubernetes.io/",
                        )),
                        "takes a container out of seccomp",
                        ANNOTATION,
                    )
                    .with_remedy(CONFINE_BY_ANNOTATION),
                ],
            },
        },
        Revision {
            since: PssVersion::minor(19),
            predicate: Predicate {
                exempt: &[],
                rules: &[
                    Rule::new(
                        Scope::Pod,
                        "is not confined by seccomp",
                        Test::Field(PROFILE, &Test::UnsetOr(&FILTERED)),
                    )
                    .with_remedy(CONFINE),
                    Rule::new(
                        Scope::Container,
                        "is not confined by seccomp",
                        Test::Field(PROFILE, &Test::UnsetOr(&FILTERED)),
                    )
                    .with_remedy(CONFINE),
                ],
            },
        },
    ]),
    overrides: &[],
    source: include_str!("unconfined_seccomp.rs"),
};
