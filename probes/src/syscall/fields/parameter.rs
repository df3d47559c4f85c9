//! Parameters of a call: `evt.arg.*`, `evt.rawarg.*`, `evt.args`.

use lithify::event::{Argument, Field, Kind, Origin, Parameter, Value};

use super::super::event::SyscallEvent;
use super::super::names::{self, Names, OPEN_CREATED, OPEN_LOWER, OPEN_UPPER, error_name, names_of};
use super::event::FMODE_CREATED;
use super::fd;
use crate::kernel::layout::{
    FileInfo, LAYER_LOWER, LAYER_UPPER, PIECE_ARGS, PIECE_BYTES, PIECE_CONTROL, PIECE_ENV, PIECE_FILE,
    PIECE_MEMORY, PIECE_PATH, PIECE_PROCESS, PIECE_SOCKADDR, PIECE_SOCKET, PIECE_STRING, ProcessInfo,
    SLOT_EXE, SLOT_NONE, SLOT_RESULT, SocketInfo,
};

/// A parameter's value before anybody asks how it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw<'v> {
    Signed(i64),
    Unsigned(u64),
    Text(&'v [u8]),
    Bytes(&'v [u8]),
    Owned(Vec<u8>),
}

/// An unsigned number in a captured structure.
pub(crate) fn memory(event: &SyscallEvent<'_>, at: u8, offset: u8, size: u8) -> Option<u64> {
    let bytes = event.record.piece(PIECE_MEMORY, at)?;
    let bytes = bytes.get(usize::from(offset)..usize::from(offset) + usize::from(size))?;
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(word))
}

/// The flags of openat2. They lie in the caller's memory, where another thread may have changed them since: whether the
/// file was opened to read or to write, the file itself tells.
pub(crate) fn how_flags(event: &SyscallEvent<'_>) -> Option<u64> {
    const O_ACCMODE: u64 = 3;
    let flags = memory(event, 2, 0, 8)?;
    let opened = if event.result() < 0 { None } else { file(event, SLOT_RESULT) };
    Some(opened.map_or(flags, |file| flags & !O_ACCMODE | u64::from(file.flags) & O_ACCMODE))
}

/// What is known of the open file of a slot.
pub(crate) fn file(event: &SyscallEvent<'_>, slot: u8) -> Option<FileInfo> {
    event.record.structure(PIECE_FILE, slot)
}

/// What is known of the socket of a slot.
pub(crate) fn socket(event: &SyscallEvent<'_>, slot: u8) -> Option<SocketInfo> {
    event.record.structure(PIECE_SOCKET, slot)
}

/// The low half of a register: all of it that the kernel looks at for an int.
fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).expect("masked")
}

/// An int in a register.
pub(super) fn int(value: u64) -> i64 {
    low(value).cast_signed().into()
}

/// A device as `st_dev` has it; the kernel keeps 20 bits of minor number.
pub(crate) const fn user_device(kernel: u32) -> u32 {
    let (major, minor) = (kernel >> 20, kernel & 0xf_ffff);
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// A parameter's value; `None` where the call or the moment has none.
pub(crate) fn raw<'v>(event: &'v SyscallEvent<'_>, parameter: &Parameter) -> Option<Raw<'v>> {
    if event.event_type.name() == "procexit" {
        return exit_parameter(event, parameter.name);
    }
    Some(match parameter.origin {
        Origin::None => return None,
        Origin::Result => Raw::Signed(event.result()),
        Origin::Argument(at) => number(event, parameter, at),
        Origin::Path { .. } if event.is_exec() && parameter.name == "filename" => {
            Raw::Text(event.record.text(PIECE_STRING, SLOT_EXE)?)
        }
        Origin::Text(at) | Origin::Path { at, .. } => Raw::Text(event.given(at)?),
        Origin::Buffer { at, .. } | Origin::Buffers { at, .. } | Origin::Message(at) => {
            Raw::Bytes(event.record.piece(PIECE_BYTES, at)?)
        }
        Origin::Control(at) => Raw::Bytes(event.record.piece(PIECE_CONTROL, at)?),
        Origin::Address { at, .. } => Raw::Owned(fd::address_text(event.record.piece(PIECE_SOCKADDR, at)?)?),
        Origin::Tuple { fd, .. } => Raw::Owned(fd::tuple_text(event, fd.unwrap_or(SLOT_RESULT))?),
        Origin::Queue(at) => queue(event, parameter.name, at)?,
        Origin::Memory { at, offset, size } => {
            let value = sized(parameter.kind, memory(event, at, offset, size)?, size);
            if parameter.name == "flags" && names::is_open(event.event_type.name()) {
                return Some(Raw::Unsigned(how_flags(event)? | opened_bits(event)));
            }
            value
        }
        Origin::Device => Raw::Unsigned(user_device(file(event, SLOT_RESULT)?.dev).into()),
        Origin::Inode => Raw::Unsigned(file(event, SLOT_RESULT)?.ino),
        Origin::File => Raw::Unsigned(open_bits(&file(event, SLOT_RESULT)?)),
        Origin::KernelPath => Raw::Text(event.record.text(PIECE_PATH, SLOT_RESULT)?),
        Origin::Process => return process(event, parameter),
    })
}

/// An argument as its type reads it: the kernel looks at the low half of a register for an int.
fn number<'v>(event: &SyscallEvent<'_>, parameter: &Parameter, at: u8) -> Raw<'v> {
    let value = event.record.header.args[usize::from(at)];
    let low = low(value);
    match parameter.kind {
        Kind::Fd | Kind::Pid | Kind::Int32 | Kind::Errno => Raw::Signed(low.cast_signed().into()),
        Kind::Int64 => Raw::Signed(value.cast_signed()),
        Kind::Uint64 | Kind::Reltime | Kind::Dynamic => Raw::Unsigned(value),
        Kind::Mode => Raw::Unsigned(value & 0o177_777),
        Kind::Uint8 => Raw::Unsigned(value & 0xff),
        Kind::Flags if names::is_open(event.event_type.name()) && parameter.name == "flags" => {
            Raw::Unsigned(u64::from(low) | opened_bits(event))
        }
        // SOCK_* beside SOCK_CLOEXEC and SOCK_NONBLOCK.
        Kind::Uint32 if event.event_type.name() == "socket" && parameter.name == "type" => {
            Raw::Unsigned(u64::from(low & 0xf))
        }
        Kind::Flags if event.event_type.name() == "socket" => Raw::Unsigned(u64::from(low & !0xf)),
        _ => Raw::Unsigned(low.into()),
    }
}

fn sized<'v>(kind: Kind, value: u64, size: u8) -> Raw<'v> {
    match (kind, size) {
        (Kind::Fd | Kind::Int32, _) => Raw::Signed(int(value)),
        (Kind::Int64, _) => Raw::Signed(value.cast_signed()),
        _ => Raw::Unsigned(value),
    }
}

/// The same for a call that opens; 0 for any other.
fn opened_bits(event: &SyscallEvent<'_>) -> u64 {
    if !names::is_open(event.event_type.name()) {
        return 0;
    }
    file(event, SLOT_RESULT).map_or(0, |file| open_bits(&file))
}

/// What an open did beside the flags that it was asked for.
fn open_bits(file: &FileInfo) -> u64 {
    let created = if file.f_mode & FMODE_CREATED != 0 { OPEN_CREATED } else { 0 };
    let layer = match file.layer {
        LAYER_UPPER => OPEN_UPPER,
        LAYER_LOWER => OPEN_LOWER,
        _ => 0,
    };
    created | layer
}

fn queue<'v>(event: &SyscallEvent<'_>, name: &str, at: u8) -> Option<Raw<'v>> {
    let socket = socket(event, at)?;
    let (length, max) = (u64::from(socket.backlog), u64::from(socket.max_backlog));
    Some(Raw::Unsigned(match name {
        "queuelen" => length,
        "queuemax" => max,
        _ => (length * 100).checked_div(max).unwrap_or(0),
    }))
}

fn exit_parameter<'v>(event: &SyscallEvent<'_>, name: &str) -> Option<Raw<'v>> {
    let status = event.result();
    let signal = status & 0x7f;
    Some(Raw::Signed(match name {
        "status" => status,
        "ret" => (status >> 8) & 0xff,
        "sig" => signal,
        "core" => (status >> 7) & 1,
        _ => return None,
    }))
}

/// What is known of the calling process, or of the one that it has become.
fn process<'v>(event: &'v SyscallEvent<'_>, parameter: &Parameter) -> Option<Raw<'v>> {
    let header = &event.record.header;
    let known = event.process;
    let info = || {
        let told = event.record.structure::<ProcessInfo>(PIECE_PROCESS, SLOT_NONE);
        told.or_else(|| known.map(|process| process.info))
    };
    Some(match parameter.name {
        "exe" => Raw::Text(known?.image.exe()),
        "args" => {
            let args = event
                .record
                .piece(PIECE_ARGS, SLOT_NONE)
                .or_else(|| known.map(|process| &*process.image.args))?;
            let behind = args.iter().position(|byte| *byte == 0).map_or(args.len(), |end| end + 1);
            Raw::Bytes(&args[behind..])
        }
        "env" => Raw::Bytes(
            event.record.piece(PIECE_ENV, SLOT_NONE).or_else(|| known.map(|process| &*process.image.env))?,
        ),
        "comm" => Raw::Text(crate::kernel::record::until_zero(&header.comm)),
        "cwd" => Raw::Text(event.cwd()?),
        "cgroups" => Raw::Text(event.cgroup_path()?),
        "tid" => Raw::Signed(header.tid.into()),
        "pid" => Raw::Signed(header.pid.into()),
        "ptid" => Raw::Signed(header.ppid.into()),
        "pgid" => Raw::Signed(header.pgid.into()),
        "tty" => Raw::Unsigned(header.tty.into()),
        "uid" => Raw::Unsigned(header.uid.into()),
        "gid" => Raw::Unsigned(header.gid.into()),
        "loginuid" => Raw::Unsigned(header.loginuid.into()),
        "cap_inheritable" => Raw::Unsigned(header.cap_inheritable),
        "cap_permitted" => Raw::Unsigned(header.cap_permitted),
        "cap_effective" => Raw::Unsigned(header.cap_effective),
        "exe_ino" => Raw::Unsigned(known?.image.ino),
        "exe_ino_ctime" => Raw::Unsigned(known?.image.ctime_ns),
        "exe_ino_mtime" => Raw::Unsigned(known?.image.mtime_ns),
        "trusted_exepath" => Raw::Text(&known?.image.path),
        "flags" if event.event_type.name().starts_with("exec") => Raw::Unsigned(known?.image.flags),
        "flags" => Raw::Unsigned(clone_flags(event)),
        "fdlimit" => Raw::Unsigned(info()?.fd_limit),
        "pgft_maj" => Raw::Unsigned(info()?.major_faults),
        "pgft_min" => Raw::Unsigned(info()?.minor_faults),
        "vm_size" => Raw::Unsigned(info()?.vm_size.into()),
        "vm_rss" => Raw::Unsigned(info()?.vm_rss.into()),
        "vm_swap" => Raw::Unsigned(info()?.vm_swap.into()),
        "vtid" => Raw::Signed(info()?.vtid.into()),
        "vpid" => Raw::Signed(info()?.vpid.into()),
        "vpgid" => Raw::Signed(info()?.vpgid.into()),
        "pidns_init_start_ts" => Raw::Unsigned(event.state.boot_ns + info()?.pidns_start_ns),
        _ => return None,
    })
}

/// `CLONE_*` that a child was made with.
fn clone_flags(event: &SyscallEvent<'_>) -> u64 {
    const CSIGNAL: u64 = 0xff;
    match event.event_type.name() {
        "clone" => event.record.header.args[0] & !CSIGNAL,
        // CLONE_VM | CLONE_VFORK
        "vfork" => 0x4100,
        _ => 0,
    }
}

/// A parameter as `evt.arg.*` writes it, and the number that stands before it in `evt.args`.
struct Written {
    plain: Vec<u8>,
    meaning: Option<Vec<u8>>,
}

fn written(event: &SyscallEvent<'_>, parameter: &Parameter) -> Option<Written> {
    let raw = raw(event, parameter)?;
    let plain = match &raw {
        Raw::Signed(value) => value.to_string().into_bytes(),
        Raw::Unsigned(value) => value.to_string().into_bytes(),
        Raw::Text(bytes) => bytes.to_vec(),
        Raw::Bytes(bytes) => Value::Bytes(bytes).display().into_owned().into_bytes(),
        Raw::Owned(bytes) => bytes.clone(),
    };
    let number = match raw {
        Raw::Signed(value) => Some(value),
        Raw::Unsigned(value) => Some(value.cast_signed()),
        _ => None,
    };
    let meaning = match (parameter.kind, number) {
        (Kind::Errno | Kind::Fd, Some(value)) if value < 0 && parameter.origin == Origin::Result => {
            error_name(-value).map(|name| name.as_bytes().to_vec())
        }
        (Kind::Fd, Some(_)) => fd::typed_name(event, slot_of(parameter)),
        (Kind::Uid, Some(value)) => {
            let user = u32::try_from(value).ok().and_then(|uid| event.names().user(uid));
            user.map(|user| user.name.as_bytes().to_vec())
        }
        (Kind::Pid, Some(value)) => {
            let process = u32::try_from(value).ok().and_then(|pid| event.state.processes.by_number(pid));
            process.map(|process| process.comm().to_vec())
        }
        (Kind::Fspath | Kind::Fsrelpath, _) => match parameter.origin {
            Origin::Path { at, .. } => event.absolute(at).filter(|path| *path != plain),
            _ => None,
        },
        (_, Some(value)) => match names_of(event.event_type.name(), parameter.name) {
            Names::Number => None,
            names => Some(names.write(value.cast_unsigned()).into_bytes()).filter(|text| *text != plain),
        },
        _ => None,
    };
    Some(Written { plain, meaning })
}

fn slot_of(parameter: &Parameter) -> u8 {
    match parameter.origin {
        Origin::Argument(at) => at,
        _ => SLOT_RESULT,
    }
}

fn find<'e>(event: &'e SyscallEvent<'_>, field: &Field) -> Option<(usize, &'e Parameter)> {
    let parameters = &event.shape().parameters;
    match field.argument() {
        Argument::Index(index) => {
            Some(*index as usize).and_then(|index| Some((index, parameters.get(index)?)))
        }
        Argument::Key(key) => parameters.iter().enumerate().find(|(_, parameter)| *parameter.name == **key),
        Argument::None => None,
    }
}

/// `evt.arg.NAME`.
pub(super) fn as_text<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    let (index, parameter) = find(event, field)?;
    event.under(field, u32::try_from(index).ok()?, || {
        let written = written(event, parameter)?;
        Some(written.meaning.unwrap_or(written.plain))
    })
}

/// `evt.rawarg.NAME`.
pub(super) fn as_it_is<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    let (index, parameter) = find(event, field)?;
    Some(match raw(event, parameter)? {
        Raw::Signed(value) => Value::Signed(value),
        Raw::Unsigned(value) => Value::Unsigned(value),
        Raw::Text(bytes) => Value::Text(bytes),
        Raw::Bytes(bytes) => Value::Bytes(bytes),
        Raw::Owned(bytes) => return event.under(field, u32::try_from(index).ok()?, || Some(bytes)),
    })
}

/// `evt.args`: `name=number(meaning)`, separated by blanks.
pub(super) fn all_as_text(event: &SyscallEvent<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for parameter in &event.shape().parameters {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(parameter.name.as_bytes());
        out.push(b'=');
        let Some(written) = written(event, parameter) else {
            out.extend_from_slice(b"<NA>");
            continue;
        };
        out.extend_from_slice(&written.plain);
        if let Some(meaning) = written.meaning {
            out.push(b'(');
            out.extend_from_slice(&meaning);
            out.push(b')');
        }
    }
    out
}
