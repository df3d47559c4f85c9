/* Leaves out, before anything is copied, what no loaded rule can match.
 *
 * Rules become up to 64 alternatives, each a conjunction of simple tests; an event keeps the alternatives that it can
 * still meet as bits, and goes on while one is left. Every test errs towards keeping.
 */
#ifndef LITHIFY_FILTER_H
#define LITHIFY_FILTER_H

#include "capture.h"

#define O_ACCMODE 3
/* Opening so makes or empties a file whatever the access mode is: who asks for writers wants it. */
#define O_MAKES (0100 | 01000)

static __always_inline u32 fd_class(struct task_struct *task, int fd)
{
	struct file *file = file_of_fd(task, fd);
	u32 mode = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (mode == S_IFREG)
		return FD_FILE;
	if (mode == S_IFDIR)
		return FD_DIRECTORY;
	if (mode == S_IFIFO)
		return FD_PIPE;
	if (mode != S_IFSOCK)
		return FD_OTHER;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	u32 family = BPF_CORE_READ(socket, sk, __sk_common.skc_family);
	return family == AF_INET ? FD_IPV4 : family == AF_INET6 ? FD_IPV6 : family == AF_UNIX ? FD_UNIX : FD_OTHER;
}

/* The flags with which a call opens; all ones if they cannot be read, which asks for everything. Those of openat2 lie in
 * the caller's memory, where another thread may have changed them: how a file is open, the file itself tells. */
static __always_inline u32 open_flags(struct task_struct *task, struct plan *plan, const u64 *args, s64 result)
{
	u64 flags = ALL_ONES;
	if (plan->open == OPEN_FLAGS_1)
		flags = args[1];
	else if (plan->open == OPEN_FLAGS_2)
		flags = args[2];
	else if (plan->open == OPEN_WRITE)
		flags = 1;
	else {
		if (bpf_probe_read_user(&flags, sizeof(flags), (void *)args[2]))
			flags = ALL_ONES;
		struct file *file = result < 0 ? 0 : file_of_fd(task, result);
		if (file)
			flags = (flags & ~(u64)O_ACCMODE) | (BPF_CORE_READ(file, f_flags) & O_ACCMODE);
	}
	return flags;
}

/* Bytes of `word` that are equal to the byte that `repeated` repeats have their highest bit set in the result. */
static __always_inline u64 bytes_equal(u64 word, u64 repeated)
{
	const u64 low = 0x7f7f7f7f7f7f7f7full;
	u64 differing = word ^ repeated;
	return ~(((differing & low) + low) | differing | low);
}

#define SLASHES 0x2f2f2f2f2f2f2f2full
#define DOTS 0x2e2e2e2e2e2e2e2eull
/* A path that is longer than this is not looked at: behind it must be room for two words of zeros. */
#define PATH_MAX_JUDGED (PREFIX_MAX - 20)

/* Is a "/." or "//" in the path, which rules see otherwise than it is written, or a "./", for which they ask? Eight
 * bytes at a time. */
static __always_inline u64 path_is_unclean(struct frame *frame, u32 length)
{
	u64 found = 0;
	for (u32 at = 0; at < PATH_MAX_JUDGED; at += 8) {
		if (at >= length)
			break;
		u64 word, next;
		__builtin_memcpy(&word, &frame->prefix.path[at], sizeof(word));
		next = word >> 8 | (u64)frame->prefix.path[at + 8] << 56;
		u64 slashes = bytes_equal(next, SLASHES), dots = bytes_equal(word, DOTS);
		found |= (bytes_equal(word, SLASHES) & (bytes_equal(next, DOTS) | slashes)) | (dots & slashes);
	}
	return found;
}

/* Where the last component of frame->prefix.path begins, looked for from the end. */
static __always_inline u32 last_component(struct frame *frame, u32 length)
{
	for (u32 i = 0; i < PATH_MAX_JUDGED; i++) {
		u32 at = length - 1 - i;
		barrier_var(at);
		if (at >= PATH_MAX_JUDGED)
			break;
		if (frame->prefix.path[at] == '/')
			return at + 1;
	}
	return 0;
}

/* A number below 64 from the first letters of a name; the loader makes the same. */
static __always_inline u32 name_start(const u8 *name)
{
	return (name[0] * 31 + name[1] * 7 + name[2]) & 63;
}

static __always_inline u64 names_met(struct frame *frame, struct filter *filter, struct plan *plan, u32 name)
{
	u64 met = filter->any_name;
	if (name > PREFIX_MAX - NAME_MAX)
		return ~0ull;
	if (!(filter->name_starts >> name_start(&frame->prefix.path[name]) & 1))
		return met;
	frame->name.group = plan->group;
	__builtin_memset(frame->name.name, 0, sizeof(frame->name.name));
	bpf_probe_read_kernel_str(frame->name.name, sizeof(frame->name.name), &frame->prefix.path[name]);
	u64 *more = bpf_map_lookup_elem(&names, &frame->name);
	return more ? met | *more : met;
}

/* Of the alternatives `asked`, those that a path as given can meet: all of them unless it is absolute, short and
 * without dots. */
__noinline u64 paths_met(u32 number, u64 text, u64 asked)
{
	struct frame *frame = frame_of_cpu();
	struct plan *plan = bpf_map_lookup_elem(&plans, &number);
	struct filter *filter = bpf_map_lookup_elem(&filters, &number);
	if (!frame || !plan || !filter)
		return asked;
	long length = path_read(frame->prefix.path, PREFIX_MAX, text);
	if (length <= 1 || length > PATH_MAX_JUDGED || frame->prefix.path[0] != '/')
		return asked;
	u32 end = length - 1;
	barrier_var(end);
	if (end >= PATH_MAX_JUDGED)
		return asked;
	/* What lies behind the end is left from another path. */
	__builtin_memset(&frame->prefix.path[end], 0, 2 * sizeof(u64));
	if (path_is_unclean(frame, end))
		return asked;
	u64 met = filter->any_prefix;
	/* Most paths begin otherwise than all that are asked for: that is told without the trie. Opens without writing,
	 * nearly all there are, are asked for by few. */
	u64 starts = asked & ~filter->no_write ? filter->starts : filter->starts_reading;
	if (starts >> name_start(&frame->prefix.path[1]) & 1) {
		frame->prefix.group = plan->group;
		frame->prefix.bits = (sizeof(u32) + end) * 8;
		u64 *more = bpf_map_lookup_elem(&prefixes, &frame->prefix);
		if (more)
			met |= *more;
	}
	met &= asked;
	if (met & ~filter->any_name) {
		u32 name = last_component(frame, end);
		/* Rules see a path without the slash at its end. */
		if (name < end)
			met &= names_met(frame, filter, plan, name);
	}
	return met;
}

/* Of the alternatives `met`, those that ask for where the task is, on the host or in a container. */
static __always_inline u64 place_met(struct task_struct *task, struct settings *settings, struct filter *filter, u64 met)
{
	if (!(met & (filter->host ^ filter->container)))
		return met;
	u32 class = class_of(cgroup_number(task, settings));
	if (class == CLASS_HOST)
		return met & filter->host;
	return class == CLASS_CONTAINER ? met & filter->container : met;
}

/* The alternatives that the event can meet; 0: leave it out. Cheap tests come first. */
static __always_inline u64 judge(struct task_struct *task, struct settings *settings, struct plan *plan, u32 number,
				 struct pt_regs *regs, s64 result)
{
	struct filter *filter = bpf_map_lookup_elem(&filters, &number);
	if (!filter)
		return ~0ull;
	u64 met = result < 0 ? filter->failed : filter->succeeded;
	if (result < 0 || result > 2)
		met &= filter->not_stdio;
	if (!met)
		return 0;
	u64 args[6];
	read_args(args, registers_of(task, regs));
	if (plan->open != OPEN_NONE) {
		u32 flags = open_flags(task, plan, args, result);
		if ((flags & O_ACCMODE) == 0) {
			if (!(flags & O_MAKES))
				met &= filter->no_write;
		}
		else if ((flags & O_ACCMODE) == 1)
			met &= filter->no_read;
	}
	if (met & ~filter->not_root && LOAD(task, cred, euid.val) != 0)
		met &= filter->not_root;
	/* A look-up of the cgroup costs as much as many a path test: before that it is asked only if it may spare it. */
	if (!plan->has_path || !(met & filter->host) || !(met & filter->container))
		met = place_met(task, settings, filter, met);
	if (met & ~filter->any_fd && plan->fd_slot != SLOT_NONE) {
		int fd = plan->fd_slot == SLOT_RESULT ? result : args[plan->fd_slot & 3];
		met &= filter->fd[fd_class(task, fd) & 7];
	}
	if (met && plan->has_path) {
		u32 slot = plan->steps[0].slot;
		met = paths_met(number, slot < 6 ? args[slot] : 0, met);
		met = place_met(task, settings, filter, met);
	}
	return met;
}

#endif
