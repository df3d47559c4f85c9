//! `fd.*`: the descriptor that a call is about, as the kernel knew it when the call returned.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::ControlFlow;

use lithify::event::{Field, Origin, Peer, Value};

use super::super::event::SyscallEvent;
use super::Getter;
use super::parameter::{file, int, socket, user_device};
use crate::kernel::layout::{
    LAYER_LOWER, LAYER_UPPER, PIECE_PATH, PIECE_SOCKADDR, PIECE_UNIX, PIECE_UNIX_PEER, SLOT_RESULT,
    SocketInfo,
};
use crate::kernel::record::until_zero;
use crate::path;

pub(super) const FIELDS: &[(&str, Getter)] = &[
    ("fd.num", number),
    ("fd.type", |event, _| kind(event).map(|kind| Value::text(kind.name()))),
    ("fd.typechar", |event, _| kind_or_file(event).map(|kind| Value::text(kind.letter()))),
    ("fd.name", |event, field| event.computed(field, || name(event))),
    ("fd.nameraw", |event, field| match event.shape().paths[..] {
        [(at, _)] => event.given(at).map(Value::Text),
        _ => event.computed(field, || name(event)),
    }),
    ("fd.directory", |event, field| {
        event.computed(field, || path::directory(&file_name(event)?).map(<[u8]>::to_vec))
    }),
    ("fd.filename", |event, field| {
        event.computed(field, || Some(path::file_name(&file_name(event)?).to_vec()))
    }),
    ("fd.uid", |event, field| {
        event.computed(field, || {
            Some(format!("{}{}", event.record.header.tid, descriptor(event)?).into_bytes())
        })
    }),
    ("fd.containername", |event, field| event.computed(field, || joined(event, name(event)?))),
    ("fd.containerdirectory", |event, field| {
        event.computed(field, || joined(event, path::directory(&file_name(event)?)?.to_vec()))
    }),
    ("fd.dev", |event, _| opened_file(event).map(|file| Value::Unsigned(user_device(file.dev).into()))),
    ("fd.dev.major", |event, _| opened_file(event).map(|file| Value::Unsigned((file.dev >> 20).into()))),
    ("fd.dev.minor", |event, _| opened_file(event).map(|file| Value::Unsigned((file.dev & 0xf_ffff).into()))),
    ("fd.ino", |event, _| opened_file(event).map(|file| Value::Unsigned(file.ino))),
    ("fd.is_upper_layer", |event, _| opened_file(event).map(|file| Value::Bool(file.layer == LAYER_UPPER))),
    ("fd.is_lower_layer", |event, _| opened_file(event).map(|file| Value::Bool(file.layer == LAYER_LOWER))),
    ("fd.ip", |event, _| ends(event).map(|ends| Value::Address(ends.local.0))),
    ("fd.net", |event, _| ends(event).map(|ends| Value::Address(ends.local.0))),
    ("fd.port", |event, _| ends(event).map(|ends| Value::Unsigned(ends.local.1.into()))),
    ("fd.proto", |event, _| ends(event).map(|ends| Value::Unsigned(ends.local.1.into()))),
    ("fd.lip", |event, _| ends(event).map(|ends| Value::Address(ends.local.0))),
    ("fd.lnet", |event, _| ends(event).map(|ends| Value::Address(ends.local.0))),
    ("fd.lport", |event, _| ends(event).map(|ends| Value::Unsigned(ends.local.1.into()))),
    ("fd.rip", |event, _| ends(event).map(|ends| Value::Address(ends.remote.0))),
    ("fd.rnet", |event, _| ends(event).map(|ends| Value::Address(ends.remote.0))),
    ("fd.rport", |event, _| ends(event).map(|ends| Value::Unsigned(ends.remote.1.into()))),
    ("fd.cip", |event, _| roles(event).map(|(client, _)| Value::Address(client.0))),
    ("fd.cnet", |event, _| roles(event).map(|(client, _)| Value::Address(client.0))),
    ("fd.cport", |event, _| roles(event).map(|(client, _)| Value::Unsigned(client.1.into()))),
    ("fd.sip", |event, _| roles(event).map(|(_, server)| Value::Address(server.0))),
    ("fd.snet", |event, _| roles(event).map(|(_, server)| Value::Address(server.0))),
    ("fd.sport", |event, _| roles(event).map(|(_, server)| Value::Unsigned(server.1.into()))),
    ("fd.cip.name", domain),
    ("fd.sip.name", domain),
    ("fd.lip.name", domain),
    ("fd.rip.name", domain),
    ("fd.is_server", |event, _| role(event).map(|role| Value::Bool(role == Role::Server))),
    ("fd.l4proto", |event, _| protocol(event).map(Value::text)),
    ("fd.sockfamily", |event, _| match kind(event)? {
        FdKind::Ipv4 | FdKind::Ipv6 => Some(Value::text("ip")),
        FdKind::Unix => Some(Value::text("unix")),
        _ => None,
    }),
    ("fd.connected", |event, _| {
        ends(event)?;
        Some(Value::Bool(is_connected(event)))
    }),
    ("fd.name_changed", |event, _| {
        ends(event)?;
        Some(Value::Bool(event.result() >= 0 && names_the_other_end(event)))
    }),
];

/// What a descriptor stands for, as Falco names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FdKind {
    File,
    Directory,
    Ipv4,
    Ipv6,
    Unix,
    Pipe,
    Event,
    Signal,
    EventPoll,
    Inotify,
    Timer,
    Netlink,
    Bpf,
    UserFault,
    IoUring,
    Memfd,
    Pidfd,
    Unknown,
}

impl FdKind {
    /// `fd.type`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::Pipe => "pipe",
            Self::Event => "event",
            Self::Signal => "signalfd",
            Self::EventPoll => "eventpoll",
            Self::Inotify => "inotify",
            Self::Timer => "timerfd",
            Self::Netlink => "netlink",
            Self::Bpf => "bpf",
            Self::UserFault => "userfaultfd",
            Self::IoUring => "io_uring",
            Self::Memfd => "memfd",
            Self::Pidfd => "pidfd",
            Self::Unknown => "unknown",
        }
    }

    /// `fd.typechar`.
    pub(crate) const fn letter(self) -> &'static str {
        match self {
            Self::File => "f",
            Self::Directory => "d",
            Self::Ipv4 => "4",
            Self::Ipv6 => "6",
            Self::Unix | Self::UserFault => "u",
            Self::Pipe => "p",
            Self::Event => "e",
            Self::Signal => "s",
            Self::EventPoll => "l",
            Self::Inotify => "i",
            Self::Timer => "t",
            Self::Netlink => "n",
            Self::Bpf => "b",
            Self::IoUring => "r",
            Self::Memfd => "m",
            Self::Pidfd => "P",
            Self::Unknown => "o",
        }
    }

    fn of_anonymous(name: &[u8]) -> Self {
        match name {
            b"[eventfd]" => Self::Event,
            b"[signalfd]" => Self::Signal,
            b"[eventpoll]" => Self::EventPoll,
            b"[timerfd]" => Self::Timer,
            b"[userfaultfd]" => Self::UserFault,
            b"[io_uring]" => Self::IoUring,
            b"[pidfd]" => Self::Pidfd,
            b"inotify" => Self::Inotify,
            _ if name.starts_with(b"bpf-") || name.starts_with(b"bpf_") => Self::Bpf,
            _ if name.starts_with(b"memfd:") => Self::Memfd,
            _ => Self::Unknown,
        }
    }
}

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;
const PIDFS_MAGIC: u32 = 0x5049_4446;

fn slot(event: &SyscallEvent<'_>) -> Option<u8> {
    event.shape().fd
}

/// The number of the descriptor; negative where the call that makes it failed.
fn descriptor(event: &SyscallEvent<'_>) -> Option<i64> {
    let value = event.slot(slot(event)?);
    Some(if slot(event) == Some(SLOT_RESULT) { value.max(-1) } else { int(value.cast_unsigned()) })
}

fn number<'v>(event: &'v SyscallEvent<'_>, _field: &Field) -> Option<Value<'v>> {
    descriptor(event).map(Value::Signed)
}

fn opened_file(event: &SyscallEvent<'_>) -> Option<crate::kernel::layout::FileInfo> {
    file(event, slot(event)?)
}

/// The kind of the descriptor of a slot.
fn kind_of(event: &SyscallEvent<'_>, slot: u8) -> Option<FdKind> {
    if let Some(socket) = socket(event, slot) {
        return Some(match socket.family {
            AF_UNIX => FdKind::Unix,
            AF_INET => FdKind::Ipv4,
            AF_INET6
                if ends_of(event, slot)
                    .is_some_and(|ends| ends.local.0.is_ipv4() && ends.remote.0.is_ipv4()) =>
            {
                FdKind::Ipv4
            }
            AF_INET6 => FdKind::Ipv6,
            AF_NETLINK => FdKind::Netlink,
            _ => FdKind::Unknown,
        });
    }
    let file = file(event, slot)?;
    let name = event.record.text(PIECE_PATH, slot).unwrap_or_default();
    Some(match file.mode & 0o170_000 {
        0o040_000 => FdKind::Directory,
        0o010_000 => FdKind::Pipe,
        0o100_000 if name.starts_with(b"memfd:") => FdKind::Memfd,
        _ if file.magic == PIDFS_MAGIC => FdKind::Pidfd,
        0 | 0o100_000 if !name.is_empty() && !name.starts_with(b"/") => FdKind::of_anonymous(name),
        _ => FdKind::File,
    })
}

fn kind(event: &SyscallEvent<'_>) -> Option<FdKind> {
    kind_of(event, slot(event)?)
}

/// A failed open still was about a file.
fn kind_or_file(event: &SyscallEvent<'_>) -> Option<FdKind> {
    kind(event).or_else(|| {
        (slot(event) == Some(SLOT_RESULT) && !event.shape().paths.is_empty()).then_some(FdKind::File)
    })
}

/// `<f>/etc/passwd`: a descriptor in `evt.arg.*`.
pub(super) fn typed_name(event: &SyscallEvent<'_>, slot: u8) -> Option<Vec<u8>> {
    let mut out = format!("<{}>", kind_of(event, slot)?.letter()).into_bytes();
    out.extend(name_of(event, slot)?);
    Some(out)
}

fn name(event: &SyscallEvent<'_>) -> Option<Vec<u8>> {
    name_of(event, slot(event)?)
}

fn name_of(event: &SyscallEvent<'_>, slot: u8) -> Option<Vec<u8>> {
    if slot == SLOT_RESULT
        && let [(at, _)] = event.shape().paths[..]
    {
        return event.absolute(at);
    }
    if socket(event, slot).is_some() {
        return tuple_text(event, slot);
    }
    event.record.text(PIECE_PATH, slot).map(<[u8]>::to_vec)
}

/// The path, if the descriptor is one of a file or a directory.
fn file_name(event: &SyscallEvent<'_>) -> Option<Vec<u8>> {
    matches!(kind_or_file(event)?, FdKind::File | FdKind::Directory).then(|| name(event)).flatten()
}

fn joined(event: &SyscallEvent<'_>, name: Vec<u8>) -> Option<Vec<u8>> {
    let mut out = event.container_id()?.as_bytes().to_vec();
    out.push(b':');
    out.extend(name);
    Some(out)
}

type End = (IpAddr, u16);

/// The two ends of a connection.
#[derive(Clone, Copy)]
struct Ends {
    local: End,
    remote: End,
}

fn end(family: u16, address: [u8; 16], port: u16) -> Option<End> {
    let [a, b, c, d, ..] = address;
    let ip = match family {
        AF_INET => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        // ::ffff:1.2.3.4 is an IPv4 connection.
        AF_INET6 => Ipv6Addr::from(address).to_canonical(),
        _ => return None,
    };
    Some((ip, port))
}

/// An address of the caller: `None` unless it is one of the internet.
fn internet_address(bytes: &[u8]) -> Option<End> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let mut address = [0; 16];
    let family = u16::from_ne_bytes(*family);
    match family {
        AF_INET => address[..4].copy_from_slice(rest.get(..4)?),
        // The flow stands before the address.
        AF_INET6 => address.copy_from_slice(rest.get(4..20)?),
        _ => return None,
    }
    end(family, address, u16::from_be_bytes(*port))
}

/// An address of the caller as text.
pub(super) fn address_text(bytes: &[u8]) -> Option<Vec<u8>> {
    if let Some((ip, port)) = internet_address(bytes) {
        return Some(format!("{ip}:{port}").into_bytes());
    }
    let (family, name) = bytes.split_first_chunk::<2>()?;
    (u16::from_ne_bytes(*family) == AF_UNIX).then(|| unix_name(name))
}

/// A unix socket's name; one of the abstract kind begins with a zero, shown as `@`.
fn unix_name(name: &[u8]) -> Vec<u8> {
    match name {
        [0, rest @ ..] if !rest.is_empty() => {
            let mut out = vec![b'@'];
            out.extend(until_zero(rest));
            out
        }
        name => until_zero(name).to_vec(),
    }
}

/// The address of the other end that the call names, if it does.
fn given_peer<'e>(event: &SyscallEvent<'e>) -> Option<&'e [u8]> {
    let peer = event.shape().parameters.iter().find_map(|parameter| match parameter.origin {
        Origin::Tuple { peer, .. } => Some(peer),
        _ => None,
    });
    match peer? {
        Peer::Argument { at, .. } | Peer::Message(at) => event.record.piece(PIECE_SOCKADDR, at),
        Peer::Socket => None,
    }
}

fn ends_of(event: &SyscallEvent<'_>, slot: u8) -> Option<Ends> {
    let socket = socket(event, slot)?;
    let local = end(socket.family, socket.local, socket.local_port)?;
    let remote = end(socket.family, socket.remote, socket.remote_port)?;
    let given = given_peer(event).and_then(internet_address);
    // A datagram goes where it is told to, a refused connection's socket has forgotten where it was to go.
    let remote = if remote.1 == 0 || remote.0.is_unspecified() { given.unwrap_or(remote) } else { remote };
    // A socket that listens on both families shows `::` where a connection is of IPv4.
    let local = if remote.0.is_ipv4() && local.0.is_unspecified() {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), local.1)
    } else {
        local
    };
    Some(Ends { local, remote })
}

fn ends(event: &SyscallEvent<'_>) -> Option<Ends> {
    ends_of(event, slot(event)?)
}

/// Which end is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// Who called whom. The kernel keeps no note of it: the call tells where it can, else the ports do, since a client's
/// is given by the kernel from a range that servers avoid.
fn role(event: &SyscallEvent<'_>) -> Option<Role> {
    let ends = ends(event)?;
    match event.event_type.name() {
        "connect" => return Some(Role::Client),
        "accept" | "accept4" | "listen" | "bind" => return Some(Role::Server),
        _ => {}
    }
    if ends.remote.1 == 0 {
        return None;
    }
    if given_peer(event).and_then(internet_address).is_some() {
        return Some(if event.event_type.name().starts_with("send") { Role::Client } else { Role::Server });
    }
    let is_ephemeral = |port: u16| port >= EPHEMERAL_MIN;
    Some(match (is_ephemeral(ends.local.1), is_ephemeral(ends.remote.1)) {
        (true, false) => Role::Client,
        (false, true) => Role::Server,
        _ if ends.local.1 < ends.remote.1 => Role::Server,
        _ => Role::Client,
    })
}

/// Lowest port that Linux gives to clients by itself (`net.ipv4.ip_local_port_range`).
const EPHEMERAL_MIN: u16 = 32_768;

fn roles(event: &SyscallEvent<'_>) -> Option<(End, End)> {
    let ends = ends(event)?;
    Some(match role(event)? {
        Role::Client => (ends.local, ends.remote),
        Role::Server => (ends.remote, ends.local),
    })
}

/// The names of an end, of those that rules compare with.
fn domains<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<&'v [Box<str>]> {
    let end = match field.id().name() {
        "fd.cip.name" => roles(event)?.0,
        "fd.sip.name" => roles(event)?.1,
        "fd.lip.name" => ends(event)?.local,
        "fd.rip.name" => ends(event)?.remote,
        _ => return None,
    };
    Some(event.state.domains.of(end.0))
}

fn domain<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<Value<'v>> {
    domains(event, field)?.first().map(|name| Value::text(name))
}

/// The two ends as text: the client's first.
pub(super) fn tuple_text(event: &SyscallEvent<'_>, slot: u8) -> Option<Vec<u8>> {
    let socket = socket(event, slot)?;
    if socket.family == AF_UNIX {
        return Some(unix_text(event, slot, &socket));
    }
    let ends = ends_of(event, slot)?;
    if ends.remote.1 == 0 {
        let (ip, port) = ends.local;
        return (port != 0).then(|| format!("{ip}:{port}").into_bytes());
    }
    let (client, server) = match role(event) {
        Some(Role::Server) => (ends.remote, ends.local),
        _ => (ends.local, ends.remote),
    };
    Some(format!("{}:{}->{}:{}", client.0, client.1, server.0, server.1).into_bytes())
}

/// `source->peer name`, in the kernel's addresses, as /proc/net/unix shows them.
fn unix_text(event: &SyscallEvent<'_>, slot: u8, socket: &SocketInfo) -> Vec<u8> {
    let name = |kind| event.record.piece(kind, slot).map(unix_name).filter(|name| !name.is_empty());
    let given = || given_peer(event).and_then(address_text);
    let name = name(PIECE_UNIX).or_else(|| name(PIECE_UNIX_PEER)).or_else(given).unwrap_or_default();
    let mut out = format!("{:x}->{:x} ", socket.pointer, socket.peer).into_bytes();
    out.extend(name);
    out
}

fn protocol(event: &SyscallEvent<'_>) -> Option<&'static str> {
    const SOCK_RAW: u16 = 3;
    let socket = socket(event, slot(event)?)?;
    if !matches!(socket.family, AF_INET | AF_INET6) {
        return None;
    }
    Some(match socket.protocol {
        _ if socket.kind == SOCK_RAW => "raw",
        1 | 58 => "icmp",
        6 => "tcp",
        17 => "udp",
        _ => "<NA>",
    })
}

fn is_connected(event: &SyscallEvent<'_>) -> bool {
    const TCP_ESTABLISHED: u16 = 1;
    let Some(socket) = slot(event).and_then(|slot| socket(event, slot)) else { return false };
    socket.remote_port != 0 && socket.state == TCP_ESTABLISHED
}

/// Whether the call told the socket another end: a connection, or a datagram of a socket without one.
fn names_the_other_end(event: &SyscallEvent<'_>) -> bool {
    given_peer(event).and_then(internet_address).is_some() || event.event_type.name().starts_with("accept")
}

/// Fields that have the values of both ends, or all names of one.
pub(super) fn each_end(
    event: &SyscallEvent<'_>,
    field: &Field,
    visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
) -> bool {
    if let Some(names) = domains(event, field) {
        let _ = names.iter().try_for_each(|name| visit(Value::text(name)));
        return !names.is_empty();
    }
    let Some(ends) = ends(event) else { return false };
    for (ip, port) in [ends.local, ends.remote] {
        let value = match field.id().name() {
            "fd.ip" | "fd.net" => Value::Address(ip),
            _ => Value::Unsigned(port.into()),
        };
        if visit(value).is_break() {
            break;
        }
    }
    true
}
