//! What an output has to be able to do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::message::Message;

/// One output, on a thread of its own: it may block.
pub(super) trait Sink: Send {
    /// Hands alerts over, in order; all of them, or an error says how many are left.
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError>;

    /// How many alerts [`Sink::deliver`] takes at once.
    fn max_batch(&self) -> usize {
        1
    }

    /// The batch that failed will not be tried again.
    fn give_up(&mut self) {}

    /// SIGUSR1: opens anew what others may have moved away.
    fn reopen(&mut self) -> Result<(), DeliveryError> {
        Ok(())
    }

    /// The last call: lets go of what is open.
    fn finish(&mut self) {}
}

/// Alerts that were not handed over.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct DeliveryError {
    /// Why.
    pub(super) reason: String,
    /// Whether it is worth trying again.
    pub(super) retry: Retry,
    /// How many alerts of the batch are lost with it; all where it is retried.
    pub(super) lost: Option<usize>,
}

/// Whether it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// The same would happen again.
    Never,
    /// It may work soon.
    Soon,
    /// The other side says when.
    After(Duration),
}

impl DeliveryError {
    pub(super) fn new(reason: impl Into<String>, retry: Retry) -> Self {
        Self { reason: reason.into(), retry, lost: None }
    }

    /// A failed system call, for something that may come back.
    pub(super) fn io(what: &str, error: &io::Error) -> Self {
        Self::new(format!("{what}: {error}"), Retry::Soon)
    }
}
