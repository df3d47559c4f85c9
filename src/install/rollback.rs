//! Going back: completing an interrupted run, and putting a set back because the user asks for it.

use std::path::Path;

use super::backup::{BackupSet, Draft, Ending, Planned, Reason, read_file};
use super::disk::Disk;
use super::error::{Cause, InstallError};
use super::history;
use super::request::{Change, Recovery, Restored};
use super::state::{Direction, Journal};
use super::step::Role;
use super::transaction::Transaction;
use crate::apiserver::hash::sha256;

impl Transaction<'_> {
    /// Completes what an interrupted run began.
    ///
    /// `wanted`: where to go when the new manifest stands already: forward sees it through, back puts back what
    /// was there before.
    ///
    /// # Errors
    /// As [`Transaction::install`]; the journal stays open when it could not be completed.
    pub fn recover(&mut self, wanted: Direction) -> Result<Recovery, InstallError> {
        let Some(journal) = self.state.pending()? else { return Ok(Recovery::Nothing) };
        let mut set = BackupSet::load(self.state, &journal.backup)?;
        let present = read_file(&set.metadata.manifest)?.map(|content| sha256(&content.bytes));
        let is_before = present.as_ref() == Some(&journal.before);
        let is_after = present.as_ref() == Some(&journal.after);
        match journal.direction {
            // The rename never happened, or was lost with the power: no kubelet runs the new manifest.
            Direction::Forward if is_before => self.put_back_interrupted(set),
            Direction::Forward if is_after && wanted == Direction::Forward => {
                let installed = self.see_through(set, &journal.since)?;
                let backup = installed.backup.metadata.id;
                Ok(Recovery::Finished { backup, healthy: installed.healthy })
            }
            Direction::Forward | Direction::Back if is_before || is_after => {
                self.replaced = Some(journal.since);
                let Some(previous) = &journal.previous else { return self.put_back_interrupted(set) };
                let previous = BackupSet::load(self.state, previous)?;
                let restored = self.restore(&set, false)?;
                let restored = self.end_rollback(restored, previous)?;
                Ok(Recovery::Undone(Box::new(restored)))
            }
            _ => {
                self.close(&mut set, Ending::Unverified)?;
                Ok(Recovery::Superseded { backup: set.metadata.id })
            }
        }
    }

    fn put_back_interrupted(&mut self, set: BackupSet) -> Result<Recovery, InstallError> {
        let (restored, _) = self.put_back(set)?;
        Ok(Recovery::Undone(Box::new(restored)))
    }

    /// Puts a set back because the user asks for it; what stands now becomes a set of its own.
    ///
    /// Where the apiserver was ready before and is not afterwards, what stood before is put back.
    ///
    /// # Errors
    /// As [`Transaction::install`].
    pub fn roll_back(&mut self, set: &BackupSet) -> Result<Restored, InstallError> {
        let changes = set.changes()?;
        self.refuse_invalid(set, &changes)?;
        let was_ready = self.was_ready(&set.metadata.manifest)?;
        let previous = self.save_before_rollback(set, &changes)?;
        let sha = |set: &BackupSet| Ok(set.manifest()?.map(|bytes| sha256(&bytes)).unwrap_or_default());
        let journal = Journal {
            previous: Some(previous.metadata.id.clone()),
            ..Journal::new(Direction::Back, &set.metadata.id, sha(&previous)?, sha(set)?)
        };
        self.state.write_journal(&mut Disk::new(self.observer), &journal)?;
        let restored = match self.restore(set, false) {
            Ok(restored) => restored,
            Err(error) => return Err(self.undo(previous, Cause::Disk(Box::new(error)))),
        };
        if let (true, Some(Err(unhealthy))) = (was_ready, &restored.health) {
            return Err(self.undo(previous, Cause::Unhealthy(unhealthy.clone())));
        }
        self.end_rollback(restored, previous)
    }

    fn end_rollback(
        &mut self,
        restored: Restored,
        mut previous: BackupSet,
    ) -> Result<Restored, InstallError> {
        let ending =
            if matches!(restored.health, Some(Ok(_))) { Ending::Healthy } else { Ending::Unverified };
        self.close(&mut previous, ending)?;
        let in_use = [restored.set.metadata.id.as_str(), previous.metadata.id.as_str()];
        history::prune(self.state, &mut Disk::new(self.observer), &in_use);
        Ok(Restored { previous: Some(previous), ..restored })
    }

    fn was_ready(&mut self, manifest: &Path) -> Result<bool, InstallError> {
        let present = read_file(manifest)?;
        Ok(match (&mut self.health, present) {
            (Some(health), Some(present)) => health.is_ready(&present.bytes),
            _ => false,
        })
    }

    fn refuse_invalid(&self, set: &BackupSet, changes: &[Change]) -> Result<(), InstallError> {
        for change in changes.iter().filter(|change| change.role == Role::Policy) {
            let Some(content) = &change.content else { continue };
            if let Err(reason) = (self.judge)(&content.bytes)
                && !self.is_worse_policy(change)
            {
                let id = set.metadata.id.clone();
                return Err(InstallError::InvalidBackup { id, path: change.path.clone(), reason });
            }
        }
        Ok(())
    }

    fn save_before_rollback(
        &mut self,
        set: &BackupSet,
        changes: &[Change],
    ) -> Result<BackupSet, InstallError> {
        let planned = |role: Role, path: &Path| {
            let change = changes.iter().find(|change| change.role == role && change.path == path);
            match change.map(|change| &change.content) {
                Some(Some(content)) => Planned::Write { sha256: sha256(&content.bytes) },
                Some(None) => Planned::Remove,
                None => Planned::Keep,
            }
        };
        let files = set.metadata.files.iter();
        let draft = Draft {
            reason: Reason::Rollback { to: set.metadata.id.clone() },
            manifest: set.metadata.manifest.clone(),
            files: files.map(|file| (file.role, file.path.clone(), planned(file.role, &file.path))).collect(),
            missing_directories: Vec::new(),
            changes: vec![format!("put backup set {} back", set.metadata.id)],
        };
        BackupSet::create(self.state, &mut Disk::new(self.observer), draft)
    }
}
