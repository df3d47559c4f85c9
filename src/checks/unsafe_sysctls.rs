//! # What it does
//! Finds each of the pod's `securityContext.sysctls` that is not in the safe set of the version of the Pod
//! Security Standards.
//!
//! # Why it matters
//! A sysctl that is not namespaced changes the kernel for every pod of the node; a kubelet that allows it
//! (`--allowed-unsafe-sysctls`) lets one pod starve or weaken all others.
//!
//! # Example
//! ```yaml
//! spec:
//!   securityContext:
//!     sysctls:
//!     - {name: net.ipv4.tcp_syncookies, value: "1"}   # safe
//!     - {name: kernel.msgmax, value: "65536"}         # not allowed
//! ```
//! Safe: kernel.shm_rmid_forced and, of net.ipv4, ip_local_port_range, tcp_syncookies, ping_group_range,
//! ip_unprivileged_port_start; ip_local_reserved_ports from v1.27 on; tcp_keepalive_time, tcp_fin_timeout,
//! tcp_keepalive_intvl, tcp_keepalive_probes from v1.29 on; tcp_rmem, tcp_wmem from v1.32 on;
//! tcp_slow_start_after_idle, tcp_notsent_lowat from v1.37 on.
//!
//! # Fix safety
//! Unsafe: the fix removes the sysctl, and the pod runs with the kernel's default.
//!
//! # References
//! - [Pod Security Standards, *Sysctls*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Using sysctls in a Kubernetes Cluster](https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/)

use super::predicate::{Action, Allowed, Change, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

/// The safe sysctls in the order in which versions added them, so that each version has a beginning of the
/// list.
const SAFE: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports", // v1.27
    "net.ipv4.tcp_keepalive_time",      // v1.29
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem", // v1.32
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle", // v1.37
    "net.ipv4.tcp_notsent_lowat",
];

/// The first `count` of them are allowed.
macro_rules! rules {
    ($count:literal) => {
        &[Rule::new(
            Scope::Pod,
            "sets an unsafe sysctl",
            Test::Field(
                &["securityContext", "sysctls"],
                &Test::Each(&Test::Field(&["name"], &Test::Is(Allowed::text(SAFE.split_at($count).0)))),
            ),
        )
        .with_remedy(Change::risky("remove the sysctl", Action::RemoveItem))]
    };
}

pub(super) const CHECK: Check = Check {
    id: "unsafe-sysctls",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[
        Revision { since: PssVersion::minor(0), predicate: Predicate { exempt: &[], rules: rules!(5) } },
        Revision { since: PssVersion::minor(27), predicate: Predicate { exempt: &[], rules: rules!(6) } },
        Revision { since: PssVersion::minor(29), predicate: Predicate { exempt: &[], rules: rules!(10) } },
        Revision { since: PssVersion::minor(32), predicate: Predicate { exempt: &[], rules: rules!(12) } },
        Revision { since: PssVersion::minor(37), predicate: Predicate { exempt: &[], rules: rules!(14) } },
    ]),
    overrides: &[],
    source: include_str!("unsafe_sysctls.rs"),
};
