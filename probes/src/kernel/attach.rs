//! Attaching a program to a tracepoint by number.
//!
//! aya attaches by name and reads the number from a mounted tracefs; [`super::tracepoints`] needs no mount.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The first version of the kernel's `struct perf_event_attr`: all that a tracepoint needs.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: u64 = 8;
/// The event only carries the program; left disabled, the kernel makes no samples of it.
const DISABLED: u64 = 1;
const PERF_EVENT_IOC_SET_BPF: u64 = 0x4004_2408;

/// Runs `program` whenever the tracepoint is passed, on every CPU, until the returned descriptor is closed.
///
/// # Errors
/// What the kernel says: `EACCES` without `CAP_PERFMON`, `E2BIG` when too many programs are there already.
#[expect(unsafe_code, reason = "perf_event_open has no safe wrapper")]
pub(crate) fn attach_tracepoint(id: u64, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let event = open_tracepoint(id)?;
    // SAFETY: both descriptors are open; the call takes no pointer.
    let result = unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_SET_BPF, program.as_raw_fd()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(event) }
}

/// Opens a tracepoint by number, disabled.
///
/// # Errors
/// What the kernel says: `ENOENT` or `EINVAL` where there is none of that number.
#[expect(unsafe_code, reason = "perf_event_open has no safe wrapper")]
pub(crate) fn open_tracepoint(id: u64) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: PERF_TYPE_TRACEPOINT,
        size: u32::try_from(size_of::<Attributes>()).expect("64 bytes"),
        config: id,
        flags: DISABLED,
        ..Attributes::default()
    };
    let any_process: libc::pid_t = -1;
    let first_cpu: libc::c_int = 0;
    let no_group: libc::c_int = -1;
    // SAFETY: `attributes` is a valid perf_event_attr of the size it names, and lives through the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            any_process,
            first_cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("descriptors are ints")) })
}
