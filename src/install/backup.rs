//! Backup sets: what stood there before, in one directory a run, outside the manifests directory.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::clock;
use super::disk::{Disk, Ownership};
use super::error::InstallError;
use super::request::{Change, Content};
use super::state::State;
use super::step::{Role, Subject};
use crate::apiserver::hash::sha256;

const METADATA: &str = "metadata.json";

/// Why a set was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Before `apiserver patch`.
    Patch,
    /// Before `apiserver rollback` to another set.
    Rollback {
        /// That set.
        to: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Patch => f.write_str("before patch"),
            Self::Rollback { to } => write!(f, "before rollback to {to}"),
        }
    }
}

/// How the run that made a set ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It has not ended, or was killed.
    Open,
    /// The apiserver came back healthy.
    Healthy,
    /// Nobody waited for it.
    Unverified,
    /// The change failed, and this set was put back.
    Undone,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "interrupted",
            Self::Healthy => "healthy",
            Self::Unverified => "not verified",
            Self::Undone => "failed, undone",
        })
    }
}

/// What the run that makes a set is about to do with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Planned {
    /// Nothing: it is saved because a manifest names it.
    Keep,
    /// Write it; the sha256 of what it writes.
    Write {
        /// Lower-case hexadecimal.
        sha256: String,
    },
    /// Remove it.
    Remove,
}

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    /// What it is.
    pub role: Role,
    /// Where it belongs.
    pub path: PathBuf,
    /// Its copy in the set; `None` where it did not exist.
    pub saved: Option<Copy>,
    /// What the run was to do with it.
    pub planned: Planned,
}

/// The copy of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Its name in the set's directory.
    pub name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// As it was.
    #[serde(flatten)]
    pub ownership: Ownership,
}

/// `metadata.json` of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    version: u32,
    /// The set's name: the time of its making in UTC, and a number.
    pub id: String,
    /// RFC 3339.
    pub created: String,
    /// Name and version of the program.
    pub tool: String,
    /// Why.
    pub reason: Reason,
    /// The manifest that the run was about, links resolved.
    pub manifest: PathBuf,
    /// The files.
    pub files: Vec<SavedFile>,
    /// Directories that did not exist.
    pub missing_directories: Vec<PathBuf>,
    /// What the run was to change, in sentences.
    pub changes: Vec<String>,
    /// How the run ended.
    pub ending: Ending,
}

/// What a run says about itself when it makes a set.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) reason: Reason,
    pub(super) manifest: PathBuf,
    pub(super) files: Vec<(Role, PathBuf, Planned)>,
    pub(super) missing_directories: Vec<PathBuf>,
    pub(super) changes: Vec<String>,
}

/// A set on the disk.
#[derive(Clone, Debug)]
pub struct BackupSet {
    /// Its directory.
    pub directory: PathBuf,
    /// What it says about itself.
    pub metadata: Metadata,
}

impl BackupSet {
    /// Copies the files into a new set, which appears whole or not at all.
    pub(super) fn create(state: &State, disk: &mut Disk<'_>, draft: Draft) -> Result<Self, InstallError> {
        let private = state.private()?;
        let id = free_id(&state.backups());
        let unfinished = state.backups().join(format!(".{id}"));
        disk.make_directories(Subject::Backup, &unfinished, Ownership { mode: 0o700, ..private })?;
        let mut files = Vec::new();
        for (index, (role, path, planned)) in draft.files.into_iter().enumerate() {
            let saved = match read_file(&path)? {
                None => None,
                Some(content) => {
                    let name = format!("{index}-{}", role.file_name());
                    disk.write(Subject::Backup, &unfinished.join(&name), &content.bytes, private)?;
                    Some(Copy { name, sha256: sha256(&content.bytes), ownership: content.ownership })
                }
            };
            files.push(SavedFile { role, path, saved, planned });
        }
        let metadata = Metadata {
            version: 1,
            id: id.clone(),
            created: clock::rfc3339_now(),
            tool: concat!("lithify ", env!("CARGO_PKG_VERSION")).to_owned(),
            reason: draft.reason,
            manifest: draft.manifest,
            files,
            missing_directories: draft.missing_directories,
            changes: draft.changes,
            ending: Ending::Open,
        };
        let mut set = Self { directory: unfinished.clone(), metadata };
        set.write_metadata(state, disk)?;
        set.directory = state.backups().join(id);
        disk.rename(Subject::Backup, &unfinished, &set.directory)?;
        Ok(set)
    }

    fn write_metadata(&self, state: &State, disk: &mut Disk<'_>) -> Result<(), InstallError> {
        let bytes = serde_json::to_vec_pretty(&self.metadata).expect("metadata is plain data");
        disk.write(Subject::Backup, &self.directory.join(METADATA), &bytes, state.private()?)
    }

    /// Notes how the run ended.
    pub(super) fn end(
        &mut self,
        state: &State,
        disk: &mut Disk<'_>,
        ending: Ending,
    ) -> Result<(), InstallError> {
        self.metadata.ending = ending;
        self.write_metadata(state, disk)
    }

    /// The set of this name.
    ///
    /// # Errors
    /// If there is none, or its metadata is not what this version writes.
    pub fn load(state: &State, id: &str) -> Result<Self, InstallError> {
        let directory = state.backups().join(id);
        let path = directory.join(METADATA);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                InstallError::NoBackup { what: format!("`{id}`"), directory: state.backups() }
            }
            _ => InstallError::read(&path)(error),
        })?;
        let metadata: Metadata = serde_json::from_slice(&bytes).map_err(|error| InstallError::BadState {
            path,
            expected: "the metadata of a backup set, version 1",
            found: error.to_string(),
        })?;
        Ok(Self { directory, metadata })
    }

    /// What puts this set back: the files as they were.
    ///
    /// A file that did not exist is to be removed, but only while it holds what the set's run wrote: anything
    /// else is somebody's work.
    ///
    /// # Errors
    /// [`InstallError::DamagedBackup`] where a copy differs from its checksum.
    pub fn changes(&self) -> Result<Vec<Change>, InstallError> {
        let mut changes = Vec::new();
        for file in &self.metadata.files {
            let content = match (&file.saved, &file.planned) {
                (Some(copy), _) => Some(self.copy(copy)?),
                (None, Planned::Write { sha256: ours })
                    if read_file(&file.path)?.is_some_and(|present| sha256(&present.bytes) == *ours) =>
                {
                    None
                }
                (None, _) => continue,
            };
            changes.push(Change { role: file.role, path: file.path.clone(), content });
        }
        Ok(changes)
    }

    fn copy(&self, copy: &Copy) -> Result<Content, InstallError> {
        let path = self.directory.join(&copy.name);
        let bytes = fs::read(&path).map_err(InstallError::read(&path))?;
        if sha256(&bytes) != copy.sha256 {
            return Err(InstallError::DamagedBackup { id: self.metadata.id.clone(), path });
        }
        Ok(Content { bytes, ownership: copy.ownership })
    }

    /// The saved manifest.
    ///
    /// # Errors
    /// As [`BackupSet::changes`].
    pub fn manifest(&self) -> Result<Option<Vec<u8>>, InstallError> {
        let saved = self.metadata.files.iter().find(|file| file.role == Role::Manifest);
        let Some(copy) = saved.and_then(|file| file.saved.as_ref()) else { return Ok(None) };
        Ok(Some(self.copy(copy)?.bytes))
    }

    /// Keeps the files as they stand now beside the set, for a look at what failed.
    pub(super) fn keep_failed(&self, state: &State, disk: &mut Disk<'_>) -> Result<PathBuf, InstallError> {
        let private = state.private()?;
        let directory = self.directory.join("failed");
        disk.make_directories(Subject::Backup, &directory, Ownership { mode: 0o700, ..private })?;
        for (index, file) in self.metadata.files.iter().enumerate() {
            if let Some(content) = read_file(&file.path)? {
                let name = format!("{index}-{}", file.role.file_name());
                disk.write(Subject::Backup, &directory.join(name), &content.bytes, private)?;
            }
        }
        Ok(directory)
    }
}

/// Later than every set there is, also those of the same second: a number is not used twice, or the newest set
/// would sort before older ones.
fn free_id(backups: &Path) -> String {
    let now = clock::compact_now();
    let entries = fs::read_dir(backups).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.trim_start_matches('.').strip_prefix(&now)?.strip_prefix('-')?;
        number.parse::<u32>().ok()
    });
    format!("{now}-{}", numbers.max().unwrap_or_default() + 1)
}

/// A file's bytes and ownership; `None` where nothing is there.
pub(super) fn read_file(path: &Path) -> Result<Option<Content>, InstallError> {
    let missing =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let read = || {
        let metadata = fs::metadata(path)?;
        Ok(Content { bytes: fs::read(path)?, ownership: Ownership::of(&metadata) })
    };
    match read() {
        Ok(content) => Ok(Some(content)),
        Err(error) if missing(&error) => Ok(None),
        Err(error) => Err(InstallError::read(path)(error)),
    }
}
