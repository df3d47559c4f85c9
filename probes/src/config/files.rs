//! Files by paths: directories stand for their `.yaml` and `.yml` files by name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a path: itself, or those of the directory, by name, as Falco takes them.
pub(super) fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
