//! # What it does
//! Finds volumes of any type but configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim,
//! projected and secret, and volumes that name no type.
//!
//! # Why it matters
//! The other types name a disk or a server in the pod itself: whoever may create a pod then reaches storage that
//! nobody granted, with credentials of the node. A claim goes through a PersistentVolume, which an administrator
//! made.
//!
//! # Example
//! ```yaml
//! volumes:
//! - name: data
//!   nfs: {server: files.example, path: /data}    # not allowed: use a persistentVolumeClaim
//! ```
//!
//! # Fix safety
//! Safe where the volume names no type: the fix writes the `emptyDir: {}` that the apiserver gives it. None is
//! offered otherwise: the claim to use instead has to exist first.
//!
//! # References
//! - [Pod Security Standards, *Volume Types*](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
//! - [Volumes](https://kubernetes.io/docs/concepts/storage/volumes/)

use super::predicate::{Action, Change, Literal, Predicate, Rule, Scope, Test};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const CHECK: Check = Check {
    id: "restricted-volume-types",
    group: Group::Restricted,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[],
            rules: &[Rule::new(
                Scope::Volume,
                "is of a restricted type",
                Test::AnyField(&[
                    "configMap",
                    "csi",
                    "downwardAPI",
                    "emptyDir",
                    "ephemeral",
                    "image",
                    "persistentVolumeClaim",
                    "projected",
                    "secret",
                ]),
            )
            .with_remedy(
                Change::safe(
                    "set emptyDir, as the apiserver does",
                    Action::SetBelow("emptyDir", Literal::EmptyMapping),
                )
                .never_if(&Test::Not(&Test::OnlyKeys(&["name"]))),
            )],
        },
    }]),
    overrides: &["host-path-volumes"],
    source: include_str!("restricted_volume_types.rs"),
};
