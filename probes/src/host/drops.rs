//! Lost events: counted each second, and told as `syscall_event_drops` asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use lithify::rules::Priority;
use serde_json::Value as Json;

use super::internal::{self, DROPPED};
use crate::alert::Alert;
use crate::config::Drops;
use crate::probe::Tally;

/// What the kernel's half has done since the start, whatever probes came and went.
#[derive(Debug, Default)]
pub(super) struct KernelStats {
    pub(super) sent: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) filtered: AtomicU64,
    pub(super) processes: AtomicU64,
    pub(super) processes_refused: AtomicU64,
}

/// A second's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) sent: u64,
    pub(super) dropped: u64,
    pub(super) filtered: u64,
}

impl Account {
    pub(super) fn of(tally: &[Tally]) -> Self {
        let sum = |of: fn(&Tally) -> u64| tally.iter().map(of).sum();
        Self { sent: sum(|one| one.sent), dropped: sum(|one| one.dropped), filtered: sum(|one| one.filtered) }
    }

    fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            dropped: self.dropped.saturating_sub(before.dropped),
            filtered: self.filtered.saturating_sub(before.filtered),
        }
    }
}

/// What is to be done about lost events.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) log: Option<String>,
    pub(super) alert: Option<Arc<Alert>>,
    pub(super) exit: Option<String>,
}

/// Watches one probe's account; told at most as often as a token bucket allows.
#[derive(Debug)]
pub(super) struct DropWatch {
    settings: Drops,
    hostname: Arc<str>,
    before: Account,
    tokens: f64,
    filled: Instant,
}

impl DropWatch {
    pub(super) fn new(settings: Drops, hostname: Arc<str>, now: Instant) -> Self {
        Self { tokens: settings.max_burst, settings, hostname, before: Account::default(), filled: now }
    }

    /// Other settings; the account goes on.
    pub(super) fn set(&mut self, settings: Drops) {
        self.tokens = self.tokens.min(settings.max_burst);
        self.settings = settings;
    }

    /// Another probe, whose account begins at nothing.
    pub(super) fn restart(&mut self) {
        self.before = Account::default();
    }

    /// Takes an account, about each second.
    pub(super) fn take(&mut self, account: Account, stats: &KernelStats, now: Instant) -> Verdict {
        let mut second = account.since(self.before);
        self.before = account;
        if self.settings.simulate {
            second.dropped += 1 + second.sent / 2;
        }
        stats.sent.fetch_add(second.sent, Relaxed);
        stats.dropped.fetch_add(second.dropped, Relaxed);
        stats.filtered.fetch_add(second.filtered, Relaxed);
        self.fill(now);
        let made = second.sent + second.dropped;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = second.dropped as f64 / made.max(1) as f64;
        if second.dropped == 0 || share <= self.settings.threshold || self.tokens < 1.0 {
            return Verdict::default();
        }
        self.tokens -= 1.0;
        let text = format!("{DROPPED}. {} system calls dropped in last second.", second.dropped);
        let fields: BTreeMap<String, Json> = [
            ("n_drops".to_owned(), second.dropped.into()),
            ("n_drops_buffer_total".to_owned(), second.dropped.into()),
            ("n_evts".to_owned(), made.into()),
        ]
        .into();
        let alert = || internal::alert(&self.hostname, DROPPED, Priority::Debug, text.clone(), fields);
        Verdict {
            log: self.settings.log.then(|| text.clone()),
            alert: self.settings.alert.then(alert),
            exit: self.settings.exit.then_some(text.clone()),
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed: Duration = now.saturating_duration_since(self.filled);
        self.filled = now;
        let gained = passed.as_secs_f64() * self.settings.rate;
        self.tokens = (self.tokens + gained).min(self.settings.max_burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(threshold: f64) -> (DropWatch, Instant) {
        let settings = Drops {
            threshold,
            log: true,
            alert: true,
            exit: false,
            rate: 0.5,
            max_burst: 1.0,
            simulate: false,
        };
        let now = Instant::now();
        (DropWatch::new(settings, "node1".into(), now), now)
    }

    fn account(sent: u64, dropped: u64) -> Account {
        Account { sent, dropped, filtered: 0 }
    }

    #[test]
    fn says_what_was_lost_as_falco_does() {
        let (mut watch, now) = watch(0.1);
        let stats = KernelStats::default();
        assert!(watch.take(account(100, 5), &stats, now).alert.is_none(), "below the threshold");
        let verdict = watch.take(account(200, 105), &stats, now);
        let alert = verdict.alert.unwrap();
        assert_eq!(
            alert.output,
            "Falco internal: syscall event drop. 100 system calls dropped in last second."
        );
        assert_eq!(
            (&alert.output_fields["n_drops"], &alert.output_fields["n_evts"]),
            (&100.into(), &200.into())
        );
        assert_eq!((stats.sent.load(Relaxed), stats.dropped.load(Relaxed)), (200, 105));
    }

    #[test]
    fn is_told_no_more_often_than_asked_but_always_counted() {
        let (mut watch, now) = watch(0.0);
        let stats = KernelStats::default();
        assert!(watch.take(account(10, 10), &stats, now).alert.is_some());
        assert!(watch.take(account(20, 20), &stats, now + Duration::from_secs(1)).alert.is_none());
        assert!(watch.take(account(30, 30), &stats, now + Duration::from_secs(2)).alert.is_some());
        watch.restart();
        watch.take(account(1, 1), &stats, now + Duration::from_secs(3));
        assert_eq!(stats.dropped.load(Relaxed), 31);
    }
}
