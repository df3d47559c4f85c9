//! Watches system calls through eBPF and shows them as events that rules understand.
//!
//! [`Probe`] is the source: it loads the kernel's half, keeps what is known of processes, containers and users, and
//! shows each event while it stands in the ring buffer. Outputs, rules and configuration are not its business.

pub mod alert;
pub mod audit;
mod cgroup;
pub mod config;
mod container;
pub mod engine;
pub mod host;
pub mod http;
mod kernel;
pub mod log;
pub mod output;
mod path;
mod probe;
mod process;
mod procfs;
mod queue;
mod record;
pub mod replay;
pub mod runtime;
mod state;
mod syscall;
mod users;

pub use kernel::alternative::{Alternative, Descriptor};
pub use kernel::derive::filters_of;
pub use kernel::loader::{AttachKind, LoadError};
pub use probe::{Probe, ProbeError, ProbeOptions, Tally};
pub use record::Recorder;
pub use syscall::event::SyscallEvent;
