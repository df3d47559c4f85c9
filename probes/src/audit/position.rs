//! How far a log has been read, and the file that remembers it across restarts.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much of a log's beginning tells it from others: an audit event has an identifier of its own there.
pub(super) const FINGERPRINT_BYTES: u64 = 1024;

/// A place in a log, and what tells this log from others when it has been renamed, copied or replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Position {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Bytes whose events are done.
    pub(super) offset: u64,
    pub(super) fingerprint: Fingerprint,
    /// When the log was last written, as far as we have seen: nanoseconds since the epoch.
    pub(super) modified_ns: u64,
}

/// The digest of a log's first bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fingerprint {
    pub(super) bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub(super) digest: String,
}

impl Fingerprint {
    /// That of the first `bytes` of a log; `None` if it has fewer.
    pub(super) fn of(log: &File, bytes: u64) -> io::Result<Option<Self>> {
        let bytes = bytes.min(FINGERPRINT_BYTES);
        let mut head = vec![0; usize::try_from(bytes).unwrap_or_default()];
        match log.read_exact_at(&mut head, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let digest = Sha256::digest(&head).iter().fold(String::new(), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Some(Self { bytes, digest }))
    }

    /// Whether a log begins as this says.
    pub(super) fn fits(&self, log: &File) -> io::Result<bool> {
        Ok(Self::of(log, self.bytes)?.is_some_and(|found| found == *self))
    }
}

/// Nanoseconds since the epoch at which a log was last written.
pub(super) fn modified_ns(metadata: &fs::Metadata) -> u64 {
    let ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    u64::try_from(ns).unwrap_or_default()
}

/// The last position whose events are all done.
pub(super) type Reached = Arc<Mutex<Option<Position>>>;

/// A position that is reached when the events before it are done.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) position: Position,
    pub(super) reached: Reached,
}

impl Mark {
    pub(super) fn reach(self) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.position);
    }
}

/// A state file that does not say where to go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum StateError {
    #[error("{file}: {source}")]
    Io { file: PathBuf, source: io::Error },
    #[error("{file}: expected what this program wrote there: {reason}")]
    Content { file: PathBuf, reason: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    position: Position,
}

/// More is surely no state file.
const MAX_STATE: u64 = 64 << 10;

/// Reads a state file; `None` if there is none yet.
pub(super) fn load(file: &Path) -> Result<Option<Position>, StateError> {
    let io = |source| StateError::Io { file: file.to_owned(), source };
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
        Ok(metadata) if metadata.len() > MAX_STATE => {
            return Err(StateError::Content { file: file.to_owned(), reason: "it is too large".to_owned() });
        }
        Ok(_) => {}
    }
    let text = fs::read(file).map_err(io)?;
    parse(&text).map(Some).map_err(|reason| StateError::Content { file: file.to_owned(), reason })
}

/// A state file's position, or what is wrong with the file.
pub(super) fn parse(text: &[u8]) -> Result<Position, String> {
    let state: State = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if state.version != 1 {
        return Err(format!("version {} is not 1", state.version));
    }
    let fingerprint = &state.position.fingerprint;
    if fingerprint.bytes > FINGERPRINT_BYTES || fingerprint.bytes > state.position.offset {
        return Err("its fingerprint is longer than what was read".to_owned());
    }
    Ok(state.position)
}

/// Replaces a state file: at any time it is the old or the new one, whole.
pub(super) fn save(file: &Path, position: &Position) -> Result<(), StateError> {
    let io = |source| StateError::Io { file: file.to_owned(), source };
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(".new");
    let new = directory.join(name);
    let state = State { version: 1, position: position.clone() };
    let mut text = serde_json::to_vec(&state).map_err(|error| io(error.into()))?;
    text.push(b'\n');
    let mut options = OpenOptions::new();
    let mut written = options.write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(io)?;
    written.write_all(&text).and_then(|()| written.sync_all()).map_err(io)?;
    fs::rename(&new, file).map_err(io)?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tempfile::TempDir;

    fn position() -> Position {
        let fingerprint = Fingerprint { bytes: 3, digest: "ab".to_owned() };
        Position { device: 1, inode: 2, offset: 3, fingerprint, modified_ns: 4 }
    }

    #[test]
    fn is_read_as_it_was_written() {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("state/audit.json");
        assert_eq!(load(&file).unwrap(), None);
        save(&file, &position()).unwrap();
        save(&file, &position()).unwrap();
        assert_eq!(load(&file).unwrap(), Some(position()));
        assert_eq!(fs::read_dir(directory.path().join("state")).unwrap().count(), 1);
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        let refused = |text: &str| parse(text.as_bytes()).unwrap_err();
        assert!(refused("").contains("EOF"));
        assert!(refused("{\"version\":1}").contains("missing field `position`"));
        let good = serde_json::to_string(&State { version: 1, position: position() }).unwrap();
        assert!(refused(&good.replace("\"version\":1", "\"version\":2")).contains("version 2 is not 1"));
        assert!(refused(&good.replace("\"offset\":3", "\"offset\":2")).contains("fingerprint"));
        assert!(refused(&good.replace("\"offset\":3", "\"offset\":-3")).contains("invalid value"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_state_or_refused(text in "[{}\":,a-z0-9]{0,80}") {
            let _ = parse(text.as_bytes());
        }
    }
}
