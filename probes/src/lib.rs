//! Watches system calls and Kubernetes audit events, judges them by Falco's rules, and raises alerts.
//!
//! [`Probe`] is the source of system calls: it loads the kernel's half, keeps what is known of processes, containers
//! and users, and shows each event while it stands in the ring buffer. [`audit`] receives what apiservers send,
//! [`replay`] reads what was recorded. [`config`] reads falco.yaml, [`engine`] makes rules of rule files, [`output`]
//! hands alerts on, and [`host`] puts all of it together and changes it while it runs.

pub mod alert;
pub mod audit;
mod cgroup;
mod cgroup_table;
pub mod config;
mod container;
mod domains;
mod ending;
pub mod engine;
pub mod host;
pub mod http;
mod inspect;
mod kernel;
pub mod learn;
pub mod log;
mod memory;
mod missing;
mod number_map;
pub mod output;
mod path;
pub mod privilege;
mod probe;
mod process;
mod procfs;
mod queue;
mod record;
pub mod replay;
mod rooted;
pub mod runtime;
mod state;
mod syscall;
mod tally;
mod users;

pub use ending::{Final, since_boot_ns};
pub use kernel::alternative::{Alternative, Descriptor};
pub use kernel::derive::filters_of;
pub use kernel::loader::{AttachKind, LoadError};
pub use kernel::optional::Optional;
pub use probe::SIDECAR_LACKS;
pub use probe::{Probe, ProbeError, ProbeOptions};
pub use record::Recorder;
pub use syscall::event::SyscallEvent;
pub use tally::{Counted, Tally, Unseen};
