//! The kernel's half: loading the programs, attaching them, reading what they send.
//!
//! # Design, as measured (2 CPUs of a virtual machine, kernel 6.18, CPU time of one call, minimum of seven rounds)
//!
//! | attached | getppid | read of a byte | dup+close | open+close |
//! |---|---|---|---|---|
//! | nothing | 112 ns | 145 ns | 285 ns | 1425 ns |
//! | one program on every exit (`tp_btf`), bitmap, miss | 180 (1.61) | 216 (1.49) | 425 (1.49) | 1580 (1.11) |
//! | the same as raw tracepoint, miss | 205 (1.83) | 245 (1.69) | 480 (1.68) | 1660 (1.16) |
//! | a tracepoint on each of 18 calls, dup and open hit | 142 (1.27) | 173 (1.19) | 410 (1.44) | 1650 (1.16) |
//!
//! So each wanted call gets a tracepoint of its own (`syscalls/sys_exit_*`): an unwanted call then costs one test of a
//! bit in the kernel, however many are attached, and a wanted one costs the same either way. Their numbers are
//! tracefs's to tell; where that cannot be had, as in an unprivileged sidecar, they are read from the kernel's own
//! list ([`tracepoints`]). Only where calls have no tracepoints (`CONFIG_FTRACE_SYSCALLS`), or perf events are out of
//! reach, one `tp_btf` program sees every call and looks at a bitmap itself: three quarters of what that adds to an
//! unwanted call is the attachment, an empty program costs nearly the same.
//!
//! What an event costs the caller and us is in docs/probe.md (`benches/probe`). Of what judging an open takes, reading
//! its path is the most; nothing else is asked of it unless an alternative that is left asks. Structures are read by
//! plain loads where the verifier knows their type: `bpf_probe_read` costs ten times as much, and made a sent dup 8.5
//! times as dear as an unwatched one, which now is 6.1.
//!
//! Per-call tracepoints do not see calls of the 32-bit convention; neither would a 64-bit table of numbers be right
//! for them. 32-bit programs are counted when they are executed, 32-bit calls where one program sees every call.
//!
//! One ring buffer serves all CPUs: records of one process stay in order whatever CPU it runs on. Nobody is woken
//! until an eighth of it is full, the reader looks by itself every few milliseconds: wake-ups were most of the cost of
//! an event. The last eighth is kept for fork, exec and exit, so that a flood of calls cannot tear holes into the
//! table of processes.

pub(crate) mod alternative;
mod attach;
mod counts;
pub(crate) mod derive;
pub(crate) mod filter;
pub(crate) mod layout;
pub(crate) mod loader;
mod object;
pub(crate) mod optional;
pub(crate) mod record;
pub(crate) mod tracefs;
mod tracepoints;
