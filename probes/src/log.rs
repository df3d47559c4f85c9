//! The probe's own log, as a handle that its parts carry.

use std::fmt;
use std::sync::Arc;

use lithify::rules::Priority;

type Write = dyn Fn(Priority, &str) + Send + Sync;

/// Takes what a part of the probe has to say about its own work; cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Write>);

impl Log {
    /// A log that hands each line to `write`, from any thread.
    pub fn new(write: impl Fn(Priority, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Events are lost, or soon will be.
    pub fn critical(&self, text: &str) {
        self.0(Priority::Critical, text);
    }

    /// Something failed, and with it something is lost.
    pub fn error(&self, text: &str) {
        self.0(Priority::Error, text);
    }

    /// Something is not as it should be.
    pub fn warning(&self, text: &str) {
        self.0(Priority::Warning, text);
    }

    /// Something that is good to know.
    pub fn info(&self, text: &str) {
        self.0(Priority::Informational, text);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
