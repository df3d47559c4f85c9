//! The state directory: its lock, and the journal of what is under way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::clock::Moment;
use super::disk::{Disk, Ownership};
use super::error::InstallError;
use super::step::{Observer, Subject};

/// Where state is kept unless another place is given.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/lithify";

/// The state directory; nothing is made until the lock is taken.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// At `root`, an absolute path.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the backup sets.
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    fn journal_path(&self) -> PathBuf {
        self.root.join("journal.json")
    }

    /// Takes the lock, and makes the directories where they are missing.
    ///
    /// `command` is noted in the lock file for whoever finds it taken.
    ///
    /// # Errors
    /// [`InstallError::Locked`] with the holder's pid while another run lives; the kernel lets go of the lock
    /// of a killed one.
    pub fn lock(&self, command: &str, observer: &mut dyn Observer) -> Result<Lock, InstallError> {
        let ownership = Ownership {
            mode: 0o700,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        Disk::new(observer).make_directories(Subject::State, &self.backups(), ownership)?;
        let path = self.root.join("lock");
        let not_writable = |error| InstallError::NotWritable { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(not_writable)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(InstallError::Locked { path, holder: holder.trim().to_owned() });
            }
            Err(error) => return Err(not_writable(error.into())),
        }
        let note = format!("pid {} ({command})\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(note.as_bytes())).map_err(not_writable)?;
        Ok(Lock { file })
    }

    /// The journal of a run that was interrupted, if any (or of one that is at work now: take the lock first).
    ///
    /// # Errors
    /// If it cannot be read or is of another version.
    pub fn pending(&self) -> Result<Option<Journal>, InstallError> {
        let path = self.journal_path();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(InstallError::read(&path)(error)),
        };
        let journal: Journal = serde_json::from_slice(&bytes).map_err(|error| InstallError::BadState {
            path: path.clone(),
            expected: "the journal of an interrupted run",
            found: error.to_string(),
        })?;
        if journal.version != Journal::VERSION {
            return Err(InstallError::BadState {
                path,
                expected: "a journal of version 1",
                found: format!("version {}, written by a newer lithify", journal.version),
            });
        }
        Ok(Some(journal))
    }

    pub(super) fn write_journal(&self, disk: &mut Disk<'_>, journal: &Journal) -> Result<(), InstallError> {
        let bytes = serde_json::to_vec_pretty(journal).expect("a journal is plain data");
        disk.write(Subject::Journal, &self.journal_path(), &bytes, self.private()?)
    }

    pub(super) fn close_journal(&self, disk: &mut Disk<'_>) -> Result<(), InstallError> {
        disk.remove(Subject::Journal, &self.journal_path())
    }

    /// Owner and mode of the files in the state directory: its own owner, nobody else reads.
    pub(super) fn private(&self) -> Result<Ownership, InstallError> {
        let metadata = fs::metadata(&self.root).map_err(InstallError::read(&self.root))?;
        Ok(Ownership { mode: 0o600, ..Ownership::of(&metadata) })
    }
}

/// Held while files are changed; freed when dropped, and by the kernel when the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not left to the closing of the file: a process forked meanwhile would hold on to it.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// Which way an interrupted run was going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Putting something new in place; undone unless the new manifest stands already.
    Forward,
    /// Putting a backup set back; only ever completed.
    Back,
}

/// What is under way; the rest stands in the metadata of the backup set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    pub(super) version: u32,
    /// Which way.
    pub direction: Direction,
    /// The backup set to go back to.
    pub backup: String,
    /// The set that a rollback made of what stood before it.
    pub(super) previous: Option<String>,
    /// The sha256 of the manifest before the run.
    pub(super) before: String,
    /// The sha256 of the manifest that the run puts in place.
    pub(super) after: String,
    /// The process that wrote this.
    pub pid: u32,
    /// When it was written.
    pub(super) since: Moment,
}

impl Journal {
    const VERSION: u32 = 1;

    /// `before` and `after`: the sha256 of the manifest on either side of the run.
    pub(super) fn new(direction: Direction, backup: &str, before: String, after: String) -> Self {
        Self {
            version: Self::VERSION,
            direction,
            backup: backup.to_owned(),
            previous: None,
            before,
            after,
            pid: std::process::id(),
            since: Moment::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::step::Unobserved;

    #[test]
    fn a_second_run_is_told_who_holds_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::at(directory.path().join("state"));
        let lock = state.lock("apiserver patch", &mut Unobserved).unwrap();
        let error = state.lock("apiserver rollback", &mut Unobserved).unwrap_err().to_string();
        assert!(error.contains(&format!("pid {} (apiserver patch)", std::process::id())), "{error}");
        drop(lock);
        state.lock("apiserver rollback", &mut Unobserved).unwrap();
    }

    fn sha() -> String {
        "0".repeat(64)
    }

    #[test]
    fn a_journal_is_read_back_and_closed() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::at(directory.path().to_owned());
        assert!(state.pending().unwrap().is_none());
        let journal = Journal::new(Direction::Back, "20260101T000000Z-1", sha(), sha());
        let mut observer = Unobserved;
        let mut disk = Disk::new(&mut observer);
        state.write_journal(&mut disk, &journal).unwrap();
        assert_eq!(state.pending().unwrap(), Some(journal));
        state.close_journal(&mut disk).unwrap();
        assert!(state.pending().unwrap().is_none());
    }

    #[test]
    fn a_journal_that_is_not_ours_is_refused_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::at(directory.path().to_owned());
        fs::write(directory.path().join("journal.json"), "{").unwrap();
        let error = state.pending().unwrap_err().to_string();
        assert!(error.contains("journal.json"), "{error}");
    }
}
