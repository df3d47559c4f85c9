//! The way from the receivers to the engine: bounded, so that memory is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value as Json;

use crate::queue::{Bounds, Popped, Queue, Refused};

use super::position::Mark;

/// Bytes of events, as they were written, that may wait. In memory they are several times as large.
const WAITING_BYTES: usize = 16 << 20;
const WAITING_DELIVERIES: usize = 4096;

/// Audit events that came together, in order.
#[derive(Debug)]
pub struct Delivery {
    /// The events, for `lithify::event::AuditEvent::new`.
    pub events: Vec<Json>,
    /// How far a log has been read when they are done.
    pub(super) mark: Option<Mark>,
}

impl Delivery {
    /// To be called when every event has been judged: a restart begins behind them. A delivery that is
    /// dropped without is read again.
    pub fn finish(self) {
        if let Some(mark) = self.mark {
            mark.reach();
        }
    }
}

/// Where receivers put events; when the last one is gone, the other end sees the end.
#[derive(Debug)]
pub struct Sender {
    queue: Arc<Queue<Delivery>>,
    senders: Arc<AtomicUsize>,
}

/// Where the engine takes events from.
#[derive(Debug)]
pub struct Incoming(Arc<Queue<Delivery>>);

/// What came of waiting.
#[derive(Debug)]
pub enum Received {
    /// Events.
    Delivery(Delivery),
    /// Nothing in time.
    Nothing,
    /// Nothing, and nothing will ever come: every receiver has ended.
    Ended,
}

/// A channel for [`super::Receivers`].
pub fn channel() -> (Sender, Incoming) {
    let queue = Arc::new(Queue::new(Bounds { items: WAITING_DELIVERIES, bytes: WAITING_BYTES }));
    let sender = Sender { queue: Arc::clone(&queue), senders: Arc::new(AtomicUsize::new(1)) };
    (sender, Incoming(queue))
}

impl Incoming {
    /// Waits for events, `patience` at most.
    pub fn receive(&self, patience: Duration) -> Received {
        let mut taken = Vec::with_capacity(1);
        match self.0.pop(&mut taken, 1, Some(patience)) {
            Popped::Closed => Received::Ended,
            _ => taken.pop().map_or(Received::Nothing, Received::Delivery),
        }
    }
}

impl Sender {
    /// Refused where there is no room.
    pub(super) fn try_send(&self, delivery: Delivery, bytes: usize) -> Result<(), Refused> {
        self.queue.try_push(delivery, bytes)
    }

    /// Waits for room; refused when the channel has been closed.
    pub(super) fn send(&self, delivery: Delivery, bytes: usize) -> Result<(), Refused> {
        self.queue.push(delivery, bytes)
    }

    /// What closes the channel, without keeping it open.
    pub(super) fn closer(&self) -> Closer {
        Closer(Arc::clone(&self.queue))
    }
}

/// Closes a channel.
#[derive(Debug)]
pub(super) struct Closer(Arc<Queue<Delivery>>);

impl Closer {
    /// Takes nothing more; what is inside can still be received.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        self.senders.fetch_add(1, Ordering::Relaxed);
        Self { queue: Arc::clone(&self.queue), senders: Arc::clone(&self.senders) }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.close();
        }
    }
}
