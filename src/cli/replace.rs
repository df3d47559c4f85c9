//! Replacing a file's content as a whole: a reader sees the old text or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes a file, which keeps its mode and owner; a symbolic link stays one, and its target is written.
///
/// # Errors
/// With the path, where it cannot be written; the old content is then untouched.
pub(super) fn file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let temporary = temporary(&target);
    let written = write(&target, &temporary, bytes);
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("write {}", path.display()))
}

fn write(target: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(temporary)?;
    if let Ok(metadata) = fs::metadata(target) {
        let own = file.metadata()?;
        let (uid, gid) = (metadata.uid(), metadata.gid());
        if (own.uid(), own.gid()) != (uid, gid) {
            // First the owner: changing it takes some bits of the mode away.
            fchown(&file, Some(uid), Some(gid)).map_err(|error| owner_error(uid, gid, &error))?;
        }
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, target)
}

fn owner_error(uid: u32, gid: u32, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the file belongs to {uid}:{gid}, which cannot be kept: {error}"))
}

/// A name beside the target that no other run uses, and that directories of manifests and patches ignore.
fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
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
    fn leaves_nothing_behind_where_it_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        assert!(file(&directory.path().join("none/a.yaml"), b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
