//! What can be wrong with an object, one check a file.
//!
//! Data in: an object (any source). Data out: [`Finding`]s, which name a place by pointer; the caller knows
//! the file. No check reads files, the clock or the environment.
//!
//! A check of pod specs is a [`predicate`]: data, from which follow the native verdict, the fix and the CEL
//! of an exported policy.

pub mod audit_policy;
mod control_plane;
mod finding;
mod judge;
pub mod manual;
pub mod predicate;
mod pss;
pub mod read_only_root;
mod registry;
mod root_filesystem;
mod selection;
pub mod static_pod;
mod yaml_tree;

mod added_capabilities;
mod host_namespaces;
mod host_path_volumes;
mod host_ports;
mod host_probes;
mod missing_seccomp_profile;
mod privilege_escalation;
mod privileged;
mod restricted_volume_types;
mod run_as_root;
mod run_as_user_zero;
mod selinux_options;
mod unconfined_apparmor;
mod unconfined_seccomp;
mod undropped_capabilities;
mod unmasked_proc;
mod unmasked_proc_restricted;
mod unsafe_sysctls;
mod windows_host_process;
mod writable_root_filesystem;

pub use finding::{Finding, Severity};
pub use judge::{Context, judge, judge_object};
pub use pss::{PssVersion, PssVersionError};
pub use registry::{CHECKS, Check, Group, Level, Revision, Subject, UnknownLevel};
pub use root_filesystem::{RootFilesystem, root_filesystems};
pub use selection::{Selection, UnknownCheck};
