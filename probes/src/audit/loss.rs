//! Events that were left out: counted, and raised as alerts.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lithify::rules::Priority;
use serde_json::json;

use crate::alert::{Alert, INTERNAL};
use crate::log::Log;

/// The rule of alerts about events that were left out.
const RULE: &str = "Falco internal: k8s_audit event drop";
/// At once, then no more often than this: a broken sender would raise one for every event.
const RAISE_EVERY: Duration = Duration::from_secs(10);

type Raise = dyn Fn(Alert) + Send + Sync;

/// Where receivers say that something is lost, or wrong.
#[derive(Clone)]
pub struct Alarm {
    raise: Arc<Raise>,
    hostname: Arc<str>,
    /// The probe's own log.
    pub log: Log,
}

impl Alarm {
    /// `raise` takes alerts, from any thread; `hostname` is theirs.
    pub fn new(raise: impl Fn(Alert) + Send + Sync + 'static, hostname: Arc<str>, log: Log) -> Self {
        Self { raise: Arc::new(raise), hostname, log }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alarm")
    }
}

/// What one receiver has left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Events over `max_event_bytes`.
    pub oversized: u64,
    /// What is no event.
    pub malformed: u64,
    /// Logs that were gone before they had been read to their end.
    pub missing_logs: u64,
}

impl Lost {
    const fn plus(self, other: Self) -> Self {
        Self {
            oversized: self.oversized + other.oversized,
            malformed: self.malformed + other.malformed,
            missing_logs: self.missing_logs + other.missing_logs,
        }
    }

    fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The losses of one receiver.
#[derive(Debug)]
pub(super) struct Losses {
    place: String,
    alarm: Alarm,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_all: Lost,
    unsaid: Lost,
    raised: Option<Instant>,
}

impl Losses {
    pub(super) fn new(place: String, alarm: Alarm) -> Self {
        Self { place, alarm, state: Mutex::default() }
    }

    pub(super) const fn log(&self) -> &Log {
        &self.alarm.log
    }

    pub(super) fn in_all(&self) -> Lost {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).in_all
    }

    /// Counts a loss and raises an alert, now or with what follows.
    pub(super) fn add(&self, lost: Lost) {
        self.count(lost, false);
    }

    /// Raises what has not been said yet.
    pub(super) fn finish(&self) {
        self.count(Lost::default(), true);
    }

    fn count(&self, lost: Lost, now: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_all = state.in_all.plus(lost);
        state.unsaid = state.unsaid.plus(lost);
        let is_due = now || state.raised.is_none_or(|raised| raised.elapsed() >= RAISE_EVERY);
        if !is_due || state.unsaid.is_none() {
            return;
        }
        state.raised = Some(Instant::now());
        let said = std::mem::take(&mut state.unsaid);
        drop(state);
        let alert = self.alert(said);
        self.alarm.log.error(&alert.output);
        (self.alarm.raise)(alert);
    }

    fn alert(&self, lost: Lost) -> Alert {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let parts = [
            (lost.oversized, "events over the size limit"),
            (lost.malformed, "malformed events"),
            (lost.missing_logs, "logs gone before their end was read"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        Alert {
            time_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            hostname: Arc::clone(&self.alarm.hostname),
            rule: RULE.to_owned(),
            priority: Priority::Critical,
            source: INTERNAL.to_owned(),
            tags: [].into(),
            output: format!("{RULE}. {}: {}.", self.place, parts.join(", ")),
            output_fields: [
                ("receiver".to_owned(), json!(self.place)),
                ("n_oversized".to_owned(), json!(lost.oversized)),
                ("n_malformed".to_owned(), json!(lost.malformed)),
                ("n_missing_logs".to_owned(), json!(lost.missing_logs)),
            ]
            .into(),
        }
    }
}
