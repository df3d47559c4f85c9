//! # What it does
//! Finds `securityContext.appArmorProfile.type` of the pod or of any container that is neither `RuntimeDefault`
//! nor `Localhost`. Likewise annotations `container.apparmor.security.beta.kubernetes.io/…` (before Kubernetes
//! v1.30 the only way to say so) that are neither empty, `runtime/default` nor `localhost/…`.
//!
//! # Why it matters
//! On nodes with AppArmor the runtime's default profile denies writes to `/proc` and `/sys`, mounts and the
//! tracing of other processes. `Unconfined` takes that away, also from whoever breaks in.
//!
//! # Example
//! ```yaml
//! spec:
//!   securityContext:
//!     appArmorProfile:
//!       type: Unconfined    # allowed: RuntimeDefault, Localhost, or no profile at all
//! ```
//!
//! # Fix safety
//! Unsafe: the fix sets `RuntimeDefault`, and what the profile denies fails with `EACCES`.
//!
//! # References
//! - [Pod Security Standards, *AppArmor*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Restrict a Container's Access to Resources with AppArmor](https://kubernetes.io/docs/tutorials/security/apparmor/)

use super::predicate::{Action, Allowed, AnnotationKey, Change, Literal, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const PROFILE: &[&str] = &["securityContext", "appArmorProfile"];
const CONFINED: Test =
    Test::UnsetOr(&Test::Field(&["type"], &Test::Is(Allowed::text(&["RuntimeDefault", "Localhost"]))));
const CONFINE: Change =
    Change::risky("set the profile to RuntimeDefault", Action::Set(Literal::Text("RuntimeDefault")));

pub(super) const CHECK: Check = Check {
    id: "unconfined-apparmor",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[
                Rule::new(Scope::Pod, "is not confined by AppArmor", Test::Field(PROFILE, &CONFINED))
                    .with_remedy(CONFINE),
                Rule::new(Scope::Container, "is not confined by AppArmor", Test::Field(PROFILE, &CONFINED))
                    .with_remedy(CONFINE),
                Rule::new(
                    Scope::Annotation(AnnotationKey::WithPrefix(
                        "container.apparmor.security.beta.kubernetes.io/",
                    )),
                    "takes a container out of AppArmor",
                    Test::UnsetOr(&Test::Is(Allowed::Text {
                        values: &["", "runtime/default"],
                        prefixes: &["localhost/"],
                    })),
                )
                .with_remedy(Change::risky(
                    "set the profile to runtime/default",
                    Action::Set(Literal::Text("runtime/default")),
                )),
            ],
        },
    }]),
    overrides: &[],
    source: include_str!("unconfined_apparmor.rs"),
};
