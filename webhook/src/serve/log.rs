//! One JSON object a line, on standard error.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Where the lines go.
pub struct Log {
    sink: Mutex<Box<dyn Write + Send>>,
    is_verbose: bool,
}

impl Log {
    /// A log to a sink. `is_verbose`: also what was allowed without a finding.
    pub fn new(sink: impl Write + Send + 'static, is_verbose: bool) -> Self {
        Self { sink: Mutex::new(Box::new(sink)), is_verbose }
    }

    /// Whether decisions of no interest are wanted too.
    pub fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// Something worth knowing.
    pub fn info(&self, message: &str, fields: Value) {
        self.write("info", message, fields);
    }

    /// Something that somebody should look at.
    pub fn warn(&self, message: &str, fields: Value) {
        self.write("warning", message, fields);
    }

    fn write(&self, level: &str, message: &str, fields: Value) {
        let mut line = Map::new();
        line.insert("time".to_owned(), json!(Timestamp::now().to_string()));
        line.insert("level".to_owned(), json!(level));
        line.insert("message".to_owned(), json!(message));
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that nobody reads is no reason to stop answering.
        let _ = sink.write_all(text.as_bytes());
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("is_verbose", &self.is_verbose).finish_non_exhaustive()
    }
}
