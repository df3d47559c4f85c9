/* The optional tier: what the kernel itself copied from the caller's memory, for kernels that have fentry.
 *
 * Whoever reads the caller's memory when a call returns reads what is there by then: since the kernel took its copy,
 * another thread, or a process that shares the page, may have put something harmless there, or thrown the page out. So
 * each copy is kept, per thread, from when the kernel is done with it until the call returns.
 *
 *   path_copied     fentry putname                   struct filename *: the caller's pointer and the text behind it
 *   address_copied  fentry security_socket_connect   struct socket *, struct sockaddr *, int length
 *   mount_copied    fentry security_sb_mount         the texts of what is mounted and of its type; where is a path above
 *
 * (fexit move_addr_to_kernel would serve bind and sendto too, but on 5.10 it sees no connect.)
 *
 * Each is optional; `settings.copies` says whether one is there. What is not found here is read from the caller.
 */
#ifndef LITHIFY_COPIES_H
#define LITHIFY_COPIES_H

#include "current.h"

/* struct sockaddr_storage */
#define ADDRESS_MAX 128
/* Names of types of file systems are short. */
#define TYPE_MAX 64
/* rename and link take two; mount takes one and what it mounts, which may be one. */
#define PATHS 2
_Static_assert(PATHS == 2, "path_read() looks at the latest first");

struct copies {
	/* Where in the caller's memory; 0: no copy. */
	u64 paths_from[PATHS];
	u64 address_from;
	u64 type_from;
	/* Which path is overwritten next. */
	u64 next;
	u8 address[ADDRESS_MAX];
	u8 type[TYPE_MAX];
	u8 paths[PATHS][TEXT_MAX];
};

/* By thread. Needed from the kernel's copy to the end of the same call: threads that are in no call are forgotten first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, u32);
	__type(value, struct copies);
} copies SEC(".maps");

/* What a thread begins with: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct copies);
} no_copies SEC(".maps");

static __always_inline struct copies *copies_known(void)
{
	struct settings *settings = settings_get();
	/* Before the thread is asked for: on the way of every wanted call a helper is dear. */
	if (!settings || !settings->copies)
		return 0;
	u32 thread = bpf_get_current_pid_tgid();
	return bpf_map_lookup_elem(&copies, &thread);
}

/* Those of the running thread, if its call is one whose return is looked at. */
static __always_inline struct copies *copies_made(u64 number)
{
	u32 thread = bpf_get_current_pid_tgid(), zero = 0;
	u64 *bits = bpf_map_lookup_elem(&wanted, &zero);
	if (!bits || number >= SYSCALLS || !(bits[number / 64 & (SYSCALLS / 64 - 1)] >> (number & 63) & 1))
		return 0;
	struct copies *known = bpf_map_lookup_elem(&copies, &thread);
	if (known)
		return known;
	struct copies *none = bpf_map_lookup_elem(&no_copies, &zero);
	if (!none || bpf_map_update_elem(&copies, &thread, none, BPF_ANY))
		return 0;
	return bpf_map_lookup_elem(&copies, &thread);
}

/* Keeps `text`, which the kernel copied from where the caller has `from`. */
static __always_inline void path_keep(struct copies *own, u64 from, const void *text)
{
	u32 place = own->next & (PATHS - 1);
	own->paths_from[place] = 0;
	if (bpf_probe_read_kernel_str(own->paths[place], TEXT_MAX, text) > 0)
		own->paths_from[place] = from;
	own->next = place + 1;
}

/* A path of the caller, or what mount takes beside it, as bpf_probe_read_user_str() reads one. */
static __always_inline long path_read(void *to, u32 size, u64 from)
{
	struct copies *known = copies_known();
	/* The latest first: whatever was left of an earlier call never comes before what this one passed. */
	u32 last = known ? known->next + 1 : 0;
	if (known && from && known->type_from == from)
		return bpf_probe_read_kernel_str(to, size, known->type);
	for (u32 i = 0; known && i < PATHS; i++) {
		u32 place = (last + i) & (PATHS - 1);
		if (known->paths_from[place] == from)
			return bpf_probe_read_kernel_str(to, size, known->paths[place]);
	}
	return bpf_probe_read_user_str(to, size, (void *)from);
}

/* Up to ADDRESS_MAX bytes of a socket address of the caller, as bpf_probe_read_user() reads them. */
static __always_inline long address_read(void *to, u32 size, u64 from)
{
	struct copies *known = copies_known();
	if (known && known->address_from == from)
		return bpf_probe_read_kernel(to, size, known->address);
	return bpf_probe_read_user(to, size, (void *)from);
}

/* The call has returned: the next one may pass the same pointers. */
static __always_inline void copies_forget(void)
{
	struct copies *known = copies_known();
	if (known)
		known->paths_from[0] = known->paths_from[1] = known->address_from = known->type_from = 0;
}

#endif
