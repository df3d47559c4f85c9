/* Written from src/kernel/layout.rs by `make bpf`: edit that. */
#ifndef LITHIFY_LAYOUT_H
#define LITHIFY_LAYOUT_H

#define RECORD_SYSCALL 0
#define RECORD_EXEC 1
#define RECORD_FORK 2
#define RECORD_EXIT 3
#define RECORD_SELF 4
#define FLAG_TRUNCATED 1
#define FLAG_JUDGED_OUT 2
#define PIECE_STRING 1
#define PIECE_DIRECTORY 2
#define PIECE_FILE 3
#define PIECE_PATH 4
#define PIECE_SOCKET 5
#define PIECE_BYTES 6
#define PIECE_MEMORY 7
#define PIECE_SOCKADDR 8
#define PIECE_CONTROL 9
#define PIECE_CGROUP 10
#define PIECE_CWD 11
#define PIECE_ARGS 12
#define PIECE_ENV 13
#define PIECE_PROCESS 14
#define PIECE_UNIX 15
#define PIECE_UNIX_PEER 16
#define STEP_STRING 1
#define STEP_FILE 2
#define STEP_BYTES 3
#define STEP_MEMORY 4
#define STEP_IOVEC 5
#define STEP_MESSAGE 6
#define STEP_SOCKADDR 7
#define STEP_PROCESS 8
#define STEP_CWD 9
#define SLOT_RESULT 254
#define SLOT_NONE 255
#define SLOT_EXE 253
#define OPEN_NONE 0
#define OPEN_FLAGS_1 1
#define OPEN_FLAGS_2 2
#define OPEN_HOW 3
#define OPEN_WRITE 4
#define FD_OTHER 0
#define FD_FILE 1
#define FD_DIRECTORY 2
#define FD_IPV4 3
#define FD_IPV6 4
#define FD_UNIX 5
#define FD_PIPE 6
#define LAYER_NONE 0
#define LAYER_LOWER 1
#define LAYER_UPPER 2
#define EXE_WRITABLE 1
#define CLASS_HOST 1
#define CLASS_CONTAINER 2
#define CLASS_OTHER 3
#define SUBSYSTEM_UNIFIED 0
#define SUBSYSTEM_PIDS 1
#define SUBSYSTEM_MEMORY 2
#define SUBSYSTEM_DEVICES 3
#define SUBSYSTEM_CPU 4
#define TEXT_MAX 4096
#define PREFIX_MAX 252
#define NAME_MAX 32
#define SYSCALLS 512
#define COUNT_FORK 512
#define COUNT_EXEC 513
#define COUNT_EXIT 514
#define COUNT_32_BIT 515
#define COUNT_SELF 516
#define COUNTS 517
#define RECORD_MAX 32768

struct header {
	u64 time_ns;
	s64 result;
	u64 args[6];
	u64 start_ns;
	u64 parent_start_ns;
	u64 cgroup;
	u64 cap_effective;
	u64 cap_permitted;
	u64 cap_inheritable;
	u32 length;
	u32 flags;
	u16 kind;
	u16 syscall;
	u32 cpu;
	u32 pid;
	u32 tid;
	u32 ppid;
	u32 sid;
	u32 pgid;
	u32 uid;
	u32 gid;
	u32 loginuid;
	u32 tty;
	u32 mnt_ns;
	u32 vtid;
	u32 threads;
	u8 comm[16];
};
_Static_assert(sizeof(struct header) == 192, "size");
_Static_assert(__builtin_offsetof(struct header, time_ns) == 0, "time_ns");
_Static_assert(__builtin_offsetof(struct header, result) == 8, "result");
_Static_assert(__builtin_offsetof(struct header, args) == 16, "args");
_Static_assert(__builtin_offsetof(struct header, start_ns) == 64, "start_ns");
_Static_assert(__builtin_offsetof(struct header, parent_start_ns) == 72, "parent_start_ns");
_Static_assert(__builtin_offsetof(struct header, cgroup) == 80, "cgroup");
_Static_assert(__builtin_offsetof(struct header, cap_effective) == 88, "cap_effective");
_Static_assert(__builtin_offsetof(struct header, cap_permitted) == 96, "cap_permitted");
_Static_assert(__builtin_offsetof(struct header, cap_inheritable) == 104, "cap_inheritable");
_Static_assert(__builtin_offsetof(struct header, length) == 112, "length");
_Static_assert(__builtin_offsetof(struct header, flags) == 116, "flags");
_Static_assert(__builtin_offsetof(struct header, kind) == 120, "kind");
_Static_assert(__builtin_offsetof(struct header, syscall) == 122, "syscall");
_Static_assert(__builtin_offsetof(struct header, cpu) == 124, "cpu");
_Static_assert(__builtin_offsetof(struct header, pid) == 128, "pid");
_Static_assert(__builtin_offsetof(struct header, tid) == 132, "tid");
_Static_assert(__builtin_offsetof(struct header, ppid) == 136, "ppid");
_Static_assert(__builtin_offsetof(struct header, sid) == 140, "sid");
_Static_assert(__builtin_offsetof(struct header, pgid) == 144, "pgid");
_Static_assert(__builtin_offsetof(struct header, uid) == 148, "uid");
_Static_assert(__builtin_offsetof(struct header, gid) == 152, "gid");
_Static_assert(__builtin_offsetof(struct header, loginuid) == 156, "loginuid");
_Static_assert(__builtin_offsetof(struct header, tty) == 160, "tty");
_Static_assert(__builtin_offsetof(struct header, mnt_ns) == 164, "mnt_ns");
_Static_assert(__builtin_offsetof(struct header, vtid) == 168, "vtid");
_Static_assert(__builtin_offsetof(struct header, threads) == 172, "threads");
_Static_assert(__builtin_offsetof(struct header, comm) == 176, "comm");

struct piece {
	u8 kind;
	u8 slot;
	u16 length;
};
_Static_assert(sizeof(struct piece) == 4, "size");
_Static_assert(__builtin_offsetof(struct piece, kind) == 0, "kind");
_Static_assert(__builtin_offsetof(struct piece, slot) == 1, "slot");
_Static_assert(__builtin_offsetof(struct piece, length) == 2, "length");

struct file_info {
	u64 ino;
	u64 ctime_ns;
	u64 mtime_ns;
	u32 dev;
	u32 mode;
	u32 flags;
	u32 f_mode;
	u32 magic;
	u32 layer;
	u32 mnt_id;
	u32 root_mount;
	s32 fd;
	u32 deleted;
};
_Static_assert(sizeof(struct file_info) == 64, "size");
_Static_assert(__builtin_offsetof(struct file_info, ino) == 0, "ino");
_Static_assert(__builtin_offsetof(struct file_info, ctime_ns) == 8, "ctime_ns");
_Static_assert(__builtin_offsetof(struct file_info, mtime_ns) == 16, "mtime_ns");
_Static_assert(__builtin_offsetof(struct file_info, dev) == 24, "dev");
_Static_assert(__builtin_offsetof(struct file_info, mode) == 28, "mode");
_Static_assert(__builtin_offsetof(struct file_info, flags) == 32, "flags");
_Static_assert(__builtin_offsetof(struct file_info, f_mode) == 36, "f_mode");
_Static_assert(__builtin_offsetof(struct file_info, magic) == 40, "magic");
_Static_assert(__builtin_offsetof(struct file_info, layer) == 44, "layer");
_Static_assert(__builtin_offsetof(struct file_info, mnt_id) == 48, "mnt_id");
_Static_assert(__builtin_offsetof(struct file_info, root_mount) == 52, "root_mount");
_Static_assert(__builtin_offsetof(struct file_info, fd) == 56, "fd");
_Static_assert(__builtin_offsetof(struct file_info, deleted) == 60, "deleted");

struct socket_info {
	u8 local[16];
	u8 remote[16];
	u16 local_port;
	u16 remote_port;
	u16 family;
	u16 kind;
	u16 protocol;
	u16 state;
	u32 backlog;
	u32 max_backlog;
	u32 reserved;
	u64 pointer;
	u64 peer;
};
_Static_assert(sizeof(struct socket_info) == 72, "size");
_Static_assert(__builtin_offsetof(struct socket_info, local) == 0, "local");
_Static_assert(__builtin_offsetof(struct socket_info, remote) == 16, "remote");
_Static_assert(__builtin_offsetof(struct socket_info, local_port) == 32, "local_port");
_Static_assert(__builtin_offsetof(struct socket_info, remote_port) == 34, "remote_port");
_Static_assert(__builtin_offsetof(struct socket_info, family) == 36, "family");
_Static_assert(__builtin_offsetof(struct socket_info, kind) == 38, "kind");
_Static_assert(__builtin_offsetof(struct socket_info, protocol) == 40, "protocol");
_Static_assert(__builtin_offsetof(struct socket_info, state) == 42, "state");
_Static_assert(__builtin_offsetof(struct socket_info, backlog) == 44, "backlog");
_Static_assert(__builtin_offsetof(struct socket_info, max_backlog) == 48, "max_backlog");
_Static_assert(__builtin_offsetof(struct socket_info, reserved) == 52, "reserved");
_Static_assert(__builtin_offsetof(struct socket_info, pointer) == 56, "pointer");
_Static_assert(__builtin_offsetof(struct socket_info, peer) == 64, "peer");

struct process_info {
	u64 pidns_start_ns;
	u64 fd_limit;
	u64 major_faults;
	u64 minor_faults;
	u32 vm_size;
	u32 vm_rss;
	u32 vm_swap;
	u32 vtid;
	u32 vpid;
	u32 vpgid;
	u32 pidns_level;
	u32 exe_flags;
};
_Static_assert(sizeof(struct process_info) == 64, "size");
_Static_assert(__builtin_offsetof(struct process_info, pidns_start_ns) == 0, "pidns_start_ns");
_Static_assert(__builtin_offsetof(struct process_info, fd_limit) == 8, "fd_limit");
_Static_assert(__builtin_offsetof(struct process_info, major_faults) == 16, "major_faults");
_Static_assert(__builtin_offsetof(struct process_info, minor_faults) == 24, "minor_faults");
_Static_assert(__builtin_offsetof(struct process_info, vm_size) == 32, "vm_size");
_Static_assert(__builtin_offsetof(struct process_info, vm_rss) == 36, "vm_rss");
_Static_assert(__builtin_offsetof(struct process_info, vm_swap) == 40, "vm_swap");
_Static_assert(__builtin_offsetof(struct process_info, vtid) == 44, "vtid");
_Static_assert(__builtin_offsetof(struct process_info, vpid) == 48, "vpid");
_Static_assert(__builtin_offsetof(struct process_info, vpgid) == 52, "vpgid");
_Static_assert(__builtin_offsetof(struct process_info, pidns_level) == 56, "pidns_level");
_Static_assert(__builtin_offsetof(struct process_info, exe_flags) == 60, "exe_flags");

struct step {
	u8 kind;
	u8 slot;
	u8 with;
	u8 size;
};
_Static_assert(sizeof(struct step) == 4, "size");
_Static_assert(__builtin_offsetof(struct step, kind) == 0, "kind");
_Static_assert(__builtin_offsetof(struct step, slot) == 1, "slot");
_Static_assert(__builtin_offsetof(struct step, with) == 2, "with");
_Static_assert(__builtin_offsetof(struct step, size) == 3, "size");

struct plan {
	u32 count;
	u8 open;
	u8 fd_slot;
	u8 has_path;
	u8 filtered;
	u32 group;
	struct step steps[6];
};
_Static_assert(sizeof(struct plan) == 36, "size");
_Static_assert(__builtin_offsetof(struct plan, count) == 0, "count");
_Static_assert(__builtin_offsetof(struct plan, open) == 4, "open");
_Static_assert(__builtin_offsetof(struct plan, fd_slot) == 5, "fd_slot");
_Static_assert(__builtin_offsetof(struct plan, has_path) == 6, "has_path");
_Static_assert(__builtin_offsetof(struct plan, filtered) == 7, "filtered");
_Static_assert(__builtin_offsetof(struct plan, group) == 8, "group");
_Static_assert(__builtin_offsetof(struct plan, steps) == 12, "steps");

struct filter {
	u64 host;
	u64 container;
	u64 failed;
	u64 succeeded;
	u64 no_read;
	u64 no_write;
	u64 not_root;
	u64 not_stdio;
	u64 fd[8];
	u64 any_fd;
	u64 any_prefix;
	u64 any_name;
	u64 starts;
	u64 starts_reading;
	u64 name_starts;
};
_Static_assert(sizeof(struct filter) == 176, "size");
_Static_assert(__builtin_offsetof(struct filter, host) == 0, "host");
_Static_assert(__builtin_offsetof(struct filter, container) == 8, "container");
_Static_assert(__builtin_offsetof(struct filter, failed) == 16, "failed");
_Static_assert(__builtin_offsetof(struct filter, succeeded) == 24, "succeeded");
_Static_assert(__builtin_offsetof(struct filter, no_read) == 32, "no_read");
_Static_assert(__builtin_offsetof(struct filter, no_write) == 40, "no_write");
_Static_assert(__builtin_offsetof(struct filter, not_root) == 48, "not_root");
_Static_assert(__builtin_offsetof(struct filter, not_stdio) == 56, "not_stdio");
_Static_assert(__builtin_offsetof(struct filter, fd) == 64, "fd");
_Static_assert(__builtin_offsetof(struct filter, any_fd) == 128, "any_fd");
_Static_assert(__builtin_offsetof(struct filter, any_prefix) == 136, "any_prefix");
_Static_assert(__builtin_offsetof(struct filter, any_name) == 144, "any_name");
_Static_assert(__builtin_offsetof(struct filter, starts) == 152, "starts");
_Static_assert(__builtin_offsetof(struct filter, starts_reading) == 160, "starts_reading");
_Static_assert(__builtin_offsetof(struct filter, name_starts) == 168, "name_starts");

struct prefix_key {
	u32 bits;
	u32 group;
	u8 path[252];
};
_Static_assert(sizeof(struct prefix_key) == 260, "size");
_Static_assert(__builtin_offsetof(struct prefix_key, bits) == 0, "bits");
_Static_assert(__builtin_offsetof(struct prefix_key, group) == 4, "group");
_Static_assert(__builtin_offsetof(struct prefix_key, path) == 8, "path");

struct name_key {
	u32 group;
	u8 name[32];
};
_Static_assert(sizeof(struct name_key) == 36, "size");
_Static_assert(__builtin_offsetof(struct name_key, group) == 0, "group");
_Static_assert(__builtin_offsetof(struct name_key, name) == 4, "name");

struct settings {
	u32 self_pid;
	u32 shadow;
	u32 subsystem;
	u32 own_only;
	u64 wake_bytes;
	u64 full_bytes;
	u64 pod_cgroup;
	u32 snap_bytes;
	u32 copies;
};
_Static_assert(sizeof(struct settings) == 48, "size");
_Static_assert(__builtin_offsetof(struct settings, self_pid) == 0, "self_pid");
_Static_assert(__builtin_offsetof(struct settings, shadow) == 4, "shadow");
_Static_assert(__builtin_offsetof(struct settings, subsystem) == 8, "subsystem");
_Static_assert(__builtin_offsetof(struct settings, own_only) == 12, "own_only");
_Static_assert(__builtin_offsetof(struct settings, wake_bytes) == 16, "wake_bytes");
_Static_assert(__builtin_offsetof(struct settings, full_bytes) == 24, "full_bytes");
_Static_assert(__builtin_offsetof(struct settings, pod_cgroup) == 32, "pod_cgroup");
_Static_assert(__builtin_offsetof(struct settings, snap_bytes) == 40, "snap_bytes");
_Static_assert(__builtin_offsetof(struct settings, copies) == 44, "copies");

struct counts {
	u64 sent;
	u64 dropped;
	u64 filtered;
};
_Static_assert(sizeof(struct counts) == 24, "size");
_Static_assert(__builtin_offsetof(struct counts, sent) == 0, "sent");
_Static_assert(__builtin_offsetof(struct counts, dropped) == 8, "dropped");
_Static_assert(__builtin_offsetof(struct counts, filtered) == 16, "filtered");

#endif
