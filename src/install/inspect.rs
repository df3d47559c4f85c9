//! Everything that can be known before anything is touched.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

use super::backup::read_file;
use super::disk::Ownership;
use super::error::InstallError;
use super::read;
use super::request::{Content, Request};
use super::state::State;
use crate::checks::static_pod::{Sibling, is_read_by_kubelet};

/// Left over on every filesystem that is written to: a control plane on a full disk dies of other causes.
const RESERVE_BYTES: u64 = 1 << 20;
/// Files and directories of one run, generously.
const INODES: u64 = 32;

/// A manifest as it stands.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Where it is: the target where the path given is a symbolic link.
    pub path: PathBuf,
    /// The directory that holds the path given: the kubelet reads its other files as well.
    pub directory: PathBuf,
    /// Its content.
    pub content: Content,
}

/// Looks at a manifest.
///
/// # Errors
/// One for each thing that people give instead of a manifest: a directory, a link into nowhere, a device,
/// nothing at all.
pub fn manifest(path: &Path) -> Result<Manifest, InstallError> {
    let absolute = std::path::absolute(path).map_err(InstallError::read(path))?;
    let metadata = match fs::symlink_metadata(&absolute) {
        Err(error) if is_missing(&error) => return Err(InstallError::Missing { path: absolute }),
        other => other.map_err(InstallError::read(&absolute))?,
    };
    let target = if metadata.is_symlink() { follow(&absolute)? } else { absolute.clone() };
    check_regular(&target)?;
    let content = read_file(&target)?.ok_or_else(|| InstallError::Missing { path: target.clone() })?;
    let directory = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Manifest { path: target, directory, content })
}

/// Where a file that is to be written lies: the target of a link; the path itself where nothing is there yet.
///
/// # Errors
/// If something else than a file is there, or no file can be.
pub fn place(path: &Path) -> Result<PathBuf, InstallError> {
    let path = std::path::absolute(path).map_err(InstallError::read(path))?;
    match fs::symlink_metadata(&path) {
        Ok(metadata) => {
            let target = if metadata.is_symlink() { follow(&path)? } else { path };
            check_regular(&target)?;
            Ok(target)
        }
        Err(error) if is_missing(&error) => {
            check_parents(&path)?;
            Ok(path)
        }
        Err(error) => Err(InstallError::read(&path)(error)),
    }
}

/// The other files that the kubelet reads from the manifest's directory.
///
/// # Errors
/// If the directory cannot be read.
pub fn siblings(manifest: &Manifest, path: &Path) -> Result<Vec<Sibling>, InstallError> {
    let directory = &manifest.directory;
    let mut siblings = Vec::new();
    for entry in fs::read_dir(directory).map_err(InstallError::read(directory))?.flatten() {
        let name = entry.file_name();
        let is_itself = Some(name.as_os_str()) == path.file_name();
        // As the kubelet does, links are followed and everything but files is passed over.
        let is_file = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file());
        if is_itself || !is_file || !is_read_by_kubelet(&name.to_string_lossy()) {
            continue;
        }
        let object = fs::read(entry.path()).map(|bytes| read::first_document(&bytes)).unwrap_or_default();
        siblings.push(Sibling { path: entry.path().display().to_string(), object });
    }
    siblings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(siblings)
}

/// Whether everything that a request writes can be written: directories, permissions, space.
///
/// # Errors
/// The first obstacle.
pub fn writable(request: &Request, state: &State, manifests: &Path) -> Result<(), InstallError> {
    outside_of(manifests, "the state directory", state.root())?;
    let mut bytes_by_place: BTreeMap<PathBuf, u64> = BTreeMap::new();
    let mut saved = 0;
    for change in &request.changes {
        let directory = writable_directory(&change.path)?;
        let size = change.content.as_ref().map_or(0, |content| content.bytes.len() as u64);
        *bytes_by_place.entry(directory).or_default() += size;
        saved += size + fs::metadata(&change.path).map_or(0, |metadata| metadata.len());
    }
    *bytes_by_place.entry(writable_directory(&state.backups())?).or_default() += saved;
    for directory in &request.directories {
        if fs::metadata(&directory.path).is_err() {
            bytes_by_place.entry(writable_directory(&directory.path)?).or_default();
        }
    }
    check_space(bytes_by_place)
}

/// Bytes that are free where a path is, or will be.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let directory = path.ancestors().find(|ancestor| ancestor.is_dir())?;
    rustix::fs::statvfs(directory).ok().map(|space| available(&space))
}

/// Refuses a place below the manifests directory.
///
/// # Errors
/// [`InstallError::InManifestsDirectory`].
pub fn outside_of(manifests: &Path, what: &'static str, path: &Path) -> Result<(), InstallError> {
    let real = |path: &Path| {
        let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
        let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
        existing.canonicalize().unwrap_or_else(|_| existing.to_owned()).join(rest)
    };
    if real(path).starts_with(real(manifests)) {
        let (path, directory) = (path.to_owned(), manifests.to_owned());
        return Err(InstallError::InManifestsDirectory { what, path, directory });
    }
    Ok(())
}

/// Refuses a file that the apiserver's user could not read, or a directory that it could not write to.
///
/// `bits`: 4 to read a file, 3 to make files in a directory.
pub fn permits(path: &Path, uid: u32, gid: u32, bits: u32) -> bool {
    fs::metadata(path).is_ok_and(|metadata| Ownership::of(&metadata).permits(uid, &[gid], bits))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn follow(link: &Path) -> Result<PathBuf, InstallError> {
    link.canonicalize().map_err(|error| {
        if !is_missing(&error) {
            return InstallError::read(link)(error);
        }
        let target = fs::read_link(link).unwrap_or_default();
        InstallError::BrokenLink { path: link.to_owned(), target }
    })
}

fn check_regular(path: &Path) -> Result<(), InstallError> {
    let kind = fs::metadata(path).map_err(InstallError::read(path))?.file_type();
    if kind.is_dir() {
        return Err(InstallError::IsDirectory { path: path.to_owned() });
    }
    let found = if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_file() {
        return Ok(());
    } else {
        "a device"
    };
    Err(InstallError::NotRegular { path: path.to_owned(), kind: found })
}

/// Whatever exists on the way must be a directory.
fn check_parents(path: &Path) -> Result<(), InstallError> {
    let mut parents = path.ancestors().skip(1);
    let Some(existing) = parents.find(|parent| fs::symlink_metadata(parent).is_ok()) else { return Ok(()) };
    if existing.is_dir() {
        return Ok(());
    }
    Err(InstallError::NotBelowDirectory { path: path.to_owned(), obstacle: existing.to_owned() })
}

/// The nearest directory above `path` that exists, which must be writable.
fn writable_directory(path: &Path) -> Result<PathBuf, InstallError> {
    check_parents(path)?;
    let directory = path.ancestors().skip(1).find(|parent| parent.is_dir()).unwrap_or(Path::new("/"));
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::accessat(CWD, directory, wanted, AtFlags::EACCESS)
        .map_err(|error| InstallError::NotWritable { path: directory.to_owned(), error: error.into() })?;
    Ok(directory.to_owned())
}

fn check_space(bytes_by_place: BTreeMap<PathBuf, u64>) -> Result<(), InstallError> {
    let mut by_device: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    for (path, bytes) in bytes_by_place {
        let device = fs::metadata(&path).map_err(InstallError::read(&path))?.dev();
        by_device.entry(device).or_insert((path, 0)).1 += bytes;
    }
    for (path, bytes) in by_device.into_values() {
        let space = rustix::fs::statvfs(&path)
            .map_err(|error| InstallError::Read { path: path.clone(), error: error.into() })?;
        let (free, needed) = (available(&space), bytes + RESERVE_BYTES);
        if free < needed {
            return Err(InstallError::NoSpace { path, free, needed });
        }
        // Filesystems without a table of inodes say 0 of 0.
        if space.f_files > 0 && space.f_favail < INODES {
            return Err(InstallError::NoInodes { path, free: space.f_favail });
        }
    }
    Ok(())
}

fn available(space: &rustix::fs::StatVfs) -> u64 {
    // Some blocks are root's alone.
    let blocks = if rustix::process::geteuid().is_root() { space.f_bfree } else { space.f_bavail };
    blocks.saturating_mul(space.f_frsize)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_wrong_thing_has_its_own_error() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        symlink(at("nowhere"), at("link")).unwrap();
        rustix::fs::mkfifoat(CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        assert!(matches!(manifest(directory.path()), Err(InstallError::IsDirectory { .. })));
        assert!(matches!(manifest(&at("link")), Err(InstallError::BrokenLink { .. })));
        assert!(matches!(manifest(&at("pipe")), Err(InstallError::NotRegular { kind: "a pipe", .. })));
        assert!(matches!(manifest(&at("none")), Err(InstallError::Missing { .. })));
        assert!(matches!(manifest(&at("pipe/x")), Err(InstallError::Missing { .. })));
    }

    #[test]
    fn a_link_is_followed_and_its_own_directory_is_the_manifests_directory() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir(root.join("manifests")).unwrap();
        fs::write(root.join("real.yaml"), "x").unwrap();
        symlink("../real.yaml", root.join("manifests/link.yaml")).unwrap();
        let found = manifest(&root.join("manifests/link.yaml")).unwrap();
        assert_eq!((found.path, found.directory), (root.join("real.yaml"), root.join("manifests")));
    }

    #[test]
    fn a_place_below_a_file_is_none() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        let error = place(&directory.path().join("file/policy.yaml")).unwrap_err();
        assert!(matches!(error, InstallError::NotBelowDirectory { .. }), "{error}");
        assert!(place(&directory.path().join("new/policy.yaml")).is_ok());
    }

    #[test]
    fn siblings_are_what_the_kubelet_reads_beside() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a.yaml", "{}"), ("a.yaml.bak", "kind: Pod"), (".a.swp", "kind: Pod"), ("b", "\t:")]
        {
            fs::write(directory.path().join(name), text).unwrap();
        }
        fs::create_dir(directory.path().join("c")).unwrap();
        let path = directory.path().join("a.yaml");
        let found = siblings(&manifest(&path).unwrap(), &path).unwrap();
        let names: Vec<_> = found.iter().map(|sibling| sibling.path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["a.yaml.bak", "b"]);
        assert_eq!(found[0].object["kind"], "Pod");
    }

    #[test]
    fn nothing_of_ours_may_lie_among_the_manifests() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("sub/dir");
        assert!(outside_of(directory.path(), "the state directory", &inside).is_err());
        assert!(outside_of(&inside, "the state directory", directory.path()).is_ok());
    }
}
