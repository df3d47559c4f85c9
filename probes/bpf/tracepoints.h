/* Numbers of tracepoints, for who has no tracefs: from the kernel's own list of them. */
#ifndef LITHIFY_TRACEPOINTS_H
#define LITHIFY_TRACEPOINTS_H

#include "capture.h"

/* With the zero; longer than the longest "sys_exit_*". */
#define TRACEPOINT_NAME_MAX 48
/* 16 times that many are looked at; kernels have some 2,000. */
#define TRACEPOINT_ROUNDS 512

/* The next in the kernel's list of tracepoints. */
static __always_inline u64 tracepoint_next(u64 call)
{
	u64 next = (u64)BPF_CORE_READ((struct trace_event_call *)call, list.next);
	return next ? next - bpf_core_field_offset(struct trace_event_call, list) : 0;
}

/* Does a tracepoint have the name in frame->entry? Others than those of system calls have something else in its place,
 * and the list's head is none at all: that reads as another name. */
static __always_inline int tracepoint_is(struct frame *frame, u64 call)
{
	u64 name[TRACEPOINT_NAME_MAX / sizeof(u64)] = {};
	const u64 *wanted = (void *)frame->entry;
	u64 differing = 0;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ((struct trace_event_call *)call, name));
	for (u32 i = 0; i < TRACEPOINT_NAME_MAX / sizeof(u64); i++)
		differing |= name[i] ^ wanted[i];
	return differing == 0;
}

/* Of `call` and those behind it the one that has the name in frame->entry, else the one to go on with. */
__noinline u64 tracepoint_search(u64 call)
{
	struct frame *frame = frame_of_cpu();
	for (u32 i = 0; i < 16 && frame && call; i++) {
		if (tracepoint_is(frame, call))
			break;
		call = tracepoint_next(call);
	}
	return call;
}

/* ctx: descriptor of a perf event of any tracepoint, then the name, zero padded. Returns the number of the tracepoint of
 * that name, 0 if there is none: the list is a ring, so the search may begin anywhere. */
SEC("raw_tp/tracepoint_of")
int tracepoint_of(u64 *ctx)
{
	struct frame *frame = frame_of_cpu();
	if (!frame)
		return 0;
	u64 *wanted = (void *)frame->entry;
	for (u32 i = 0; i < TRACEPOINT_NAME_MAX / sizeof(u64); i++)
		wanted[i] = ctx[1 + i];
	struct perf_event *event = BPF_CORE_READ(file_of_fd(current_task(), ctx[0]), private_data);
	u64 call = (u64)BPF_CORE_READ(event, tp_event);
	for (u32 i = 0; i < TRACEPOINT_ROUNDS; i++) {
		u64 last = call;
		call = tracepoint_search(call);
		if (call == 0)
			return 0;
		if (call == last || tracepoint_is(frame, call))
			break;
	}
	return tracepoint_is(frame, call) ? BPF_CORE_READ((struct trace_event_call *)call, event.type) : 0;
}

#endif
