//! Numbers of tracepoints.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Where the kernel lists its tracepoints.
///
/// Taken from where it is mounted, else mounted aside, seen by nobody else and gone with this value.
pub(crate) struct TraceFs {
    root: OwnedFd,
}

/// Opened while the process may mount it, for every probe that is started later.
static KEPT: OnceLock<OwnedFd> = OnceLock::new();

/// Opens it now, if it can be had: a process that has dropped its privileges cannot.
pub(crate) fn keep() {
    if let Ok(tracefs) = TraceFs::open() {
        let _ = KEPT.set(tracefs.root);
    }
}

const MOUNTED: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

impl TraceFs {
    /// Opens it.
    ///
    /// # Errors
    /// The last reason, mostly that mounting needs `CAP_SYS_ADMIN`.
    pub(crate) fn open() -> io::Result<Self> {
        if let Some(root) = KEPT.get() {
            return Ok(Self { root: root.try_clone()? });
        }
        for path in MOUNTED {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let Ok(root) = openat(rustix::fs::CWD, path, flags, Mode::empty()) else { continue };
            let tracefs = Self { root };
            if tracefs.id("syscalls", "sys_exit_openat").is_ok() {
                return Ok(tracefs);
            }
        }
        let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let root = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_RDONLY)?;
        Ok(Self { root })
    }

    /// The number of one tracepoint.
    ///
    /// # Errors
    /// The kernel does not have it.
    pub(crate) fn id(&self, category: &str, name: &str) -> io::Result<u64> {
        let path = format!("events/{category}/{name}/id");
        let file = openat(&self.root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let text = io::read_to_string(std::fs::File::from(file))?;
        text.trim().parse().map_err(io::Error::other)
    }
}
