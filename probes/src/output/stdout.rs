//! `stdout_output`: a line an alert on standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use super::message::{Message, lines};
use super::sink::{DeliveryError, Retry, Sink};

pub(super) struct StdoutSink {
    out: File,
    max_batch: usize,
}

impl StdoutSink {
    /// Beside the standard library's buffer and lock: what else the process prints cannot block it.
    pub(super) fn open(max_batch: usize) -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { out, max_batch })
    }
}

impl Sink for StdoutSink {
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError> {
        // A line that went out in part must not go out again, and who closed a pipe does not open it anew.
        let written = self.out.write_all(&lines(batch));
        written.map_err(|error| DeliveryError::new(format!("standard output: {error}"), Retry::Never))
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }
}
