//! One output at work: its queue, its thread, its counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::log::Log;
use crate::queue::{Bounds, Popped, Queue, Refused};

use super::message::Message;
use super::sink::{DeliveryError, Retry, Sink};

/// How long one batch is tried again before it is lost.
const RETRY_FOR: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause that the other side can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// What the thread and those who feed and watch it share.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) name: &'static str,
    pub(super) queue: Queue<Arc<Message>>,
    pub(super) delivered: AtomicU64,
    /// Alerts that found the queue full, or were in it when time was up.
    pub(super) dropped: AtomicU64,
    /// Alerts that could not be handed over.
    pub(super) failed: AtomicU64,
    pub(super) blocked: AtomicU64,
    /// Milliseconds from `start` to the beginning of the current delivery, plus one; 0 while it waits.
    busy_since: AtomicU64,
    /// Whether the last delivery failed.
    is_failing: AtomicU64,
    start: Instant,
}

impl Worker {
    /// Starts the thread; it says its number to `done` when it ends.
    pub(super) fn start(
        name: &'static str,
        bounds: Bounds,
        sink: Box<dyn Sink>,
        log: Log,
        done: mpsc::Sender<()>,
    ) -> std::io::Result<Arc<Self>> {
        let worker = Arc::new(Self {
            name,
            queue: Queue::new(bounds),
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            busy_since: AtomicU64::new(0),
            is_failing: AtomicU64::new(0),
            start: Instant::now(),
        });
        let of_thread = Arc::clone(&worker);
        std::thread::Builder::new().name(format!("output-{name}")).spawn(move || {
            of_thread.run(sink, &log);
            // Nobody listens any more when time was up.
            let _ = done.send(());
        })?;
        Ok(worker)
    }

    /// Never blocks; what finds no room is counted.
    pub(super) fn send(&self, message: &Arc<Message>, weight: usize) {
        if self.queue.try_push(Arc::clone(message), weight) == Err(Refused::Full) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How long the current delivery has lasted.
    pub(super) fn busy_for(&self) -> Option<Duration> {
        let since = self.busy_since.load(Ordering::Relaxed).checked_sub(1)?;
        self.start.elapsed().checked_sub(Duration::from_millis(since))
    }

    /// Alerts that this output lost in one way or another.
    pub(super) fn lost(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed) != 0
    }

    fn run(&self, mut sink: Box<dyn Sink>, log: &Log) {
        let mut batch = Vec::new();
        loop {
            match self.queue.pop(&mut batch, sink.max_batch(), None) {
                Popped::Items => {
                    self.deliver(sink.as_mut(), &batch, log);
                    batch.clear();
                }
                Popped::Nudged => {
                    if let Err(error) = sink.reopen() {
                        log.error(&format!("{}: reopen: {error}", self.name));
                    }
                }
                Popped::Nothing => {}
                Popped::Closed => break,
            }
        }
        sink.finish();
    }

    fn deliver(&self, sink: &mut dyn Sink, batch: &[Arc<Message>], log: &Log) {
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            self.enter();
            let result = sink.deliver(batch);
            self.busy_since.store(0, Ordering::Relaxed);
            let error = match result {
                Ok(()) => return self.succeeded(batch.len(), log),
                Err(error) => error,
            };
            self.say_failure(&error, log);
            let wait = match error.retry {
                Retry::Never => None,
                Retry::Soon => Some(pause),
                Retry::After(asked) => Some(asked.min(LONGEST_ASKED).max(pause)),
            };
            let time_is_left = |wait: &Duration| begin.elapsed() + *wait < RETRY_FOR;
            match wait.filter(time_is_left) {
                Some(wait) if !self.queue.sleep_unless_abandoned(wait) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                _ => {
                    sink.give_up();
                    return self.gave_up(batch.len(), &error);
                }
            }
        }
    }

    fn enter(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.busy_since.store(since + 1, Ordering::Relaxed);
    }

    fn succeeded(&self, count: usize, log: &Log) {
        self.delivered.fetch_add(count as u64, Ordering::Relaxed);
        if self.is_failing.swap(0, Ordering::Relaxed) != 0 {
            log.info(&format!("{}: delivers again", self.name));
        }
    }

    fn gave_up(&self, count: usize, error: &DeliveryError) {
        let lost = error.lost.unwrap_or(count).min(count);
        self.delivered.fetch_add((count - lost) as u64, Ordering::Relaxed);
        self.failed.fetch_add(lost as u64, Ordering::Relaxed);
    }

    /// Once, until it works again: an output that is down would fill the log.
    fn say_failure(&self, error: &DeliveryError, log: &Log) {
        if self.is_failing.swap(1, Ordering::Relaxed) == 0 {
            log.error(&format!("{}: {error}", self.name));
        }
    }
}
