//! Lines to deliveries: what every receiver that reads lines does with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;

use crate::queue::Refused;

use super::channel::{Delivery, Sender};
use super::decode::decode;
use super::lines::Line;
use super::loss::{Losses, Lost};
use super::position::Mark;

/// Collects the events of lines.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) sender: Sender,
    pub(super) losses: Arc<Losses>,
    pub(super) counted: Arc<AtomicU64>,
    pub(super) max_event_bytes: usize,
    events: Vec<Json>,
    bytes: usize,
    lost: Lost,
}

impl Batch {
    pub(super) fn new(
        sender: Sender,
        losses: Arc<Losses>,
        counted: Arc<AtomicU64>,
        max_event_bytes: usize,
    ) -> Self {
        let (events, lost) = (Vec::new(), Lost::default());
        Self { sender, losses, counted, max_event_bytes, events, bytes: 0, lost }
    }

    pub(super) fn add(&mut self, line: &Line<'_>) {
        let Line::Whole(line) = line else {
            self.lost.oversized += 1;
            return;
        };
        if line.trim_ascii().is_empty() {
            return;
        }
        match decode(line, self.max_event_bytes) {
            Ok(decoded) => {
                self.events.extend(decoded.events);
                self.bytes += decoded.bytes;
                self.lost.oversized += decoded.oversized as u64;
                self.lost.malformed += decoded.malformed as u64;
            }
            Err(_) => self.lost.malformed += 1,
        }
    }

    /// Waits for room and hands over what was collected; refused when the channel has been closed.
    pub(super) fn send(&mut self, mark: Option<Mark>) -> Result<(), Refused> {
        let lost = std::mem::take(&mut self.lost);
        if lost != Lost::default() {
            self.losses.add(lost);
        }
        let events = std::mem::take(&mut self.events);
        let (count, bytes) = (events.len() as u64, std::mem::take(&mut self.bytes));
        // Without events, too: the place behind lines that are none is one to go on from.
        if count > 0 || mark.is_some() {
            self.sender.send(Delivery { events, mark }, bytes)?;
            self.counted.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }
}
