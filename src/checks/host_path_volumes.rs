//! # What it does
//! Finds volumes of type `hostPath`.
//!
//! # Why it matters
//! A hostPath volume is a piece of the node in the pod: the container runtime's socket, the kubelet's keys, or
//! just `/`. Many of them are root on the node by another name, and read-only mounts still give away what is
//! there.
//!
//! # Example
//! ```yaml
//! volumes:
//! - name: run
//!   hostPath:             # not allowed
//!     path: /var/run/docker.sock
//! ```
//! Use a PersistentVolume of type `local` for disks, a projected or CSI volume for credentials, an emptyDir for
//! scratch space.
//!
//! # Fix safety
//! None is offered: what the container reads or writes there has to come from somewhere else, which only its
//! author knows. Components of the control plane read their files from the node: in their static pod manifests
//! the finding is of severity info.
//!
//! # References
//! - [Pod Security Standards, *HostPath Volumes*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)
//! - [Volumes, *hostPath*](https://kubernetes.io/docs/concepts/storage/volumes/#hostpath)

use super::predicate::{Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const CHECK: Check = Check {
    id: "host-path-volumes",
    group: Group::Baseline,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[Rule::new(
                Scope::Volume,
                "mounts a path of the node",
                Test::Field(&["hostPath"], &Test::Unset),
            )],
        },
    }]),
    overrides: &[],
    source: include_str!("host_path_volumes.rs"),
};
