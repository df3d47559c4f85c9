/* Paths of files and cgroups, walked from the leaf to the root in the kernel's own structures. */
#ifndef LITHIFY_WALK_H
#define LITHIFY_WALK_H

#include "task.h"

/* Components of the deepest path: "/a" 2,048 times is as long as a path can be; a deeper tree is cut. */
#define DEPTH_MAX 512

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* Puts `name` in front of what is there. Returns 0 when nothing more fits. */
static __always_inline long walk_prepend(struct frame *frame, u32 *offset, const void *name, u32 length)
{
	u32 at = *offset;
	length &= ENTRY_MAX;
	if (at > TEXT_MAX || at < length + 1)
		return 0;
	at -= length;
	bpf_probe_read_kernel(&frame->walk[at & (TEXT_MAX - 1)], length, name);
	*offset = at;
	return 1;
}

static __always_inline long walk_prepend_slash(struct frame *frame, u32 *offset)
{
	u32 at = *offset;
	if (at > TEXT_MAX || at < 1)
		return 0;
	at -= 1;
	frame->walk[at & (TEXT_MAX - 1)] = '/';
	*offset = at;
	return 1;
}

/* One component of frame->path. 1: it was the last one. */
__noinline int walk_step(void)
{
	struct frame *frame = frame_of_cpu();
	if (!frame)
		return 1;
	struct walk *walk = &frame->path;
	struct dentry *dentry = walk->dentry;
	struct mount *mount = walk->mount;
	if (dentry == walk->root && &mount->mnt == walk->root_mount)
		return 1;
	/* d_name follows d_parent in every kernel so far: one read for both. */
	struct {
		struct dentry *parent;
		struct qstr name;
	} near;
	if (bpf_core_field_offset(struct dentry, d_name) ==
	    bpf_core_field_offset(struct dentry, d_parent) + sizeof(void *)) {
		bpf_probe_read_kernel(&near, sizeof(near), &dentry->d_parent);
	} else {
		near.parent = BPF_CORE_READ(dentry, d_parent);
		bpf_probe_read_kernel(&near.name, sizeof(near.name), &dentry->d_name);
	}
	if (dentry == near.parent || dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);
		if (above != mount && dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			walk->mount = above;
			return 0;
		}
		/* The top of a tree that hangs nowhere (memfd:x, [eventpoll]) is known by its name alone. */
		if (dentry != BPF_CORE_READ(mount, mnt.mnt_root))
			walk_prepend(frame, &walk->offset, near.name.name, near.name.len);
		return 1;
	}
	if (!walk_prepend(frame, &walk->offset, near.name.name, near.name.len) ||
	    !walk_prepend_slash(frame, &walk->offset))
		return 1;
	walk->dentry = near.parent;
	return 0;
}

/* Appends frame->walk[offset..] as a piece, with a zero. */
__noinline int walk_append(u32 offset, u32 kind_slot)
{
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room)
		return 0;
	u8 *text = room + sizeof(struct piece);
	u32 length = TEXT_MAX - offset;
	barrier_var(length);
	if (length == 0 || length >= TEXT_MAX) {
		text[0] = '/';
		text[1] = 0;
		length = 1;
	} else {
		bpf_probe_read_kernel(text, length, &frame->walk[offset & (TEXT_MAX - 1)]);
		text[length & (TEXT_MAX - 1)] = 0;
	}
	piece_end(frame, room, kind_slot >> 8, kind_slot & 0xff, length + 1);
	return 0;
}

/* Path of (mnt, dentry) below the root of the current task, as a piece. */
__noinline int piece_path(u64 mnt, u64 dentry, u32 kind_slot)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct frame *frame = frame_of_cpu();
	if (!frame)
		return 0;
	struct walk *walk = &frame->path;
	walk->dentry = (void *)dentry;
	walk->mount = mount_of((void *)mnt);
	walk->root = BPF_CORE_READ(task, fs, root.dentry);
	walk->root_mount = BPF_CORE_READ(task, fs, root.mnt);
	walk->offset = TEXT_MAX;
	for (u32 i = 0; i < DEPTH_MAX; i++)
		if (walk_step())
			break;
	return walk_append(walk->offset, kind_slot);
}

/* One component of frame->kernfs. 1: it was the last one. */
__noinline int kernfs_step(void)
{
	struct frame *frame = frame_of_cpu();
	if (!frame)
		return 1;
	struct kernfs_walk *walk = &frame->kernfs;
	struct kernfs_node *node = walk->node;
	struct kernfs_node *parent = kernfs_parent(node);
	if (!parent)
		return 1;
	const char *name = BPF_CORE_READ(node, name);
	/* kernfs keeps no length. */
	long length = bpf_probe_read_kernel_str(frame->entry, sizeof(frame->entry), name);
	if (length <= 1)
		return 1;
	if (!walk_prepend(frame, &walk->offset, frame->entry, length - 1) || !walk_prepend_slash(frame, &walk->offset))
		return 1;
	walk->node = parent;
	return 0;
}

/* Path of a cgroup in its hierarchy, as a piece. */
__noinline int piece_cgroup(u64 node)
{
	struct frame *frame = frame_of_cpu();
	if (!frame)
		return 0;
	struct kernfs_walk *walk = &frame->kernfs;
	walk->node = (void *)node;
	walk->offset = TEXT_MAX;
	for (u32 i = 0; i < DEPTH_MAX; i++)
		if (kernfs_step())
			break;
	return walk_append(walk->offset, PIECE(PIECE_CGROUP, SLOT_NONE));
}

#endif
