//! The manifest transaction on disk: from one whole state to another, killed at any instant.
//!
//! Data in: the files that a plan wants. Data out: those files in place and an apiserver that serves, or the
//! files of before, an apiserver that serves, and the reason.
//!
//! # The plan
//! Everything that can be known is known before anything is touched ([`inspect`]): the manifest is a regular
//! file of one apiserver, the policy is one that the apiserver takes, directories are there and writable, the
//! disk has room, nobody else is at work (the lock of [`State`]), no run was interrupted (its journal). Then
//! [`Transaction`] goes through its steps:
//!
//! 1. the backup set: copies of all files either manifest names, synced, which appear by one rename;
//! 2. the journal, which names the set and the direction *forward*;
//! 3. directories; policy and webhook kubeconfig, each by temporary dot-file, sync, rename, sync of the directory;
//! 4. the manifest, in the same way;
//! 5. the wait: a process with the new flags that started since, `/readyz`, an event in the audit log;
//! 6. the set is marked with how it ended, the journal is closed, old sets are removed.
//!
//! A failure in 2 to 5 turns the journal's direction to *back*: content of the set, then the manifest, then the
//! wait for the old apiserver, then removal of what did not exist before. A run that finds a journal completes it
//! first: *forward* with the new manifest in place is seen through from 5; *forward* with the old one, and *back*,
//! go back. A run killed between 5 and 6 costs one more wait.
//!
//! # Choices
//! - A manifest that is a symbolic link stays one: its target is replaced. So do policy and kubeconfig.
//! - A file somebody else changed after the patch is never removed by a rollback, and every rollback makes a
//!   backup set of what stands.
//! - Ten sets are kept for each manifest, and the first of all: the state before this tool came.

mod backup;
mod clock;
mod disk;
mod error;
mod health;
mod history;
pub mod inspect;
mod node;
mod read;
mod request;
mod rollback;
mod state;
mod step;
mod transaction;

pub use backup::{BackupSet, Copy, Ending, Metadata, Planned, Reason, SavedFile};
pub use clock::Moment;
pub use disk::Ownership;
pub use error::{Cause, InstallError, RolledBack};
pub use health::{Expectation, Health, Healthy, Unhealthy};
pub use history::{KEPT_SETS, differs, find, last_differing, list};
pub use node::{DEFAULT_TIMEOUT, Node, Phase, Places, Progress};
pub use request::{Change, Content, Directory, Installed, Recovery, Request, Restored};
pub use state::{DEFAULT_STATE_DIR, Direction, Journal, Lock, State};
pub use step::{Action, Observer, Role, Step, Subject, Unobserved};
pub use transaction::{PolicyJudge, Transaction};
