/* The maps and the per-CPU frame in which records are built. */
#ifndef LITHIFY_MAPS_H
#define LITHIFY_MAPS_H

#include "kernel.h"
#include "layout.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>


/* Longest directory entry, NAME_MAX of the kernel. */
#define ENTRY_MAX 255

/* Loops of many rounds call a function that takes only numbers, which the verifier looks at once, not once a round
 * (bpf_loop needs 5.17). What they carry from round to round is here. */
struct walk {
	struct dentry *dentry;
	struct mount *mount;
	struct dentry *root;
	struct vfsmount *root_mount;
	/* Where the part written so far begins in frame->walk. */
	u32 offset;
};

struct kernfs_walk {
	struct kernfs_node *node;
	u32 offset;
};

/* One CPU's work space. Too large for a per-CPU map, so an array indexed by CPU. */
struct frame {
	/* 1: in use. A program that interrupts another on this CPU counts its event as dropped. */
	u32 busy;
	/* Where the next piece goes in `record`. */
	u32 offset;
	struct prefix_key prefix;
	struct name_key name;
	/* A cgroup's name on its way into `walk`. */
	u8 entry[ENTRY_MAX + 1];
	struct walk path;
	struct kernfs_walk kernfs;
	/* Paths are walked from the leaf to the root, so written from the end. */
	u8 walk[TEXT_MAX + ENTRY_MAX + 1];
	u8 record[RECORD_MAX] __attribute__((aligned(8)));
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} events SEC(".maps");

/* Resized by the loader to the number of CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct settings);
} settings SEC(".maps");

/* One bit a system call: is it wanted? Read before anything else by the program that sees every call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[SYSCALLS / 64]);
} wanted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALLS);
	__type(key, u32);
	__type(value, struct plan);
} plans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALLS);
	__type(key, u32);
	__type(value, struct filter);
} filters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix_key);
	__type(value, u64);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* Allocated at once: kernels before 6.1 warn in their log of tracing programs that allocate. */
	__uint(max_entries, 4096);
	__type(key, struct name_key);
	__type(value, u64);
} names SEC(".maps");

/* cgroup -> CLASS_*, written by user space once it has seen the path. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u32);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, u32);
	__type(value, struct counts);
} counts SEC(".maps");

static __always_inline struct frame *frame_of_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&frames, &cpu);
}

static __always_inline struct settings *settings_get(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct counts *counts_of(u32 index)
{
	return bpf_map_lookup_elem(&counts, &index);
}

#endif
