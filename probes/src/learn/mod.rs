//! Learns where containers write on their root filesystems, as write-path profiles.
//!
//! ```text
//! event ─► changes ─► tree: real path, on the root? ─► Seen (of one container) ─► profile (of one workload) ─► store
//!                       └ layers: what the image holds there
//! ```
//!
//! - [`calls`]: which calls change files, and what each of them changes. [`changes`]: the changes of one event.
//! - [`tree`]: a container's mount namespace, held open from its first exec until a moment after its end, so that a path
//!   can be looked up after the process that gave it is gone. What an open returned needs no looking up: the kernel's
//!   half walked it. Only the mount that is the container's root counts; volumes, /proc and the like are others.
//!   [`making`] takes hold of it even earlier, for programs that end within milliseconds.
//! - [`layers`]: whether the image holds files in a directory, from the layers below the container's own.
//! - [`seen`]: directories, refused writes and what could not be told, of one container; pure.
//! - [`workload`]: whose container it is, from what the runtime tells; pure. [`profile`]: all containers of a workload's
//!   container as one profile, and whether it is complete; pure. [`store`]: profiles as files.
//! - [`learner`] puts it together.
//!
//! It fails towards "incomplete": a path that cannot be told, a lost event, a program of the 32-bit convention, io_uring
//! and chroot are each written into the profile as unresolved, and the fixer takes no such profile for evidence.

mod calls;
mod changes;
mod layers;
mod learner;
mod loss;
mod making;
mod observed;
mod profile;
mod seen;
mod selection;
mod store;
mod tree;
mod workload;

pub use learner::{Learner, Settings, events, options};
pub use loss::lost;
pub use profile::Criterion;
pub use selection::Selection;
pub use store::{Store, StoreError};
