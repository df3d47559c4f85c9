//! Files of a process as it sees them: links are followed within its root, and never out of it.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// As often is a path looked up that is renamed meanwhile.
const TRIES: usize = 8;

/// Opens a path below a directory as if that were `/`, whatever links the path has in it.
///
/// # Errors
/// The kernel's; `ELOOP` for links that are none of a file system's, such as `/proc/PID/root`.
pub(crate) fn open_below(root: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    for _ in 1..TRIES {
        match openat2(&root, OsStr::from_bytes(path), flags | OFlags::CLOEXEC, Mode::empty(), how) {
            // Something was renamed on the way.
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;

    #[test]
    fn links_lead_nowhere_but_below() {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        for directory in [&root, &outside, &root.join("own")] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join("file"), directory.as_os_str().as_bytes()).unwrap();
        }
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        link(outside.to_str().unwrap(), "away");
        link("../../outside", "above");
        link("/own", "inside");
        let held = rustix::fs::openat(CWD, &root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let read = |path: &str| {
            let file = open_below(&held, path.as_bytes(), OFlags::RDONLY).ok()?;
            std::io::read_to_string(std::fs::File::from(file)).ok()
        };
        assert_eq!(read("away/file"), None);
        assert_eq!(read("above/file"), None);
        assert_eq!(read("../file").as_deref(), root.to_str());
        assert_eq!(read("inside/file").as_deref(), root.join("own").to_str());
    }
}
