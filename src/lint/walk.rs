//! Which files: directories walked, ignore files honoured.
//!
//! Data in: paths as the user named them. Data out: the files in the order of the paths, one at a time, so that memory
//! does not grow with their number but with the largest directory; what is passed over (ignored by `.gitignore`,
//! hidden, a link) is counted with its reason.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, FileType};
use std::io;
use std::iter::Peekable;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::parallel;
use super::read::{self, Reader};
use super::report::{FileError, Skip};

/// The files to judge, in the order of the named paths and sorted within each; in their places what cannot be read.
pub struct Walk<'p> {
    paths: std::slice::Iter<'p, PathBuf>,
    no_ignore: bool,
    current: Option<Directory>,
    skipped: BTreeMap<Skip, usize>,
    /// What was met, where a path can be met twice.
    met: Option<HashSet<PathBuf>>,
}

/// Finds the files under `paths`, as they are asked for. A path named outright is always read.
///
/// `no_ignore`: also what `.gitignore` names and what is hidden.
pub fn walk(paths: &[PathBuf], no_ignore: bool) -> Walk<'_> {
    let met = overlap(paths).then(HashSet::new);
    Walk { paths: paths.iter(), no_ignore, current: None, skipped: BTreeMap::new(), met }
}

/// Whether one path is another one or below it.
fn overlap(paths: &[PathBuf]) -> bool {
    let mut sorted: Vec<&PathBuf> = paths.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[1].starts_with(pair[0]))
}

impl Walk<'_> {
    /// What was passed over, by reason.
    pub fn into_skipped(self) -> BTreeMap<Skip, usize> {
        self.skipped
    }

    fn next_found(&mut self) -> Option<Result<PathBuf, FileError>> {
        loop {
            if let Some(directory) = &mut self.current {
                match directory.next(&mut self.skipped) {
                    None => self.current = None,
                    found => return found,
                }
            }
            let path = self.paths.next()?;
            match fs::metadata(path) {
                Err(error) => return Some(Err(whole(path, &read::unreadable(&error)))),
                Ok(metadata) if metadata.is_dir() => {
                    self.current = Some(Directory::new(path, self.no_ignore));
                }
                Ok(metadata) if metadata.is_file() || read::is_own_descriptor(path) => {
                    return Some(Ok(path.clone()));
                }
                Ok(metadata) => {
                    let kind = name_of(metadata.file_type());
                    let message = format!("this is {kind}, expected a file or a directory");
                    return Some(Err(whole(path, &message)));
                }
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<PathBuf, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = self.next_found()?;
            let is_first = match (&found, &mut self.met) {
                (Ok(path), Some(met)) => met.insert(path.clone()),
                _ => true,
            };
            if is_first {
                return Some(found);
            }
        }
    }
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

/// A directory on its way through two walks in step: what is wanted, and beside it all that there is, so that what
/// is passed over is counted without a list of either.
struct Directory {
    root: PathBuf,
    wanted: Manifests,
    all: Option<Peekable<Manifests>>,
}

impl Directory {
    fn new(root: &Path, no_ignore: bool) -> Self {
        let all = (!no_ignore).then(|| Manifests::under(root, false).peekable());
        Self { root: root.to_owned(), wanted: Manifests::under(root, !no_ignore), all }
    }

    fn next(&mut self, skipped: &mut BTreeMap<Skip, usize>) -> Option<Result<PathBuf, FileError>> {
        loop {
            let entry = match self.wanted.next() {
                None => {
                    self.pass_over(None, skipped);
                    return None;
                }
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(entry)) => entry,
            };
            self.pass_over(Some(&entry.path), skipped);
            match entry.reason_to_skip() {
                Some(reason) => *skipped.entry(Skip::because(reason)).or_default() += 1,
                None => return Some(Ok(entry.path)),
            }
        }
    }

    /// Counts what there is before the next wanted file, or to the end.
    fn pass_over(&mut self, wanted: Option<&Path>, skipped: &mut BTreeMap<Skip, usize>) {
        let Some(all) = &mut self.all else { return };
        // What cannot be read among what nobody wants is no error.
        let is_before = |found: &Result<Entry, FileError>| {
            found.as_ref().map_or(true, |entry| wanted.is_none_or(|wanted| *entry.path < *wanted))
        };
        while let Some(found) = all.next_if(is_before) {
            if let Ok(entry) = found {
                let reason = if is_hidden(&entry.path, &self.root) { "hidden" } else { "ignored" };
                *skipped.entry(Skip::because(reason)).or_default() += 1;
            }
        }
        _ = all.next_if(|found| found.as_ref().is_ok_and(|entry| Some(&*entry.path) == wanted));
    }
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

/// The manifests under a directory, with or without honouring ignore files, in the order of their paths.
struct Manifests {
    root: PathBuf,
    walk: ignore::Walk,
}

impl Manifests {
    fn under(root: &Path, filtered: bool) -> Self {
        let walk = WalkBuilder::new(root)
            .standard_filters(filtered)
            .require_git(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .sort_by_file_name(std::ffi::OsStr::cmp)
            .build();
        Self { root: root.to_owned(), walk }
    }
}

impl Iterator for Manifests {
    type Item = Result<Entry, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.walk.next()? {
                Err(error) => return Some(Err(walk_error(&self.root, error))),
                Ok(entry) => {
                    let kind = entry.file_type().filter(|kind| !kind.is_dir() && is_manifest(entry.path()));
                    if let Some(kind) = kind {
                        return Some(Ok(Entry { path: entry.into_path(), kind }));
                    }
                }
            }
        }
    }
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
    files: &mut (impl Iterator<Item = Result<PathBuf, FileError>> + Send),
    work: impl Fn(&Path, Result<Vec<u8>, FileError>) -> R + Sync,
    emit: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let worker = || {
        let (mut reader, work) = (Reader::default(), &work);
        move |found: Result<PathBuf, FileError>| match found {
            Ok(path) => work(&path, reader.read(&path)),
            Err(error) => work(Path::new(&error.file.clone()), Err(error)),
        }
    };
    parallel::in_order(files, |_| false, worker, emit)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a\n").unwrap();
        }
        root
    }

    /// The files by their paths below the root, and what was passed over.
    fn found(root: &Path, paths: &[&str]) -> (Vec<String>, Vec<(&'static str, usize)>) {
        let paths: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
        let mut walk = walk(&paths, false);
        let name = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        let files = walk.by_ref().map(|found| name(found.unwrap())).collect();
        (files, walk.into_skipped().into_iter().map(|(skip, count)| (skip.reason, count)).collect())
    }

    #[test]
    fn comes_in_the_order_of_the_paths_and_counts_what_it_passes_over() {
        let names =
            ["b/x.yaml", "b.yaml", "a-b/z.yaml", "a/y.yml", "a/.h/k.yaml", "c/no.txt", "z/i.json", ".x.yaml"];
        let root = tree(&names);
        fs::write(root.path().join(".gitignore"), "z/\n").unwrap();
        symlink("nowhere", root.path().join("a/link.yaml")).unwrap();
        let mut sorted: Vec<PathBuf> =
            ["a-b/z.yaml", "a/y.yml", "b.yaml", "b/x.yaml"].map(PathBuf::from).into();
        sorted.sort();
        let sorted: Vec<String> = sorted.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(found(root.path(), &["."]).0, sorted);
        let skipped = [("hidden", 2), ("ignored", 1), ("symlink", 1)];
        assert_eq!(found(root.path(), &[""]), (sorted, skipped.to_vec()));
    }

    #[test]
    fn a_file_that_is_named_twice_is_found_once() {
        let root = tree(&["a/x.yaml", "a/.y.yaml", "b/z.yaml"]);
        let twice = found(root.path(), &["a", "b/z.yaml", "a/.y.yaml", "a/x.yaml", "b", "a"]).0;
        assert_eq!(twice, ["a/x.yaml", "b/z.yaml", "a/.y.yaml"]);
    }
}
