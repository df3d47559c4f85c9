//! An alert on its way out, written once however many outputs take it.

use std::sync::{Arc, OnceLock};

use crate::alert::{Alert, Format};

#[derive(Debug)]
pub(super) struct Message {
    pub(super) alert: Arc<Alert>,
    format: Arc<Format>,
    line: OnceLock<String>,
}

impl Message {
    pub(super) fn new(alert: Arc<Alert>, format: Arc<Format>) -> Self {
        Self { alert, format, line: OnceLock::new() }
    }

    /// The line as it is configured, without a line end. The first output to ask makes it.
    pub(super) fn line(&self) -> &str {
        self.line.get_or_init(|| self.alert.to_line(&self.format))
    }
}

/// The lines of several alerts, each with its end.
pub(super) fn lines(batch: &[Arc<Message>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in batch {
        bytes.extend_from_slice(message.line().as_bytes());
        bytes.push(b'\n');
    }
    bytes
}
