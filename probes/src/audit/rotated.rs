//! Where a log went: rotated files beside it.
//!
//! Rotated by renaming, as the apiserver does (`audit-2026-11-24T10-00-00.000.log`), by logrotate
//! (`audit.log.1`, `audit.log-20261124`), or by copying and truncating: a log is known by its inode or by
//! its beginning, and comes after others by the time at which it was last written. Compressed ones are
//! left alone: what they hold cannot be read where we stopped.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::position::{Position, modified_ns};

/// A log beside the current one.
#[derive(Debug)]
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) metadata: Metadata,
}

impl Rotated {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        Ok(Self { path, file, metadata })
    }

    fn order(&self) -> (u64, &Path) {
        (modified_ns(&self.metadata), &self.path)
    }
}

const COMPRESSED: [&str; 5] = ["gz", "zst", "xz", "bz2", "lz4"];

/// The names that rotated files of a log begin with.
fn is_rotated_name(log: &Path, name: &str) -> bool {
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
    let (Some(full), Some(stem)) = (text(log.file_name()), text(log.file_stem())) else { return false };
    let compressed = Path::new(name).extension().and_then(|extension| extension.to_str());
    if compressed.is_some_and(|extension| COMPRESSED.contains(&extension)) {
        return false;
    }
    let of_lumberjack = || {
        let extension = &full[stem.len()..];
        name.strip_prefix(&format!("{stem}-")).is_some_and(|rest| rest.ends_with(extension))
    };
    let of_logrotate = || name.strip_prefix(&full).is_some_and(|rest| rest.starts_with(['.', '-']));
    of_lumberjack() || of_logrotate()
}

/// Rotated files of a log, the oldest first.
pub(super) fn rotated(log: &Path) -> io::Result<Vec<Rotated>> {
    let directory = log.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| is_rotated_name(log, name)) {
            continue;
        }
        // It may be gone by now: whoever rotates also deletes.
        if let Ok(one) = Rotated::open(entry.path())
            && one.metadata.is_file()
        {
            found.push(one);
        }
    }
    found.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(found)
}

/// Whether a position lies in a file: the same one, or a copy of it.
pub(super) fn holds(file: &File, metadata: &Metadata, position: &Position) -> io::Result<bool> {
    if metadata.len() < position.offset {
        return Ok(false);
    }
    if position.fingerprint.bytes == 0 {
        return Ok(is_same(metadata, position));
    }
    position.fingerprint.fits(file)
}

/// Whether it is the very file.
fn is_same(metadata: &Metadata, position: &Position) -> bool {
    (metadata.dev(), metadata.ino()) == (position.device, position.inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_of_rotated_files() {
        let log = Path::new("/var/log/audit.log");
        for name in ["audit-2026-11-24T10-00-00.000.log", "audit.log.1", "audit.log-20261124"] {
            assert!(is_rotated_name(log, name), "{name}");
        }
        for name in [
            "audit.log",
            "audit.log.2.gz",
            "audit-2026-11-24T10-00-00.000.log.gz",
            "other.log",
            "audit-policy.yaml",
        ] {
            assert!(!is_rotated_name(log, name), "{name}");
        }
    }
}
