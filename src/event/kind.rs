//! Types of field values and event parameters, as Falco names them.

use std::fmt;

/// The type of a field or an event parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, as the kernel has it: any bytes but NUL.
    Charbuf,
    /// Bytes of any value.
    Bytebuf,
    /// A path.
    Fspath,
    /// A path, relative to a directory that another parameter names.
    Fsrelpath,
    /// `true` or `false`.
    Bool,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 8 bits.
    Uint8,
    /// Unsigned, 16 bits.
    Uint16,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// A file descriptor; negative is an error number.
    Fd,
    /// A process or thread id.
    Pid,
    /// A user id.
    Uid,
    /// A group id.
    Gid,
    /// 0, or a negative error number.
    Errno,
    /// A set of flags.
    Flags,
    /// One of several names.
    Enumflags,
    /// Permissions of a file.
    Mode,
    /// A signal's number.
    Sigtype,
    /// A TCP or UDP port; rules may name its service.
    Port,
    /// An IPv4 or IPv6 address.
    Ipaddr,
    /// An address that is compared with networks.
    Ipnet,
    /// A socket address.
    Sockaddr,
    /// The two ends of a connection.
    Socktuple,
    /// File descriptors with their events.
    Fdlist,
    /// A set of signals.
    Sigset,
    /// Nanoseconds since the epoch.
    Abstime,
    /// Nanoseconds.
    Reltime,
    /// A floating point number.
    Double,
    /// A type that the event's other parameters decide.
    Dynamic,
}

/// How values of a kind compare: what decides which operators a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Texts and paths.
    Text,
    /// Bytes.
    Bytes,
    /// Truth values.
    Bool,
    /// Integers.
    Integer,
    /// Floating point numbers.
    Double,
    /// Addresses.
    Address,
    /// Addresses against networks.
    Network,
}

impl Kind {
    /// How values of this kind compare.
    pub const fn class(self) -> Class {
        match self {
            Self::Charbuf
            | Self::Fspath
            | Self::Fsrelpath
            | Self::Sockaddr
            | Self::Socktuple
            | Self::Fdlist
            | Self::Sigset
            | Self::Dynamic => Class::Text,
            Self::Bytebuf => Class::Bytes,
            Self::Bool => Class::Bool,
            Self::Double => Class::Double,
            Self::Ipaddr => Class::Address,
            Self::Ipnet => Class::Network,
            _ => Class::Integer,
        }
    }

    /// Falco's name: `CHARBUF`, `INT64`, ….
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charbuf => "CHARBUF",
            Self::Bytebuf => "BYTEBUF",
            Self::Fspath => "FSPATH",
            Self::Fsrelpath => "FSRELPATH",
            Self::Bool => "BOOL",
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Uint8 => "UINT8",
            Self::Uint16 => "UINT16",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Fd => "FD",
            Self::Pid => "PID",
            Self::Uid => "UID",
            Self::Gid => "GID",
            Self::Errno => "ERRNO",
            Self::Flags => "FLAGS",
            Self::Enumflags => "ENUMFLAGS",
            Self::Mode => "MODE",
            Self::Sigtype => "SIGTYPE",
            Self::Port => "PORT",
            Self::Ipaddr => "IPADDR",
            Self::Ipnet => "IPNET",
            Self::Sockaddr => "SOCKADDR",
            Self::Socktuple => "SOCKTUPLE",
            Self::Fdlist => "FDLIST",
            Self::Sigset => "SIGSET",
            Self::Abstime => "ABSTIME",
            Self::Reltime => "RELTIME",
            Self::Double => "DOUBLE",
            Self::Dynamic => "DYNAMIC",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
