//! The source of audit events: receivers that fill a channel, and a thread that judges what comes out of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use lithify::event::{AuditEvent, Timestamp};

use super::control::Control;
use super::in_force::{Judge, Slot};
use super::internal::now_ns;
use crate::audit::{Alarm, Counter, Incoming, Received, ReceiverError, Receivers, Settings, channel};
use crate::log::Log;

/// The name of the source, in messages.
pub(super) const NAME: &str = "k8s_audit";

/// How soon a thread that waits for events takes other rules, and lets the old ones go.
const PATIENCE: Duration = Duration::from_millis(100);

/// Receivers at work, and who judges their events.
pub(super) struct AuditSource {
    pub(super) settings: Settings,
    receivers: Arc<Mutex<Option<Receivers>>>,
    thread: JoinHandle<()>,
    log: Log,
}

impl AuditSource {
    /// Opens endpoints and logs.
    ///
    /// # Errors
    /// [`ReceiverError`].
    pub(super) fn start(
        settings: Settings,
        slot: &Arc<Slot>,
        control: Sender<Control>,
        judged: Arc<AtomicU64>,
        hostname: &Arc<str>,
        log: &Log,
    ) -> Result<Self, ReceiverError> {
        let (sender, incoming) = channel();
        let raising = Arc::clone(slot);
        let raise = move |alert| raising.get().outputs.send(Arc::new(alert));
        let alarm = Alarm::new(raise, Arc::clone(hostname), log.clone());
        let judge = Judge::new(Arc::clone(slot));
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || work(&incoming, judge, &judged, &control))?;
        let receivers = Receivers::start(&settings, &sender, &alarm)?;
        for address in receivers.addresses() {
            log.info(&format!("listening for audit events on {address}"));
        }
        let receivers = Arc::new(Mutex::new(Some(receivers)));
        Ok(Self { settings, receivers, thread, log: log.clone() })
    }

    /// Asks what each receiver has done; nothing once they have stopped.
    pub(super) fn counters(&self) -> Box<dyn Fn() -> Vec<Counter> + Send + Sync> {
        let receivers = Arc::clone(&self.receivers);
        Box::new(move || {
            let receivers = receivers.lock().unwrap_or_else(PoisonError::into_inner);
            receivers.as_ref().map(Receivers::counters).unwrap_or_default()
        })
    }

    /// Takes nothing more, judges what waits, and writes down where logs are to be read on.
    pub(super) fn stop(self) {
        let receivers = self.receivers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stopped = receivers.map(|receivers| receivers.stop(self.log));
        // A panic of the thread has been printed; there is nothing to add.
        let _ = self.thread.join();
        if let Some(stopped) = stopped {
            stopped.save();
        }
    }
}

fn work(incoming: &Incoming, mut judge: Judge, judged: &AtomicU64, control: &Sender<Control>) {
    loop {
        match incoming.receive(PATIENCE) {
            Received::Delivery(mut delivery) => {
                let arrived = Timestamp(now_ns());
                for json in std::mem::take(&mut delivery.events) {
                    let number = judged.fetch_add(1, Relaxed) + 1;
                    judge.judge(&AuditEvent::new(json, number, arrived));
                }
                delivery.finish();
            }
            Received::Nothing => judge.refresh(),
            Received::Ended => {
                let _ = control.send(Control::SourceEnded(NAME));
                return;
            }
        }
    }
}
