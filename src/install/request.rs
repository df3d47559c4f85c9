//! What goes into a transaction and what comes out of it.

use std::path::PathBuf;

use super::backup::BackupSet;
use super::disk::Ownership;
use super::health::{Healthy, Unhealthy};
use super::step::Role;
use crate::apiserver::hash::sha256;

/// A file's bytes, mode and owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Mode and owner.
    pub ownership: Ownership,
}

/// What a file is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What the file is.
    pub role: Role,
    /// Where it is, links resolved.
    pub path: PathBuf,
    /// Its content; `None` to remove it.
    pub content: Option<Content>,
}

/// A directory that must exist before the apiserver starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where.
    pub path: PathBuf,
    /// As it is made, where it is missing.
    pub ownership: Ownership,
}

/// What a patch puts in place.
#[derive(Clone, Debug)]
pub struct Request {
    /// The manifest, links resolved.
    pub manifest: PathBuf,
    /// The manifest's bytes that everything here was computed from.
    pub before: Vec<u8>,
    /// The files to write, the manifest among them.
    pub changes: Vec<Change>,
    /// Files that either manifest names and that stay as they are: saved all the same.
    pub kept: Vec<(Role, PathBuf)>,
    /// Directories to make.
    pub directories: Vec<Directory>,
    /// What changes, in sentences.
    pub sentences: Vec<String>,
}

impl Request {
    pub(super) fn after_sha256(&self) -> String {
        let manifest = self.changes.iter().find(|change| change.role == Role::Manifest);
        let after = manifest.and_then(|change| change.content.as_ref()).map(|content| &content.bytes);
        sha256(after.unwrap_or(&self.before))
    }
}

/// How an installation ended.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The backup set of what was there before.
    pub backup: BackupSet,
    /// How the apiserver does; `None` when nobody waited.
    pub healthy: Option<Healthy>,
    /// Backup sets that were removed because newer ones suffice.
    pub pruned: Vec<String>,
}

/// How a rollback ended.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The set that was put back.
    pub set: BackupSet,
    /// The set that holds what was there before the rollback.
    pub previous: Option<BackupSet>,
    /// How the apiserver does; `None` when nobody waited.
    pub health: Option<Result<Healthy, Unhealthy>>,
    /// Files that did not exist before the patch and were left, since a starting apiserver may still read them.
    pub left: Vec<PathBuf>,
    /// Whether the policy of the set was left out because the apiserver would refuse it.
    pub kept_policy: bool,
}

/// What became of a run that was interrupted.
#[derive(Debug)]
pub enum Recovery {
    /// There was none.
    Nothing,
    /// The new manifest stood already: it has been seen through.
    Finished {
        /// The set of what was there before.
        backup: String,
        /// How the apiserver does; `None` when nobody waited.
        healthy: Option<Healthy>,
    },
    /// It has been undone.
    Undone(Box<Restored>),
    /// Somebody has written another manifest since: it was left alone, only the note was closed.
    Superseded {
        /// The set of what was there before.
        backup: String,
    },
}
