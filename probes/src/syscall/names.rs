//! Names of flags, commands and errors, as Falco writes them in `evt.arg.*` and `evt.res`.

/// How the number of a parameter is written.
#[derive(Clone, Copy)]
pub(crate) enum Names {
    /// As a number.
    Number,
    /// Octal, as permissions are.
    Octal,
    /// Names of set bits, joined by `|`.
    Flags(&'static [(u64, &'static str)]),
    /// One of several names.
    One(&'static [(u64, &'static str)]),
    /// Flags of an open, where reading is no bit.
    Open,
}

/// How a parameter of an event is written.
pub(crate) fn names_of(event: &str, parameter: &str) -> Names {
    match (event, parameter) {
        ("open" | "openat" | "openat2" | "open_by_handle_at", "flags") => Names::Open,
        ("open" | "openat" | "openat2" | "creat" | "mkdir" | "mkdirat", "mode") => Names::Octal,
        ("openat2", "resolve") => Names::Flags(RESOLVE),
        ("socket" | "socketpair", "domain") => Names::One(DOMAINS),
        ("socket" | "accept4", "flags") => Names::Flags(SOCKET_FLAGS),
        ("shutdown", "how") => Names::One(SHUTDOWN),
        ("setsockopt" | "getsockopt", "level") => Names::One(LEVELS),
        ("setsockopt" | "getsockopt", "optname") => Names::One(OPTIONS),
        ("ptrace", "request") => Names::One(PTRACE),
        ("bpf", "cmd") => Names::One(BPF),
        ("prctl", "option") => Names::One(PRCTL),
        ("fcntl", "cmd") => Names::One(FCNTL),
        ("seccomp", "op") => Names::One(SECCOMP),
        ("lseek", "whence") => Names::One(WHENCE),
        ("clone" | "clone3" | "fork" | "vfork" | "unshare", "flags") | ("setns", "nstype") => {
            Names::Flags(CLONE)
        }
        ("execve" | "execveat", "flags") => Names::Flags(EXECUTABLE),
        (
            "dup3" | "pipe2" | "eventfd2" | "signalfd4" | "epoll_create1" | "inotify_init1"
            | "timerfd_create" | "userfaultfd",
            "flags",
        ) => Names::Flags(CLOSE_ON_EXEC),
        ("pidfd_open", "flags") => Names::Flags(PIDFD),
        ("memfd_create", "flags") => Names::Flags(MEMFD),
        ("unlinkat" | "linkat" | "fchownat" | "fchmodat2" | "utimensat" | "newfstatat", "flags") => {
            Names::Flags(AT)
        }
        ("renameat2", "flags") => Names::Flags(RENAME),
        ("mount", "flags") => Names::Flags(MOUNT),
        ("umount2", "flags") => Names::Flags(UMOUNT),
        ("access", "mode") => Names::Flags(ACCESS),
        ("finit_module", "flags") => Names::Flags(MODULE),
        ("delete_module", "flags") => Names::Flags(DELETE_MODULE),
        ("io_uring_setup", "flags") => Names::Flags(IO_URING_SETUP),
        ("mmap" | "mprotect", "prot") => Names::Flags(PROTECTION),
        ("mmap", "flags") => Names::Flags(MAPPING),
        ("chmod" | "fchmod" | "fchmodat" | "fchmodat2" | "mknod" | "mknodat", "mode") => Names::Flags(MODE),
        _ => Names::Number,
    }
}

/// Whether a call opens with flags.
pub(crate) fn is_open(event: &str) -> bool {
    matches!(event, "open" | "openat" | "openat2" | "open_by_handle_at")
}

impl Names {
    /// Writes a number.
    pub(crate) fn write(self, value: u64) -> String {
        match self {
            Self::Number => value.to_string(),
            Self::Octal if value == 0 => "0".to_owned(),
            Self::Octal => format!("0{value:o}"),
            Self::Flags(table) => join(table, value, String::new()),
            Self::One(table) => table
                .iter()
                .find(|(number, _)| *number == value)
                .map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned()),
            Self::Open => open_flags(value),
        }
    }
}

/// Names of the bits that are set, a name that stands for several bits before those; a number if none is.
fn join(table: &[(u64, &'static str)], value: u64, mut out: String) -> String {
    let mut rest = value;
    for (bits, name) in table {
        if *bits != 0 && rest & bits == *bits {
            if !out.is_empty() {
                out.push('|');
            }
            out.push_str(name);
            rest &= !bits;
        }
    }
    if out.is_empty() { value.to_string() } else { out }
}

/// The bits that say whether a file is read or written.
pub(crate) const O_ACCMODE: u64 = 3;

/// Bit above those of the kernel: the file was made by this open.
pub(crate) const OPEN_CREATED: u64 = 1 << 32;
/// The file is in the upper layer of an overlay.
pub(crate) const OPEN_UPPER: u64 = 1 << 33;
/// The file is in a lower layer.
pub(crate) const OPEN_LOWER: u64 = 1 << 34;

fn open_flags(value: u64) -> String {
    const BEFORE: &[(u64, &str)] = &[
        (0o100_000, "O_LARGEFILE"),
        (0o20_200_000, "O_TMPFILE|O_DIRECTORY"),
        (0o200_000, "O_DIRECTORY"),
        (0o40_000, "O_DIRECT"),
        (0o1_000, "O_TRUNC"),
        (0o4_010_000, "O_SYNC|O_DSYNC"),
        (0o4_000, "O_NONBLOCK"),
        (0o200, "O_EXCL"),
        (0o10_000, "O_DSYNC"),
        (0o2_000, "O_APPEND"),
        (0o100, "O_CREAT"),
        (0o3, "O_RDWR|O_WRONLY"),
        (0o2, "O_RDWR"),
        (0o1, "O_WRONLY"),
    ];
    const BEHIND: &[(u64, &str)] = &[
        (0o2_000_000, "O_CLOEXEC"),
        (0o10_000_000, "O_PATH"),
        (0o400_000, "O_NOFOLLOW"),
        (0o1_000_000, "O_NOATIME"),
        (OPEN_CREATED, "O_F_CREATED"),
        (OPEN_UPPER, "FD_UPPER_LAYER"),
        (OPEN_LOWER, "FD_LOWER_LAYER"),
    ];
    let known = BEFORE.iter().fold(0, |all, (bits, _)| all | bits);
    let mut out = if value & known == 0 { String::new() } else { join(BEFORE, value & known, String::new()) };
    if value & O_ACCMODE == 0 {
        if !out.is_empty() {
            out.push('|');
        }
        out.push_str("O_RDONLY");
    }
    join(BEHIND, value & !known, out)
}

/// The name of an error, as in `ENOENT`; `None` if it has none.
pub(crate) fn error_name(number: i64) -> Option<&'static str> {
    let place = ERRORS.binary_search_by_key(&number, |row| row.0).ok()?;
    Some(ERRORS[place].1)
}

const RESOLVE: &[(u64, &str)] = &[
    (1, "RESOLVE_NO_XDEV"),
    (2, "RESOLVE_NO_MAGICLINKS"),
    (4, "RESOLVE_NO_SYMLINKS"),
    (8, "RESOLVE_BENEATH"),
    (16, "RESOLVE_IN_ROOT"),
    (32, "RESOLVE_CACHED"),
];

const DOMAINS: &[(u64, &str)] = &[
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (3, "AF_AX25"),
    (4, "AF_IPX"),
    (5, "AF_APPLETALK"),
    (6, "AF_NETROM"),
    (7, "AF_BRIDGE"),
    (8, "AF_ATMPVC"),
    (9, "AF_X25"),
    (10, "AF_INET6"),
    (11, "AF_ROSE"),
    (12, "AF_DECnet"),
    (13, "AF_NETBEUI"),
    (14, "AF_SECURITY"),
    (15, "AF_KEY"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (18, "AF_ASH"),
    (19, "AF_ECONET"),
    (20, "AF_ATMSVC"),
    (21, "AF_RDS"),
    (22, "AF_SNA"),
    (23, "AF_IRDA"),
    (24, "AF_PPPOX"),
    (25, "AF_WANPIPE"),
    (26, "AF_LLC"),
    (29, "AF_CAN"),
    (30, "AF_TIPC"),
    (31, "AF_BLUETOOTH"),
    (32, "AF_IUCV"),
    (33, "AF_RXRPC"),
    (34, "AF_ISDN"),
    (35, "AF_PHONET"),
    (36, "AF_IEEE802154"),
    (37, "AF_CAIF"),
    (38, "AF_ALG"),
    (39, "AF_NFC"),
    (40, "AF_VSOCK"),
    (44, "AF_XDP"),
];

const SOCKET_FLAGS: &[(u64, &str)] = &[(0o4_000, "SOCK_NONBLOCK"), (0o2_000_000, "SOCK_CLOEXEC")];

const SHUTDOWN: &[(u64, &str)] = &[(0, "SHUT_RD"), (1, "SHUT_WR"), (2, "SHUT_RDWR")];

const LEVELS: &[(u64, &str)] =
    &[(1, "SOL_SOCKET"), (6, "SOL_TCP"), (0, "SOL_IP"), (41, "SOL_IPV6"), (17, "SOL_UDP")];

const OPTIONS: &[(u64, &str)] = &[
    (1, "SO_DEBUG"),
    (2, "SO_REUSEADDR"),
    (3, "SO_TYPE"),
    (4, "SO_ERROR"),
    (5, "SO_DONTROUTE"),
    (6, "SO_BROADCAST"),
    (7, "SO_SNDBUF"),
    (8, "SO_RCVBUF"),
    (9, "SO_KEEPALIVE"),
    (10, "SO_OOBINLINE"),
    (13, "SO_LINGER"),
    (15, "SO_REUSEPORT"),
    (16, "SO_PASSCRED"),
    (17, "SO_PEERCRED"),
    (18, "SO_RCVLOWAT"),
    (19, "SO_SNDLOWAT"),
    (20, "SO_RCVTIMEO"),
    (21, "SO_SNDTIMEO"),
    (25, "SO_BINDTODEVICE"),
    (26, "SO_ATTACH_FILTER"),
    (27, "SO_DETACH_FILTER"),
    (30, "SO_ACCEPTCONN"),
    (31, "SO_PEERSEC"),
    (36, "SO_MARK"),
    (38, "SO_PROTOCOL"),
    (39, "SO_DOMAIN"),
    (50, "SO_ATTACH_BPF"),
];

const PTRACE: &[(u64, &str)] = &[
    (0, "PTRACE_TRACEME"),
    (1, "PTRACE_PEEKTEXT"),
    (2, "PTRACE_PEEKDATA"),
    (3, "PTRACE_PEEKUSR"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (6, "PTRACE_POKEUSR"),
    (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"),
    (9, "PTRACE_SINGLESTEP"),
    (12, "PTRACE_GETREGS"),
    (13, "PTRACE_SETREGS"),
    (14, "PTRACE_GETFPREGS"),
    (15, "PTRACE_SETFPREGS"),
    (16, "PTRACE_ATTACH"),
    (17, "PTRACE_DETACH"),
    (18, "PTRACE_GETFPXREGS"),
    (19, "PTRACE_SETFPXREGS"),
    (24, "PTRACE_SYSCALL"),
    (0x4200, "PTRACE_SETOPTIONS"),
    (0x4201, "PTRACE_GETEVENTMSG"),
    (0x4202, "PTRACE_GETSIGINFO"),
    (0x4203, "PTRACE_SETSIGINFO"),
    (0x4204, "PTRACE_GETREGSET"),
    (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"),
    (0x4207, "PTRACE_INTERRUPT"),
    (0x4208, "PTRACE_LISTEN"),
    (0x4209, "PTRACE_PEEKSIGINFO"),
    (0x420a, "PTRACE_GETSIGMASK"),
    (0x420b, "PTRACE_SETSIGMASK"),
    (0x420c, "PTRACE_SECCOMP_GET_FILTER"),
];

const BPF: &[(u64, &str)] = &[
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (3, "BPF_MAP_DELETE_ELEM"),
    (4, "BPF_MAP_GET_NEXT_KEY"),
    (5, "BPF_PROG_LOAD"),
    (6, "BPF_OBJ_PIN"),
    (7, "BPF_OBJ_GET"),
    (8, "BPF_PROG_ATTACH"),
    (9, "BPF_PROG_DETACH"),
    (10, "BPF_PROG_TEST_RUN"),
    (11, "BPF_PROG_GET_NEXT_ID"),
    (12, "BPF_MAP_GET_NEXT_ID"),
    (13, "BPF_PROG_GET_FD_BY_ID"),
    (14, "BPF_MAP_GET_FD_BY_ID"),
    (15, "BPF_OBJ_GET_INFO_BY_FD"),
    (16, "BPF_PROG_QUERY"),
    (17, "BPF_RAW_TRACEPOINT_OPEN"),
    (18, "BPF_BTF_LOAD"),
    (19, "BPF_BTF_GET_FD_BY_ID"),
    (20, "BPF_TASK_FD_QUERY"),
    (21, "BPF_MAP_LOOKUP_AND_DELETE_ELEM"),
    (22, "BPF_MAP_FREEZE"),
    (23, "BPF_BTF_GET_NEXT_ID"),
    (24, "BPF_MAP_LOOKUP_BATCH"),
    (25, "BPF_MAP_LOOKUP_AND_DELETE_BATCH"),
    (26, "BPF_MAP_UPDATE_BATCH"),
    (27, "BPF_MAP_DELETE_BATCH"),
    (28, "BPF_LINK_CREATE"),
    (29, "BPF_LINK_UPDATE"),
    (30, "BPF_LINK_GET_FD_BY_ID"),
    (31, "BPF_LINK_GET_NEXT_ID"),
    (32, "BPF_ENABLE_STATS"),
    (33, "BPF_ITER_CREATE"),
    (34, "BPF_LINK_DETACH"),
    (35, "BPF_PROG_BIND_MAP"),
];

const PRCTL: &[(u64, &str)] = &[
    (1, "PR_SET_PDEATHSIG"),
    (2, "PR_GET_PDEATHSIG"),
    (3, "PR_GET_DUMPABLE"),
    (4, "PR_SET_DUMPABLE"),
    (7, "PR_GET_KEEPCAPS"),
    (8, "PR_SET_KEEPCAPS"),
    (15, "PR_SET_NAME"),
    (16, "PR_GET_NAME"),
    (21, "PR_GET_SECCOMP"),
    (22, "PR_SET_SECCOMP"),
    (23, "PR_CAPBSET_READ"),
    (24, "PR_CAPBSET_DROP"),
    (28, "PR_SET_SECUREBITS"),
    (35, "PR_SET_MM"),
    (36, "PR_SET_CHILD_SUBREAPER"),
    (37, "PR_GET_CHILD_SUBREAPER"),
    (38, "PR_SET_NO_NEW_PRIVS"),
    (39, "PR_GET_NO_NEW_PRIVS"),
    (47, "PR_CAP_AMBIENT"),
    (0x5961_6d61, "PR_SET_PTRACER"),
    (0x5356_4d41, "PR_SET_VMA"),
];

const FCNTL: &[(u64, &str)] = &[
    (0, "F_DUPFD"),
    (1, "F_GETFD"),
    (2, "F_SETFD"),
    (3, "F_GETFL"),
    (4, "F_SETFL"),
    (5, "F_GETLK"),
    (6, "F_SETLK"),
    (7, "F_SETLKW"),
    (8, "F_SETOWN"),
    (9, "F_GETOWN"),
    (10, "F_SETSIG"),
    (11, "F_GETSIG"),
    (1024, "F_SETLEASE"),
    (1025, "F_GETLEASE"),
    (1026, "F_NOTIFY"),
    (1030, "F_DUPFD_CLOEXEC"),
    (1031, "F_SETPIPE_SZ"),
    (1032, "F_GETPIPE_SZ"),
    (1033, "F_ADD_SEALS"),
    (1034, "F_GET_SEALS"),
];

const SECCOMP: &[(u64, &str)] = &[
    (0, "SECCOMP_SET_MODE_STRICT"),
    (1, "SECCOMP_SET_MODE_FILTER"),
    (2, "SECCOMP_GET_ACTION_AVAIL"),
    (3, "SECCOMP_GET_NOTIF_SIZES"),
];

const WHENCE: &[(u64, &str)] = &[(0, "SEEK_SET"), (1, "SEEK_CUR"), (2, "SEEK_END")];

const CLONE: &[(u64, &str)] = &[
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x100, "CLONE_VM"),
    (0x800, "CLONE_SIGHAND"),
    (0x1000, "CLONE_PIDFD"),
    (0x2000, "CLONE_PTRACE"),
    (0x4000, "CLONE_VFORK"),
    (0x8000, "CLONE_PARENT"),
    (0x1_0000, "CLONE_THREAD"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x4_0000, "CLONE_SYSVSEM"),
    (0x8_0000, "CLONE_SETTLS"),
    (0x10_0000, "CLONE_PARENT_SETTID"),
    (0x20_0000, "CLONE_CHILD_CLEARTID"),
    (0x80_0000, "CLONE_UNTRACED"),
    (0x100_0000, "CLONE_CHILD_SETTID"),
    (0x200_0000, "CLONE_NEWCGROUP"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x8000_0000, "CLONE_IO"),
];

/// Bits of an executed file, ours: the kernel has none.
pub(crate) const EXE_WRITABLE: u64 = 1;
/// In the upper layer of an overlay.
pub(crate) const EXE_UPPER_LAYER: u64 = 2;
/// Made by memfd_create.
pub(crate) const EXE_FROM_MEMFD: u64 = 4;
/// In a lower layer of an overlay.
pub(crate) const EXE_LOWER_LAYER: u64 = 8;

const EXECUTABLE: &[(u64, &str)] = &[
    (EXE_WRITABLE, "EXE_WRITABLE"),
    (EXE_UPPER_LAYER, "EXE_UPPER_LAYER"),
    (EXE_FROM_MEMFD, "EXE_FROM_MEMFD"),
    (EXE_LOWER_LAYER, "EXE_LOWER_LAYER"),
];

const CLOSE_ON_EXEC: &[(u64, &str)] =
    &[(0o2_000_000, "O_CLOEXEC"), (0o4_000, "O_NONBLOCK"), (0o40_000, "O_DIRECT")];

const PIDFD: &[(u64, &str)] = &[(0o4_000, "PIDFD_NONBLOCK"), (0o200, "PIDFD_THREAD")];

const MEMFD: &[(u64, &str)] = &[
    (1, "MFD_CLOEXEC"),
    (2, "MFD_ALLOW_SEALING"),
    (4, "MFD_HUGETLB"),
    (8, "MFD_NOEXEC_SEAL"),
    (16, "MFD_EXEC"),
];

const AT: &[(u64, &str)] = &[
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x200, "AT_REMOVEDIR"),
    (0x400, "AT_SYMLINK_FOLLOW"),
    (0x800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
];

const RENAME: &[(u64, &str)] = &[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")];

const MOUNT: &[(u64, &str)] = &[
    (1, "RDONLY"),
    (2, "NOSUID"),
    (4, "NODEV"),
    (8, "NOEXEC"),
    (16, "SYNCHRONOUS"),
    (32, "REMOUNT"),
    (64, "MANDLOCK"),
    (128, "DIRSYNC"),
    (1024, "NOATIME"),
    (2048, "NODIRATIME"),
    (4096, "BIND"),
    (8192, "MOVE"),
    (16_384, "REC"),
    (32_768, "SILENT"),
    (1 << 16, "POSIXACL"),
    (1 << 17, "UNBINDABLE"),
    (1 << 18, "PRIVATE"),
    (1 << 19, "SLAVE"),
    (1 << 20, "SHARED"),
    (1 << 21, "RELATIME"),
    (1 << 23, "I_VERSION"),
    (1 << 24, "STRICTATIME"),
    (1 << 25, "LAZYTIME"),
];

const UMOUNT: &[(u64, &str)] = &[(1, "FORCE"), (2, "DETACH"), (4, "EXPIRE"), (8, "NOFOLLOW")];

const ACCESS: &[(u64, &str)] = &[(4, "R_OK"), (2, "W_OK"), (1, "X_OK")];

const MODULE: &[(u64, &str)] = &[
    (1, "MODULE_INIT_IGNORE_MODVERSIONS"),
    (2, "MODULE_INIT_IGNORE_VERMAGIC"),
    (4, "MODULE_INIT_COMPRESSED_FILE"),
];

const DELETE_MODULE: &[(u64, &str)] = &[(0o4_000, "O_NONBLOCK"), (0o1_000, "O_TRUNC")];

const IO_URING_SETUP: &[(u64, &str)] = &[
    (1, "IORING_SETUP_IOPOLL"),
    (2, "IORING_SETUP_SQPOLL"),
    (4, "IORING_SETUP_SQ_AFF"),
    (8, "IORING_SETUP_CQSIZE"),
    (16, "IORING_SETUP_CLAMP"),
    (32, "IORING_SETUP_ATTACH_WQ"),
    (64, "IORING_SETUP_R_DISABLED"),
    (128, "IORING_SETUP_SUBMIT_ALL"),
    (256, "IORING_SETUP_COOP_TASKRUN"),
    (512, "IORING_SETUP_TASKRUN_FLAG"),
    (1024, "IORING_SETUP_SQE128"),
    (2048, "IORING_SETUP_CQE32"),
    (4096, "IORING_SETUP_SINGLE_ISSUER"),
    (8192, "IORING_SETUP_DEFER_TASKRUN"),
];

const PROTECTION: &[(u64, &str)] = &[(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC"), (8, "PROT_SEM")];

const MAPPING: &[(u64, &str)] = &[
    (1, "MAP_SHARED"),
    (2, "MAP_PRIVATE"),
    (0x10, "MAP_FIXED"),
    (0x20, "MAP_ANONYMOUS"),
    (0x40, "MAP_32BIT"),
    (0x100, "MAP_GROWSDOWN"),
    (0x800, "MAP_DENYWRITE"),
    (0x1000, "MAP_EXECUTABLE"),
    (0x2000, "MAP_LOCKED"),
    (0x4000, "MAP_NORESERVE"),
    (0x8000, "MAP_POPULATE"),
    (0x1_0000, "MAP_NONBLOCK"),
    (0x2_0000, "MAP_STACK"),
    (0x4_0000, "MAP_HUGETLB"),
];

const MODE: &[(u64, &str)] = &[
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1_000, "S_ISVTX"),
    (0o2_000, "S_ISGID"),
    (0o4_000, "S_ISUID"),
];

/// Capabilities by number.
pub(crate) const CAPABILITIES: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

const ERRORS: &[(i64, &str)] = &[
    (1, "EPERM"),
    (2, "ENOENT"),
    (3, "ESRCH"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (8, "ENOEXEC"),
    (9, "EBADF"),
    (10, "ECHILD"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (15, "ENOTBLK"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (18, "EXDEV"),
    (19, "ENODEV"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (25, "ENOTTY"),
    (26, "ETXTBSY"),
    (27, "EFBIG"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (31, "EMLINK"),
    (32, "EPIPE"),
    (33, "EDOM"),
    (34, "ERANGE"),
    (35, "EDEADLK"),
    (36, "ENAMETOOLONG"),
    (37, "ENOLCK"),
    (38, "ENOSYS"),
    (39, "ENOTEMPTY"),
    (40, "ELOOP"),
    (42, "ENOMSG"),
    (61, "ENODATA"),
    (62, "ETIME"),
    (71, "EPROTO"),
    (74, "EBADMSG"),
    (75, "EOVERFLOW"),
    (84, "EILSEQ"),
    (85, "ERESTART"),
    (87, "EUSERS"),
    (88, "ENOTSOCK"),
    (89, "EDESTADDRREQ"),
    (90, "EMSGSIZE"),
    (91, "EPROTOTYPE"),
    (92, "ENOPROTOOPT"),
    (93, "EPROTONOSUPPORT"),
    (94, "ESOCKTNOSUPPORT"),
    (95, "EOPNOTSUPP"),
    (96, "EPFNOSUPPORT"),
    (97, "EAFNOSUPPORT"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (100, "ENETDOWN"),
    (101, "ENETUNREACH"),
    (102, "ENETRESET"),
    (103, "ECONNABORTED"),
    (104, "ECONNRESET"),
    (105, "ENOBUFS"),
    (106, "EISCONN"),
    (107, "ENOTCONN"),
    (108, "ESHUTDOWN"),
    (109, "ETOOMANYREFS"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (112, "EHOSTDOWN"),
    (113, "EHOSTUNREACH"),
    (114, "EALREADY"),
    (115, "EINPROGRESS"),
    (116, "ESTALE"),
    (122, "EDQUOT"),
    (123, "ENOMEDIUM"),
    (124, "EMEDIUMTYPE"),
    (125, "ECANCELED"),
    (126, "ENOKEY"),
    (127, "EKEYEXPIRED"),
    (128, "EKEYREVOKED"),
    (129, "EKEYREJECTED"),
    (130, "EOWNERDEAD"),
    (131, "ENOTRECOVERABLE"),
    (132, "ERFKILL"),
    (133, "EHWPOISON"),
    (512, "ERESTARTSYS"),
    (513, "ERESTARTNOINTR"),
    (514, "ERESTARTNOHAND"),
    (516, "ERESTART_RESTARTBLOCK"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_flags_of_an_open_as_falco_does() {
        let open = |flags| Names::Open.write(flags);
        assert_eq!(open(0o2_000_000), "O_RDONLY|O_CLOEXEC");
        assert_eq!(
            open(0o1_101 | OPEN_CREATED | OPEN_UPPER),
            "O_TRUNC|O_CREAT|O_WRONLY|O_F_CREATED|FD_UPPER_LAYER"
        );
        assert_eq!(open(0o2), "O_RDWR");
        assert_eq!(open(0), "O_RDONLY");
        assert_eq!(open(0o20_200_002), "O_TMPFILE|O_DIRECTORY|O_RDWR");
    }

    #[test]
    fn unknown_values_stay_numbers() {
        assert_eq!(names_of("socket", "domain").write(17), "AF_PACKET");
        assert_eq!(names_of("socket", "domain").write(99), "99");
        assert_eq!(names_of("unshare", "flags").write(0), "0");
        assert_eq!(names_of("unshare", "flags").write(0x2002_0000), "CLONE_NEWNS|CLONE_NEWPID");
        assert_eq!(
            names_of("chmod", "mode").write(0o4_711),
            "S_IXOTH|S_IXGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID"
        );
        assert_eq!(names_of("openat", "mode").write(0o644), "0644");
    }

    #[test]
    fn errors_stand_by_number() {
        assert!(ERRORS.is_sorted_by_key(|row| row.0));
        assert_eq!(error_name(30), Some("EROFS"));
        assert_eq!(error_name(41), None);
    }
}
