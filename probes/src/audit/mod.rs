//! Receivers of Kubernetes audit events: the source `k8s_audit`.
//!
//! Data in: requests of the apiserver's webhook backend, its log, or lines on standard input. Data out:
//! events, through a bounded channel. Where it fails: at start, if an endpoint cannot be opened; later never,
//! but what has to be left out is counted and raised as an alert.
//!
//! ```text
//! apiserver ─► endpoint ─► decode ─┐            a full channel: 429 for the apiserver,
//! audit.log ─► follow ─► lines ─► decode ─┼─► channel ─► engine   waiting for logs
//! stdin ─► reader ─► lines ─► decode ─┘                  └─ Delivery::finish: where a restart begins
//! ```

mod batch;
mod channel;
mod decode;
mod endpoint;
mod follow;
#[cfg(test)]
mod follow_tests;
mod lines;
mod loss;
mod position;
mod reader;
mod rotated;
mod settings;
mod stop;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::http::{Limits, Server, ServerError};

use batch::Batch;
use channel::Closer;
pub use channel::{Delivery, Incoming, Received, Sender, channel};
pub use decode::{DecodeError, Decoded, decode};
use endpoint::Endpoint;
use follow::{Follower, Keeper};
use loss::Losses;
pub use loss::{Alarm, Lost};
use position::Reached;
use reader::{Ended, read_once, read_stdin};
pub use settings::{File, Http, Settings, Start};
use stop::Stop;

/// The receivers that are configured, at work.
#[derive(Debug)]
pub struct Receivers {
    closer: Closer,
    stop: Arc<Stop>,
    servers: Vec<Server>,
    threads: Vec<JoinHandle<()>>,
    counted: Vec<Counted>,
    followed: Vec<(settings::File, Reached)>,
}

/// Receivers that have stopped; where their logs are to be read on has still to be written down.
#[derive(Debug)]
pub struct Stopped {
    followed: Vec<(settings::File, Reached)>,
    log: crate::log::Log,
}

#[derive(Debug)]
struct Counted {
    receiver: String,
    events: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    losses: Arc<Losses>,
}

/// What one receiver has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its address or path.
    pub receiver: String,
    /// Events that were handed on.
    pub events: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// What was left out.
    pub lost: Lost,
}

/// Receivers that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// An endpoint cannot be opened.
    #[error("audit events: {0}")]
    Server(#[from] ServerError),
    /// There is no thread for a log.
    #[error("audit events: start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl Receivers {
    /// Starts every receiver; events go to `sender`, alerts about lost ones to `alarm`.
    ///
    /// # Errors
    /// [`ReceiverError`] where an endpoint cannot be opened. A log may be missing: it is waited for.
    ///
    /// Once every receiver has ended, and `sender` has been dropped, the channel tells its end.
    pub fn start(settings: &Settings, sender: &Sender, alarm: &Alarm) -> Result<Self, ReceiverError> {
        let mut receivers = Self {
            closer: sender.closer(),
            stop: Arc::default(),
            servers: Vec::new(),
            threads: Vec::new(),
            counted: Vec::new(),
            followed: Vec::new(),
        };
        for http in &settings.http {
            receivers.serve(http, settings.max_event_bytes, sender.clone(), alarm)?;
        }
        for file in &settings.files {
            let name = file.path.display().to_string();
            let mut batch = receivers.batch(&name, settings.max_event_bytes, sender.clone(), alarm);
            let (stop, file) = (Arc::clone(&receivers.stop), file.clone());
            if file.follow {
                let reached = Reached::default();
                receivers.followed.push((file.clone(), Arc::clone(&reached)));
                receivers.thread(move || Follower::new(file, batch, reached, stop).run())?;
            } else {
                receivers.thread(move || {
                    let ended = read_once(&file.path, &mut batch, &stop);
                    say_end(&name, ended, &batch);
                })?;
            }
        }
        if settings.stdin {
            let mut batch =
                receivers.batch("standard input", settings.max_event_bytes, sender.clone(), alarm);
            let stop = Arc::clone(&receivers.stop);
            receivers.thread(move || {
                let ended = read_stdin(&mut batch, &stop);
                say_end("standard input", ended, &batch);
            })?;
        }
        Ok(receivers)
    }

    /// Where endpoints listen, in the order of their settings.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    /// What each receiver has done.
    pub fn counters(&self) -> Vec<Counter> {
        let counter = |counted: &Counted| Counter {
            receiver: counted.receiver.clone(),
            events: counted.events.load(Ordering::Relaxed),
            refused: counted.refused.load(Ordering::Relaxed),
            lost: counted.losses.in_all(),
        };
        self.counted.iter().map(counter).collect()
    }

    /// Takes nothing more. What waits in the channel can still be received; when it is done,
    /// [`Stopped::save`] writes down where to go on.
    pub fn stop(mut self, log: crate::log::Log) -> Stopped {
        self.stop.ask();
        self.servers.drain(..).for_each(Server::stop);
        // Threads that wait for room in it wake up.
        self.closer.close();
        for thread in self.threads.drain(..) {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
        self.counted.iter().for_each(|counted| counted.losses.finish());
        Stopped { followed: std::mem::take(&mut self.followed), log }
    }

    fn serve(
        &mut self,
        http: &Http,
        max_event_bytes: usize,
        sender: Sender,
        alarm: &Alarm,
    ) -> Result<(), ReceiverError> {
        let counted = self.count(&http.listen, alarm);
        let endpoint = Endpoint {
            path: http.path.clone(),
            max_body_bytes: http.max_body_bytes,
            max_event_bytes,
            sender,
            losses: Arc::clone(&counted.losses),
            events: Arc::clone(&counted.events),
            refused: Arc::clone(&counted.refused),
        };
        let limits = Limits {
            connections: http.max_connections,
            timeout: http.timeout,
            body_bytes: http.max_body_bytes.saturating_mul(4),
        };
        let (tls, log) = (http.tls.as_ref(), alarm.log.clone());
        self.servers.push(Server::start(&http.listen, tls, limits, Arc::new(endpoint), log)?);
        Ok(())
    }

    fn count(&mut self, receiver: &str, alarm: &Alarm) -> &Counted {
        let counted = Counted {
            receiver: receiver.to_owned(),
            events: Arc::default(),
            refused: Arc::default(),
            losses: Arc::new(Losses::new(receiver.to_owned(), alarm.clone())),
        };
        self.counted.push(counted);
        &self.counted[self.counted.len() - 1]
    }

    fn batch(&mut self, receiver: &str, max_event_bytes: usize, sender: Sender, alarm: &Alarm) -> Batch {
        let counted = self.count(receiver, alarm);
        Batch::new(sender, Arc::clone(&counted.losses), Arc::clone(&counted.events), max_event_bytes)
    }

    fn thread(&mut self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(std::thread::Builder::new().name("audit-receiver".to_owned()).spawn(work)?);
        Ok(())
    }
}

impl Stopped {
    /// Writes down, for every log that is followed, the position behind the last event that was finished.
    pub fn save(self) {
        for (file, reached) in &self.followed {
            Keeper::new(file).save(reached, &self.log);
        }
    }
}

fn say_end(receiver: &str, ended: Result<(), Ended>, batch: &Batch) {
    match ended {
        Ok(()) => batch.losses.log().info(&format!("{receiver}: read to its end")),
        Err(Ended::Stopped) => {}
        Err(Ended::Failed(error)) => batch.losses.log().error(&format!("{receiver}: {error}")),
    }
    batch.losses.finish();
}
