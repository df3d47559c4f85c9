//! The kube-apiserver's static pod: its flags, volumes and audit settings.
//!
//! Data in: a Pod and [`Settings`]. Data out: a [`Plan`] of field operations with what must be on the host
//! before them. Values in, values out: installing files and waiting for the restart are done elsewhere.

pub mod audit_flags;
mod change;
mod command;
mod command_edit;
mod flags;
pub mod hash;
pub mod kubeadm;
mod locate;
mod mounts;
mod path;
mod places;
mod plan;
mod plan_error;
mod serving;
mod settings;
mod shape;
mod variables;
mod volumes;
pub mod webhook;

pub(crate) use command_edit::CommandEdit;
pub(crate) use places::refuses_log_directory;
pub(crate) use plan::{LOG, POLICY, WEBHOOK};
pub(crate) use volumes::{Purpose, Sharing, VolumeEdit};

pub use change::{Change, Warning};
pub use command::CommandError;
pub use flags::{FlagValue, Flags, Occurrence};
pub use locate::{Apiserver, LocateError, Owner, single_document};
pub use mounts::{Mount, Node, Source, covering, mounts};
pub use path::{AbsolutePath, PathProblem};
pub use plan::{HostFile, HostLog, Plan, plan};
pub use plan_error::{Covered, PlanError};
pub use serving::{Probe, Serving};
pub use settings::{
    CIS_MAXAGE, CIS_MAXBACKUP, CIS_MAXSIZE, DEFAULT_LOG_PATH, DEFAULT_POLICY_FILE, DEFAULT_WEBHOOK_CONFIG,
    ExtraFlag, ExtraFlagError, LogBackend, MANIFESTS_DIRECTORY, Settings, WebhookBackend,
};
pub use shape::WrongType;

#[cfg(test)]
mod plan_tests;
