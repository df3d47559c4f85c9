//! Tells threads to stop, and wakes them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Stop {
    is_asked: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(super) fn ask(&self) {
        *self.is_asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    pub(super) fn is_asked(&self) -> bool {
        *self.is_asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, unless it is asked to stop before; returns whether it is.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let asked = self.is_asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(asked, patience, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
