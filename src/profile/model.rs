//! What a write-path profile says.

use jiff::Timestamp;

use super::path::ContainerPath;

/// Where a container of one image writes on its root filesystem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteProfile {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; `None` where the file names none.
    pub namespace: Option<String>,
    /// The image's repository, in full, without tag.
    pub repository: String,
    /// The image's digest, where the profile is about this one build.
    pub digest: Option<String>,
    /// Whose container it is; `None` for every container of the image.
    pub workload: Option<Workload>,
    /// The directories that were written in.
    pub paths: Vec<WrittenPath>,
    /// Writes that failed.
    pub blocked: Vec<BlockedPath>,
    /// What the observation saw.
    pub observed: Option<Observed>,
    /// Writes whose path could not be told.
    pub unresolved: Vec<String>,
    /// The observer saw all that there is to see.
    pub complete: bool,
    /// Somebody has looked at it, says the file; in a cluster only `status` says so.
    pub approved: bool,
}

/// Whose container it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `Deployment`.
    pub kind: String,
    /// The workload's name.
    pub name: String,
    /// The container's name.
    pub container: String,
}

/// What a directory holds in the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contents {
    /// Nothing, or it does not exist.
    #[default]
    Empty,
    /// Files, which an emptyDir would hide.
    Populated,
}

/// A directory that was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPath {
    /// The directory.
    pub path: ContainerPath,
    /// What it holds in the image.
    pub contents: Contents,
    /// How often.
    pub writes: u64,
    /// The most that it held.
    pub max_bytes: Option<u64>,
    /// Its owner.
    pub uid: Option<u32>,
    /// Its group.
    pub gid: Option<u32>,
    /// Its mode, without the type.
    pub mode: Option<u32>,
    /// The program that wrote there first; empty where it is not known.
    pub first_writer: String,
}

/// A write that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedPath {
    /// The file or directory.
    pub path: ContainerPath,
    /// `EROFS`.
    pub errno: String,
    /// How often.
    pub count: u64,
}

/// What the observation saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// How many containers.
    pub containers: u64,
    /// How many of their starts.
    pub starts: u64,
    /// How many of their ends.
    pub stops: u64,
}

impl WriteProfile {
    /// Whether it is evidence of every write: said to be complete, with nothing unresolved.
    pub fn is_complete(&self) -> bool {
        self.complete && self.unresolved.is_empty()
    }
}

impl WrittenPath {
    /// A directory of which nothing else is known.
    pub fn new(path: ContainerPath) -> Self {
        Self {
            path,
            contents: Contents::Empty,
            writes: 0,
            max_bytes: None,
            uid: None,
            gid: None,
            mode: None,
            first_writer: String::new(),
        }
    }
}

impl Contents {
    /// `empty` or `populated`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Populated => "populated",
        }
    }
}
