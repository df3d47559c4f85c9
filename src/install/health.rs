//! What it means that the apiserver is back, and how it is told.

use std::fmt;
use std::time::Duration;

use super::clock::Moment;

/// What has to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// A process of this manifest that started after the manifest was put in place.
    Restarted {
        /// When it was.
        since: Moment,
    },
    /// Any process of this manifest: the kubelet need not have seen another one in between.
    Running,
}

/// The apiserver serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthy {
    /// How long it took.
    pub waited: Duration,
    /// What was seen, in the order of seeing: proof for the summary.
    pub evidence: Vec<String>,
    /// The first audit event, one JSON line, where a log file is configured and one came.
    pub first_event: Option<String>,
}

/// The apiserver does not serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unhealthy {
    /// How long was waited.
    pub waited: Duration,
    /// What was missing.
    pub reason: String,
    /// The last meaningful lines of the container's own log.
    pub log: Vec<String>,
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} s {}", self.waited.as_secs(), self.reason)?;
        self.log.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}

/// Watches the apiserver of one node.
pub trait Health {
    /// Called right before this manifest is put in place: remember what runs and what the audit log holds.
    fn before_change(&mut self, manifest: &[u8]);

    /// Whether the apiserver of this manifest serves now, without waiting.
    fn is_ready(&mut self, manifest: &[u8]) -> bool;

    /// Waits until what is expected of this manifest is seen.
    ///
    /// # Errors
    /// [`Unhealthy`] when the time is over, or earlier when it is clear that it will not come.
    fn wait(&mut self, manifest: &[u8], expectation: &Expectation) -> Result<Healthy, Unhealthy>;
}
