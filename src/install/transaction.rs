//! The engine: backups, journal, files in the right order, and the way back.
//!
//! One order serves both directions. Content first (policy, webhook kubeconfig), then the manifest, then, when
//! the apiserver is proven to run with that manifest, removals. So whichever manifest stands on the disk, every
//! file that it names is there and valid, at every instant:
//!
//! - forward, killed before the manifest is renamed: the old manifest may stand beside the new policy, which
//!   was validated before anything was touched;
//! - back, killed before the manifest is renamed: the new manifest stands beside the old policy, which has been
//!   validated too (an invalid one is left out, see [`Transaction::put_back`]);
//! - back, killed afterwards: what the new manifest alone named is still there, since the kubelet may still be
//!   starting it.

use std::fs;
use std::path::{Path, PathBuf};

use super::backup::{BackupSet, Draft, Ending, Planned, Reason, read_file};
use super::clock::Moment;
use super::disk::{Disk, Ownership, missing_directories, temporary_of};
use super::error::{Cause, InstallError, RolledBack};
use super::health::{Expectation, Health, Healthy, Unhealthy};
use super::history;
use super::request::{Change, Installed, Request, Restored};
use super::state::{Direction, Journal, Lock, State};
use super::step::{Observer, Role, Subject};
use crate::apiserver::hash::sha256;

/// Judges a policy as the apiserver would: the reason why it would refuse it, or none.
pub type PolicyJudge<'a> = &'a dyn Fn(&[u8]) -> Result<(), String>;

/// Carries changes out. Holding one means holding the lock.
pub struct Transaction<'a> {
    pub(super) state: &'a State,
    _lock: &'a Lock,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) health: Option<&'a mut dyn Health>,
    pub(super) judge: PolicyJudge<'a>,
    /// When this process put a manifest in place, if it has.
    pub(super) replaced: Option<Moment>,
}

impl<'a> Transaction<'a> {
    /// `health`: `None` to wait for nothing.
    pub fn new(
        state: &'a State,
        lock: &'a Lock,
        observer: &'a mut dyn Observer,
        health: Option<&'a mut dyn Health>,
        judge: PolicyJudge<'a>,
    ) -> Self {
        Self { state, _lock: lock, observer, health, judge, replaced: None }
    }

    /// Puts something new in place, or what was there before back.
    ///
    /// # Errors
    /// [`InstallError::RolledBack`] when it failed and was undone; [`InstallError::Stuck`] when that failed too,
    /// and the next run has to complete it; anything else: nothing was changed.
    pub fn install(&mut self, request: Request) -> Result<Installed, InstallError> {
        if read_file(&request.manifest)?.is_none_or(|present| present.bytes != request.before) {
            return Err(InstallError::ChangedMeanwhile { path: request.manifest });
        }
        let set = self.save(&request)?;
        match self.put_forward(&set, &request) {
            Ok(()) => {}
            Err(error) => return Err(self.undo(set, Cause::Disk(Box::new(error)))),
        }
        self.see_through(set, &Moment::now())
    }

    fn save(&mut self, request: &Request) -> Result<BackupSet, InstallError> {
        let planned = request.changes.iter().map(|change| {
            let planned = match &change.content {
                Some(content) => Planned::Write { sha256: sha256(&content.bytes) },
                None => Planned::Remove,
            };
            (change.role, change.path.clone(), planned)
        });
        let kept = request.kept.iter().map(|(role, path)| (*role, path.clone(), Planned::Keep));
        let parents = request.changes.iter().filter_map(|change| change.path.parent());
        let directories = request.directories.iter().map(|directory| directory.path.as_path());
        let draft = Draft {
            reason: Reason::Patch,
            manifest: request.manifest.clone(),
            files: planned.chain(kept).collect(),
            missing_directories: directories.chain(parents).flat_map(missing_directories).collect(),
            changes: request.sentences.clone(),
        };
        BackupSet::create(self.state, &mut Disk::new(self.observer), draft)
    }

    fn put_forward(&mut self, set: &BackupSet, request: &Request) -> Result<(), InstallError> {
        let journal = Journal::new(
            Direction::Forward,
            &set.metadata.id,
            sha256(&request.before),
            request.after_sha256(),
        );
        let mut disk = Disk::new(self.observer);
        self.state.write_journal(&mut disk, &journal)?;
        for directory in &request.directories {
            make_parents(&mut disk, &directory.path)?;
            disk.make_directories(Subject::Directory, &directory.path, directory.ownership)?;
        }
        self.write(&request.changes)
    }

    /// Waits for the apiserver and closes the journal, or undoes.
    pub(super) fn see_through(
        &mut self,
        mut set: BackupSet,
        since: &Moment,
    ) -> Result<Installed, InstallError> {
        let since = self.replaced.clone().unwrap_or_else(|| since.clone());
        let healthy = match self.wait(&set.metadata.manifest.clone(), &Expectation::Restarted { since })? {
            None => None,
            Some(Ok(healthy)) => Some(healthy),
            Some(Err(unhealthy)) => return Err(self.undo(set, Cause::Unhealthy(unhealthy))),
        };
        let ending = if healthy.is_some() { Ending::Healthy } else { Ending::Unverified };
        self.close(&mut set, ending)?;
        let pruned = history::prune(self.state, &mut Disk::new(self.observer), &[&set.metadata.id]);
        Ok(Installed { backup: set, healthy, pruned })
    }

    pub(super) fn close(&mut self, set: &mut BackupSet, ending: Ending) -> Result<(), InstallError> {
        let mut disk = Disk::new(self.observer);
        set.end(self.state, &mut disk, ending)
            .and_then(|()| self.state.close_journal(&mut disk))
            .map_err(|error| InstallError::Unclosed { error: Box::new(error) })
    }

    fn wait(
        &mut self,
        manifest: &Path,
        expectation: &Expectation,
    ) -> Result<Option<Result<Healthy, Unhealthy>>, InstallError> {
        let Some(health) = &mut self.health else { return Ok(None) };
        let bytes = fs::read(manifest).map_err(InstallError::read(manifest))?;
        Ok(Some(health.wait(&bytes, expectation)))
    }

    pub(super) fn undo(&mut self, set: BackupSet, cause: Cause) -> InstallError {
        let backup = set.metadata.id.clone();
        match self.put_back(set) {
            Ok((restored, failed_files)) => InstallError::RolledBack(Box::new(RolledBack {
                cause,
                backup,
                failed_files,
                health: restored.health,
                left: restored.left,
            })),
            Err(undo) => InstallError::Stuck { cause: cause.to_string(), backup, undo: Box::new(undo) },
        }
    }

    /// Puts a set back after its own run failed; also returns where the files that failed are kept.
    pub(super) fn put_back(
        &mut self,
        mut set: BackupSet,
    ) -> Result<(Restored, Option<PathBuf>), InstallError> {
        let standing = read_file(&set.metadata.manifest)?.map(|content| sha256(&content.bytes));
        let saved = set.manifest()?.map(|bytes| sha256(&bytes));
        let journal = Journal::new(
            Direction::Back,
            &set.metadata.id,
            standing.unwrap_or_default(),
            saved.unwrap_or_default(),
        );
        let mut disk = Disk::new(self.observer);
        // Neither may stand in the way of going back: on a full disk they cannot be written, and the journal
        // that stands leads to the same end.
        let _ = self.state.write_journal(&mut disk, &journal);
        let failed_files =
            self.replaced.is_some().then(|| set.keep_failed(self.state, &mut disk).ok()).flatten();
        let restored = self.restore(&set, self.replaced.is_none())?;
        self.close(&mut set, Ending::Undone)?;
        Ok((Restored { set, ..restored }, failed_files))
    }

    /// Writes the files of a set, waits, and removes what did not exist.
    ///
    /// A saved policy that the apiserver would refuse is left out while the present one is better.
    /// `unseen`: no kubelet can have seen another manifest than the set's, so there is nothing to wait for.
    pub(super) fn restore(&mut self, set: &BackupSet, unseen: bool) -> Result<Restored, InstallError> {
        let mut changes = set.changes()?;
        let before = changes.len();
        changes.retain(|change| !self.is_worse_policy(change));
        let kept_policy = changes.len() < before;
        for file in &set.metadata.files {
            Disk::new(self.observer).remove_leftover(file.role.into(), &temporary_of(&file.path))?;
        }
        self.write(&changes)?;
        let manifest = set.metadata.manifest.clone();
        let health = if unseen { None } else { self.wait(&manifest, &Expectation::Running)? };
        let proven = unseen || matches!(health, Some(Ok(_)));
        let standing = fs::read(&manifest).map_err(InstallError::read(&manifest))?;
        let mut left = Vec::new();
        let mut disk = Disk::new(self.observer);
        for change in changes.iter().filter(|change| change.content.is_none()) {
            let is_named = names(&standing, &change.path);
            if proven && !is_named {
                disk.remove(change.role.into(), &change.path)?;
            } else if !is_named {
                left.push(change.path.clone());
            }
        }
        if proven {
            remove_empty(&set.metadata.missing_directories);
        }
        Ok(Restored { set: set.clone(), previous: None, health, left, kept_policy })
    }

    pub(super) fn is_worse_policy(&self, change: &Change) -> bool {
        let Change { role: Role::Policy, path, content: Some(content) } = change else { return false };
        let is_refused = |bytes: &[u8]| (self.judge)(bytes).is_err();
        is_refused(&content.bytes)
            && fs::read(path).is_ok_and(|present| present != content.bytes && !is_refused(&present))
    }

    /// Writes content, the manifest last. What stands there already is not written again.
    fn write(&mut self, changes: &[Change]) -> Result<(), InstallError> {
        let (manifest, files): (Vec<_>, Vec<_>) =
            changes.iter().partition(|change| change.role == Role::Manifest);
        for change in files.into_iter().chain(manifest) {
            let Some(content) = &change.content else { continue };
            let mut disk = Disk::new(self.observer);
            if read_file(&change.path)?.as_ref() == Some(content) {
                continue;
            }
            make_parents(&mut disk, &change.path)?;
            if change.role == Role::Manifest {
                if let Some(health) = &mut self.health {
                    health.before_change(&content.bytes);
                }
                self.replaced = Some(Moment::now());
            }
            disk.write(change.role.into(), &change.path, &content.bytes, content.ownership)?;
        }
        Ok(())
    }
}

/// Parents of a file are open to look through, like `/etc` and `/var/log`.
fn make_parents(disk: &mut Disk<'_>, path: &Path) -> Result<(), InstallError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    disk.make_directories(Subject::Directory, parent, Ownership { mode: 0o755, uid, gid })?;
    Ok(())
}

/// Whether a manifest may name a path: by its text, since a false yes only keeps a file.
fn names(manifest: &[u8], path: &Path) -> bool {
    memchr::memmem::find(manifest, path.as_os_str().as_encoded_bytes()).is_some()
}

/// Directories that the run made go again while they are empty; a log that was written stays.
fn remove_empty(directories: &[PathBuf]) {
    let mut inner_first: Vec<&PathBuf> = directories.iter().collect();
    inner_first.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for directory in inner_first {
        let _ = fs::remove_dir(directory);
    }
}
