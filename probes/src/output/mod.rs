//! Outputs: where alerts go.
//!
//! Data in: alerts, from any thread. Data out: lines, datagrams, requests. Where it fails: at start, if an
//! output cannot work as it is configured; later never, but alerts are counted as dropped (their output's
//! queue was full) or failed (they could not be handed over), and that is an alert itself.
//!
//! ```text
//! send ─► queue ─► thread ─► stdout          each output has a queue and a thread of its own,
//!      ├► queue ─► thread ─► file            so that none can hold up another, or the engine
//!      └► …                  http, otlp …
//!            ▲ watch: reports drops and outputs that are blocked
//! ```

mod file;
mod http;
mod message;
mod otlp;
mod program;
mod settings;
mod sink;
mod stdout;
mod syslog;
#[cfg(test)]
mod tests;
mod watch;
mod worker;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::alert::{Alert, Format};
use crate::http::ClientError;
use crate::log::Log;
use crate::queue::Bounds;

use message::Message;
pub use settings::{File, Http, Otlp, Program, Settings, Stdout, Syslog};
use sink::Sink;
use watch::Watch;
use worker::Worker;

/// The outputs that are configured, at work.
#[derive(Debug)]
pub struct Outputs {
    fan: Arc<Fan>,
    /// Behind a lock only so that threads can share the outputs.
    done: Mutex<mpsc::Receiver<()>>,
    watch: Watch,
}

/// Hands one alert to every output.
#[derive(Debug)]
struct Fan {
    format: Arc<Format>,
    hostname: Arc<str>,
    workers: Vec<Arc<Worker>>,
}

/// An output that cannot work as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It needs a value.
    #[error("`{0}`: expected a value, as the output is enabled")]
    Missing(&'static str),
    /// It cannot be opened.
    #[error("{output}: {what}: {source}")]
    Open {
        /// The output.
        output: &'static str,
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Its URL or its certificates are no good.
    #[error("{output}: {source}")]
    Client {
        /// The output.
        output: &'static str,
        /// Why.
        source: ClientError,
    },
}

/// What one output has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The output: `stdout`, `file`, `syslog`, `program`, `http`, `otlp`.
    pub output: &'static str,
    /// Alerts that wait.
    pub queued: usize,
    /// Alerts that were handed over.
    pub delivered: u64,
    /// Alerts that found the queue full.
    pub dropped: u64,
    /// Alerts that could not be handed over.
    pub failed: u64,
    /// How often it was busy with one delivery for longer than `output_timeout`.
    pub blocked: u64,
}

impl Outputs {
    /// Starts every output that is enabled; `hostname` is that of alerts about the outputs themselves.
    ///
    /// # Errors
    /// [`OutputError`] where one cannot work as it is configured.
    pub fn start(settings: &Settings, hostname: Arc<str>, log: Log) -> Result<Self, OutputError> {
        let items = match settings.queue_capacity {
            0 => Settings::DEFAULT_QUEUE,
            some => some,
        };
        let bounds = Bounds { items, bytes: Settings::QUEUE_BYTES };
        let (ended, done) = mpsc::channel();
        let mut workers = Vec::new();
        for (name, sink) in sinks(settings)? {
            let worker = Worker::start(name, bounds, sink, log.clone(), ended.clone());
            workers.push(worker.map_err(|source| OutputError::Open {
                output: name,
                what: "start a thread".to_owned(),
                source,
            })?);
        }
        let fan = Arc::new(Fan { format: Arc::new(settings.format.clone()), hostname, workers });
        let watch = Watch::start(Arc::clone(&fan), settings.timeout, log).map_err(|source| {
            OutputError::Open { output: "outputs", what: "start a thread".to_owned(), source }
        })?;
        Ok(Self { fan, done: Mutex::new(done), watch })
    }

    /// Hands an alert to every output; never blocks.
    pub fn send(&self, alert: Arc<Alert>) {
        self.fan.send(alert, |_| true);
    }

    /// Opens files, sockets and programs anew (SIGUSR1).
    pub fn reopen(&self) {
        for worker in &self.fan.workers {
            worker.queue.nudge();
        }
    }

    /// What each output has done.
    pub fn counters(&self) -> Vec<Counter> {
        self.fan.workers.iter().map(|worker| worker.counter()).collect()
    }

    /// Lets out what waits, for `timeout` at most; returns what each output has done. What is left is dropped.
    pub fn stop(self, timeout: Duration) -> Vec<Counter> {
        self.watch.stop();
        let end = Instant::now() + timeout;
        for worker in &self.fan.workers {
            worker.queue.close();
        }
        let left = || end.saturating_duration_since(Instant::now());
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let all = (0..self.fan.workers.len()).all(|_| done.recv_timeout(left()).is_ok());
        drop(done);
        if !all {
            for worker in &self.fan.workers {
                let thrown = worker.queue.abandon() as u64;
                worker.dropped.fetch_add(thrown, Ordering::Relaxed);
            }
        }
        self.counters()
    }
}

impl Fan {
    fn send(&self, alert: Arc<Alert>, takes: impl Fn(&Worker) -> bool) {
        let weight = alert.weight();
        let message = Arc::new(Message::new(alert, Arc::clone(&self.format)));
        for worker in self.workers.iter().filter(|worker| takes(worker)) {
            worker.send(&message, weight);
        }
    }
}

impl Worker {
    fn counter(&self) -> Counter {
        Counter {
            output: self.name,
            queued: self.queue.len(),
            delivered: self.delivered.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
        }
    }
}

/// Alerts that are written at once where buffering is on.
const BUFFERED: usize = 256;

type Named = (&'static str, Box<dyn Sink>);

/// The outputs that are enabled; a new one is one entry here and one file.
fn sinks(settings: &Settings) -> Result<Vec<Named>, OutputError> {
    let max_batch = if settings.buffered { BUFFERED } else { 1 };
    let mut sinks: Vec<Named> = Vec::new();
    if settings.stdout.enabled {
        let sink = stdout::StdoutSink::open(max_batch);
        let open =
            |source| OutputError::Open { output: "stdout", what: "standard output".to_owned(), source };
        sinks.push(("stdout", Box::new(sink.map_err(open)?)));
    }
    if settings.file.enabled {
        required(!settings.file.filename.as_os_str().is_empty(), "file_output.filename")?;
        let what = || format!("open {}", settings.file.filename.display());
        let open = |source| OutputError::Open { output: "file", what: what(), source };
        sinks.push(("file", Box::new(file::FileSink::open(&settings.file, max_batch).map_err(open)?)));
    }
    if settings.syslog.enabled {
        let zone = settings.format.zone.clone();
        sinks.push(("syslog", Box::new(syslog::SyslogSink::new(&settings.syslog, zone))));
    }
    if settings.program.enabled {
        required(!settings.program.program.trim().is_empty(), "program_output.program")?;
        sinks.push(("program", Box::new(program::ProgramSink::new(&settings.program, max_batch))));
    }
    if settings.http.enabled {
        required(!settings.http.url.is_empty(), "http_output.url")?;
        let sink = http::HttpSink::new(&settings.http, settings.format.json);
        let client = |source| OutputError::Client { output: "http", source };
        sinks.push(("http", Box::new(sink.map_err(client)?)));
    }
    if settings.otlp.enabled {
        required(!settings.otlp.endpoint.is_empty(), "otlp_output.endpoint")?;
        let client = |source| OutputError::Client { output: "otlp", source };
        sinks.push(("otlp", Box::new(otlp::OtlpSink::new(&settings.otlp).map_err(client)?)));
    }
    Ok(sinks)
}

fn required(is_there: bool, key: &'static str) -> Result<(), OutputError> {
    if is_there { Ok(()) } else { Err(OutputError::Missing(key)) }
}
