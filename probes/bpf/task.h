/* Who: the task, its process, its user, its cgroup. */
#ifndef LITHIFY_TASK_H
#define LITHIFY_TASK_H

#include "record.h"

#define ALL_ONES 0xffffffffu
#define PAGE_KIB 4

#if defined(__TARGET_ARCH_x86)
#define SYS_execve 59
#define SYS_execveat 322
#define SYS_mount 165
#define TS_COMPAT 2

static __always_inline u64 call_number(struct pt_regs *regs)
{
	return LOAD(regs, orig_ax);
}

static __always_inline int is_32_bit_call(struct task_struct *task)
{
	return LOAD(task, thread_info.status) & TS_COMPAT;
}

/* Of the convention of 64-bit programs with 32-bit pointers: numbers of its own, marked by bit 30. */
static __always_inline int is_x32_call(u64 number)
{
	return number >> 30 == 1;
}

/* Arguments of the 64-bit convention. At exit the registers still hold them. */
static __always_inline void read_args(u64 *args, struct pt_regs *regs)
{
	args[0] = LOAD(regs, di);
	args[1] = LOAD(regs, si);
	args[2] = LOAD(regs, dx);
	args[3] = LOAD(regs, r10);
	args[4] = LOAD(regs, r8);
	args[5] = LOAD(regs, r9);
}
#else
#define SYS_execve 221
#define SYS_execveat 281
#define SYS_mount 40
#define TIF_32BIT 22

static __always_inline u64 call_number(struct pt_regs *regs)
{
	return LOAD(regs, syscallno);
}

static __always_inline int is_32_bit_call(struct task_struct *task)
{
	return LOAD(task, thread_info.flags) >> TIF_32BIT & 1;
}

static __always_inline int is_x32_call(u64 number)
{
	return 0;
}

/* The result is in the first argument's register at exit: the kernel keeps the argument aside. */
static __always_inline void read_args(u64 *args, struct pt_regs *regs)
{
	args[0] = LOAD(regs, orig_x0);
	args[1] = LOAD(regs, regs[1]);
	args[2] = LOAD(regs, regs[2]);
	args[3] = LOAD(regs, regs[3]);
	args[4] = LOAD(regs, regs[4]);
	args[5] = LOAD(regs, regs[5]);
}
#endif

/* The caller's registers, unless they are known already. */
static __always_inline struct pt_regs *registers_of(struct task_struct *task, struct pt_regs *known)
{
	return known ? known : current_registers(task);
}

static __always_inline u32 class_of(u64 cgroup)
{
	u32 *class = bpf_map_lookup_elem(&cgroups, &cgroup);
	return class ? *class : 0;
}

static __always_inline u32 pid_number(struct pid *pid, u32 level)
{
	int number = 0;
	if (pid)
		bpf_probe_read_kernel(&number, sizeof(number), (void *)pid + bpf_core_field_offset(struct pid, numbers) +
							       level * bpf_core_type_size(struct upid) +
							       bpf_core_field_offset(struct upid, nr));
	return number;
}

/* Where a controller's state stands in a set; each kernel numbers its controllers otherwise. */
static __always_inline u32 subsystem_index(u32 which)
{
	enum cgroup_subsys_id id;
	if (which == SUBSYSTEM_PIDS && bpf_core_enum_value_exists(id, pids_cgrp_id))
		return bpf_core_enum_value(id, pids_cgrp_id);
	if (which == SUBSYSTEM_MEMORY && bpf_core_enum_value_exists(id, memory_cgrp_id))
		return bpf_core_enum_value(id, memory_cgrp_id);
	if (which == SUBSYSTEM_DEVICES && bpf_core_enum_value_exists(id, devices_cgrp_id))
		return bpf_core_enum_value(id, devices_cgrp_id);
	if (bpf_core_enum_value_exists(id, cpu_cgrp_id))
		return bpf_core_enum_value(id, cpu_cgrp_id);
	return 0;
}

/* The kernel's node of the cgroup in the hierarchy that user space chose. */
static __always_inline struct kernfs_node *cgroup_node(struct task_struct *task, struct settings *settings)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	if (settings->subsystem == SUBSYSTEM_UNIFIED)
		return BPF_CORE_READ(set, dfl_cgrp, kn);
	struct cgroup_subsys_state *state = 0;
	u32 index = subsystem_index(settings->subsystem) & 31;
	bpf_probe_read_kernel(&state, sizeof(state), (void *)set + bpf_core_field_offset(struct css_set, subsys) + index * sizeof(void *));
	return BPF_CORE_READ(state, cgroup, kn);
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___rcu *rcu = (void *)node;
	if (bpf_core_field_exists(rcu->__parent))
		return BPF_CORE_READ(rcu, __parent);
	return BPF_CORE_READ(node, parent);
}

/* Cgroups of a container below its pod's: as deep as a container nests its own. */
#define POD_DEPTH 8

/* Not ours to look at: a sidecar sees what is below its own pod's cgroup. The answer for a cgroup that is not is kept,
 * so that it never reaches user space; one that is stays unknown until user space has seen its path. */
static __always_inline int is_of_others(struct settings *settings, struct kernfs_node *node)
{
	if (!settings->own_only)
		return 0;
	u64 cgroup = BPF_CORE_READ(node, id);
	u32 class = class_of(cgroup);
	if (class)
		return class == CLASS_OTHER;
	u64 above = cgroup;
	for (u32 i = 0; i < POD_DEPTH; i++) {
		if (above == settings->pod_cgroup)
			return 0;
		node = kernfs_parent(node);
		if (!node)
			break;
		above = BPF_CORE_READ(node, id);
	}
	class = CLASS_OTHER;
	bpf_map_update_elem(&cgroups, &cgroup, &class, BPF_ANY);
	return 1;
}

/* Its number: plain loads, which cost next to nothing beside bpf_probe_read. The verifier knows the offset in each of the
 * ways that lead here. */
static __always_inline u64 cgroup_number(struct task_struct *task, struct settings *settings)
{
	if (settings->subsystem == SUBSYSTEM_UNIFIED)
		return LOAD(task, cgroups, dfl_cgrp, kn, id);
#ifdef KERNEL_5_8
	struct kernfs_node *node = cgroup_node(task, settings);
	return BPF_CORE_READ(node, id);
#else
	struct css_set *set = task->cgroups;
	u64 offset = bpf_core_field_offset(struct css_set, subsys) + subsystem_index(settings->subsystem) * sizeof(void *);
	struct cgroup_subsys_state *state = *(struct cgroup_subsys_state **)((void *)set + offset);
	return state->cgroup->kn->id;
#endif
}

/* As tty_nr of /proc/PID/stat: new_encode_dev(). */
static __always_inline u32 tty_number(struct tty_struct *tty)
{
	if (!tty)
		return 0;
	u32 major = BPF_CORE_READ(tty, driver, major);
	u32 minor = BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

static __always_inline u64 capabilities(const void *set)
{
	u64 value = 0;
	bpf_probe_read_kernel(&value, sizeof(value), set);
	return value;
}

/* Fills the header from the task's own structures and opens the record. */
static __always_inline void header_fill(struct frame *frame, struct task_struct *task, u32 kind)
{
	struct header *header = HEADER(frame);
	struct task_struct *leader = LOAD(task, group_leader);
	struct task_struct *parent = LOAD(task, real_parent);
	struct signal_struct *signal = LOAD(task, signal);
	const struct cred *cred = LOAD(task, cred);
	u32 level = LOAD(task, thread_pid, level) & 31;

	header->time_ns = bpf_ktime_get_boot_ns();
	header->start_ns = LOAD(leader, start_boottime);
	header->parent_start_ns = LOAD(parent, group_leader, start_boottime);
	header->cap_effective = capabilities(&cred->cap_effective);
	header->cap_permitted = capabilities(&cred->cap_permitted);
	header->cap_inheritable = capabilities(&cred->cap_inheritable);
	header->flags = 0;
	header->kind = kind;
	header->cpu = bpf_get_smp_processor_id();
	header->pid = LOAD(task, tgid);
	header->tid = LOAD(task, pid);
	header->ppid = LOAD(parent, tgid);
	header->sid = pid_number(LOAD(signal, pids[PIDTYPE_SID]), 0);
	header->pgid = pid_number(LOAD(signal, pids[PIDTYPE_PGID]), 0);
	header->uid = LOAD(cred, euid.val);
	header->gid = LOAD(cred, egid.val);
	header->loginuid = bpf_core_field_exists(task->loginuid) ? LOAD(task, loginuid.val) : ALL_ONES;
	header->tty = tty_number(LOAD(signal, tty));
	header->mnt_ns = LOAD(task, nsproxy, mnt_ns, ns.inum);
	/* By a read: what is counted on from must be no pointer that the verifier knows. */
	header->vtid = level ? pid_number(BPF_CORE_READ(task, thread_pid), level) : header->tid;
	header->threads = LOAD(signal, nr_threads);
	bpf_probe_read_kernel(header->comm, sizeof(header->comm), &task->comm);
	frame->offset = sizeof(*header);
}

static __always_inline u64 resident_pages(struct mm_struct *mm, u32 kind)
{
	struct mm_struct___counters *old = (void *)mm;
	s64 count = 0;
	if (bpf_core_field_exists(mm->rss_stat[0].count)) {
		bpf_probe_read_kernel(&count, sizeof(count), (void *)&mm->rss_stat + (kind & 3) * bpf_core_type_size(struct percpu_counter) +
								     bpf_core_field_offset(struct percpu_counter, count));
		return count < 0 ? 0 : count;
	}
	bpf_probe_read_kernel(&count, sizeof(count), (void *)&old->rss_stat + (kind & 3) * sizeof(count));
	return count;
}

enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

#define RLIMIT_NOFILE 7

/* What changes only when a process starts or executes. */
__noinline int piece_process(u64 task_pointer)
{
	struct task_struct *task = (void *)task_pointer;
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room)
		return 0;
	struct process_info *info = (void *)(room + sizeof(struct piece));
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(pid, level) & 31;
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct pid_namespace *ns = 0;
	bpf_probe_read_kernel(&ns, sizeof(ns), (void *)pid + bpf_core_field_offset(struct pid, numbers) +
					       level * bpf_core_type_size(struct upid) +
					       bpf_core_field_offset(struct upid, ns));
	info->pidns_start_ns = BPF_CORE_READ(ns, child_reaper, start_boottime);
	info->fd_limit = BPF_CORE_READ(signal, rlim[RLIMIT_NOFILE].rlim_cur);
	info->major_faults = BPF_CORE_READ(task, maj_flt);
	info->minor_faults = BPF_CORE_READ(task, min_flt);
	info->vm_size = BPF_CORE_READ(mm, total_vm) * PAGE_KIB;
	info->vm_rss = (resident_pages(mm, MM_FILEPAGES) + resident_pages(mm, MM_ANONPAGES) + resident_pages(mm, MM_SHMEMPAGES)) * PAGE_KIB;
	info->vm_swap = resident_pages(mm, MM_SWAPENTS) * PAGE_KIB;
	info->vtid = pid_number(pid, level);
	info->vpid = pid_number(BPF_CORE_READ(task, group_leader, thread_pid), level);
	info->vpgid = pid_number(BPF_CORE_READ(signal, pids[PIDTYPE_PGID]), level);
	info->pidns_level = level;
	info->exe_flags = 0;
	piece_end(frame, room, PIECE_PROCESS, SLOT_NONE, sizeof(*info));
	return 0;
}

#endif
