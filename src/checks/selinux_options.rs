//! # What it does
//! Finds `seLinuxOptions` of the pod or of any container with a `user`, with a `role`, or with a `type` that
//! is no container's. Allowed types: `container_t`, `container_init_t`, `container_kvm_t` and, from v1.31 on,
//! `container_engine_t`.
//!
//! # Why it matters
//! The SELinux type is what holds a container that has escaped: `spc_t`, for one, is held by nothing. The user
//! and role decide which types can be reached.
//!
//! # Example
//! ```yaml
//! spec:
//!   securityContext:
//!     seLinuxOptions:
//!       type: spc_t     # not allowed
//!       level: s0:c123  # levels are free
//! ```
//!
//! # Fix safety
//! Unsafe: the fix removes the field, and the container runs with the type that the runtime gives it, which may
//! be denied what it did before.
//!
//! # References
//! - [Pod Security Standards, *SELinux*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Assign SELinux labels to a Container](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#assign-selinux-labels-to-a-container)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const NO_TEXT: Test = Test::UnsetOr(&Test::Is(Allowed::text(&[""])));
const USER: &[&str] = &["securityContext", "seLinuxOptions", "user"];
const ROLE: &[&str] = &["securityContext", "seLinuxOptions", "role"];
const TYPE: &[&str] = &["securityContext", "seLinuxOptions", "type"];

const fn rules(types: &'static Test) -> [Rule; 6] {
    [
        Rule::new(Scope::Pod, "chooses its SELinux type", Test::Field(TYPE, types)).with_remedy(REMOVE_TYPE),
        Rule::new(Scope::Pod, "chooses its SELinux user", Test::Field(USER, &NO_TEXT))
            .with_remedy(REMOVE_USER),
        Rule::new(Scope::Pod, "chooses its SELinux role", Test::Field(ROLE, &NO_TEXT))
            .with_remedy(REMOVE_ROLE),
        Rule::new(Scope::Container, "chooses its SELinux type", Test::Field(TYPE, types))
            .with_remedy(REMOVE_TYPE),
        Rule::new(Scope::Container, "chooses its SELinux user", Test::Field(USER, &NO_TEXT))
            .with_remedy(REMOVE_USER),
        Rule::new(Scope::Container, "chooses its SELinux role", Test::Field(ROLE, &NO_TEXT))
            .with_remedy(REMOVE_ROLE),
    ]
}

const REMOVE_TYPE: Change = Change::risky("remove the SELinux type", Action::Remove);
const REMOVE_USER: Change = Change::risky("remove the SELinux user", Action::Remove);
const REMOVE_ROLE: Change = Change::risky("remove the SELinux role", Action::Remove);

const TYPES: Test =
    Test::UnsetOr(&Test::Is(Allowed::text(&["", "container_t", "container_init_t", "container_kvm_t"])));
const TYPES_1_31: Test = Test::UnsetOr(&Test::Is(Allowed::text(&[
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
])));

const RULES: [Rule; 6] = rules(&TYPES);
const RULES_1_31: [Rule; 6] = rules(&TYPES_1_31);

pub(super) const CHECK: Check = Check {
    id: "selinux-options",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(0), predicate: Predicate { exempt: &[], rules: &RULES } },
        Revision { since: PssVersion::minor(31), predicate: Predicate { exempt: &[], rules: &RULES_1_31 } },
    ]),
    overrides: &[],
    source: include_str!("selinux_options.rs"),
};
