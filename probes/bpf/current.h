/* The running task, and reading from it, in two builds.
 *
 * Since 5.15 (bpf_task_pt_regs; 5.11 for bpf_get_current_task_btf) the verifier knows the type of the running task: its
 * structures are read by plain loads, which cost a tenth of a call of bpf_probe_read_kernel. KERNEL_5_8 makes the build
 * for kernels that lack these helpers: the same programs, every load a call.
 */
#ifndef LITHIFY_CURRENT_H
#define LITHIFY_CURRENT_H

#include "maps.h"

#ifdef KERNEL_5_8
/* The task's first argument, then fields as in BPF_CORE_READ. */
#define LOAD(...) BPF_CORE_READ(__VA_ARGS__)

static __always_inline struct task_struct *current_task(void)
{
	return (void *)bpf_get_current_task();
}

#if defined(__TARGET_ARCH_x86)
/* THREAD_SIZE without CONFIG_KASAN, which doubles it; nothing pads the top of a 64-bit stack. */
#define STACK_BYTES (16 * 1024)
#define STACK_TOP_PADDING 0
#else
/* THREAD_SIZE with pages of 4 or 16 KiB. */
#define STACK_BYTES (16 * 1024)
#define STACK_TOP_PADDING 0
#endif

/* task_pt_regs(): the registers of the caller lie at the top of the task's kernel stack. */
static __always_inline struct pt_regs *current_registers(struct task_struct *task)
{
	void *stack = BPF_CORE_READ(task, stack);
	return stack + STACK_BYTES - STACK_TOP_PADDING - bpf_core_type_size(struct pt_regs);
}
#else
#define LOAD(...) ___apply(___arrow, ___narg(__VA_ARGS__))(__VA_ARGS__)

static __always_inline struct task_struct *current_task(void)
{
	return bpf_get_current_task_btf();
}

static __always_inline struct pt_regs *current_registers(struct task_struct *task)
{
	return (void *)bpf_task_pt_regs(task);
}
#endif

#endif
