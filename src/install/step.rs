//! The steps of a transaction, each one change of the disk, and who is told of them.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a file is to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The audit policy.
    Policy,
    /// The kubeconfig of the audit webhook backend.
    Webhook,
    /// The static pod manifest.
    Manifest,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "audit policy",
            Self::Webhook => "webhook kubeconfig",
            Self::Manifest => "manifest",
        })
    }
}

/// What a step changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A file that the control plane reads.
    File(Role),
    /// The directory that the audit log is written to, or a parent of one of the files.
    Directory,
    /// The state directory.
    State,
    /// A backup set.
    Backup,
    /// The note of what is under way.
    Journal,
}

impl From<Role> for Subject {
    fn from(role: Role) -> Self {
        Self::File(role)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(role) => role.fmt(f),
            Self::Directory => f.write_str("directory"),
            Self::State => f.write_str("state directory"),
            Self::Backup => f.write_str("backup set"),
            Self::Journal => f.write_str("journal"),
        }
    }
}

/// How a step changes it: one system call that a crash can fall before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a directory.
    MakeDirectory,
    /// Make the temporary file.
    Create,
    /// Write the bytes.
    Write,
    /// Give it its owner, mode and labels.
    Own,
    /// Bring the file's bytes to the disk.
    Sync,
    /// Rename it into place.
    Rename,
    /// Remove it.
    Remove,
    /// Bring the directory's entries to the disk.
    SyncDirectory,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MakeDirectory => "make the",
            Self::Create => "create the temporary file of the",
            Self::Write => "write the",
            Self::Own => "set owner and mode of the",
            Self::Sync => "sync the",
            Self::Rename => "rename into place the",
            Self::Remove => "remove the",
            Self::SyncDirectory => "sync the directory of the",
        })
    }
}

/// One change of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How.
    pub action: Action,
    /// What.
    pub subject: Subject,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.subject)
    }
}

/// Told of every change before it is made.
///
/// Tests kill the process here, or make the step fail.
pub trait Observer {
    /// Called before each step.
    ///
    /// # Errors
    /// An error stands for the step's own failure: it is not carried out.
    fn before(&mut self, _step: Step, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Lets everything happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
