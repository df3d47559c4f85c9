//! A container's files, as its processes see them, held open.
//!
//! Two descriptors pin them: the root directory, and the mount namespace, without which the mounts below the root would
//! be taken apart with the last process and every volume would look like the root's own directory. Both are taken once
//! the container executes its own program: before that, its root is still the host's.
//!
//! What a path means is asked of the kernel: links are followed as in the container, and never out of it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags, openat, openat2,
    readlinkat, statx,
};
use rustix::io::Errno;

use crate::path;
use crate::rooted::open_below;

/// The files of one mount namespace.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
    /// Held, not used.
    _namespace: OwnedFd,
    root_mount: u64,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Absolute, without links.
    pub(super) path: Vec<u8>,
    /// On the mount that is the container's root, not on a volume, /proc or the like.
    pub(super) on_root: bool,
    pub(super) is_directory: bool,
}

/// What a directory is, whoever's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Without the type.
    pub(super) mode: u32,
}

/// Entries that are looked at to tell a directory's size.
const ENTRIES_MAX: usize = 20_000;
/// Deepest directory whose size is told.
const DEPTH_MAX: usize = 64;
/// Files take whole blocks of their disk.
const BLOCK: u64 = 4096;

impl Tree {
    /// Holds the files of a process; `None` if it is gone, is in another mount namespace by now, or has a root of its
    /// own in there.
    pub(super) fn of(proc: &Path, pid: u32, namespace: u32) -> Option<Self> {
        let tree = Self::at(&proc.join(pid.to_string()), "root", namespace)?;
        (name_of(tree.root.as_fd()).ok()? == b"/").then_some(tree)
    }

    /// The same from the working directory of a process that is about to make it its root.
    pub(super) fn to_be(proc: &Path, pid: u32, namespace: u32) -> Option<Self> {
        let tree = Self::at(&proc.join(pid.to_string()), "cwd", namespace)?;
        let about = statx(&tree.root, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE).ok()?;
        about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT).then_some(tree)
    }

    fn at(process: &Path, name: &str, namespace: u32) -> Option<Self> {
        let held =
            openat(CWD, process.join("ns/mnt"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        if rustix::fs::fstat(&held).ok()?.st_ino != u64::from(namespace) {
            return None;
        }
        let root = openat(CWD, process.join(name), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let root_mount = mount_of(root.as_fd()).ok()?;
        Some(Self { root, _namespace: held, root_mount })
    }

    /// The mount that is the root, as the kernel numbers it.
    pub(super) fn root_mount(&self) -> u64 {
        self.root_mount
    }

    /// Where a path leads that was given to a call.
    ///
    /// `follows`: a link at its end is followed. What is not there (any more) is where it would be: no directory that is
    /// gone can have been a mount.
    ///
    /// # Errors
    /// The kernel's, as text.
    pub(super) fn resolve(&self, given: &[u8], follows: bool) -> Result<Resolved, String> {
        match self.open(given, follows) {
            Ok(found) => self.of_descriptor(found.as_fd()).map_err(|error| error.to_string()),
            Err(Errno::NOENT | Errno::NOTDIR) => self.of_absent(given),
            Err(error) => Err(io::Error::from(error).to_string()),
        }
    }

    /// Where a name stands, or would: the directory's links are followed, its own not.
    ///
    /// # Errors
    /// The kernel's, as text.
    pub(super) fn resolve_entry(&self, given: &[u8]) -> Result<Resolved, String> {
        let given = without_end(given);
        let name = path::file_name(given);
        let directory = path::directory(given).unwrap_or(b"/");
        if name.is_empty() || name == b"." || name == b".." {
            return self.resolve(given, false);
        }
        let mut found = self.resolve(directory, true)?;
        found.path = path::join(Some(&found.path), name);
        found.is_directory = false;
        Ok(found)
    }

    /// The nearest directory above that is there, and the rest as it is written.
    fn of_absent(&self, given: &[u8]) -> Result<Resolved, String> {
        let mut above = without_end(given);
        loop {
            let Some(directory) = path::directory(above).filter(|directory| directory.len() < above.len())
            else {
                return Err("its directory is gone".to_owned());
            };
            above = directory;
            match self.open(above, true) {
                Ok(found) => {
                    let rest = &given[above.len()..];
                    if rest.split(|byte| *byte == b'/').any(|part| part == b"..") {
                        return Err("its directory is gone".to_owned());
                    }
                    let found = self.of_descriptor(found.as_fd()).map_err(|error| error.to_string())?;
                    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
                    return Ok(Resolved {
                        path: path::join(Some(&found.path), rest),
                        is_directory: false,
                        ..found
                    });
                }
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(io::Error::from(error).to_string()),
            }
        }
    }

    fn open(&self, path: &[u8], follows: bool) -> Result<OwnedFd, Errno> {
        let end = if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
        self.open_with(path, OFlags::PATH | end)
    }

    fn open_with(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        open_below(&self.root, path, flags)
    }

    fn of_descriptor(&self, found: BorrowedFd<'_>) -> io::Result<Resolved> {
        let about = statx(found, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE | StatxFlags::MNT_ID)?;
        let on_root = mount_of(found)? == self.root_mount;
        let is_directory = FileType::from_raw_mode(about.stx_mode.into()) == FileType::Directory;
        let mut path = name_of(found)?;
        if let Some(alive) = path.strip_suffix(b" (deleted)") {
            path.truncate(alive.len());
        }
        Ok(Resolved { path, on_root, is_directory })
    }

    /// Owner and mode of a directory; `None` if it is not there.
    pub(super) fn owner(&self, directory: &str) -> Option<Owner> {
        let found = self.open(directory.as_bytes(), true).ok()?;
        let stat = rustix::fs::fstat(&found).ok()?;
        Some(Owner { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 })
    }

    /// Whether a file is a program of the 32-bit convention; `None` if that cannot be told.
    pub(super) fn is_32_bit(&self, file: &[u8]) -> Option<bool> {
        let found = self.open_with(file, OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
        let mut head = [0; 5];
        let read = rustix::io::read(&found, &mut head).ok()?;
        // EI_CLASS; a script's interpreter is executed by itself.
        Some(read == head.len() && head.starts_with(b"\x7fELF") && head[4] == 1)
    }

    /// Whether a directory has an entry that was there before a moment (nanoseconds since the epoch); `None` if that
    /// cannot be told.
    pub(super) fn has_older(&self, directory: &str, moment_ns: u64) -> Option<bool> {
        let found = match self.open_with(directory.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR) => return Some(false),
            Err(_) => return None,
        };
        let mut entries = Dir::read_from(&found).ok()?;
        while let Some(entry) = entries.read() {
            let entry = entry.ok()?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            let wanted = StatxFlags::BTIME | StatxFlags::CTIME;
            let Ok(about) = statx(&found, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW, wanted) else {
                continue;
            };
            let has_birth = about.stx_mask & StatxFlags::BTIME.bits() != 0;
            let time = if has_birth { about.stx_btime } else { about.stx_ctime };
            if i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec) < i128::from(moment_ns) {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Bytes of all files below a directory, in whole blocks, other mounts left out; `None` if there are too many.
    pub(super) fn bytes_in(&self, directory: &str) -> Option<u64> {
        let Ok(found) = self.open_with(directory.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) else {
            return Some(0);
        };
        let mut left = ENTRIES_MAX;
        bytes_below(&found, 0, &mut left)
    }
}

fn bytes_below(directory: &OwnedFd, depth: usize, left: &mut usize) -> Option<u64> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut bytes = 0_u64;
    let mut entries = Dir::read_from(directory).ok()?;
    while let Some(entry) = entries.read() {
        let Ok(entry) = entry else { break };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        *left = left.checked_sub(1)?;
        let Ok(about) =
            statx(directory, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE | StatxFlags::SIZE)
        else {
            continue;
        };
        match FileType::from_raw_mode(about.stx_mode.into()) {
            FileType::RegularFile => bytes = bytes.saturating_add(about.stx_size.next_multiple_of(BLOCK)),
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let how = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
                if let Ok(inner) = openat2(directory, name, flags, Mode::empty(), how) {
                    bytes = bytes.saturating_add(bytes_below(&inner, depth + 1, left)?);
                }
            }
            _ => {}
        }
    }
    Some(bytes)
}

/// The inode of a process's mount namespace; `None` if it cannot be looked at.
pub(super) fn namespace_of(proc: &Path, pid: &str) -> Option<u32> {
    let about = rustix::fs::stat(proc.join(pid).join("ns/mnt")).ok()?;
    u32::try_from(about.st_ino).ok()
}

fn mount_of(found: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(statx(found, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?.stx_mnt_id)
}

/// The path of a descriptor from the root of its mount namespace.
fn name_of(found: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    use std::os::fd::AsRawFd as _;
    let link = format!("/proc/self/fd/{}", found.as_raw_fd());
    Ok(readlinkat(CWD, link, Vec::new())?.into_bytes())
}

/// Without the slashes at its end, which say that it is a directory.
fn without_end(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 1);
    &path[..end.min(path.len())]
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    /// This process's own mounts, with another directory as root.
    fn tree(root: &Path) -> Tree {
        let open = |path: &Path, flags| openat(CWD, path, flags, Mode::empty()).unwrap();
        let root = open(root, OFlags::PATH);
        let root_mount = mount_of(root.as_fd()).unwrap();
        Tree { root, _namespace: open(Path::new("/proc/self/ns/mnt"), OFlags::RDONLY), root_mount }
    }

    #[test]
    fn follows_links_inside_the_root_and_never_out_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("var")).unwrap();
        std::fs::create_dir_all(root.join("run/app")).unwrap();
        std::fs::write(root.join("run/app/pid"), "1").unwrap();
        symlink("/run", root.join("var/run")).unwrap();
        symlink("../../../../run/app/pid", root.join("var/link")).unwrap();
        let tree = tree(root);
        let inside = |found: Result<Resolved, String>| {
            let path = String::from_utf8(found.unwrap().path).unwrap();
            path.strip_prefix(root.to_str().unwrap()).unwrap_or("outside").to_owned()
        };
        assert_eq!(inside(tree.resolve(b"/var/link", true)), "/run/app/pid");
        assert_eq!(inside(tree.resolve(b"/var/link", false)), "/var/link");
        assert_eq!(inside(tree.resolve(b"/var/run/app/../app/pid", true)), "/run/app/pid");
        assert_eq!(inside(tree.resolve_entry(b"/var/run/app/new/")), "/run/app/new");
        assert_eq!(inside(tree.resolve_entry(b"/var/run/gone/since/new")), "/run/gone/since/new");
        assert!(tree.resolve(b"/var/run/gone/../x", true).is_err());
    }

    #[test]
    fn other_mounts_are_not_the_root() {
        let tree = tree(Path::new("/"));
        let found = tree.resolve(b"/proc/sys", true).unwrap();
        assert_eq!((found.on_root, found.is_directory), (false, true));
    }

    #[test]
    fn adds_whole_blocks_of_files() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("d")).unwrap();
        for (name, bytes) in [("d/a", 1), ("d/b", 4097), ("c", 0)] {
            std::fs::write(directory.path().join(name), vec![0; bytes]).unwrap();
        }
        let tree = tree(directory.path());
        assert_eq!(
            (tree.bytes_in("/"), tree.bytes_in("/d"), tree.bytes_in("/absent")),
            (Some(12288), Some(12288), Some(0))
        );
    }

    #[test]
    fn tells_what_was_there_before() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "").unwrap();
        let tree = tree(directory.path());
        assert_eq!((tree.has_older("/", 0), tree.has_older("/", u64::MAX)), (Some(false), Some(true)));
        assert_eq!(tree.has_older("/absent", u64::MAX), Some(false));
    }

    #[test]
    fn programs_of_the_32_bit_convention_are_known_by_their_header() {
        let tree = tree(Path::new("/"));
        let own = std::env::current_exe().unwrap();
        assert_eq!(tree.is_32_bit(own.as_os_str().as_bytes()), Some(false));
        assert_eq!(tree.is_32_bit(b"/proc/version"), Some(false));
        assert_eq!(tree.is_32_bit(b"/absent"), None);
        let directory = tempfile::tempdir().unwrap();
        let old = directory.path().join("old");
        std::fs::write(&old, b"\x7fELF\x01\x01\x01").unwrap();
        assert_eq!(tree.is_32_bit(old.as_os_str().as_bytes()), Some(true));
    }
}
