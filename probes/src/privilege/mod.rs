//! What the probe may do, and gives up before it looks at anything that others wrote.
//!
//! [`restrict`] runs first, while there is one thread: privileges are a thread's own. It opens what only a privileged
//! process can (the list of tracepoints), keeps the capabilities that watching takes and drops all others for good,
//! forbids itself to gain any, and puts itself under a seccomp filter. What it cannot do for want of a capability, it
//! says.

mod capabilities;
mod seccomp;

pub use capabilities::Missing;

use crate::kernel::tracefs;

/// What must stay possible beside watching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Listening on ports below 1024.
    pub low_ports: bool,
    /// Starting programs: those that alerts are piped to. They inherit all restrictions, so the filter only forbids
    /// what no such program needs, instead of allowing what the probe needs.
    pub programs: bool,
    /// The host's processes are out of sight: nothing is missed that only concerns them.
    pub sidecar: bool,
}

/// Why the probe cannot give its privileges up. It does not start then.
#[derive(Debug, thiserror::Error)]
pub enum RestrictError {
    /// The kernel refuses.
    #[error("drop privileges: {what}: {error}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: std::io::Error,
    },
    /// The filter cannot be made.
    #[error("seccomp filter: {0}")]
    Filter(String),
}

/// Gives up everything but what is needed; returns what is needed and not there.
///
/// # Errors
/// [`RestrictError`]; privileges may be dropped in part.
pub fn restrict(keep: Keep) -> Result<Vec<Missing>, RestrictError> {
    tracefs::keep();
    let missing = capabilities::drop_all_but(keep)?;
    seccomp::apply(keep.programs)?;
    Ok(missing)
}
