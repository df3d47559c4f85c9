//! Which files: directories walked, ignore files honoured.
//!
//! Data in: paths as the user named them. Data out: the files in the order of the paths; what is passed over
//! (ignored by `.gitignore`, hidden, a link) is counted with its reason.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::parallel;
use super::read::{self, Reader};
use super::report::{FileError, Skip};

/// The files to judge.
#[derive(Debug, Default)]
pub struct Walk {
    /// Sorted within each named directory.
    pub files: Vec<PathBuf>,
    /// What was passed over, by reason.
    pub skipped: BTreeMap<Skip, usize>,
    /// Paths that could not be read.
    pub errors: Vec<FileError>,
}

/// Finds the files under `paths`. A path named outright is always read.
///
/// `no_ignore`: also what `.gitignore` names and what is hidden.
pub fn walk(paths: &[PathBuf], no_ignore: bool) -> Walk {
    let mut found = Walk::default();
    let mut seen = HashSet::new();
    for path in paths {
        match fs::metadata(path) {
            Err(error) => found.errors.push(whole(path, &read::unreadable(&error))),
            Ok(metadata) if metadata.is_dir() => walk_directory(path, no_ignore, &mut found),
            Ok(metadata) if metadata.is_file() || read::is_own_descriptor(path) => {
                found.files.push(path.clone());
            }
            Ok(metadata) => {
                let kind = name_of(metadata.file_type());
                found.errors.push(whole(path, &format!("this is {kind}, expected a file or a directory")));
            }
        }
    }
    found.files.retain(|path| seen.insert(path.clone()));
    found
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn walk_directory(root: &Path, no_ignore: bool, found: &mut Walk) {
    let mut errors = Vec::new();
    let mut skip = |reason| *found.skipped.entry(Skip::because(reason)).or_default() += 1;
    let mut files = if no_ignore {
        list(root, false, &mut errors)
    } else {
        let wanted = list(root, true, &mut errors);
        let known: HashSet<&Path> = wanted.iter().map(|entry| entry.path.as_path()).collect();
        // What cannot be read among what nobody wants is no error.
        let all = list(root, false, &mut Vec::new());
        for entry in all.iter().filter(|entry| !known.contains(entry.path.as_path())) {
            skip(if is_hidden(&entry.path, root) { "hidden" } else { "ignored" });
        }
        wanted
    };
    files.retain(|entry| {
        let reason = entry.reason_to_skip();
        reason.into_iter().for_each(&mut skip);
        reason.is_none()
    });
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    found.files.extend(files.into_iter().map(|entry| entry.path));
    found.errors.append(&mut errors);
}

/// A file of a directory, by its name a manifest.
struct Entry {
    path: PathBuf,
    kind: FileType,
}

impl Entry {
    fn reason_to_skip(&self) -> Option<&'static str> {
        if self.kind.is_symlink() {
            // A link to a directory may lead out of the tree, or around in it.
            (!self.path.is_file()).then_some("symlink")
        } else {
            (!self.kind.is_file()).then_some("no-regular-file")
        }
    }
}

/// The manifests under a directory, with or without honouring ignore files.
fn list(root: &Path, filtered: bool, errors: &mut Vec<FileError>) -> Vec<Entry> {
    let walk = WalkBuilder::new(root)
        .standard_filters(filtered)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files = Vec::new();
    for entry in walk {
        match entry {
            Ok(entry) => {
                let kind = entry.file_type().filter(|kind| !kind.is_dir() && is_manifest(entry.path()));
                files.extend(kind.map(|kind| Entry { path: entry.into_path(), kind }));
            }
            Err(error) => errors.push(walk_error(root, error)),
        }
    }
    files
}

fn walk_error(path: &Path, error: ignore::Error) -> FileError {
    match error {
        ignore::Error::WithDepth { err, .. } => walk_error(path, *err),
        ignore::Error::WithPath { path, err } => walk_error(&path, *err),
        // What the walk wraps around the kernel's error says the path once more.
        ignore::Error::Io(error) => whole(path, &read::unreadable(&io::Error::from(error.kind()))),
        other => whole(path, &other.to_string()),
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension))
        || path.ends_with("Kustomization")
}

fn is_hidden(path: &Path, root: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

fn whole(path: &Path, message: &str) -> FileError {
    FileError { file: path.display().to_string(), line: 0, column: 0, message: message.to_owned() }
}

/// Does `work` for every file on all cores, and hands the results over in the order of the files.
///
/// # Errors
/// The first of `emit`, after which no more files are begun.
pub fn for_each_file<R: Send, E>(
    files: &[PathBuf],
    work: impl Fn(&Path, Result<Vec<u8>, FileError>) -> R + Sync,
    emit: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let worker = || {
        let (mut reader, work) = (Reader::default(), &work);
        move |path: &PathBuf| work(path, reader.read(path))
    };
    parallel::in_order(files, worker, emit)
}
