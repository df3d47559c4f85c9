//! Event types by name and number.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::kind::Kind;
use super::numbers::NUMBERS;
use super::origin::Origin;
use super::table::{EVENTS, PLAIN_SYSCALLS};
use crate::nearest::nearest;

/// A type of event: a system call, or what the kernel or a plugin reports beside them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(u16);

/// A processor architecture, for the numbers of its system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// `x86_64`
    X86_64,
    /// `aarch64`
    Aarch64,
}

/// A parameter of an event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Where the probe takes its value from.
    pub origin: Origin,
}

struct Info {
    name: &'static str,
    is_syscall: bool,
    parameters: &'static str,
}

static TYPES: LazyLock<Vec<Info>> = LazyLock::new(|| {
    let described = EVENTS.iter().map(|(name, is_syscall, parameters)| Info {
        name,
        is_syscall: *is_syscall,
        parameters,
    });
    let plain = PLAIN_SYSCALLS.split_whitespace().map(|name| Info { name, is_syscall: true, parameters: "" });
    described.chain(plain).collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, EventType>> =
    LazyLock::new(|| TYPES.iter().zip(0..).map(|(info, number)| (info.name, EventType(number))).collect());

impl EventType {
    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    /// The type of events that a plugin source such as `k8s_audit` reports.
    ///
    /// # Panics
    /// Never: the table has it.
    pub fn plugin() -> Self {
        Self::from_name("pluginevent").expect("the table has pluginevent")
    }

    /// Every type, in the table's order.
    ///
    /// # Panics
    /// Never: the table is short.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..TYPES.len()).map(|number| Self(u16::try_from(number).expect("the table is short")))
    }

    /// Falco's name.
    pub fn name(self) -> &'static str {
        TYPES[usize::from(self.0)].name
    }

    /// Whether it is a system call.
    pub fn is_syscall(self) -> bool {
        TYPES[usize::from(self.0)].is_syscall
    }

    /// Its number in the 64-bit convention of an architecture; `None` if it has none there.
    pub fn number(self, architecture: Architecture) -> Option<u16> {
        let row = NUMBERS.binary_search_by_key(&self.name(), |row| row.0).ok()?;
        match architecture {
            Architecture::X86_64 => NUMBERS[row].1,
            Architecture::Aarch64 => NUMBERS[row].2,
        }
    }

    /// Its parameters in order; none are known of system calls that are only named.
    pub fn parameters(self) -> impl Iterator<Item = Parameter> {
        let written = TYPES[usize::from(self.0)].parameters;
        written.split_whitespace().filter_map(|parameter| {
            let (name, rest) = parameter.split_once(':')?;
            let (kind, origin) = rest.split_once('=').unwrap_or((rest, ""));
            Some(Parameter { name, kind: kind_of(kind)?, origin: Origin::parse(origin)? })
        })
    }

    /// A number below [`EventType::all`]'s length, for tables by type.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The name that was probably meant.
    pub fn near(name: &str) -> Option<&'static str> {
        nearest(name, TYPES.iter().map(|info| info.name))
    }

    /// The type of a parameter that any event has under this name.
    pub fn parameter_kind(name: &str) -> Option<Kind> {
        PARAMETERS.get(name).copied()
    }

    /// The parameter that was probably meant.
    pub fn near_parameter(name: &str) -> Option<&'static str> {
        nearest(name, PARAMETERS.keys().copied())
    }
}

/// Parameters of all types by name; where types differ, the first of the table decides.
static PARAMETERS: LazyLock<HashMap<&'static str, Kind>> = LazyLock::new(|| {
    let mut kinds = HashMap::new();
    for parameter in EventType::all().flat_map(EventType::parameters) {
        kinds.entry(parameter.name).or_insert(parameter.kind);
    }
    kinds
});

fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "CHARBUF" => Kind::Charbuf,
        "BYTEBUF" => Kind::Bytebuf,
        "FSPATH" => Kind::Fspath,
        "FSRELPATH" => Kind::Fsrelpath,
        "INT16" => Kind::Int16,
        "INT32" => Kind::Int32,
        "INT64" => Kind::Int64,
        "UINT8" => Kind::Uint8,
        "UINT16" => Kind::Uint16,
        "UINT32" => Kind::Uint32,
        "UINT64" => Kind::Uint64,
        "FD" => Kind::Fd,
        "PID" => Kind::Pid,
        "UID" => Kind::Uid,
        "GID" => Kind::Gid,
        "ERRNO" => Kind::Errno,
        "FLAGS" => Kind::Flags,
        "ENUMFLAGS" => Kind::Enumflags,
        "MODE" => Kind::Mode,
        "SIGTYPE" => Kind::Sigtype,
        "SOCKADDR" => Kind::Sockaddr,
        "SOCKTUPLE" => Kind::Socktuple,
        "FDLIST" => Kind::Fdlist,
        "SIGSET" => Kind::Sigset,
        "ABSTIME" => Kind::Abstime,
        "RELTIME" => Kind::Reltime,
        "DYNAMIC" => Kind::Dynamic,
        _ => return None,
    })
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventType({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_found() {
        let names: HashSet<_> = EventType::all().map(EventType::name).collect();
        assert_eq!(names.len(), EventType::all().len());
        for name in ["execve", "execveat", "openat2", "procexit", "pluginevent", "kexec_load"] {
            assert_eq!(EventType::from_name(name).unwrap().name(), name);
        }
        assert_eq!(EventType::near("opneat"), Some("openat"));
    }

    #[test]
    fn every_parameter_of_the_table_is_read() {
        for (event, (name, _, written)) in EventType::all().zip(EVENTS) {
            assert_eq!(event.parameters().count(), written.split_whitespace().count(), "{name}");
        }
        assert_eq!(EventType::parameter_kind("flags"), Some(Kind::Flags));
    }

    #[test]
    fn numbers_stand_by_name_and_twice_in_no_architecture() {
        assert!(NUMBERS.is_sorted_by_key(|row| row.0));
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            let mut seen = HashSet::new();
            let numbers = EventType::all().filter_map(|event| event.number(architecture));
            assert!(numbers.filter(|number| !seen.insert(*number)).count() == 0, "{architecture:?}");
        }
        let number = |name: &str, architecture| EventType::from_name(name).unwrap().number(architecture);
        assert_eq!(number("openat", Architecture::X86_64), Some(257));
        assert_eq!(number("openat", Architecture::Aarch64), Some(56));
        assert_eq!(number("open", Architecture::Aarch64), None);
        assert_eq!(number("procexit", Architecture::X86_64), None);
    }
}
