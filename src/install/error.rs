//! What can go wrong, each with what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::health::Unhealthy;
use super::step::{Role, Step};

/// Why the transaction refused, or how it ended.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file or directory could not be read.
    #[error("read {}: {error}{}", path.display(), advice(error))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },

    /// A change of the disk failed; what was done before it has been undone, or is noted in the journal.
    #[error("{step} ({}): {error}{}", path.display(), advice(error))]
    Step {
        /// Which.
        step: Step,
        /// On which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },

    /// Another run holds the lock.
    #[error("another run is at work here: {holder} holds {}; wait until it has ended", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote into it.
        holder: String,
    },

    /// The manifest is a directory.
    #[error(
        "{} is a directory, expected the manifest of one static pod; give the file, such as {}",
        path.display(), path.join("kube-apiserver.yaml").display()
    )]
    IsDirectory {
        /// The path as given.
        path: PathBuf,
    },

    /// The manifest is a link to a file that does not exist.
    #[error("{} is a symbolic link to {}, which does not exist; repair the link", path.display(), target.display())]
    BrokenLink {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },

    /// The manifest does not exist.
    #[error("{} does not exist; is this a control-plane node, and where does its kubelet's staticPodPath point?", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },

    /// Not a regular file.
    #[error("{} is {kind}, expected a regular file", path.display())]
    NotRegular {
        /// The path as given.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },

    /// A directory cannot be written to.
    #[error("cannot write to {}: {error}{}", path.display(), advice(error))]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },

    /// Too little space.
    #[error("{} has {free} bytes free, expected at least {needed}; free some space", path.display())]
    NoSpace {
        /// A directory on the filesystem.
        path: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that the run writes there, with a reserve.
        needed: u64,
    },

    /// Too few files can be made.
    #[error("{} has {free} inodes free, expected more; remove some files", path.display())]
    NoInodes {
        /// A directory on the filesystem.
        path: PathBuf,
        /// Inodes that are free.
        free: u64,
    },

    /// A path leads through something that is no directory.
    #[error("{} lies below {}, which is no directory", path.display(), obstacle.display())]
    NotBelowDirectory {
        /// The file that is to be written.
        path: PathBuf,
        /// What is in the way.
        obstacle: PathBuf,
    },

    /// A file or the state lies where the kubelet looks for static pods.
    #[error(
        "{what} {} lies in the manifests directory {}, whose every file the kubelet takes for a static pod; choose another place",
        path.display(), directory.display()
    )]
    InManifestsDirectory {
        /// What it is.
        what: &'static str,
        /// Where it lies.
        path: PathBuf,
        /// The manifests directory.
        directory: PathBuf,
    },

    /// Somebody wrote the manifest while this run was preparing.
    #[error("{} was changed by somebody else while this run was preparing; nothing was written, run again", path.display())]
    ChangedMeanwhile {
        /// The manifest.
        path: PathBuf,
    },

    /// A file of the state directory is not what this version writes.
    #[error("{}: expected {expected}, found: {found}", path.display())]
    BadState {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },

    /// A saved file differs from its checksum.
    #[error("{} of backup set {id} is damaged: its checksum differs from the one in metadata.json; choose another set with --to", path.display())]
    DamagedBackup {
        /// The set.
        id: String,
        /// The saved file.
        path: PathBuf,
    },

    /// No set to go back to.
    #[error("no backup set {what} in {}; `--list` shows those there are", directory.display())]
    NoBackup {
        /// Which one was looked for.
        what: String,
        /// Where.
        directory: PathBuf,
    },

    /// A prefix fits several sets.
    #[error("`{prefix}` fits several backup sets: {}; give more of the name", found.join(", "))]
    AmbiguousBackup {
        /// As given.
        prefix: String,
        /// The sets that it fits.
        found: Vec<String>,
    },

    /// The backup's policy would keep the apiserver from starting.
    #[error(
        "the audit policy of backup set {id} ({}) would be refused by the kube-apiserver: {reason}; nothing was changed", path.display()
    )]
    InvalidBackup {
        /// The set.
        id: String,
        /// Where the policy would go.
        path: PathBuf,
        /// What the apiserver would say.
        reason: String,
    },

    /// Everything is in place; only the note that says so could not be written.
    #[error(
        "the files are in place, but the journal could not be closed: {error}; repair that and run again"
    )]
    Unclosed {
        /// Why.
        error: Box<InstallError>,
    },

    /// The change failed and what was there before is back.
    #[error(transparent)]
    RolledBack(Box<RolledBack>),

    /// The change failed, and so did putting back what was there before.
    #[error(
        "{cause}; putting back set {backup} failed too: {undo}; repair that and run `lithify apiserver rollback`"
    )]
    Stuck {
        /// Why the change failed.
        cause: String,
        /// The set that was to be put back.
        backup: String,
        /// Why that failed.
        undo: Box<InstallError>,
    },
}

/// A change that failed and was undone.
#[derive(Debug, thiserror::Error)]
#[error("{cause}; {}", self.ending())]
pub struct RolledBack {
    /// Why.
    pub cause: Cause,
    /// The set that was put back.
    pub backup: String,
    /// Where the files that failed are kept.
    pub failed_files: Option<PathBuf>,
    /// How the apiserver does with what was put back; `None` when it was not asked.
    pub health: Option<Result<super::health::Healthy, Unhealthy>>,
    /// Files that were left although they did not exist before, and why.
    pub left: Vec<PathBuf>,
}

impl RolledBack {
    fn ending(&self) -> String {
        match &self.health {
            Some(Err(unhealthy)) => {
                format!("what was there before is back on the disk, but is not healthy either: {unhealthy}")
            }
            Some(Ok(_)) => "what was there before is back, and healthy".to_owned(),
            None => "what was there before is back".to_owned(),
        }
    }
}

/// Why a change was undone.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The apiserver did not come back with it.
    #[error("the kube-apiserver did not come up with the new manifest: {0}")]
    Unhealthy(Unhealthy),
    /// It could not be written.
    #[error("the change could not be written: {0}")]
    Disk(Box<InstallError>),
}

/// What an operating system's refusal asks of the user.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run as root (sudo)",
        io::ErrorKind::ReadOnlyFilesystem => "; mount it writable first",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space",
        _ => "",
    }
}

impl InstallError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Read { path, error }
    }
}

/// How a role is called in a list of places.
impl Role {
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.yaml",
            Self::Policy => "policy.yaml",
            Self::Webhook => "webhook.yaml",
        }
    }
}
