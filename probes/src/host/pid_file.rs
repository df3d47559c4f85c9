//! The file with our process id: `kill -1 $(cat /run/lithify-probe.pid)` is how users reload.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file; removed with this value, unless another process has taken it over.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    pid: u32,
}

impl PidFile {
    /// Writes the file whole: who reads it sees the old process id or ours.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        let pid = std::process::id();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{pid}"));
        let beside = PathBuf::from(name);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        writeln!(file, "{pid}")?;
        fs::rename(&beside, path).inspect_err(|_| {
            let _ = fs::remove_file(&beside);
        })?;
        Ok(Self { path: path.to_owned(), pid })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == self.pid.to_string()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
