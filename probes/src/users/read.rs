//! Reads the files that have users' names.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};

use super::Names;
use crate::procfs::Held;
use crate::rooted::open_below;

/// The largest file that is read: a container chooses what its passwd holds.
const FILE_MAX: u64 = 1 << 20;
/// Ancestors that are looked at on the way out of a container.
const ANCESTORS_MAX: usize = 64;

/// The host's names, below where its root is.
pub(super) fn of_host(root: &Path) -> Names {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, root, flags, Mode::empty()).map(below).unwrap_or_default()
}

/// A container's names, by one of its processes; `None` if that cannot tell them: it is gone, may not be looked at, or
/// is its runtime's on the way in, whose root is not the container's yet.
///
/// May take for ever: the container chooses what file systems its files lie on.
pub(crate) fn names_of(process: &Held, container: &str, proc: &Path) -> Option<Names> {
    let root = process.root().ok()?;
    let own = identity(&root)?;
    let of_host = Held::of(proc, 1).and_then(|first| identity(first.root().ok()?));
    if of_host == Some(own) || root_of_runtime(process, container, proc) == Some(own) {
        return None;
    }
    Some(below(root))
}

/// The root of the nearest ancestor that is not in the container. Until a runtime makes a container's root its own, its
/// processes have that one, whatever mount namespace and cgroup they have joined already.
fn root_of_runtime(process: &Held, container: &str, proc: &Path) -> Option<(u64, u64)> {
    let mut parent = process.parent();
    for _ in 0..ANCESTORS_MAX {
        let above = Held::of(proc, parent)?;
        if above.container().is_none_or(|of| *of.full != *container) {
            return above.root().ok().and_then(identity);
        }
        parent = above.parent();
    }
    None
}

/// What tells a directory from all others.
fn identity(directory: impl AsFd) -> Option<(u64, u64)> {
    fstat(directory).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

/// Reads `etc/passwd` and `etc/group` below a root directory; what cannot be read has no names.
fn below(root: impl AsFd) -> Names {
    let text = |path| read_small(root.as_fd(), path).unwrap_or_default();
    Names::parse(&text("etc/passwd"), &text("etc/group"))
}

/// Reads a regular file below a root. Nothing else is even opened: a device may do something then.
fn read_small(root: impl AsFd, path: &str) -> Option<String> {
    let found = open_below(root, path.as_bytes(), OFlags::PATH).ok()?;
    if FileType::from_raw_mode(fstat(&found).ok()?.st_mode) != FileType::RegularFile {
        return None;
    }
    let again = format!("/proc/self/fd/{}", found.as_raw_fd());
    let file: File = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(again).ok()?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const PASSWD: &str = "app:x:1:1::/:/bin/sh\n";

    fn user(root: &Path) -> Option<String> {
        of_host(root).user(1).map(|user| user.name.to_string())
    }

    fn root_with(place: &Path, name: &str, passwd: &str) -> std::path::PathBuf {
        let root = place.join(name);
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/passwd"), passwd).unwrap();
        root
    }

    #[test]
    fn links_of_a_container_do_not_lead_out_of_it() {
        let place = tempfile::tempdir().unwrap();
        let others = root_with(place.path(), "others", "stolen:x:1:1::/:/bin/sh\n");
        let root = root_with(place.path(), "container", PASSWD);
        assert_eq!(user(&root).as_deref(), Some("app"));
        fs::rename(root.join("etc"), root.join("etc.own")).unwrap();
        symlink(others.join("etc"), root.join("etc")).unwrap();
        assert_eq!(user(&root), None, "a directory on the way is a link");
        fs::remove_file(root.join("etc")).unwrap();
        symlink("/etc.own", root.join("etc")).unwrap();
        assert_eq!(user(&root).as_deref(), Some("app"), "inside it is followed, as the container does");
    }

    #[test]
    fn only_regular_files_are_opened() {
        let place = tempfile::tempdir().unwrap();
        let root = root_with(place.path(), "container", PASSWD);
        fs::remove_file(root.join("etc/passwd")).unwrap();
        // Nobody writes: whoever opened it to read would wait.
        let fifo = root.join("etc/passwd");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(user(&root), None);
    }

    #[test]
    fn a_name_of_broken_bytes_leaves_the_others() {
        let place = tempfile::tempdir().unwrap();
        let root = root_with(place.path(), "container", "");
        fs::write(root.join("etc/passwd"), b"m\xfcller:x:9:9::/:/bin/sh\napp:x:1:1::/:/bin/sh\n").unwrap();
        assert_eq!(user(&root).as_deref(), Some("app"));
    }

    #[test]
    fn a_process_in_the_root_of_its_runtime_tells_nothing() {
        // This test's own parent has its root, and is in no container of this name.
        let me = Held::of(Path::new("/proc"), std::process::id()).unwrap();
        assert!(names_of(&me, &"0".repeat(64), Path::new("/proc")).is_none());
    }
}
