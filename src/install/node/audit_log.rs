//! Whether the new apiserver has written an audit event.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::Value;

/// Where a log ended when it was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct End {
    inode: u64,
    bytes: u64,
}

/// Reads what is written to a log after a certain point, from one look to the next.
#[derive(Debug)]
pub(super) struct AuditLog {
    path: PathBuf,
    read: End,
}

impl AuditLog {
    /// Begins at the present end of the log, which need not exist yet.
    pub(super) fn at_end(path: &Path) -> Self {
        let read = fs::metadata(path)
            .map(|metadata| End { inode: metadata.ino(), bytes: metadata.len() })
            .unwrap_or_default();
        Self { path: path.to_owned(), read }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The first event that was recorded at `since` or later, among what was written since the last look.
    ///
    /// The old apiserver may write to its end, so that being new in the file is not enough. A log that was
    /// rotated meanwhile is read from its beginning.
    pub(super) fn first_event(&mut self, since: SystemTime) -> Option<String> {
        let mut file = File::open(&self.path).ok()?;
        let metadata = file.metadata().ok()?;
        if metadata.ino() != self.read.inode || metadata.len() < self.read.bytes {
            self.read = End { inode: metadata.ino(), bytes: 0 };
        }
        file.seek(SeekFrom::Start(self.read.bytes)).ok()?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).ok()?;
            if !line.ends_with(b"\n") {
                return None; // at the end, or in the middle of being written
            }
            self.read.bytes += length as u64;
            let text = String::from_utf8_lossy(&line);
            if recorded(text.trim_end()).is_some_and(|at| at >= since) {
                return Some(text.trim_end().to_owned());
            }
        }
    }
}

/// When an event was recorded: of a JSON line its stage's time, of a legacy line the time in front.
fn recorded(line: &str) -> Option<SystemTime> {
    let time = if line.starts_with('{') {
        let event: Value = serde_json::from_str(line).ok()?;
        event["stageTimestamp"].as_str().or_else(|| event["requestReceivedTimestamp"].as_str())?.to_owned()
    } else {
        line.split_once(" AUDIT: ")?.0.to_owned()
    };
    time.parse::<Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(second: u32) -> String {
        format!("{{\"kind\":\"Event\",\"stageTimestamp\":\"2026-11-24T07:00:{second:02}.500000Z\"}}\n")
    }

    fn at(second: u32) -> SystemTime {
        recorded(event(second).trim_end()).unwrap()
    }

    fn append(path: &Path, text: &str) {
        use std::io::Write;
        File::options().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn an_event_of_the_old_process_is_not_enough() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        append(&path, &event(1));
        let mut log = AuditLog::at_end(&path);
        append(&path, &event(2));
        assert_eq!(log.first_event(at(3)), None);
        let half = event(4);
        append(&path, &half[..10]);
        assert_eq!(log.first_event(at(3)), None);
        append(&path, &half[10..]);
        assert_eq!(log.first_event(at(3)).as_deref(), Some(half.trim_end()));
    }

    #[test]
    fn a_log_that_is_new_or_was_rotated_is_read_from_its_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let mut log = AuditLog::at_end(&path);
        assert_eq!(log.first_event(at(0)), None);
        append(&path, &event(1));
        assert!(log.first_event(at(0)).is_some());
        fs::rename(&path, directory.path().join("audit-2026.log")).unwrap();
        append(&path, &event(2));
        assert!(log.first_event(at(2)).is_some());
    }

    #[test]
    fn reads_the_legacy_format() {
        let line = "2026-11-24T07:00:01.5Z AUDIT: id=\"x\" stage=\"ResponseComplete\" ip=\"::1\"";
        assert_eq!(recorded(line), Some(at(1)));
        assert_eq!(recorded("garbage"), None);
        assert!(at(2).duration_since(at(1)).unwrap() == Duration::from_secs(1));
    }
}
