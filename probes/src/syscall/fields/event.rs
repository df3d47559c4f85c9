//! `evt.*` and `fs.*`: the call itself.

use lithify::event::{Field, Value};

use super::super::event::SyscallEvent;
use super::super::names::error_name;
use super::{Getter, parameter};
use crate::kernel::layout::{PIECE_BYTES, SLOT_RESULT};

pub(super) const FIELDS: &[(&str, Getter)] = &[
    ("evt.num", common),
    ("evt.time", common),
    ("evt.time.s", common),
    ("evt.time.iso8601", common),
    ("evt.datetime", common),
    ("evt.datetime.s", common),
    ("evt.rawtime", common),
    ("evt.rawtime.s", common),
    ("evt.rawtime.ns", common),
    ("evt.source", common),
    ("evt.pluginname", common),
    ("evt.dir", common),
    ("evt.type", common),
    ("evt.type.is", common),
    ("syscall.type", common),
    ("evt.count", common),
    ("evt.count.exit", common),
    ("evt.is_async", |_, _| Some(Value::Bool(false))),
    ("evt.hostname", |event, _| Some(Value::text(&event.state.hostname))),
    ("evt.cpu", |event, _| Some(Value::Signed(event.record.header.cpu.into()))),
    ("evt.category", |event, _| Some(Value::text(category(event.event_type.name())))),
    ("evt.args", |event, field| event.computed(field, || Some(parameter::all_as_text(event)))),
    ("evt.info", |event, field| event.computed(field, || Some(parameter::all_as_text(event)))),
    ("evt.arg", parameter::as_text),
    ("evt.rawarg", parameter::as_it_is),
    ("evt.buffer", |event, _| buffer(event).map(Value::Bytes)),
    ("evt.buflen", |event, _| {
        buffer(event).and_then(|_| u64::try_from(event.result()).ok()).map(Value::Unsigned)
    }),
    ("evt.res", result),
    ("evt.rawres", raw_result),
    ("evt.failed", |event, _| Some(Value::Bool(event.result() < 0 && !is_exit(event)))),
    ("evt.count.error", |event, _| Some(Value::Unsigned((event.result() < 0 && !is_exit(event)).into()))),
    ("evt.is_io", |event, _| Some(Value::Bool(is_read(event) || is_write(event)))),
    ("evt.is_io_read", |event, _| Some(Value::Bool(is_read(event)))),
    ("evt.is_io_write", |event, _| Some(Value::Bool(is_write(event)))),
    ("evt.io_dir", |event, _| match (is_read(event), is_write(event)) {
        (true, _) => Some(Value::text("read")),
        (_, true) => Some(Value::text("write")),
        _ => None,
    }),
    ("evt.is_wait", |event, _| {
        Some(Value::Bool(matches!(
            event.event_type.name(),
            "select" | "poll" | "ppoll" | "epoll_wait" | "nanosleep" | "flock"
        )))
    }),
    ("evt.is_open_read", |event, _| opened(event).map(|open| Value::Bool(open.flags & 3 != 1))),
    ("evt.is_open_write", |event, _| opened(event).map(|open| Value::Bool(open.flags & 3 != 0))),
    ("evt.is_open_exec", is_open_exec),
    ("evt.is_open_create", |event, _| is_open_create(event).map(Value::Bool)),
    ("evt.abspath", absolute_path),
    ("fs.path.name", |event, field| {
        only_path(event).and_then(|at| event.computed(field, || event.absolute(at)))
    }),
    ("fs.path.nameraw", |event, _| only_path(event).and_then(|at| event.given(at)).map(Value::Text)),
    ("fs.path.source", |event, field| {
        source_path(event).and_then(|at| event.computed(field, || event.absolute(at)))
    }),
    ("fs.path.sourceraw", |event, _| source_path(event).and_then(|at| event.given(at)).map(Value::Text)),
    ("fs.path.target", |event, field| {
        target_path(event).and_then(|at| event.computed(field, || event.absolute(at)))
    }),
    ("fs.path.targetraw", |event, _| target_path(event).and_then(|at| event.given(at)).map(Value::Text)),
];

fn common<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    event.common.value(field)
}

fn is_exit(event: &SyscallEvent<'_>) -> bool {
    event.record.header.kind == crate::kernel::layout::RECORD_EXIT
}

fn result<'v>(event: &'v SyscallEvent<'_>, _field: &Field) -> Option<Value<'v>> {
    if is_exit(event) {
        return None;
    }
    let result = event.result();
    Some(Value::text(if result >= 0 { "SUCCESS" } else { error_name(-result).unwrap_or("") }))
}

fn raw_result<'v>(event: &'v SyscallEvent<'_>, _field: &Field) -> Option<Value<'v>> {
    (!is_exit(event)).then(|| Value::Signed(event.result()))
}

fn buffer<'v>(event: &'v SyscallEvent<'_>) -> Option<&'v [u8]> {
    event.record.pieces().find(|piece| piece.kind == PIECE_BYTES).map(|piece| piece.bytes)
}

fn is_read(event: &SyscallEvent<'_>) -> bool {
    matches!(
        event.event_type.name(),
        "read" | "pread" | "readv" | "preadv" | "recvfrom" | "recvmsg" | "recvmmsg" | "recv"
    )
}

fn is_write(event: &SyscallEvent<'_>) -> bool {
    matches!(
        event.event_type.name(),
        "write" | "pwrite" | "writev" | "pwritev" | "sendto" | "sendmsg" | "sendmmsg" | "send"
    )
}

/// How a file was opened.
pub(crate) struct Open {
    /// `O_*` of the kernel.
    pub(crate) flags: u64,
    /// Permissions of a new file.
    pub(crate) mode: u64,
}

/// Flags and mode of a call that opens; `None` for any other, creat among them.
pub(crate) fn opened(event: &SyscallEvent<'_>) -> Option<Open> {
    let argument = |at: usize| event.record.header.args[at];
    let (flags, mode) = match event.event_type.name() {
        "open" => (argument(1), argument(2)),
        "openat" => (argument(2), argument(3)),
        "open_by_handle_at" => (argument(2), 0),
        "openat2" => (parameter::how_flags(event)?, parameter::memory(event, 2, 8, 8)?),
        _ => return None,
    };
    // The kernel reads ints: what a caller left above them means nothing.
    Some(Open { flags: flags & 0xffff_ffff, mode: mode & 0xffff_ffff })
}

const O_CREAT: u64 = 0o100;
const O_TMPFILE: u64 = 0o20_000_000;

fn is_open_exec<'v>(event: &'v SyscallEvent<'_>, _field: &Field) -> Option<Value<'v>> {
    let executable = |mode: u64| mode & 0o111 != 0;
    if event.event_type.name() == "creat" {
        return Some(Value::Bool(executable(event.record.header.args[1])));
    }
    let open = opened(event)?;
    Some(Value::Bool(open.flags & (O_CREAT | O_TMPFILE) != 0 && executable(open.mode)))
}

/// `FMODE_CREATED`: this open made the file.
pub(crate) const FMODE_CREATED: u32 = 1 << 20;

fn is_open_create(event: &SyscallEvent<'_>) -> Option<bool> {
    if event.event_type.name() != "creat" {
        opened(event)?;
    }
    let file = parameter::file(event, SLOT_RESULT);
    Some(file.is_some_and(|file| file.f_mode & FMODE_CREATED != 0))
}

fn only_path(event: &SyscallEvent<'_>) -> Option<u8> {
    match event.shape().paths[..] {
        [(at, _)] if event.event_type.name() != "symlink" && event.event_type.name() != "symlinkat" => {
            Some(at)
        }
        _ => None,
    }
}

fn is_symlink(event: &SyscallEvent<'_>) -> bool {
    matches!(event.event_type.name(), "symlink" | "symlinkat")
}

/// The existing side of a call with two paths. A symlink's is a text that need not exist.
fn source_path(event: &SyscallEvent<'_>) -> Option<u8> {
    match event.shape().paths[..] {
        [(at, _), _] => Some(at),
        [(_, _)] if is_symlink(event) => Some(0),
        _ => None,
    }
}

/// The new side.
fn target_path(event: &SyscallEvent<'_>) -> Option<u8> {
    match event.shape().paths[..] {
        [_, (at, _)] => Some(at),
        [(at, _)] if is_symlink(event) => Some(at),
        _ => None,
    }
}

fn absolute_path<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    let at = match field.key() {
        None => event.shape().paths.first()?.0,
        Some("src") => source_path(event)?,
        Some("dst") => target_path(event)?,
        Some(_) => return None,
    };
    event.under(field, u32::from(at), || event.absolute(at))
}

/// The category of a call, as Falco's.
fn category(name: &str) -> &'static str {
    const GROUPS: &[(&str, &[&str])] = &[
        (
            "file",
            &[
                "open",
                "openat",
                "openat2",
                "creat",
                "close",
                "unlink",
                "unlinkat",
                "rename",
                "renameat",
                "renameat2",
                "link",
                "linkat",
                "symlink",
                "symlinkat",
                "mkdir",
                "mkdirat",
                "rmdir",
                "chmod",
                "fchmod",
                "fchmodat",
                "fchmodat2",
                "chown",
                "lchown",
                "fchown",
                "fchownat",
                "mount",
                "umount",
                "umount2",
                "chdir",
                "fchdir",
                "chroot",
                "access",
                "stat",
                "lstat",
                "fstat",
                "newfstatat",
                "lseek",
                "mknod",
                "mknodat",
                "truncate",
                "ftruncate",
                "getdents",
                "getdents64",
                "open_by_handle_at",
                "copy_file_range",
            ],
        ),
        (
            "net",
            &[
                "socket",
                "bind",
                "connect",
                "listen",
                "accept",
                "accept4",
                "shutdown",
                "socketpair",
                "setsockopt",
                "getsockopt",
                "getsockname",
                "getpeername",
            ],
        ),
        (
            "process",
            &[
                "execve",
                "execveat",
                "clone",
                "clone3",
                "fork",
                "vfork",
                "procexit",
                "setsid",
                "setpgid",
                "ptrace",
                "prctl",
                "capset",
                "setns",
                "unshare",
                "seccomp",
                "setrlimit",
                "prlimit",
            ],
        ),
        (
            "user",
            &[
                "setuid",
                "setgid",
                "setresuid",
                "setresgid",
                "setreuid",
                "setregid",
                "getuid",
                "geteuid",
                "getgid",
                "getegid",
                "getresuid",
                "getresgid",
            ],
        ),
        (
            "memory",
            &["mmap", "munmap", "mprotect", "brk", "mlock", "mlock2", "munlock", "mlockall", "munlockall"],
        ),
        ("signal", &["kill", "tkill", "tgkill", "signalfd", "signalfd4"]),
        ("ipc", &["pipe", "pipe2", "semop", "semctl", "semget", "eventfd", "eventfd2", "futex"]),
        (
            "io",
            &[
                "read", "write", "readv", "writev", "pread", "pwrite", "preadv", "pwritev", "sendfile",
                "splice", "ioctl",
            ],
        ),
        ("io-net", &["sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"]),
        ("wait", &["poll", "ppoll", "select", "epoll_wait", "flock"]),
        ("sleep", &["nanosleep"]),
    ];
    let group = GROUPS.iter().find(|(_, names)| names.contains(&name));
    match group {
        Some(("io" | "io-net", _)) if name.contains("read") || name.starts_with("recv") => "IO read",
        Some(("io" | "io-net", _)) if name.contains("write") || name.starts_with("send") => "IO write",
        Some((group, _)) => group,
        None => "other",
    }
}
