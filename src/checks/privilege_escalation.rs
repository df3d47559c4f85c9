//! # What it does
//! Finds every container, init container and ephemeral container without
//! `securityContext.allowPrivilegeEscalation: false`. From v1.25 on, pods with `spec.os.name: windows` are exempt.
//! Exists from version v1.8 of the Pod Security Standards on.
//!
//! # Why it matters
//! Unless it is false, a process can become more than it was started as, by way of a set-user-ID program such as
//! `sudo` or of file capabilities. With it, the kernel's `no_new_privs` closes that door for good.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   securityContext:
//!     allowPrivilegeEscalation: false
//! ```
//!
//! # Fix safety
//! Unsafe: the fix sets the field to `false`, and set-user-ID programs in the container run without their
//! privileges. None is offered for a privileged container or one that adds `CAP_SYS_ADMIN`: the apiserver refuses
//! the two together.
//!
//! # References
//! - [Pod Security Standards, *Privilege Escalation*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [no_new_privs](https://docs.kernel.org/userspace-api/no_new_privs.html)

use super::predicate::{Action, Allowed, Change, Literal, Predicate, Rule, Scope, Test, WINDOWS};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const RULES: [Rule; 1] = [Rule::new(
    Scope::Container,
    "may gain privileges",
    Test::Field(&["securityContext", "allowPrivilegeEscalation"], &Test::Is(Allowed::Bool(false))),
)
.with_remedy(
    Change::risky("set allowPrivilegeEscalation to false", Action::Set(Literal::Bool(false)))
        .never_if(&PRIVILEGED),
)];

/// The apiserver refuses `allowPrivilegeEscalation: false` beside these.
const PRIVILEGED: Test = Test::Any(&[
    Test::Field(&["securityContext", "privileged"], &Test::Is(Allowed::Bool(true))),
    Test::Field(&["securityContext", "capabilities", "add"], &Test::Includes("CAP_SYS_ADMIN")),
]);

pub(super) const CHECK: Check = Check {
    id: "privilege-escalation",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(8), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision { since: PssVersion::minor(25), predicate: Predicate { exempt: &[WINDOWS], rules: &RULES } },
    ]),
    overrides: &[],
    source: include_str!("privilege_escalation.rs"),
};
