//! Reading a file that may be anything, with as few system calls as can be: most manifests are small, and the
//! kernel's share of linting thousands of them is the larger one.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::report::FileError;

/// Larger files are no manifests; reading them would only cost memory.
const LARGEST: usize = 64 << 20;

/// Most manifests are smaller, and come with one system call and another one that says that this was all.
const USUAL: usize = 64 << 10;

/// Reads files, with a buffer that it keeps between them.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    /// The bytes of a file.
    ///
    /// # Errors
    /// A sentence for the report.
    pub fn read(&mut self, path: &Path) -> Result<Vec<u8>, FileError> {
        let whole = |message| FileError { file: path.display().to_string(), line: 0, column: 0, message };
        self.try_read(path).map_err(whole)
    }

    fn try_read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let told = |error: io::Error| unreadable(&error);
        let mut options = OpenOptions::new();
        if !is_own_descriptor(path) {
            // A pipe that took the place of a file meanwhile must not hold us up.
            options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        }
        let file = options.read(true).open(path).map_err(told)?;
        self.read_all(&file)
    }

    /// The bytes of what is open, to its end.
    ///
    /// # Errors
    /// A sentence for the report.
    pub fn read_all(&mut self, file: &File) -> Result<Vec<u8>, String> {
        let told = |error: io::Error| unreadable(&error);
        self.buffer.clear();
        self.buffer.reserve_exact(USUAL);
        if fill(file, &mut self.buffer).map_err(told)? {
            return Ok(self.buffer.clone());
        }
        let size = usize::try_from(file.metadata().map_err(told)?.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let mut room = size.saturating_add(1).max(2 * USUAL);
        loop {
            if room > LARGEST + 1 {
                return Err("the file is larger than 64 MiB, expected a manifest".to_owned());
            }
            bytes.reserve_exact(room - bytes.len());
            bytes.append(&mut self.buffer);
            if fill(file, &mut bytes).map_err(told)? {
                return Ok(bytes);
            }
            room = 2 * bytes.capacity();
        }
    }
}

/// Reads into the spare room; whether the file has ended before that was full.
fn fill(file: &File, bytes: &mut Vec<u8>) -> io::Result<bool> {
    while bytes.len() < bytes.capacity() {
        match rustix::io::read(file, spare_capacity(bytes)) {
            Ok(0) => return Ok(true),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Whether it is what a shell puts in the place of `<(helm template chart)`: a pipe, to be read as it comes.
pub(super) fn is_own_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stdin") || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}

/// Why a file could not be read, in words.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file, or it has been removed meanwhile".to_owned(),
        // The number behind it helps nobody.
        kind @ io::ErrorKind::PermissionDenied => format!("cannot be read: {kind}"),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn reads_files_of_every_size_with_one_buffer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        let mut reader = Reader::default();
        for size in [0, 1, USUAL - 1, USUAL, USUAL + 1, 2 * USUAL, 5 * USUAL, 3] {
            let bytes: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
            fs::write(&path, &bytes).unwrap();
            assert_eq!(reader.read(&path), Ok(bytes), "{size} bytes");
        }
    }

    #[test]
    fn refuses_what_is_too_large_without_reading_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        File::create(&path).unwrap().set_len(LARGEST as u64 + 1).unwrap();
        let error = Reader::default().read(&path).unwrap_err();
        assert_eq!(error.message, "the file is larger than 64 MiB, expected a manifest");
        File::create(&path).unwrap().set_len(LARGEST as u64).unwrap();
        assert_eq!(Reader::default().read(&path).map(|bytes| bytes.len()), Ok(LARGEST));
    }
}
