//! Certificates of our own: an authority and a leaf, shared by the replicas through a Secret, exchanged in time.
//!
//! - [`Held`]: what the Secret holds.
//! - [`plan`]: the next step, pure: what is held, what the apiserver trusts, and the time.
//! - [`issue`]: new authorities and leaves.
//! - [`keeper`]: takes the steps, where it has the Lease, and serves what the Secret holds.
//! - [`trust`]: whether the apiserver would trust what is served.
//!
//! The order that keeps every handshake good: a new authority is trusted (in every `caBundle`, beside the old)
//! before any server uses it, and the old one leaves only when no server has used it for a while.

mod held;
mod issue;
mod keeper;
mod lease;
mod plan;
mod trust;

pub use held::{Dated, Held, HeldError};
pub use issue::IssueError;
pub use keeper::{Keeper, KeeperError, SECRET};
pub use plan::{Lifetimes, Step, plan};
pub(crate) use trust::trusts;
