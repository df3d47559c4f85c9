/* The steps of a plan: what is copied from the caller's memory and from the kernel's structures. */
#ifndef LITHIFY_CAPTURE_H
#define LITHIFY_CAPTURE_H

#include "task.h"
#include "walk.h"

#define AT_FDCWD (-100)
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFIFO 0010000
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define UNIX_PATH_MAX 110

static __always_inline struct file *file_of_fd(struct task_struct *task, int fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	if (fd < 0 || (u32)fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = 0;
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

/* An argument by number, or the result. */
static __always_inline u64 slot_value(struct frame *frame, u32 slot)
{
	struct header *header = HEADER(frame);
	if (slot == SLOT_RESULT)
		return header->result;
	return slot < 6 ? header->args[slot] : 0;
}

static __always_inline u64 nanoseconds(s64 seconds, long rest)
{
	return seconds * 1000000000ull + rest;
}

static __always_inline void inode_times(struct inode *inode, struct file_info *info)
{
	struct inode___split *split = (void *)inode;
	struct inode___private *private = (void *)inode;
	struct inode___ctime *public = (void *)inode;
	if (bpf_core_field_exists(split->i_ctime_sec)) {
		/* 6.13: the highest bit says that somebody has asked for the time. */
		info->ctime_ns = nanoseconds(BPF_CORE_READ(split, i_ctime_sec), BPF_CORE_READ(split, i_ctime_nsec) & 0x7fffffff);
		info->mtime_ns = nanoseconds(BPF_CORE_READ(split, i_mtime_sec), BPF_CORE_READ(split, i_mtime_nsec));
		return;
	}
	if (bpf_core_field_exists(private->__i_ctime))
		info->ctime_ns = nanoseconds(BPF_CORE_READ(private, __i_ctime.tv_sec), BPF_CORE_READ(private, __i_ctime.tv_nsec));
	else
		info->ctime_ns = nanoseconds(BPF_CORE_READ(public, i_ctime.tv_sec), BPF_CORE_READ(public, i_ctime.tv_nsec));
	if (bpf_core_field_exists(private->__i_mtime))
		info->mtime_ns = nanoseconds(BPF_CORE_READ(private, __i_mtime.tv_sec), BPF_CORE_READ(private, __i_mtime.tv_nsec));
	else
		info->mtime_ns = nanoseconds(BPF_CORE_READ(inode, i_mtime.tv_sec), BPF_CORE_READ(inode, i_mtime.tv_nsec));
}

/* Which layer of an overlay holds the file. The overlay's inode is followed by the upper layer's dentry in every
 * kernel so far; its type is not asked for, because a module's types are not among the kernel's. */
static __always_inline u32 overlay_layer(struct inode *inode, unsigned long magic)
{
	struct dentry *upper = 0;
	if (magic != OVERLAYFS_SUPER_MAGIC)
		return LAYER_NONE;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper ? LAYER_UPPER : LAYER_LOWER;
}

#define SB_RDONLY 1
#define S_IMMUTABLE 8
#define CAP_DAC_OVERRIDE 1
#define CAP_FOWNER 3

/* Whether the caller may change the file, as owner, by its permissions or by a capability. Read-only mounts and
 * security modules are not asked, nor are supplementary groups. */
static __always_inline u32 exe_flags(struct task_struct *task, struct inode *inode, struct super_block *sb, u32 mode)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	u64 effective = capabilities(&cred->cap_effective);
	if (BPF_CORE_READ(sb, s_flags) & SB_RDONLY || BPF_CORE_READ(inode, i_flags) & S_IMMUTABLE)
		return 0;
	if (effective & (1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER) || mode & 0002 ||
	    BPF_CORE_READ(cred, fsuid.val) == BPF_CORE_READ(inode, i_uid.val) ||
	    (mode & 0020 && BPF_CORE_READ(cred, fsgid.val) == BPF_CORE_READ(inode, i_gid.val)))
		return EXE_WRITABLE;
	return 0;
}

__noinline int piece_unix(u64 sock_pointer, u32 kind_slot)
{
	struct unix_sock *sock = (void *)sock_pointer;
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	struct unix_address *address = BPF_CORE_READ(sock, addr);
	if (!room || !address)
		return 0;
	/* The length counts the family's two bytes. */
	u32 length = BPF_CORE_READ(address, len) - sizeof(u16);
	if (length > UNIX_PATH_MAX || length == 0)
		return 0;
	if (bpf_probe_read_kernel(room + sizeof(struct piece), length, &address->name[0].sun_path) == 0)
		piece_end(frame, room, kind_slot >> 8, kind_slot & 0xff, length);
	return 0;
}

__noinline int piece_socket(u64 file_pointer, u32 slot)
{
	struct file *file = (void *)file_pointer;
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room)
		return 0;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct socket_info *info = (void *)(room + sizeof(struct piece));
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__builtin_memset(info, 0, sizeof(*info));
	info->family = family;
	info->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	info->kind = BPF_CORE_READ(sk, sk_type);
	info->protocol = BPF_CORE_READ(sk, sk_protocol);
	info->backlog = BPF_CORE_READ(sk, sk_ack_backlog);
	info->max_backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	info->pointer = (u64)sk;
	if (family == AF_INET || family == AF_INET6) {
		info->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		info->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	}
	if (family == AF_INET) {
		bpf_probe_read_kernel(info->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_probe_read_kernel(info->remote, 4, &sk->__sk_common.skc_daddr);
	} else if (family == AF_INET6) {
		bpf_probe_read_kernel(info->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(info->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
	struct sock *peer = 0;
	if (family == AF_UNIX) {
		peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
		info->peer = (u64)peer;
	}
	piece_end(frame, room, PIECE_SOCKET, slot, sizeof(*info));
	if (family == AF_UNIX)
		piece_unix((u64)sk, PIECE(PIECE_UNIX, slot));
	if (peer)
		piece_unix((u64)peer, PIECE(PIECE_UNIX_PEER, slot));
	return 0;
}

/* An open file and its socket, or its path unless `without_path`. */
__noinline int piece_file(u64 file_pointer, u32 slot, int fd, u32 without_path)
{
	struct file *file = (void *)file_pointer;
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room || !file)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	unsigned long magic = BPF_CORE_READ(sb, s_magic);
	struct file_info *info = (void *)(room + sizeof(struct piece));
	u32 mode = BPF_CORE_READ(inode, i_mode);
	info->ino = BPF_CORE_READ(inode, i_ino);
	info->dev = BPF_CORE_READ(sb, s_dev);
	info->mode = mode;
	info->flags = BPF_CORE_READ(file, f_flags);
	info->f_mode = BPF_CORE_READ(file, f_mode);
	info->magic = magic;
	info->layer = overlay_layer(inode, magic);
	info->mnt_id = BPF_CORE_READ(mount_of(mnt), mnt_id);
	info->root_mount = BPF_CORE_READ(task, fs, root.mnt) == mnt;
	info->fd = fd;
	info->deleted = BPF_CORE_READ(dentry, d_hash.pprev) == 0 && BPF_CORE_READ(dentry, d_parent) != dentry;
	/* Rules ask for the times of executed files only. */
	info->ctime_ns = info->mtime_ns = 0;
	if (slot == SLOT_EXE) {
		inode_times(inode, info);
		info->flags = exe_flags(task, inode, sb, mode);
	}
	piece_end(frame, room, PIECE_FILE, slot, sizeof(*info));
	if ((mode & S_IFMT) == S_IFSOCK)
		return piece_socket(file_pointer, slot);
	if (without_path)
		return 0;
	return piece_path((u64)mnt, (u64)dentry, PIECE(PIECE_PATH, slot));
}

static __always_inline int piece_cwd(struct task_struct *task, u32 kind_slot)
{
	return piece_path((u64)BPF_CORE_READ(task, fs, pwd.mnt), (u64)BPF_CORE_READ(task, fs, pwd.dentry), kind_slot);
}

/* The directory that a relative path starts from. */
__noinline int piece_directory(u32 slot, int fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 kind_slot = PIECE(PIECE_DIRECTORY, slot);
	if (fd == AT_FDCWD)
		return piece_cwd(task, kind_slot);
	struct file *file = file_of_fd(task, fd);
	if (!file)
		return 0;
	return piece_path((u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry), kind_slot);
}

static __always_inline void step_string(struct frame *frame, u32 slot, u32 with, u32 size)
{
	u32 offset = frame->offset;
	int length = piece_string(slot_value(frame, slot), PIECE(PIECE_STRING, slot));
	barrier_var(offset);
	/* Only paths have a directory; an empty one means the descriptor itself (AT_EMPTY_PATH). */
	if (!length || !size || offset > OFFSET_MAX)
		return;
	if (frame->record[offset + sizeof(struct piece)] != '/')
		piece_directory(slot, with == SLOT_NONE ? AT_FDCWD : (int)slot_value(frame, with));
}

struct user_iovec {
	const void *base;
	u64 length;
};

struct user_message {
	const void *name;
	u32 name_length;
	const struct user_iovec *buffers;
	u64 count;
	const void *control;
	u64 control_length;
	u32 flags;
};

/* The first buffers of an array, gathered until `snap` bytes: a reader that looks at the beginning of a message
 * must not be fooled by a first buffer of one byte. */
#define BUFFERS_MAX 4

__noinline int piece_buffers(u64 pointer, u64 count, s64 total, u32 snap, u32 slot)
{
	const struct user_iovec *buffers = (void *)pointer;
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	u32 written = 0;
	if (!room || total <= 0)
		return 0;
	if (snap > TEXT_MAX / 2)
		snap = TEXT_MAX / 2;
	for (u32 i = 0; i < BUFFERS_MAX; i++) {
		struct user_iovec one;
		if (i >= count || written >= snap || written >= total || bpf_probe_read_user(&one, sizeof(one), &buffers[i]))
			break;
		u64 length = one.length;
		if (length > snap - written)
			length = snap - written;
		if (length > total - written)
			length = total - written;
		if (length > TEXT_MAX / 2)
			break;
		if (length && bpf_probe_read_user(room + sizeof(struct piece) + (written & (TEXT_MAX / 2 - 1)), length, one.base))
			break;
		written += length;
	}
	if (written)
		piece_end(frame, room, PIECE_BYTES, slot, written);
	return 0;
}

static __always_inline u64 at_most(u64 value, u64 limit)
{
	return value < limit ? value : limit;
}

__noinline int piece_message(u64 from, u32 snap, u32 slot)
{
	struct frame *frame = frame_of_cpu();
	struct user_message message;
	if (!frame || bpf_probe_read_user(&message, sizeof(message), (void *)from))
		return 0;
	piece_user((u64)message.name, at_most(message.name_length, ADDRESS_MAX), PIECE(PIECE_SOCKADDR, slot));
	piece_buffers((u64)message.buffers, message.count, HEADER(frame)->result, snap, slot);
	piece_user((u64)message.control, at_most(message.control_length, snap), PIECE(PIECE_CONTROL, slot));
	return 0;
}

/* Carries out one step: kind, slot, with, size, a byte each from the lowest.
 * A function of its own for the verifier, which so looks at it once and not once for every place in a plan. */
__noinline int capture(u32 packed)
{
	struct frame *frame = frame_of_cpu();
	struct settings *settings = settings_get();
	if (!frame || !settings)
		return 0;
	u32 kind = packed & 0xff, slot = packed >> 8 & 0xff, with = packed >> 16 & 0xff, size = packed >> 24;
	u64 value = slot_value(frame, slot);
	u32 snap = settings->snap_bytes;
	struct task_struct *task = (void *)bpf_get_current_task();
	s64 result = HEADER(frame)->result;
	if (snap > TEXT_MAX)
		snap = TEXT_MAX;

	switch (kind) {
	case STEP_STRING:
		step_string(frame, slot, with, size);
		break;
	case STEP_FILE:
		piece_file((u64)file_of_fd(task, value), slot, value, size);
		break;
	case STEP_BYTES: {
		/* What was asked to be written, or what was read: a failed read left nothing. */
		s64 length = slot_value(frame, with);
		piece_user(value, length > 0 ? at_most(length, snap) : 0, PIECE(PIECE_BYTES, slot));
		break;
	}
	case STEP_MEMORY:
		piece_user(value, size, PIECE(PIECE_MEMORY, slot));
		break;
	case STEP_IOVEC:
		piece_buffers(value, slot_value(frame, with), result, snap, slot);
		break;
	case STEP_MESSAGE:
		piece_message(value, snap, slot);
		break;
	case STEP_SOCKADDR:
		piece_address(value, with == SLOT_NONE ? size : at_most((u32)slot_value(frame, with), ADDRESS_MAX), PIECE(PIECE_SOCKADDR, slot));
		break;
	case STEP_PROCESS:
		piece_process((u64)task);
		break;
	case STEP_CWD:
		piece_cwd(task, PIECE(PIECE_CWD, SLOT_NONE));
		break;
	}
	return 0;
}

#endif
