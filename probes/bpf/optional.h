/* Programs of the optional tier: see copies.h. */
#ifndef LITHIFY_OPTIONAL_H
#define LITHIFY_OPTIONAL_H

#include "task.h"

/* Those of the running thread. A call of the 32-bit convention is none whose return is looked at: its number means
 * another one. */
static __always_inline struct copies *copies_of_call(struct task_struct *task, struct pt_regs *regs)
{
	return is_32_bit_call(task) ? 0 : copies_made(call_number(regs));
}

/* ctx: struct filename *. An error in its place reads as zero. */
SEC("fentry/putname")
int path_copied(u64 *ctx)
{
	struct filename *name = (void *)ctx[0];
	struct task_struct *task = current_task();
	u64 from = (u64)BPF_CORE_READ(name, uptr);
	struct copies *own = from ? copies_of_call(task, current_registers(task)) : 0;
	if (!own)
		return 0;
	path_keep(own, from, BPF_CORE_READ(name, name));
	return 0;
}

/* ctx: struct socket *, struct sockaddr *, int length. The address lies in a whole sockaddr_storage. */
SEC("fentry/security_socket_connect")
int address_copied(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct pt_regs *regs = current_registers(task);
	struct copies *own = copies_of_call(task, regs);
	u64 args[6];
	if (!own)
		return 0;
	read_args(args, regs);
	own->address_from = 0;
	if (bpf_probe_read_kernel(own->address, sizeof(own->address), (void *)ctx[1]) == 0)
		own->address_from = args[1];
	return 0;
}

/* ctx: const char *device, const struct path *, const char *type, unsigned long flags, void *data. Device and type are
 * zero where the caller gave none. */
SEC("fentry/security_sb_mount")
int mount_copied(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct pt_regs *regs = current_registers(task);
	struct copies *own = copies_of_call(task, regs);
	u64 args[6];
	/* Other calls mount too, what the kernel itself names. */
	if (!own || call_number(regs) != SYS_mount)
		return 0;
	read_args(args, regs);
	if (ctx[0])
		path_keep(own, args[0], (void *)ctx[0]);
	own->type_from = 0;
	/* What is cut is no type that the kernel knows: let it be read from the caller. */
	long length = ctx[2] ? bpf_probe_read_kernel_str(own->type, TYPE_MAX, (void *)ctx[2]) : 0;
	if (length > 0 && length < TYPE_MAX)
		own->type_from = args[2];
	return 0;
}

#endif
