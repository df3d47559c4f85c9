//! Watches the outputs: says which one is blocked, and turns lost alerts into alerts.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lithify::rules::Priority;
use serde_json::json;

use crate::alert::{Alert, INTERNAL};
use crate::log::Log;

use super::Fan;

/// The rule of alerts about lost alerts.
const RULE: &str = "Falco internal: output drop";
/// An output's loss is reported at once, and then no more often than this: two outputs that are down
/// would tell each other of their losses for ever.
const REPORT_EVERY: Duration = Duration::from_mins(1);
const LONGEST_TICK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Watch {
    stop: Arc<(Mutex<bool>, Condvar)>,
}

/// What has been said of one output.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    is_blocked: bool,
    /// When its loss was reported.
    at: Option<Instant>,
    /// Lost alerts that the other outputs know of.
    to_others: u64,
    /// Lost alerts that it knows of itself: it learns of them when it works again.
    to_itself: u64,
}

impl Watch {
    pub(super) fn start(fan: Arc<Fan>, timeout: Duration, log: Log) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let of_thread = Arc::clone(&stop);
        let tick = LONGEST_TICK.min(timeout / 2).max(Duration::from_millis(10));
        std::thread::Builder::new().name("output-watch".to_owned()).spawn(move || {
            let mut said = vec![Said::default(); fan.workers.len()];
            while !wait(&of_thread, tick) {
                look(&fan, timeout, &mut said, &log);
            }
        })?;
        Ok(Self { stop })
    }

    pub(super) fn stop(&self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits for a tick; returns whether it was told to stop.
fn wait(stop: &(Mutex<bool>, Condvar), tick: Duration) -> bool {
    let stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = stop.1.wait_timeout_while(stopped, tick, |stopped| !*stopped);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

fn look(fan: &Fan, timeout: Duration, said: &mut [Said], log: &Log) {
    for (place, worker) in fan.workers.iter().enumerate() {
        let said = &mut said[place];
        let is_blocked = worker.busy_for().is_some_and(|busy| busy >= timeout);
        if is_blocked && !said.is_blocked {
            worker.blocked.fetch_add(1, Ordering::Relaxed);
            let ms = timeout.as_millis();
            log.error(&format!("{}: one delivery has taken over {ms} ms; its alerts wait", worker.name));
        }
        said.is_blocked = is_blocked;
        let lost = worker.lost();
        let is_due = said.at.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if lost > said.to_others && is_due {
            said.at = Some(Instant::now());
            log.error(&format!("{}: {} alerts lost, {lost} in all", worker.name, lost - said.to_others));
            let alert = Arc::new(drop_alert(fan, worker.name, lost - said.to_others, lost));
            fan.send(alert, |other| other.name != worker.name);
            said.to_others = lost;
        }
        // An output that fails cannot be told so; and telling a full one would only add to its loss.
        if lost > said.to_itself && !worker.is_failing() && worker.queue.len() == 0 && !is_blocked {
            let alert = Arc::new(drop_alert(fan, worker.name, lost - said.to_itself, lost));
            fan.send(alert, |other| other.name == worker.name);
            said.to_itself = lost;
        }
    }
}

fn drop_alert(fan: &Fan, output: &str, lost: u64, in_all: u64) -> Alert {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Alert {
        time_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
        hostname: Arc::clone(&fan.hostname),
        rule: RULE.to_owned(),
        priority: Priority::Critical,
        source: INTERNAL.to_owned(),
        tags: [].into(),
        output: format!("{RULE}. {lost} alerts did not reach output {output}."),
        output_fields: [
            ("output".to_owned(), json!(output)),
            ("n_lost".to_owned(), json!(lost)),
            ("n_lost_total".to_owned(), json!(in_all)),
        ]
        .into(),
    }
}
