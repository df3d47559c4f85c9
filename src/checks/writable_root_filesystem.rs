//! # What it does
//! Finds every container, init container and ephemeral container without
//! `securityContext.readOnlyRootFilesystem: true`. Pods with `spec.os.name: windows` are exempt: Windows has
//! no such setting.
//!
//! # Why it matters
//! An intruder in a container first writes: a tool, a web shell, a changed binary. On a read-only root there
//! is no place to write to but the volumes that somebody chose, and what runs is what was built and signed.
//! A privileged container can mount its root again for writing, which makes the setting void: the message
//! says so.
//!
//! # Example
//! ```yaml
//! containers:
//! - name: nginx
//!   image: nginx:1.29
//!   securityContext:
//!     readOnlyRootFilesystem: true
//!   volumeMounts:
//!   - {name: rw-nginx-var-cache-nginx, mountPath: /var/cache/nginx}
//! volumes:
//! - {name: rw-nginx-var-cache-nginx, emptyDir: {}}
//! ```
//!
//! # Fix safety
//! The fix sets the flag and mounts an emptyDir at each directory that the container writes in, one volume for
//! each of its own: `rw-<container>-<path>`. Where a mount covers the directory already, it is left alone.
//!
//! Safe where a complete write-path profile of the container (`writable.profiles` of `lithify.yaml`) tells all
//! that it writes. Unsafe where the profile is short or there is none: then `writable.default` (`/tmp`) is mounted,
//! and a program that writes elsewhere fails with `EROFS`. The help of the finding says why a fix is not safe;
//! other reasons are a privileged container, a `sizeLimit` below four times what was seen, a directory whose mode
//! keeps others out, and writes in a directory that is never mounted as a whole, such as `/etc`.
//!
//! Files of the image in such a directory (`contents: populated`) are copied by an init container of the same
//! image, with `cp -a`: it needs that program. It inherits image, imagePullPolicy, resources and securityContext.
//! An ephemeral container gets mounts of volumes that the pod has, since it can add none.
//!
//! # References
//! - [Configure a Security Context](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/)
//! - [NSA/CISA Kubernetes Hardening Guide, *Immutable container file systems*](https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF)

use super::predicate::{Allowed, Note, Predicate, Rule, Scope, Test, WINDOWS};
use super::read_only_root::{PRIVILEGED, PRIVILEGED_IS_VOID};
use super::{Check, Group, PssVersion, Revision, Severity, Subject};

pub(super) const READ_ONLY: Test =
    Test::Field(&["securityContext", "readOnlyRootFilesystem"], &Test::Is(Allowed::Bool(true)));

pub(super) const CHECK: Check = Check {
    id: "writable-root-filesystem",
    group: Group::Immutable,
    severity: Severity::Error,
    subject: Subject::PodSpec(&[Revision {
        since: PssVersion::minor(0),
        predicate: Predicate {
            exempt: &[WINDOWS],
            rules: &[Rule::new(Scope::Container, "has a writable root filesystem", READ_ONLY)
                .with_notes(&[Note { when: PRIVILEGED, text: PRIVILEGED_IS_VOID }])
                .with_read_only_root()],
        },
    }]),
    overrides: &[],
    source: include_str!("writable_root_filesystem.rs"),
};
