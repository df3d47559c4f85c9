//! # What it does
//! Finds `securityContext.windowsOptions.hostProcess: true` of the pod or of any container.
//!
//! # Why it matters
//! A HostProcess container is a process of the Windows node, in no container at all: it has the node's files,
//! network and accounts.
//!
//! # Example
//! ```yaml
//! spec:
//!   os: {name: windows}
//!   hostNetwork: true
//!   securityContext:
//!     windowsOptions:
//!       hostProcess: true    # allowed: false, or nothing
//! ```
//!
//! # Fix safety
//! Unsafe: the fix sets the field to `false`, and a pod that manages its node stops working.
//!
//! # References
//! - [Pod Security Standards, *HostProcess*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Create a Windows HostProcess Pod](https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/)

use super::predicate::{Action, Change, Literal, Predicate, Rule, Scope, Test, UNSET_OR_FALSE};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

const HOST_PROCESS: &[&str] = &["securityContext", "windowsOptions", "hostProcess"];
const SET_FALSE: Change = Change::risky("set hostProcess to false", Action::Set(Literal::Bool(false)));

pub(super) const CHECK: Check = Check {
    id: "windows-host-process",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[
                Rule::new(
                    Scope::Pod,
                    "runs as processes of its Windows node",
                    Test::Field(HOST_PROCESS, &UNSET_OR_FALSE),
                )
                .with_remedy(SET_FALSE),
                Rule::new(
                    Scope::Container,
                    "is a process of its Windows node",
                    Test::Field(HOST_PROCESS, &UNSET_OR_FALSE),
                )
                .with_remedy(SET_FALSE),
            ],
        },
    }]),
    overrides: &[],
    source: include_str!("windows_host_process.rs"),
};
