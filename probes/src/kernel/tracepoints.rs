//! Numbers of the tracepoints of system calls, from tracefs or, where that is out of reach, from the kernel's own list.
//!
//! An unprivileged sidecar has no tracefs, but may attach to tracepoints by number. A perf event of any tracepoint
//! leads a program of ours to the kernel's list of all (`bpf/tracepoints.h`), which it searches for a name.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use aya::Ebpf;
use aya::programs::{RawTracePoint, RawTracePointRunOptions, TestRun as _};

use super::attach::open_tracepoint;
use super::tracefs::TraceFs;

/// Where numbers are told.
pub(super) enum Tracepoints {
    /// As files.
    TraceFs(TraceFs),
    /// By the kernel: an open tracepoint, whichever.
    Kernel(OwnedFd),
}

/// Program of the object.
const NAME: &str = "tracepoint_of";
/// Bytes of a name, with a zero; `TRACEPOINT_NAME_MAX` of `bpf/tracepoints.h`.
const NAME_BYTES: usize = 48;
/// Numbers at which to look for any tracepoint. Below are those of ftrace itself: to open that of functions would slow
/// down all of the kernel.
const ANY: std::ops::Range<u64> = 64..4096;
/// Every kernel that has any of them has this one.
const EXPECTED: &str = "sys_exit_close";

impl Tracepoints {
    /// Opens tracefs, else finds the kernel's list.
    ///
    /// # Errors
    /// Why neither can be had; also where calls have no tracepoints (`CONFIG_FTRACE_SYSCALLS`).
    pub(super) fn open(object: &mut Ebpf) -> io::Result<Self> {
        let tracepoints = match TraceFs::open() {
            Ok(tracefs) => Self::TraceFs(tracefs),
            Err(_) => Self::of_kernel(object)?,
        };
        tracepoints.id(object, EXPECTED)?;
        Ok(tracepoints)
    }

    fn of_kernel(object: &mut Ebpf) -> io::Result<Self> {
        program(object)?.load().map_err(io::Error::other)?;
        for id in ANY {
            match open_tracepoint(id) {
                Ok(event) => return Ok(Self::Kernel(event)),
                // There is none of this number.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// The number of a tracepoint of a system call.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where the kernel does not have it.
    pub(super) fn id(&self, object: &mut Ebpf, name: &str) -> io::Result<u64> {
        let event = match self {
            Self::TraceFs(tracefs) => return tracefs.id("syscalls", name),
            Self::Kernel(event) => event,
        };
        let options = RawTracePointRunOptions { args: arguments(event, name)?, cpu: None };
        let answer = program(object)?.test_run(options).map_err(io::Error::other)?;
        match answer.return_value {
            0 => Err(io::ErrorKind::NotFound.into()),
            id => Ok(id.into()),
        }
    }
}

fn program(object: &mut Ebpf) -> io::Result<&mut RawTracePoint> {
    let program = object.program_mut(NAME).ok_or(io::ErrorKind::NotFound)?;
    program.try_into().map_err(io::Error::other)
}

/// The descriptor, then the name in words.
fn arguments(event: &OwnedFd, name: &str) -> io::Result<[u64; 12]> {
    let mut bytes = [0; NAME_BYTES];
    // One byte less: the kernel's copy ends with a zero.
    let place = bytes[..NAME_BYTES - 1].get_mut(..name.len()).ok_or(io::ErrorKind::NotFound)?;
    place.copy_from_slice(name.as_bytes());
    let mut arguments = [0; 12];
    arguments[0] = u64::try_from(event.as_raw_fd()).map_err(io::Error::other)?;
    for (word, bytes) in arguments[1..].iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().map_err(io::Error::other)?);
    }
    Ok(arguments)
}
