/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * The kernel lets only programs under the GPL call its tracing helpers, so this directory is offered under both.
 *
 * The base tier: tracepoints only, so that it runs wherever there are type information and a ring buffer.
 *
 * Programs and what they need:
 *   syscall_exit     tracepoint syscalls/sys_exit_*   one attachment a wanted call; other calls pay next to nothing
 *   every_exit       tp_btf sys_exit                  where tracefs is out of reach: sees all calls, looks at a bitmap
 *   process_exec     tp_btf sched_process_exec
 *   process_fork     tp_btf sched_process_fork
 *   process_exit     tp_btf sched_process_exit
 *   path_copied      fentry putname                   optional: see copies.h
 *   address_copied   fentry security_socket_connect   optional
 *   mount_copied     fentry security_sb_mount   optional
 *   tracepoint_of    raw_tp, run by the loader  where tracefs is out of reach: finds the tracepoint of a call
 *   whoami           raw_tp, run once by the loader   tells the probe's own process and cgroup as the kernel sees them
 */
#include "filter.h"
#include "optional.h"
#include "tracepoints.h"

char LICENSE[] SEC("license") = "GPL";

/* One event of a wanted call that is to be sent. `frame` is ours until the end. */
static __always_inline void syscall_event(struct frame *frame, struct settings *settings, struct task_struct *task,
					  struct plan *plan, u32 number, struct pt_regs *regs, s64 result, u32 flags)
{
	struct header *header = HEADER(frame);
	u64 cgroup = cgroup_number(task, settings);
	header_fill(frame, task, RECORD_SYSCALL);
	read_args(header->args, regs);
	header->result = result;
	header->syscall = number;
	header->cgroup = cgroup;
	header->flags |= flags;
	if (!class_of(cgroup))
		piece_cgroup((u64)cgroup_node(task, settings));
	for (u32 i = 0; i < 6; i++) {
		if (i >= plan->count)
			break;
		capture(*(u32 *)&plan->steps[i]);
	}
	record_send(frame, settings, number);
}

/* Is this call one that a finished exec reports itself? */
static __always_inline int is_reported_by_exec(u32 number, s64 result)
{
	return result == 0 && (number == SYS_execve || number == SYS_execveat);
}

static __always_inline int look_at_call(struct task_struct *task, u32 number, struct pt_regs *regs, s64 result)
{
	struct settings *settings = settings_get();
	struct plan *plan = bpf_map_lookup_elem(&plans, &number);
	struct counts *count = counts_of(number);
	u32 flags = 0;
	if (!settings || !plan || !count || is_reported_by_exec(number, result) || (u32)LOAD(task, tgid) == settings->self_pid)
		return 0;
	if (settings->own_only && is_of_others(settings, cgroup_node(task, settings))) {
		count->filtered += 1;
		return 0;
	}
	if (plan->filtered && judge(task, settings, plan, number, regs, result) == 0) {
		if (!settings->shadow) {
			count->filtered += 1;
			return 0;
		}
		flags = FLAG_JUDGED_OUT;
	}
	struct frame *frame = frame_of_cpu();
	if (!frame)
		return 0;
	if (frame->busy) {
		count->dropped += 1;
		return 0;
	}
	frame->busy = 1;
	barrier();
	syscall_event(frame, settings, task, plan, number, registers_of(task, regs), result, flags);
	barrier();
	frame->busy = 0;
	return 0;
}

/* Without `regs` they are asked for when first needed: most events are left out before that. */
static __always_inline int syscall_returned(struct task_struct *task, u32 number, struct pt_regs *regs, s64 result)
{
	look_at_call(task, number, regs, result);
	copies_forget();
	return 0;
}

/* ctx: common fields, s32 nr, s64 ret */
struct exit_context {
	u64 common;
	s64 number;
	s64 result;
};

SEC("tracepoint/syscall_exit")
int syscall_exit(struct exit_context *ctx)
{
	u32 number = ctx->number;
	if (number >= SYSCALLS)
		return 0;
	return syscall_returned(current_task(), number, 0, ctx->result);
}

/* ctx: struct pt_regs *, long ret */
SEC("tp_btf/sys_exit")
int every_exit(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	struct task_struct *task = current_task();
	u64 number = call_number(regs);
	u32 zero = 0;
	if (is_32_bit_call(task) || is_x32_call(number)) {
		/* Its number means another call than in our table: not looked at, but said. */
		struct counts *count = counts_of(COUNT_32_BIT);
		if (count)
			count->filtered += 1;
		return 0;
	}
	u64 *bits = bpf_map_lookup_elem(&wanted, &zero);
	if (!bits || number >= SYSCALLS || !(bits[number / 64 & (SYSCALLS / 64 - 1)] >> (number & 63) & 1))
		return 0;
	return syscall_returned(task, number, regs, ctx[1]);
}

/* Opens a record about `task` for the three process events. 0: it is not wanted or cannot be had. */
static __always_inline struct frame *process_event(struct settings *settings, struct task_struct *task, u32 kind, u32 count_index)
{
	struct frame *frame = frame_of_cpu();
	struct counts *count = counts_of(count_index);
	if (!frame || !count || (u32)BPF_CORE_READ(task, tgid) == settings->self_pid)
		return 0;
	struct kernfs_node *node = cgroup_node(task, settings);
	u64 cgroup = BPF_CORE_READ(node, id);
	u32 class = class_of(cgroup);
	if (is_of_others(settings, node)) {
		count->filtered += 1;
		return 0;
	}
	if (frame->busy) {
		count->dropped += 1;
		return 0;
	}
	frame->busy = 1;
	barrier();
	header_fill(frame, task, kind);
	struct header *header = HEADER(frame);
	header->cgroup = cgroup;
	header->result = 0;
	header->syscall = 0;
	__builtin_memset(header->args, 0, sizeof(header->args));
	if (!class)
		piece_cgroup((u64)node);
	return frame;
}

static __always_inline void process_event_end(struct frame *frame, struct settings *settings, u32 count_index)
{
	record_send(frame, settings, count_index);
	barrier();
	frame->busy = 0;
}

/* ctx: struct task_struct *, pid_t old_pid, struct linux_binprm * */
SEC("tp_btf/sched_process_exec")
int process_exec(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct linux_binprm *binary = (void *)ctx[2];
	struct settings *settings = settings_get();
	struct frame *frame = settings ? process_event(settings, task, RECORD_EXEC, COUNT_EXEC) : 0;
	if (!frame)
		return 0;
	struct mm_struct *mm = LOAD(task, mm);
	/* Its calls will not be seen; the kernel has made the task a 32-bit one already. */
	struct counts *narrow = is_32_bit_call(task) ? counts_of(COUNT_32_BIT) : 0;
	if (narrow)
		narrow->sent += 1;
	/* x86 has already written execve into orig_ax; only a path that begins at a descriptor tells execveat. */
	int at = bpf_core_field_exists(binary->fdpath) && BPF_CORE_READ(binary, fdpath);
	HEADER(frame)->syscall = at ? SYS_execveat : SYS_execve;
	HEADER(frame)->args[0] = (u32)ctx[1];
	piece_process(bpf_get_current_task());
	u64 start = LOAD(mm, arg_start), length = LOAD(mm, arg_end) - start;
	piece_user(start, length, PIECE(PIECE_ARGS, SLOT_NONE));
	start = LOAD(mm, env_start);
	length = LOAD(mm, env_end) - start;
	piece_user(start, length, PIECE(PIECE_ENV, SLOT_NONE));
	piece_kernel_string((u64)BPF_CORE_READ(binary, filename), PIECE(PIECE_STRING, SLOT_EXE));
	piece_file((u64)BPF_CORE_READ(binary, file), SLOT_EXE, -1, 0);
	piece_cwd(task, PIECE(PIECE_CWD, SLOT_NONE));
	process_event_end(frame, settings, COUNT_EXEC);
	return 0;
}

/* ctx: struct task_struct *parent, struct task_struct *child. Threads are not processes. */
SEC("tp_btf/sched_process_fork")
int process_fork(u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	struct settings *settings = settings_get();
	if (!settings || child->pid != child->tgid)
		return 0;
	struct frame *frame = process_event(settings, child, RECORD_FORK, COUNT_FORK);
	if (!frame)
		return 0;
	HEADER(frame)->args[0] = parent->tgid;
	HEADER(frame)->args[1] = parent->group_leader->start_boottime;
	/* Itself, but as a number: only those go into functions of their own. */
	piece_process((u64)BPF_CORE_READ(child, group_leader));
	process_event_end(frame, settings, COUNT_FORK);
	return 0;
}

/* ctx: struct task_struct *. acct_process: a process ends with its last thread, whichever that is. */
SEC("tp_btf/sched_process_exit")
int process_exit(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct settings *settings = settings_get();
	if (!settings || LOAD(task, signal, live.counter) != 0)
		return 0;
	struct frame *frame = process_event(settings, task, RECORD_EXIT, COUNT_EXIT);
	if (!frame)
		return 0;
	HEADER(frame)->result = LOAD(task, exit_code);
	process_event_end(frame, settings, COUNT_EXIT);
	return 0;
}

/* The loader runs this once in its own process: inside a pid namespace getpid() would tell another number, and inside
 * a cgroup namespace /proc another path. A sidecar is told its own cgroup's path, and the numbers of those above. */
SEC("raw_tp/whoami")
int whoami(u64 *ctx)
{
	struct settings *settings = settings_get();
	struct frame *frame = frame_of_cpu();
	if (!settings || !frame)
		return 0;
	settings->self_pid = bpf_get_current_pid_tgid() >> 32;
	if (!settings->own_only)
		return 0;
	struct task_struct *task = current_task();
	struct kernfs_node *node = cgroup_node(task, settings);
	__builtin_memset(HEADER(frame), 0, sizeof(struct header));
	frame->offset = sizeof(struct header);
	HEADER(frame)->kind = RECORD_SELF;
	piece_cgroup((u64)node);
#pragma unroll
	for (u32 i = 0; i < 6; i++) {
		node = kernfs_parent(node);
		HEADER(frame)->args[i] = BPF_CORE_READ(node, id);
	}
	record_send(frame, settings, COUNT_SELF);
	return 0;
}
