//! The backup sets of a state directory: which there are, which one to go back to, which may go.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::backup::{BackupSet, Ending, Reason, read_file};
use super::disk::Disk;
use super::error::InstallError;
use super::state::State;
use super::step::Subject;

/// Sets kept for each manifest, beside the first one and those in use.
pub const KEPT_SETS: usize = 10;

/// All sets, oldest first; one that cannot be read is an error in its place.
///
/// # Errors
/// If the directory cannot be read; none at all is an empty list.
pub fn list(state: &State) -> Result<Vec<Result<BackupSet, InstallError>>, InstallError> {
    Ok(ids(&state.backups())?.iter().map(|id| BackupSet::load(state, id)).collect())
}

/// The set that `rollback` goes back to: the newest made before a patch of this manifest that differs from what
/// stands now.
///
/// A rollback goes to an earlier point of the history, and the next one goes on from there: one after another goes
/// back step by step, never to and fro. Runs that were undone are no points of it.
///
/// # Errors
/// If a set cannot be read, or a file it speaks of.
pub fn last_differing(state: &State, manifest: &Path) -> Result<Option<BackupSet>, InstallError> {
    let mut sets = list(state)?.into_iter().collect::<Result<Vec<BackupSet>, _>>()?;
    sets.retain(|set| {
        let has_happened = !matches!(set.metadata.ending, Ending::Undone | Ending::Open);
        set.metadata.manifest == manifest && has_happened
    });
    while let Some(set) = sets.pop() {
        let target = match &set.metadata.reason {
            Reason::Patch => Some(set),
            Reason::Rollback { to } => {
                let earlier = sets.iter().position(|set| set.metadata.id == *to);
                earlier.and_then(|index| sets.drain(index..).next())
            }
        };
        if let Some(target) = target
            && differs(&target)?
        {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

/// Whether putting the set back would change anything.
///
/// # Errors
/// If a file of it cannot be read.
pub fn differs(set: &BackupSet) -> Result<bool, InstallError> {
    for change in set.changes()? {
        if read_file(&change.path)? != change.content {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Finds the set whose name begins with `prefix`.
///
/// # Errors
/// If none or several do.
pub fn find(state: &State, prefix: &str) -> Result<BackupSet, InstallError> {
    let mut found = ids(&state.backups())?;
    found.retain(|id| id == prefix || id.starts_with(prefix));
    if let Some(exact) = found.iter().find(|id| *id == prefix) {
        return BackupSet::load(state, exact);
    }
    match found.as_slice() {
        [] => Err(InstallError::NoBackup { what: format!("`{prefix}`"), directory: state.backups() }),
        [id] => BackupSet::load(state, id),
        _ => Err(InstallError::AmbiguousBackup { prefix: prefix.to_owned(), found }),
    }
}

/// Removes old sets, best effort: all but the newest [`KEPT_SETS`] of each manifest, its first (the state before this tool
/// came), and `in_use`. Returns the names of those removed.
pub(super) fn prune(state: &State, disk: &mut Disk<'_>, in_use: &[&str]) -> Vec<String> {
    let sets: Vec<BackupSet> = list(state).into_iter().flatten().flatten().collect();
    let manifests: BTreeSet<&PathBuf> = sets.iter().map(|set| &set.metadata.manifest).collect();
    let mut removed = Vec::new();
    for manifest in manifests {
        let of_manifest: Vec<&BackupSet> =
            sets.iter().filter(|set| set.metadata.manifest == *manifest).collect();
        let surplus = of_manifest.len().saturating_sub(KEPT_SETS);
        for set in of_manifest.iter().take(surplus).skip(1) {
            let id = &set.metadata.id;
            if in_use.contains(&id.as_str()) {
                continue;
            }
            // Out of sight first, so that a half-removed set is never taken for a whole one.
            let hidden = state.backups().join(format!(".{id}"));
            if disk.rename(Subject::Backup, &set.directory, &hidden).is_ok() {
                removed.push(id.clone());
            }
        }
    }
    remove_unfinished(state);
    removed
}

/// Removes what runs that were killed left of sets half made or half removed; the next run tries again.
fn remove_unfinished(state: &State) {
    for entry in fs::read_dir(state.backups()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Names of the sets, oldest first.
fn ids(backups: &Path) -> Result<Vec<String>, InstallError> {
    let entries = match fs::read_dir(backups) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(InstallError::read(backups)(error)),
    };
    let mut ids: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    ids.sort_by_cached_key(|id| order(id));
    Ok(ids)
}

/// By time, then by number (`-10` after `-9`).
fn order(id: &str) -> (String, u32) {
    let (time, number) = id.rsplit_once('-').unwrap_or((id, "0"));
    (time.to_owned(), number.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_one_second_are_ordered_by_number() {
        let directory = tempfile::tempdir().unwrap();
        for id in ["20260102T000000Z-1", "20260101T000000Z-10", "20260101T000000Z-9", ".unfinished"] {
            fs::create_dir(directory.path().join(id)).unwrap();
        }
        let expected = ["20260101T000000Z-9", "20260101T000000Z-10", "20260102T000000Z-1"];
        assert_eq!(ids(directory.path()).unwrap(), expected);
    }

    #[test]
    fn a_prefix_must_fit_one_set() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::at(directory.path().to_owned());
        for id in ["20260101T000000Z-1", "20260101T000000Z-2"] {
            fs::create_dir_all(state.backups().join(id)).unwrap();
        }
        assert!(
            matches!(find(&state, "2026"), Err(InstallError::AmbiguousBackup { found, .. }) if found.len() == 2)
        );
        assert!(matches!(find(&state, "2027"), Err(InstallError::NoBackup { .. })));
    }
}
