//! The rule files that a configuration names.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lithify::rules::RuleFile;

use super::files::files_of;
use super::read::digest;

/// Rule files, read in order.
#[derive(Clone, Debug, Default)]
pub struct RuleFiles {
    /// Files with their bytes; one that cannot be read says so when rules are loaded.
    pub files: Vec<RuleFile>,
    /// Their paths with their SHA-256.
    pub digests: Vec<(PathBuf, String)>,
    /// Directories among the paths.
    pub directories: Vec<PathBuf>,
    /// Paths that do not exist.
    pub missing: Vec<PathBuf>,
}

/// Reads rule files and directories in order; `-` is standard input.
///
/// A path that does not exist is left out where `may_be_missing` allows it, as Falco does with those that its
/// configuration names.
pub fn read_rule_files(paths: &[PathBuf], may_be_missing: bool) -> RuleFiles {
    let mut read = RuleFiles::default();
    for path in paths {
        if path == Path::new("-") {
            let mut text = Vec::new();
            let result = io::stdin().lock().read_to_end(&mut text).map(|_| text);
            read.add(path, result);
            continue;
        }
        match files_of(path) {
            Ok(files) => {
                if path.is_dir() {
                    read.directories.push(path.clone());
                }
                for file in &files {
                    read.add(file, fs::read(file));
                }
            }
            Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => {
                read.missing.push(path.clone());
            }
            Err(error) => read.add(path, Err(error)),
        }
    }
    read
}

impl RuleFiles {
    fn add(&mut self, path: &Path, bytes: io::Result<Vec<u8>>) {
        if let Ok(bytes) = &bytes {
            self.digests.push((path.to_owned(), digest(bytes)));
        }
        let text = bytes.map_err(|error| format!("cannot be read: {error}"));
        self.files.push(RuleFile { name: path.display().to_string(), text });
    }
}
