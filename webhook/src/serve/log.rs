//! One JSON object a line, on standard error.
//!
//! Whoever reads it may be slow, or may have stopped: lines wait in a queue for a thread of their own to write them,
//! and nothing ever waits for that thread. What finds the queue full is lost, counted, and told once there is room.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use serde_json::{Map, Value, json};

/// The most bytes that wait: some thousands of lines.
const MOST_WAITING: usize = 1 << 20;

/// Where the lines go.
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
    is_verbose: bool,
    lost: Counter,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    /// There is something to write, or never will be.
    filled: Condvar,
    /// All of it has been written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines.
    waiting: String,
    /// Bytes that are being written.
    writing: usize,
    /// Lines that found no room and have not been told of.
    lost: u64,
    is_closed: bool,
}

impl Log {
    /// A log to a sink, which may block. `is_verbose`: also what was allowed without a finding.
    pub fn new(sink: impl Write + Send + 'static, is_verbose: bool) -> Self {
        let queue = Arc::new(Queue::default());
        let own = queue.clone();
        std::thread::spawn(move || own.write_to(sink));
        Self { queue, is_verbose, lost: Counter::default() }
    }

    /// Whether decisions of no interest are wanted too.
    pub fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// How many lines have been lost.
    pub fn lost(&self) -> Counter {
        self.lost.clone()
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
        if !self.queue.push(&line(level, message, fields)) {
            self.lost.inc();
        }
    }

    /// Waits until every line has been written, or for so long.
    pub fn flush(&self, patience: Duration) {
        let state = self.queue.lock();
        let is_waiting = |state: &mut State| !state.waiting.is_empty() || state.writing > 0 || state.lost > 0;
        // What is not written by then is lost with the process.
        drop(self.queue.emptied.wait_timeout_while(state, patience, is_waiting));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.filled.notify_one();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room.
    fn push(&self, line: &str) -> bool {
        let mut state = self.lock();
        // One that is longer than all the room goes alone.
        let waiting = state.waiting.len() + state.writing;
        let is_room = waiting == 0 || waiting + line.len() <= MOST_WAITING;
        if is_room {
            state.waiting.push_str(line);
        } else {
            state.lost += 1;
        }
        self.filled.notify_one();
        is_room
    }

    /// Writes whatever comes, until the log is dropped and all is written.
    fn write_to(&self, mut sink: impl Write) {
        let mut state = self.lock();
        loop {
            let is_idle = |state: &mut State| state.waiting.is_empty() && state.lost == 0 && !state.is_closed;
            state = self.filled.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner);
            let mut text = std::mem::take(&mut state.waiting);
            let lost = std::mem::take(&mut state.lost);
            if lost > 0 {
                let message = "log lines were lost: they were written faster than read";
                text.push_str(&line("warning", message, json!({"lines": lost})));
            }
            if text.is_empty() {
                return;
            }
            state.writing = text.len();
            drop(state);
            // A log that cannot be written is no reason to stop answering.
            let _ = sink.write_all(text.as_bytes());
            state = self.lock();
            state.writing = 0;
            if state.waiting.is_empty() {
                self.emptied.notify_all();
            }
        }
    }
}

fn line(level: &str, message: &str, fields: Value) -> String {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(Timestamp::now().to_string()));
    line.insert("level".to_owned(), json!(level));
    line.insert("message".to_owned(), json!(message));
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that reads a line's worth only when told to; dropping the sender lets everything through.
    struct Reluctant {
        told: mpsc::Receiver<()>,
        read: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.told.recv();
            self.read.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn reluctant() -> (Log, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let (tell, told) = mpsc::channel();
        let read = Arc::new(Mutex::new(Vec::new()));
        (Log::new(Reluctant { told, read: read.clone() }, false), tell, read)
    }

    fn lines(read: &Mutex<Vec<u8>>) -> Vec<Value> {
        let text = String::from_utf8(read.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn nothing_waits_for_a_reader_that_has_stopped() {
        let (log, tell, read) = reluctant();
        let padding = "x".repeat(1000);
        for number in 0..5000 {
            log.info("line", json!({"number": number, "padding": padding}));
        }
        let lost = log.lost().get();
        assert!((1..5000).contains(&lost), "{lost}");
        drop(tell);
        log.flush(Duration::from_mins(1));
        let lines = lines(&read);
        let written = lines.iter().filter(|line| line["message"] == "line").count();
        assert_eq!(written as u64 + lost, 5000);
        let told: u64 = lines.iter().filter_map(|line| line["lines"].as_u64()).sum();
        assert_eq!(told, lost, "what is lost is told");
        let numbers: Vec<u64> = lines.iter().filter_map(|line| line["number"].as_u64()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }

    #[test]
    fn a_log_that_goes_has_written_all_of_it() {
        let (log, tell, read) = reluctant();
        log.info("last", json!({}));
        drop(log);
        drop(tell);
        // Its thread holds the other one until it is done.
        while Arc::strong_count(&read) > 1 {
            std::thread::yield_now();
        }
        assert_eq!(lines(&read)[0]["message"], "last");
    }
}
