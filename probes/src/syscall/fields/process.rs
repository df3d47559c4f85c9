//! `proc.*` and `thread.*`: the calling process, its thread and its ancestors.

use std::ops::ControlFlow;

use lithify::event::{Argument, Field, Value};

use super::super::event::SyscallEvent;
use super::super::names::{CAPABILITIES, EXE_FROM_MEMFD, EXE_LOWER_LAYER, EXE_UPPER_LAYER, EXE_WRITABLE};
use super::Getter;
use crate::kernel::layout::{PIECE_PROCESS, ProcessInfo, SLOT_NONE};
use crate::process::{Process, zero_ended};

pub(super) const FIELDS: &[(&str, Getter)] = &[
    ("proc.name", |event, _| Some(Value::Text(name(event)))),
    ("proc.exe", |event, _| Some(Value::Text(event.process?.image.exe()))),
    ("proc.exepath", |event, _| path(event.process?)),
    ("proc.args", arguments),
    ("proc.cmdline", |event, field| event.computed(field, || Some(command_line(event.process?)))),
    ("proc.exeline", |event, field| event.computed(field, || Some(join(event.process?.image.arguments())))),
    ("proc.cmdnargs", |event, _| {
        Some(Value::Unsigned(event.process?.image.arguments().skip(1).count() as u64))
    }),
    ("proc.cmdlenargs", |event, _| {
        Some(Value::Unsigned(event.process?.image.arguments().skip(1).map(<[u8]>::len).sum::<usize>() as u64))
    }),
    ("proc.env", environment),
    ("proc.cwd", |event, _| event.cwd().map(Value::Text)),
    ("proc.pid", |event, _| Some(Value::Signed(event.record.header.pid.into()))),
    ("proc.ppid", |event, _| Some(Value::Signed(event.record.header.ppid.into()))),
    ("proc.vpid", |event, _| info(event).map(|info| Value::Signed(info.vpid.into()))),
    ("proc.pvpid", |event, _| parent(event).map(|parent| Value::Signed(parent.info.vpid.into()))),
    ("proc.sid", |event, _| Some(Value::Signed(event.record.header.sid.into()))),
    ("proc.pgid", |event, _| Some(Value::Signed(event.record.header.pgid.into()))),
    ("proc.vpgid", |event, _| info(event).map(|info| Value::Signed(info.vpgid.into()))),
    ("proc.tty", |event, _| Some(Value::Unsigned(event.record.header.tty.into()))),
    ("proc.sname", |event, _| {
        leader(event, event.record.header.sid).map(|leader| Value::Text(leader.comm()))
    }),
    ("proc.sid.exe", |event, _| {
        leader(event, event.record.header.sid).map(|leader| Value::Text(leader.image.exe()))
    }),
    ("proc.sid.exepath", |event, _| path(leader(event, event.record.header.sid)?)),
    ("proc.pgid.name", |event, _| {
        leader(event, event.record.header.pgid).map(|leader| Value::Text(leader.comm()))
    }),
    ("proc.pgid.exe", |event, _| {
        leader(event, event.record.header.pgid).map(|leader| Value::Text(leader.image.exe()))
    }),
    ("proc.pgid.exepath", |event, _| path(leader(event, event.record.header.pgid)?)),
    ("proc.vpgid.name", |event, _| {
        leader(event, event.record.header.pgid).map(|leader| Value::Text(leader.comm()))
    }),
    ("proc.vpgid.exe", |event, _| {
        leader(event, event.record.header.pgid).map(|leader| Value::Text(leader.image.exe()))
    }),
    ("proc.vpgid.exepath", |event, _| path(leader(event, event.record.header.pgid)?)),
    ("proc.is_sid_leader", |event, _| Some(Value::Bool(event.record.header.sid == event.record.header.pid))),
    ("proc.is_pgid_leader", |event, _| {
        Some(Value::Bool(event.record.header.pgid == event.record.header.pid))
    }),
    ("proc.is_vpgid_leader", |event, _| {
        Some(Value::Bool(event.record.header.pgid == event.record.header.pid))
    }),
    ("proc.loginshellid", login_shell),
    ("proc.duration", |event, _| {
        let header = &event.record.header;
        Some(Value::Unsigned(header.time_ns.saturating_sub(header.start_ns)))
    }),
    ("proc.pid.ts", |event, _| Some(Value::Unsigned(event.state.boot_ns + event.record.header.start_ns))),
    ("proc.ppid.duration", |event, _| {
        let header = &event.record.header;
        (header.parent_start_ns != 0)
            .then(|| Value::Unsigned(header.time_ns.saturating_sub(header.parent_start_ns)))
    }),
    ("proc.ppid.ts", |event, _| {
        let start = event.record.header.parent_start_ns;
        (start != 0).then(|| Value::Unsigned(event.state.boot_ns + start))
    }),
    ("proc.pname", |event, _| parent(event).map(|parent| Value::Text(parent.comm()))),
    ("proc.pexe", |event, _| parent(event).map(|parent| Value::Text(parent.image.exe()))),
    ("proc.pexepath", |event, _| path(parent(event)?)),
    ("proc.pcmdline", |event, field| event.computed(field, || Some(command_line(parent(event)?)))),
    ("proc.aname", of_ancestor),
    ("proc.aexe", of_ancestor),
    ("proc.aexepath", of_ancestor),
    ("proc.acmdline", of_ancestor),
    ("proc.apid", of_ancestor),
    ("proc.aenv", of_ancestor),
    ("proc.is_exe_writable", |event, _| has(event, EXE_WRITABLE)),
    ("proc.is_exe_upper_layer", |event, _| has(event, EXE_UPPER_LAYER)),
    ("proc.is_exe_lower_layer", |event, _| has(event, EXE_LOWER_LAYER)),
    ("proc.is_exe_from_memfd", |event, _| has(event, EXE_FROM_MEMFD)),
    ("proc.exe_ino", |event, _| Some(Value::Unsigned(event.process?.image.ino))),
    ("proc.exe_ino.ctime", |event, _| Some(Value::Unsigned(event.process?.image.ctime_ns))),
    ("proc.exe_ino.mtime", |event, _| Some(Value::Unsigned(event.process?.image.mtime_ns))),
    ("proc.exe_ino.ctime_duration_proc_start", |event, _| {
        let start = event.state.boot_ns + event.record.header.start_ns;
        Some(Value::Unsigned(start.saturating_sub(event.process?.image.ctime_ns)))
    }),
    ("proc.exe_ino.ctime_duration_pidns_start", |event, _| {
        let start = event.state.boot_ns + info(event)?.pidns_start_ns;
        Some(Value::Unsigned(start.saturating_sub(event.process?.image.ctime_ns)))
    }),
    ("proc.pidns_init_start_ts", |event, _| {
        info(event).map(|info| Value::Unsigned(event.state.boot_ns + info.pidns_start_ns))
    }),
    ("proc.fdlimit", |event, _| info(event).map(|info| Value::Unsigned(info.fd_limit))),
    ("proc.vmsize", |event, _| info(event).map(|info| Value::Unsigned(info.vm_size.into()))),
    ("proc.vmrss", |event, _| info(event).map(|info| Value::Unsigned(info.vm_rss.into()))),
    ("proc.vmswap", |event, _| info(event).map(|info| Value::Unsigned(info.vm_swap.into()))),
    ("thread.pfmajor", |event, _| info(event).map(|info| Value::Unsigned(info.major_faults))),
    ("thread.pfminor", |event, _| info(event).map(|info| Value::Unsigned(info.minor_faults))),
    ("thread.tid", |event, _| Some(Value::Signed(event.record.header.tid.into()))),
    ("thread.ismain", |event, _| Some(Value::Bool(event.record.header.tid == event.record.header.pid))),
    ("thread.vtid", |event, _| Some(Value::Signed(event.record.header.vtid.into()))),
    ("thread.nametid", |event, field| {
        let tid = event.record.header.tid.to_string();
        event.computed(field, || Some([event.record.comm(), tid.as_bytes()].concat()))
    }),
    ("proc.nthreads", |event, _| Some(Value::Unsigned(event.record.header.threads.into()))),
    ("proc.nchilds", |event, _| Some(Value::Unsigned(event.record.header.threads.saturating_sub(1).into()))),
    ("thread.cgroups", |event, _| event.cgroup_path().map(Value::Text)),
    ("thread.cap_permitted", |event, field| {
        event.computed(field, || Some(capabilities(event.record.header.cap_permitted)))
    }),
    ("thread.cap_inheritable", |event, field| {
        event.computed(field, || Some(capabilities(event.record.header.cap_inheritable)))
    }),
    ("thread.cap_effective", |event, field| {
        event.computed(field, || Some(capabilities(event.record.header.cap_effective)))
    }),
];

/// The process's name since it executed its file; a thread that renames itself does not rename its process.
fn name<'v>(event: &'v SyscallEvent<'_>) -> &'v [u8] {
    event.process.map_or_else(|| event.record.comm(), Process::comm)
}

fn info(event: &SyscallEvent<'_>) -> Option<ProcessInfo> {
    let told = event.record.structure(PIECE_PROCESS, SLOT_NONE);
    told.or_else(|| Some(event.process?.info))
}

fn parent<'e>(event: &SyscallEvent<'e>) -> Option<&'e Process> {
    event.ancestor(&Argument::None)
}

/// The leader of a session or group, if it still lives: its number is kept from others while the group does.
fn leader<'e>(event: &SyscallEvent<'e>, number: u32) -> Option<&'e Process> {
    event.state.processes.by_number(number)
}

/// The file that a process executes; none of a process that was there before, if /proc did not tell.
fn path(process: &Process) -> Option<Value<'_>> {
    (!process.image.path.is_empty()).then(|| Value::Text(&process.image.path))
}

fn join<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(part);
    }
    out
}

/// Name and arguments.
fn command_line(process: &Process) -> Vec<u8> {
    join(std::iter::once(process.comm()).chain(process.image.arguments().skip(1)))
}

fn arguments<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    let image = &event.process?.image;
    match field.argument() {
        // Falco counts from argv[0].
        Argument::Index(index) => image.arguments().nth(*index as usize).map(Value::Text),
        _ => event.computed(field, || Some(join(image.arguments().skip(1)))),
    }
}

fn environment<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    let image = &event.process?.image;
    match field.key() {
        None => event.computed(field, || Some(join(zero_ended(&image.env)))),
        Some(key) => variable(&image.env, key).map(Value::Text),
    }
}

fn variable<'v>(env: &'v [u8], key: &str) -> Option<&'v [u8]> {
    zero_ended(env).find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
}

fn has<'v>(event: &SyscallEvent<'_>, flag: u64) -> Option<Value<'v>> {
    Some(Value::Bool(event.process?.image.flags & flag != 0))
}

/// The oldest shell in an unbroken line of ancestors.
fn login_shell<'v>(event: &'v SyscallEvent<'_>, _field: &Field) -> Option<Value<'v>> {
    const SHELLS: [&[u8]; 8] = [b"sh", b"bash", b"csh", b"zsh", b"ksh", b"tcsh", b"dash", b"ash"];
    let shells = event.lineage().filter(|process| SHELLS.contains(&process.comm()));
    shells.last().map(|shell| Value::Signed(shell.pid.into()))
}

fn of_process<'v>(event: &'v SyscallEvent<'_>, field: &Field, process: &'v Process) -> Option<Value<'v>> {
    Some(match field.id().name() {
        "proc.aname" => Value::Text(process.comm()),
        "proc.aexe" => Value::Text(process.image.exe()),
        "proc.aexepath" => return path(process),
        "proc.apid" => Value::Signed(process.pid.into()),
        "proc.acmdline" => return event.computed(field, || Some(command_line(process))),
        "proc.aenv" => match field.key() {
            Some(key) => Value::Text(variable(&process.image.env, key)?),
            None => return event.computed(field, || Some(join(zero_ended(&process.image.env)))),
        },
        _ => return None,
    })
}

fn of_ancestor<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    of_process(event, field, event.ancestor(field.argument())?)
}

/// Shows the values of all ancestors.
pub(super) fn each_ancestor(
    event: &SyscallEvent<'_>,
    field: &Field,
    visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
) -> bool {
    let own = usize::from(event.process.is_some());
    let mut any = false;
    for process in event.lineage().skip(own) {
        let line;
        let value = match field.id().name() {
            "proc.aname" => Value::Text(process.comm()),
            "proc.aexe" => Value::Text(process.image.exe()),
            "proc.aexepath" => Value::Text(&process.image.path),
            "proc.apid" => Value::Signed(process.pid.into()),
            "proc.acmdline" => {
                line = command_line(process);
                Value::Text(&line)
            }
            "proc.aenv" => {
                line = match field.key() {
                    Some(key) => variable(&process.image.env, key).unwrap_or_default().to_vec(),
                    None => join(zero_ended(&process.image.env)),
                };
                Value::Text(&line)
            }
            _ => return false,
        };
        any = true;
        if visit(value).is_break() {
            break;
        }
    }
    any
}

/// Names of the capabilities in a set.
fn capabilities(set: u64) -> Vec<u8> {
    let names = CAPABILITIES.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
    join(names.map(|(_, name)| name.as_bytes()))
}
