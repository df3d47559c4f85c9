/* The parts of kernel structures that the probe reads, nothing more.
 *
 * preserve_access_index makes the loader move every access to where the running kernel has the field (CO-RE),
 * so neither order nor completeness matters here. A name after ___ is a second shape of the same structure.
 */
#ifndef LITHIFY_KERNEL_H
#define LITHIFY_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long orig_ax, di, si, dx, r10, r8, r9;
};

struct thread_info {
	u32 status;
};
#else
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};

struct thread_info {
	unsigned long flags;
};
#endif

/* kuid_t and kgid_t */
struct kid {
	u32 val;
};

/* u32[2] before 6.3 */
struct kernel_cap_struct {
	u64 val;
};

struct ns_common {
	u32 inum;
};

struct qstr {
	u32 hash;
	u32 len;
	const unsigned char *name;
};

struct super_block;
struct dentry;

struct file_system_type {
	const char *name;
};

struct super_block {
	u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct file_system_type *s_type;
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct inode {
	u16 i_mode;
	struct kid i_uid, i_gid;
	u32 i_flags;
	struct super_block *i_sb;
	unsigned long i_ino;
	struct timespec64 i_mtime;
};

/* 6.6: i_ctime became private, 6.7: i_mtime too. */
struct inode___ctime {
	struct timespec64 i_ctime;
};

struct inode___private {
	struct timespec64 __i_ctime;
	struct timespec64 __i_mtime;
};

/* 6.11: seconds and nanoseconds on their own. */
struct inode___split {
	s64 i_mtime_sec;
	s64 i_ctime_sec;
	u32 i_mtime_nsec;
	u32 i_ctime_nsec;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct dentry {
	u32 d_flags;
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	u32 f_mode;
	u32 f_flags;
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	u64 id;
};

/* 6.15: the parent is protected by RCU. */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

enum cgroup_subsys_id { pids_cgrp_id, memory_cgrp_id, cpu_cgrp_id, devices_cgrp_id };

struct css_set {
	struct cgroup_subsys_state *subsys[32];
	struct cgroup *dfl_cgrp;
};

struct user_namespace {
	int level;
	struct ns_common ns;
};

struct cred {
	struct kid uid, gid, euid, egid, fsuid, fsgid;
	struct kernel_cap_struct cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
};

struct pid_namespace {
	u32 level;
	struct task_struct *child_reaper;
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1];
};

struct tty_driver {
	int major;
	int minor_start;
};

struct tty_struct {
	int index;
	struct tty_driver *driver;
};

struct rlimit {
	unsigned long rlim_cur;
};

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };

struct atomic {
	int counter;
};

struct signal_struct {
	struct atomic live;
	int nr_threads;
	struct pid *pids[4];
	struct tty_struct *tty;
	struct rlimit rlim[16];
};

struct percpu_counter {
	s64 count;
};

struct mm_struct {
	unsigned long total_vm, arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
};

/* Before 6.2. */
struct mm_rss_stat {
	s64 count[4];
};

struct mm_struct___counters {
	struct mm_rss_stat rss_stat;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	int pid, tgid;
	int exit_code;
	unsigned long min_flt, maj_flt;
	u64 start_boottime;
	struct task_struct *real_parent, *group_leader;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	const struct cred *cred;
	struct kid loginuid;
	struct css_set *cgroups;
	struct pid *thread_pid;
	char comm[16];
};

struct filename {
	const char *name;
	const void *uptr;
};

struct linux_binprm {
	const char *filename;
	const char *fdpath;
	struct file *file;
};

struct list_head {
	struct list_head *next;
};

struct trace_event {
	int type;
};

/* A tracepoint as tracefs lists it; those of system calls have their name here. */
struct trace_event_call {
	struct list_head list;
	const char *name;
	struct trace_event event;
};

struct perf_event {
	struct trace_event_call *tp_event;
};

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u16 skc_family;
	u8 skc_state;
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type;
	u16 sk_protocol;
	u32 sk_ack_backlog, sk_max_ack_backlog;
};

struct socket {
	short type;
	struct sock *sk;
};

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

#pragma clang attribute pop

#endif
