//! What goes through the kernel's maps, defined once: as Rust structures, and as the C header made from them.
//!
//! `bpf/layout.h` is written from this file (`make bpf`); a test compares it, another reads the type
//! information of the prebuilt object and compares every offset.

#[cfg(test)]
use std::fmt::Write;

/// One structure as C sees it.
#[cfg(test)]
pub(crate) struct Structure {
    /// Its name.
    pub(crate) name: &'static str,
    /// Bytes.
    pub(crate) size: usize,
    /// Fields in order.
    pub(crate) fields: &'static [Member],
}

/// One field of a structure.
#[cfg(test)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: &'static str,
    /// Rust's type, as written.
    pub(crate) kind: &'static str,
    /// Bytes from the start.
    pub(crate) offset: usize,
}

/// A structure of the maps: any bytes are a value of it.
pub(crate) trait Bytes: aya::Pod {
    /// Bytes of one.
    const SIZE: usize = size_of::<Self>();

    /// All zero.
    #[expect(unsafe_code, reason = "arrays of more than 32 elements have no Default")]
    fn zeroed() -> Self {
        // SAFETY: `aya::Pod` promises that any bytes are a value.
        unsafe { std::mem::zeroed() }
    }

    /// The value that `bytes` begins with, aligned or not; `None` if there are too few.
    #[expect(unsafe_code, reason = "one copy instead of one a field")]
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..Self::SIZE)?;
        // SAFETY: `bytes` has the size of the value, and `aya::Pod` promises that any bytes are one.
        Some(unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() })
    }

    /// Its bytes, as the kernel's half writes them.
    #[cfg(test)]
    #[expect(unsafe_code, reason = "the other way round")]
    fn bytes(&self) -> &[u8] {
        // SAFETY: `STRUCTURES` is tested to have no padding, so each byte is of a field.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), Self::SIZE) }
    }
}

macro_rules! structures {
    ($($(#[$meta:meta])* $rust:ident = $c:literal { $($(#[$doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) struct $rust { $($(#[$doc])* pub(crate) $field: $kind,)* }

            // SAFETY: repr(C), integers and arrays of them only, and `STRUCTURES` is tested to have no padding.
            #[expect(unsafe_code, reason = "maps take plain bytes")]
            unsafe impl aya::Pod for $rust {}

            impl Bytes for $rust {}
        )*

        /// Every structure.
        #[cfg(test)]
        pub(crate) const STRUCTURES: &[Structure] = &[$(Structure {
            name: $c,
            size: size_of::<$rust>(),
            fields: &[$(Member {
                name: stringify!($field),
                kind: stringify!($kind),
                offset: std::mem::offset_of!($rust, $field),
            },)*],
        },)*];
    };
}

structures! {
    /// What every record begins with: the event and the thread that it happened to, as the kernel knows them
    /// at that moment.
    Header = "header" {
        /// `CLOCK_BOOTTIME`.
        time_ns: u64,
        /// What the call returned; for an exit, the status as `wait` gives it.
        result: i64,
        /// The call's arguments as they were in the registers.
        args: [u64; 6],
        /// When the process started, `CLOCK_BOOTTIME`: with `pid` it names a process for ever.
        start_ns: u64,
        /// When the parent started.
        parent_start_ns: u64,
        /// The cgroup's number in the hierarchy that is asked.
        cgroup: u64,
        /// Effective capabilities.
        cap_effective: u64,
        /// Permitted capabilities.
        cap_permitted: u64,
        /// Inheritable capabilities.
        cap_inheritable: u64,
        /// Bytes of the record, this header among them.
        length: u32,
        /// `FLAG_*`.
        flags: u32,
        /// `RECORD_*`.
        kind: u16,
        /// Number of the system call.
        syscall: u16,
        /// Which CPU.
        cpu: u32,
        /// Process, in the first pid namespace.
        pid: u32,
        /// Thread.
        tid: u32,
        /// Parent process.
        ppid: u32,
        /// Session.
        sid: u32,
        /// Process group.
        pgid: u32,
        /// Effective user.
        uid: u32,
        /// Effective group.
        gid: u32,
        /// The user that logged in; all ones: nobody.
        loginuid: u32,
        /// Controlling terminal, as `tty_nr` of /proc/PID/stat; 0: none.
        tty: u32,
        /// Inode of the mount namespace.
        mnt_ns: u32,
        /// Thread, in its own pid namespace.
        vtid: u32,
        /// Living threads of the process.
        threads: u32,
        /// Name of the thread.
        comm: [u8; 16],
    }

    /// What stands before each captured piece.
    Piece = "piece" {
        /// `PIECE_*`.
        kind: u8,
        /// Number of the argument that it belongs to; `SLOT_RESULT`: the result; `SLOT_NONE`: none.
        slot: u8,
        /// Bytes that follow.
        length: u16,
    }

    /// An open file.
    FileInfo = "file_info" {
        /// Inode.
        ino: u64,
        /// Last change of its status, nanoseconds since the epoch.
        ctime_ns: u64,
        /// Last change of its contents.
        mtime_ns: u64,
        /// Device, as the kernel numbers it.
        dev: u32,
        /// Type and permissions.
        mode: u32,
        /// `O_*`; of an executed file `EXE_WRITABLE`, if it is.
        flags: u32,
        /// `FMODE_*`.
        f_mode: u32,
        /// Kind of file system.
        magic: u32,
        /// `LAYER_*`.
        layer: u32,
        /// Mount.
        mnt_id: u32,
        /// 1: the mount is the root of the task's tree.
        root_mount: u32,
        /// The descriptor.
        fd: i32,
        /// 1: the file has no name any more.
        deleted: u32,
    }

    /// A socket.
    SocketInfo = "socket_info" {
        /// Local address.
        local: [u8; 16],
        /// Remote address.
        remote: [u8; 16],
        /// Local port.
        local_port: u16,
        /// Remote port.
        remote_port: u16,
        /// `AF_*`.
        family: u16,
        /// `SOCK_*`.
        kind: u16,
        /// `IPPROTO_*`.
        protocol: u16,
        /// `TCP_*`.
        state: u16,
        /// Connections that wait to be accepted.
        backlog: u32,
        /// How many may.
        max_backlog: u32,
        /// Fills the row.
        reserved: u32,
        /// Address of the kernel's structure, for unix sockets.
        pointer: u64,
        /// Of the peer.
        peer: u64,
    }

    /// What changes only when a process starts or executes.
    ProcessInfo = "process_info" {
        /// When the first process of the pid namespace started.
        pidns_start_ns: u64,
        /// Limit of open files.
        fd_limit: u64,
        /// Page faults with I/O.
        major_faults: u64,
        /// Page faults without.
        minor_faults: u64,
        /// Virtual memory, KiB.
        vm_size: u32,
        /// Resident memory, KiB.
        vm_rss: u32,
        /// Swapped memory, KiB.
        vm_swap: u32,
        /// Thread, in its own pid namespace.
        vtid: u32,
        /// Process, in its own pid namespace.
        vpid: u32,
        /// Process group, in its own pid namespace.
        vpgid: u32,
        /// 0: the first pid namespace.
        pidns_level: u32,
        /// `EXE_*`.
        exe_flags: u32,
    }

    /// One thing to capture.
    Step = "step" {
        /// `STEP_*`.
        kind: u8,
        /// Number of the argument; `SLOT_RESULT`: the result.
        slot: u8,
        /// The argument that goes with it (length, count, directory); `SLOT_NONE`: none.
        with: u8,
        /// Bytes, for `STEP_MEMORY`.
        size: u8,
    }

    /// What is done about one system call.
    Plan = "plan" {
        /// How many of `steps` there are.
        count: u32,
        /// `OPEN_*`: where the flags of an open stand.
        open: u8,
        /// The descriptor whose type the filter asks.
        fd_slot: u8,
        /// 1: the filter asks the path of the first step.
        has_path: u8,
        /// 1: there are rules to judge by; 0: send every event.
        filtered: u8,
        /// First part of the keys in the maps of prefixes and names.
        group: u32,
        /// What to capture, in order.
        steps: [Step; 6],
    }

    /// Which of up to 64 alternatives an event can still meet: a bit is set where it can.
    ///
    /// An event that meets none cannot match any rule.
    Filter = "filter" {
        /// Outside containers.
        host: u64,
        /// In containers.
        container: u64,
        /// The call failed.
        failed: u64,
        /// The call succeeded.
        succeeded: u64,
        /// Opened without reading.
        no_read: u64,
        /// Opened without writing.
        no_write: u64,
        /// Effective user is not 0.
        not_root: u64,
        /// The result is not 0, 1 or 2.
        not_stdio: u64,
        /// By type of the descriptor, `FD_*`.
        fd: [u64; 8],
        /// Alternatives that ask no type of descriptor.
        any_fd: u64,
        /// Alternatives that ask no path prefix.
        any_prefix: u64,
        /// Alternatives that ask no file name.
        any_name: u64,
        /// Bits by the first letters of the prefixes: without its bit, a path has none of them.
        starts: u64,
        /// The same without alternatives that ask for writing.
        starts_reading: u64,
        /// Bits by the first letters of the names.
        name_starts: u64,
    }

    /// A path's beginning, key of the trie: a directory or file that alternatives name.
    PrefixKey = "prefix_key" {
        /// Bits that count, `group` among them.
        bits: u32,
        /// [`Plan::group`].
        group: u32,
        /// The path.
        path: [u8; 252],
    }

    /// A path's last component, zero padded.
    NameKey = "name_key" {
        /// [`Plan::group`].
        group: u32,
        /// The name.
        name: [u8; 32],
    }

    /// What the whole probe obeys.
    Settings = "settings" {
        /// The probe's own process: its events are not looked at.
        self_pid: u32,
        /// 1: send what the filter would leave out, marked.
        shadow: u32,
        /// `SUBSYSTEM_*`: the cgroup hierarchy that tells containers.
        subsystem: u32,
        /// 1: leave out every event of a cgroup that is not below `pod_cgroup`.
        own_only: u32,
        /// Bytes in the ring buffer above which the reader is woken.
        wake_bytes: u64,
        /// Bytes in the ring buffer above which only process events are taken.
        full_bytes: u64,
        /// A sidecar's own pod, as its cgroup's number.
        pod_cgroup: u64,
        /// Bytes captured of buffers.
        snap_bytes: u32,
        /// 1: a program of the optional tier keeps what the kernel copied.
        copies: u32,
    }

    /// What happened to the events of one system call on one CPU.
    Counts = "counts" {
        /// Given to user space.
        sent: u64,
        /// Lost: no room.
        dropped: u64,
        /// Left out: no rule can match.
        filtered: u64,
    }
}

macro_rules! constants {
    ($($(#[$meta:meta])* $name:ident: $kind:ty = $value:expr;)*) => {
        $($(#[$meta])* pub(crate) const $name: $kind = $value;)*

        /// Every constant that C knows.
        pub(crate) const CONSTANTS: &[(&str, u64)] = &[$((stringify!($name), $name as u64),)*];

        // Some are only C's.
        const _: usize = CONSTANTS.len();
    };
}

constants! {
    /// A system call returned.
    RECORD_SYSCALL: u16 = 0;
    /// A process executed a file.
    RECORD_EXEC: u16 = 1;
    /// A process was born.
    RECORD_FORK: u16 = 2;
    /// A process ended.
    RECORD_EXIT: u16 = 3;
    /// The loader itself: its cgroup, once.
    RECORD_SELF: u16 = 4;

    /// A piece did not fit.
    FLAG_TRUNCATED: u32 = 1;
    /// Shadow mode: the filter would have left it out.
    FLAG_JUDGED_OUT: u32 = 2;

    /// A text from the caller's memory.
    PIECE_STRING: u8 = 1;
    /// The directory that a relative path starts from.
    PIECE_DIRECTORY: u8 = 2;
    /// [`FileInfo`].
    PIECE_FILE: u8 = 3;
    /// Path of a file, as the kernel knows it.
    PIECE_PATH: u8 = 4;
    /// [`SocketInfo`].
    PIECE_SOCKET: u8 = 5;
    /// The beginning of a buffer.
    PIECE_BYTES: u8 = 6;
    /// A structure from the caller's memory.
    PIECE_MEMORY: u8 = 7;
    /// A socket address from the caller's memory.
    PIECE_SOCKADDR: u8 = 8;
    /// Control data of a message.
    PIECE_CONTROL: u8 = 9;
    /// Path of the cgroup, sent while user space has not said what it is.
    PIECE_CGROUP: u8 = 10;
    /// Working directory.
    PIECE_CWD: u8 = 11;
    /// Arguments, each ended by a zero.
    PIECE_ARGS: u8 = 12;
    /// Environment, each variable ended by a zero.
    PIECE_ENV: u8 = 13;
    /// [`ProcessInfo`].
    PIECE_PROCESS: u8 = 14;
    /// Name of a unix socket.
    PIECE_UNIX: u8 = 15;
    /// Name of a unix socket's peer.
    PIECE_UNIX_PEER: u8 = 16;

    /// Capture the text at a pointer; with a directory, also that if the text is a relative path.
    STEP_STRING: u8 = 1;
    /// Capture the open file of a descriptor, its path or socket.
    STEP_FILE: u8 = 2;
    /// Capture the beginning of a buffer; its length is an argument or the result.
    STEP_BYTES: u8 = 3;
    /// Capture a structure of fixed size.
    STEP_MEMORY: u8 = 4;
    /// Capture the beginning of an array of buffers.
    STEP_IOVEC: u8 = 5;
    /// Capture address, data and control data of a message.
    STEP_MESSAGE: u8 = 6;
    /// Capture a socket address.
    STEP_SOCKADDR: u8 = 7;
    /// Capture the caller's process.
    STEP_PROCESS: u8 = 8;
    /// Capture the working directory.
    STEP_CWD: u8 = 9;

    /// Slot: the result.
    SLOT_RESULT: u8 = 0xfe;
    /// Slot: none.
    SLOT_NONE: u8 = 0xff;
    /// Slot: the executed file.
    SLOT_EXE: u8 = 0xfd;

    /// The call opens nothing.
    OPEN_NONE: u8 = 0;
    /// Flags are the second argument.
    OPEN_FLAGS_1: u8 = 1;
    /// Flags are the third argument.
    OPEN_FLAGS_2: u8 = 2;
    /// Flags are in the structure at the third argument.
    OPEN_HOW: u8 = 3;
    /// The call always opens for writing.
    OPEN_WRITE: u8 = 4;

    /// Neither of the others, or unknown.
    FD_OTHER: u8 = 0;
    /// Regular file.
    FD_FILE: u8 = 1;
    /// Directory.
    FD_DIRECTORY: u8 = 2;
    /// IPv4 socket.
    FD_IPV4: u8 = 3;
    /// IPv6 socket.
    FD_IPV6: u8 = 4;
    /// Unix socket.
    FD_UNIX: u8 = 5;
    /// Pipe.
    FD_PIPE: u8 = 6;

    /// No overlay.
    LAYER_NONE: u32 = 0;
    /// The overlay's lower layer.
    LAYER_LOWER: u32 = 1;
    /// The overlay's upper layer.
    LAYER_UPPER: u32 = 2;

    /// The caller may write the executed file, by permissions and capabilities.
    EXE_WRITABLE: u32 = 1;

    /// Outside containers.
    CLASS_HOST: u32 = 1;
    /// In a container.
    CLASS_CONTAINER: u32 = 2;
    /// Not ours to watch: a sidecar looks at its own pod only.
    CLASS_OTHER: u32 = 3;

    /// The one hierarchy of the second version.
    SUBSYSTEM_UNIFIED: u32 = 0;
    /// The hierarchy of the controller pids.
    SUBSYSTEM_PIDS: u32 = 1;
    /// Of memory.
    SUBSYSTEM_MEMORY: u32 = 2;
    /// Of devices.
    SUBSYSTEM_DEVICES: u32 = 3;
    /// Of cpu.
    SUBSYSTEM_CPU: u32 = 4;

    /// Longest path, text, argument list or environment.
    TEXT_MAX: u32 = 4096;
    /// Longest path in a key of the trie, which the kernel limits to 256 bytes with the group.
    PREFIX_MAX: u32 = 252;
    /// Longest file name that the filter looks up.
    NAME_MAX: u32 = 32;
    /// System calls, rounded up.
    SYSCALLS: u32 = 512;
    /// Index of fork's counts.
    COUNT_FORK: u32 = 512;
    /// Index of exec's counts.
    COUNT_EXEC: u32 = 513;
    /// Index of exit's counts.
    COUNT_EXIT: u32 = 514;
    /// Index of the counts of the 32-bit convention: programs executed (sent), and calls (filtered) where one program
    /// sees every call.
    COUNT_32_BIT: u32 = 515;
    /// Index of the loader's own record.
    COUNT_SELF: u32 = 516;
    /// How many counts there are.
    COUNTS: u32 = 517;
    /// Largest record: an exec with six texts of full length.
    RECORD_MAX: u32 = 32768;
}

#[cfg(test)]
/// The C header of all structures and constants.
pub(crate) fn c_header() -> String {
    let mut out = String::from(
        "/* Written from src/kernel/layout.rs by `make bpf`: edit that. */\n#ifndef LITHIFY_LAYOUT_H\n#define LITHIFY_LAYOUT_H\n\n",
    );
    for (name, value) in CONSTANTS {
        writeln!(out, "#define {name} {value}").expect("a String takes everything");
    }
    for structure in STRUCTURES {
        write!(out, "\nstruct {} {{\n", structure.name).expect("a String takes everything");
        for member in structure.fields {
            writeln!(out, "\t{};", c_member(member)).expect("a String takes everything");
        }
        writeln!(
            out,
            "}};\n_Static_assert(sizeof(struct {}) == {}, \"size\");",
            structure.name, structure.size
        )
        .expect("a String takes everything");
        for member in structure.fields {
            writeln!(
                out,
                "_Static_assert(__builtin_offsetof(struct {}, {}) == {}, \"{}\");",
                structure.name, member.name, member.offset, member.name
            )
            .expect("a String takes everything");
        }
    }
    out.push_str("\n#endif\n");
    out
}

#[cfg(test)]
fn c_member(member: &Member) -> String {
    let Some((element, count)) = member
        .kind
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .and_then(|inner| inner.split_once("; "))
    else {
        return format!("{} {}", c_type(member.kind), member.name);
    };
    format!("{} {}[{count}]", c_type(element), member.name)
}

#[cfg(test)]
fn c_type(rust: &str) -> String {
    match rust {
        "Step" => "struct step".to_owned(),
        integer => integer.replacen('i', "s", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_header_is_the_one_made_from_this_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/layout.h");
        let expected = c_header();
        if std::env::var_os("LITHIFY_BLESS").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected, "run `make bpf`");
    }

    #[test]
    fn structures_have_no_padding() {
        for structure in STRUCTURES {
            let used: usize = structure.fields.iter().map(|member| bytes_of(member.kind)).sum();
            assert_eq!(used, structure.size, "{}", structure.name);
        }
    }

    fn bytes_of(kind: &str) -> usize {
        match kind {
            "u8" => 1,
            "u16" => 2,
            "u32" | "i32" | "Step" => 4,
            "u64" | "i64" => 8,
            array => {
                let (element, count) = array.trim_matches(['[', ']']).split_once("; ").unwrap();
                bytes_of(element) * count.parse::<usize>().unwrap()
            }
        }
    }
}
