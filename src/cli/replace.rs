//! Replacing a file's content as a whole: a reader sees the old text or the new one.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;

/// Writes a file, which keeps its mode and owner; a symbolic link stays one, and its target is written.
///
/// # Errors
/// With the path, where it cannot be written; the old content is then untouched.
pub(super) fn file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = Prepared::new(path, bytes).and_then(|prepared| {
        sync(&[&prepared])?;
        prepared.commit()
    });
    written.with_context(|| format!("write {}", path.display()))
}

/// A file's new content beside it, which takes its place when it is committed and goes when it is dropped.
///
/// No file is kept open: there may be more of these than a process may have open files.
#[derive(Debug)]
pub(super) struct Prepared {
    target: PathBuf,
    temporary: PathBuf,
    device: u64,
    is_committed: bool,
}

impl Prepared {
    /// Writes the content, with the mode and owner of the file that it is for.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn new(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let there = fs::symlink_metadata(path).ok();
        let (target, there) = match there {
            // A link stays one.
            Some(metadata) if metadata.is_symlink() => {
                let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                let there = fs::metadata(&target).ok();
                (target, there)
            }
            there => (path.to_owned(), there),
        };
        let temporary = temporary(&target);
        let mode = there.as_ref().map_or(0o666, |there| there.mode() & 0o7777);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        let own = file.metadata()?;
        // From here on it goes where something fails.
        let prepared = Self { target, temporary, device: own.dev(), is_committed: false };
        if let Some(there) = there {
            let (uid, gid) = (there.uid(), there.gid());
            if (own.uid(), own.gid()) != (uid, gid) {
                // First the owner: changing it takes some bits of the mode away.
                fchown(&file, Some(uid), Some(gid)).map_err(|error| owner_error(uid, gid, &error))?;
            }
            if (own.uid(), own.gid(), own.mode()) != (uid, gid, there.mode()) {
                file.set_permissions(there.permissions())?;
            }
        }
        file.write_all(bytes)?;
        Ok(prepared)
    }

    /// Puts the content, which must have been [`sync`]ed, into the file's place.
    ///
    /// # Errors
    /// Where it cannot be renamed.
    pub(super) fn commit(mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.target)?;
        self.is_committed = true;
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// From so many files on, one call for the whole file system costs less than one for each.
const MANY: usize = 8;

/// Brings what was prepared to the disk: a file must not take another's place before its content is safe.
///
/// # Errors
/// Where that fails, for all of them.
pub(super) fn sync(prepared: &[&Prepared]) -> io::Result<()> {
    if prepared.len() < MANY {
        return prepared.iter().try_for_each(|one| File::open(&one.temporary)?.sync_all());
    }
    let mut synced = BTreeSet::new();
    for one in prepared {
        if synced.insert(one.device) {
            rustix::fs::syncfs(File::open(&one.temporary)?)?;
        }
    }
    Ok(())
}

fn owner_error(uid: u32, gid: u32, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the file belongs to {uid}:{gid}, which cannot be kept: {error}"))
}

/// A name beside the target that no other run uses, and that directories of manifests and patches ignore.
fn temporary(target: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // One file may be named twice, by itself and by a link.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    target.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn keeps_mode_and_link() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("a.yaml"), directory.path().join("b.yaml"));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&target, &link).unwrap();
        file(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn many_files_are_brought_to_the_disk_together() {
        let directory = tempfile::tempdir().unwrap();
        let path = |number: usize| directory.path().join(format!("{number}.yaml"));
        let prepared: Vec<_> =
            (0..2 * MANY).map(|number| Prepared::new(&path(number), b"new").unwrap()).collect();
        assert!(
            (0..2 * MANY).all(|number| !path(number).exists()),
            "nothing is there before it is committed"
        );
        sync(&prepared.iter().collect::<Vec<_>>()).unwrap();
        let (committed, dropped) = (MANY, MANY);
        prepared.into_iter().take(committed).for_each(|one| one.commit().unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), committed, "{dropped} are gone");
    }

    #[test]
    fn leaves_nothing_behind_where_it_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        assert!(file(&directory.path().join("none/a.yaml"), b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
