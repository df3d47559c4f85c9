//! Which files, and what is in them: directories walked, files read and judged on all cores, in order.
//!
//! Data in: paths as the user named them. Data out: a [`FileReport`] for each file in the order of the
//! paths, one at a time, so that memory does not grow with their number. What is passed over (ignored by
//! `.gitignore`, hidden, a link) is counted with its reason.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use ignore::WalkBuilder;

use super::report::{FileError, FileReport, Skip};

/// Larger files are no manifests; reading them would only cost memory.
const LARGEST: u64 = 64 << 20;

/// How far judging may run ahead of showing, a thread: enough to keep all busy, little enough to hold.
const AHEAD: usize = 64;

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
            Err(error) => found.errors.push(whole(path, &format!("cannot be read: {error}"))),
            Ok(metadata) if metadata.is_dir() => walk_directory(path, no_ignore, &mut found),
            Ok(_) => found.files.push(path.clone()),
        }
    }
    found.files.retain(|path| seen.insert(path.clone()));
    found
}

fn walk_directory(root: &Path, no_ignore: bool, found: &mut Walk) {
    let mut errors = Vec::new();
    let mut all = list(root, false, &mut errors);
    if !no_ignore {
        let wanted: HashSet<PathBuf> = list(root, true, &mut Vec::new()).into_iter().collect();
        all.retain(|path| {
            let is_wanted = wanted.contains(path);
            if !is_wanted {
                let reason = if is_hidden(path, root) { "hidden" } else { "ignored" };
                *found.skipped.entry(Skip::because(reason)).or_default() += 1;
            }
            is_wanted
        });
    }
    all.retain(|path| {
        let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if is_link && !path.is_file() {
            *found.skipped.entry(Skip::because("symlink")).or_default() += 1;
        }
        !is_link || path.is_file()
    });
    all.sort_unstable();
    found.files.append(&mut all);
    found.errors.append(&mut errors);
}

/// The manifests under a directory, with or without honouring ignore files.
fn list(root: &Path, filtered: bool, errors: &mut Vec<FileError>) -> Vec<PathBuf> {
    let walk = WalkBuilder::new(root)
        .standard_filters(filtered)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files = Vec::new();
    for entry in walk {
        match entry {
            Ok(entry)
                if entry.file_type().is_some_and(|kind| !kind.is_dir()) && is_manifest(entry.path()) =>
            {
                files.push(entry.into_path());
            }
            Ok(_) => {}
            Err(error) => errors.push(whole(root, &error.to_string())),
        }
    }
    files
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension))
}

fn is_hidden(path: &Path, root: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

fn whole(path: &Path, message: &str) -> FileError {
    FileError { file: path.display().to_string(), line: 0, column: 0, message: message.to_owned() }
}

/// Reads a file that may be anything.
///
/// # Errors
/// A sentence for the report.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let metadata = fs::metadata(path).map_err(|error| whole(path, &unreadable(&error)))?;
    if !metadata.is_file() {
        return Err(whole(path, "this is no regular file"));
    }
    if metadata.len() > LARGEST {
        let size = metadata.len() >> 20;
        return Err(whole(path, &format!("the file has {size} MiB, expected a manifest of at most 64 MiB")));
    }
    fs::read(path).map_err(|error| whole(path, &unreadable(&error)))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "the file has been removed meanwhile".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Judges every file on all cores, and hands the reports over in the order of the files.
///
/// # Errors
/// The first of `emit`, after which no more files are begun.
pub fn judge_all<E>(
    files: &[PathBuf],
    judge: impl Fn(&Path, Vec<u8>) -> FileReport + Sync,
    mut emit: impl FnMut(FileReport) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len().max(1));
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, reports) = mpsc::sync_channel(AHEAD * threads);
        for _ in 0..threads {
            let (sender, next, judge) = (sender.clone(), &next, &judge);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = files.get(index) else { return };
                    let report = read(path).map_or_else(unjudged, |bytes| judge(path, bytes));
                    if sender.send((index, report)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        in_order(&reports, &mut emit)
    })
}

fn unjudged(error: FileError) -> FileReport {
    FileReport { file: error.file.clone(), errors: vec![error], ..FileReport::default() }
}

fn in_order<E>(
    reports: &mpsc::Receiver<(usize, FileReport)>,
    emit: &mut impl FnMut(FileReport) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = HashMap::new();
    let mut expected = 0;
    for (index, report) in reports {
        early.insert(index, report);
        while let Some(report) = early.remove(&expected) {
            emit(report)?;
            expected += 1;
        }
    }
    Ok(())
}
