//! # What it does
//! Finds each capability in `securityContext.capabilities.add` of any container that is not in the container
//! runtime's default set.
//!
//! # Why it matters
//! Capabilities beyond the default set reach past the container: `SYS_ADMIN` mounts and unmounts, `SYS_PTRACE`
//! and `BPF` read other processes, `NET_ADMIN` rewires the network, `NET_RAW` forges packets.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: app
//!   image: registry.example/app:1.4
//!   securityContext:
//!     capabilities:
//!       add: [NET_BIND_SERVICE, NET_ADMIN]   # NET_ADMIN is not allowed
//! ```
//! Allowed: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID,
//! SETPCAP, SETUID, SYS_CHROOT, spelled like that: `CAP_CHOWN` and `chown` are others to the standard.
//!
//! # Fix safety
//! Unsafe: the fix removes the capability, and a program that used it fails with `EPERM`.
//!
//! # References
//! - [Pod Security Standards, *Capabilities*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const CHECK: Check = Check {
    id: "added-capabilities",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[Rule::new(
                Scope::Container,
                "adds a capability beyond the default set",
                Test::Field(
                    &["securityContext", "capabilities", "add"],
                    &Test::Each(&Test::Is(Allowed::text(&[
                        "AUDIT_WRITE",
                        "CHOWN",
                        "DAC_OVERRIDE",
                        "FOWNER",
                        "FSETID",
                        "KILL",
                        "MKNOD",
                        "NET_BIND_SERVICE",
                        "SETFCAP",
                        "SETGID",
                        "SETPCAP",
                        "SETUID",
                        "SYS_CHROOT",
                    ]))),
                ),
            )
            .with_remedy(Change::risky("remove the capability", Action::RemoveItem))],
        },
    }]),
    overrides: &[],
    source: include_str!("added_capabilities.rs"),
};
