//! Lost events: counted each second, and told as `syscall_event_drops` asks.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lithify::rules::Priority;
use serde_json::Value as Json;

use super::account::Account;
use super::internal::{self, DROPPED, NARROW};
use crate::alert::Alert;
use crate::config::Drops;

/// What the kernel's half has done since the start, whatever probes came and went.
#[derive(Debug, Default)]
pub(super) struct KernelStats {
    account: Mutex<Account>,
    pub(super) processes: AtomicU64,
    pub(super) processes_refused: AtomicU64,
}

impl KernelStats {
    fn add(&self, second: &Account) {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).add(second);
    }

    /// As of the last second.
    pub(super) fn account(&self) -> Account {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is to be done about lost events, and about calls that were not looked at.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) log: Vec<String>,
    pub(super) alerts: Vec<Arc<Alert>>,
    pub(super) exit: Option<String>,
}

/// Lets through so many a second, and so many at once.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, settings: &Drops, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * settings.rate).min(settings.max_burst);
        let is_full = self.tokens >= 1.0;
        if is_full {
            self.tokens -= 1.0;
        }
        is_full
    }
}

/// Watches one probe's account; told at most as often as a token bucket allows.
#[derive(Debug)]
pub(super) struct DropWatch {
    settings: Drops,
    hostname: Arc<str>,
    before: Account,
    drops: Bucket,
    narrow: Bucket,
}

impl DropWatch {
    pub(super) fn new(settings: Drops, hostname: Arc<str>, now: Instant) -> Self {
        let bucket = || Bucket { tokens: settings.max_burst, filled: now };
        Self { drops: bucket(), narrow: bucket(), settings, hostname, before: Account::default() }
    }

    /// Other settings; the account goes on.
    pub(super) fn set(&mut self, settings: Drops) {
        self.settings = settings;
    }

    /// Another probe, whose account begins at nothing.
    pub(super) fn restart(&mut self) {
        self.before = Account::default();
    }

    /// Takes an account, about each second.
    pub(super) fn take(&mut self, account: Account, stats: &KernelStats, now: Instant) -> Verdict {
        let mut second = account.clone().since(&self.before);
        self.before = account;
        if self.settings.simulate {
            let sent = second.total().sent;
            *second.dropped.entry("simulated").or_default() += 1 + sent / 2;
            second.cpus.resize(second.cpus.len().max(1), crate::Counted::default());
            second.cpus[0].dropped += 1 + sent / 2;
        }
        stats.add(&second);
        let mut verdict = Verdict::default();
        self.about_drops(&second, now, &mut verdict);
        self.about_32_bit(&second, now, &mut verdict);
        verdict
    }

    fn about_drops(&mut self, second: &Account, now: Instant, verdict: &mut Verdict) {
        let (total, missed) = (second.total(), second.missed_total());
        let lost = total.dropped + missed;
        let made = total.sent + lost;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = lost as f64 / made.max(1) as f64;
        if lost == 0 || share <= self.settings.threshold || !self.drops.take(&self.settings, now) {
            return;
        }
        let text = format!("{DROPPED}. {lost} system calls dropped in last second.");
        let mut fields: BTreeMap<String, Json> = [
            ("n_drops".to_owned(), lost.into()),
            ("n_drops_buffer_total".to_owned(), total.dropped.into()),
            ("n_drops_not_run".to_owned(), missed.into()),
            ("n_evts".to_owned(), made.into()),
        ]
        .into();
        // Where they were lost: enough to tell a flood of one call from a machine that is too slow.
        let cpus = second.cpus.iter().enumerate().map(|(cpu, one)| (format!("cpu_{cpu}"), one.dropped));
        let calls = second.dropped.iter().map(|(name, lost)| ((*name).to_owned(), *lost));
        let places = cpus.chain(calls).filter(|(_, lost)| *lost > 0);
        fields.extend(places.map(|(place, lost)| (format!("n_drops_{place}"), lost.into())));
        verdict.exit = self.settings.exit.then(|| text.clone());
        self.tell(DROPPED, Priority::Debug, text, fields, verdict);
    }

    fn about_32_bit(&mut self, second: &Account, now: Instant, verdict: &mut Verdict) {
        let (calls, programs) = (second.calls_32_bit, second.programs_32_bit);
        if calls + programs == 0 || !self.narrow.take(&self.settings, now) {
            return;
        }
        let text = format!(
            "{NARROW}. Rules do not see calls of the 32-bit convention; in last second, {programs} 32-bit programs \
             were executed and {calls} such calls counted."
        );
        let fields: BTreeMap<String, Json> =
            [("n_programs".to_owned(), programs.into()), ("n_calls".to_owned(), calls.into())].into();
        self.tell(NARROW, Priority::Warning, text, fields, verdict);
    }

    fn tell(
        &self,
        rule: &str,
        priority: Priority,
        text: String,
        fields: BTreeMap<String, Json>,
        verdict: &mut Verdict,
    ) {
        if self.settings.alert {
            verdict.alerts.push(internal::alert(&self.hostname, rule, priority, text.clone(), fields));
        }
        if self.settings.log {
            verdict.log.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counted, Tally, Unseen};

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

    /// Of forks, on two CPUs.
    fn account(sent: u64, dropped: u64) -> Account {
        let cpus = vec![Counted { sent, ..Counted::default() }, Counted { dropped, ..Counted::default() }];
        Account::from_parts(&[Tally { event: None, cpus }], Unseen::default())
    }

    #[test]
    fn says_what_was_lost_as_falco_does_and_where() {
        let (mut watch, now) = watch(0.1);
        let stats = KernelStats::default();
        assert!(watch.take(account(100, 5), &stats, now).alerts.is_empty(), "below the threshold");
        let verdict = watch.take(account(200, 105), &stats, now);
        let alert = &verdict.alerts[0];
        assert_eq!(
            alert.output,
            "Falco internal: syscall event drop. 100 system calls dropped in last second."
        );
        let fields = serde_json::to_value(&alert.output_fields).unwrap();
        let expected = serde_json::json!({
            "n_drops": 100, "n_drops_buffer_total": 100, "n_drops_not_run": 0, "n_evts": 200,
            "n_drops_cpu_1": 100, "n_drops_fork": 100,
        });
        assert_eq!(fields, expected);
        let total = stats.account().total();
        assert_eq!((total.sent, total.dropped), (200, 105));
    }

    #[test]
    fn is_told_no_more_often_than_asked_but_always_counted() {
        let (mut watch, now) = watch(0.0);
        let stats = KernelStats::default();
        assert!(!watch.take(account(10, 10), &stats, now).alerts.is_empty());
        assert!(watch.take(account(20, 20), &stats, now + Duration::from_secs(1)).alerts.is_empty());
        assert!(!watch.take(account(30, 30), &stats, now + Duration::from_secs(2)).alerts.is_empty());
        watch.restart();
        watch.take(account(1, 1), &stats, now + Duration::from_secs(3));
        assert_eq!(stats.account().total().dropped, 31);
        assert_eq!(stats.account().dropped["fork"], 31);
    }

    #[test]
    fn a_program_that_the_kernel_did_not_run_is_a_lost_event() {
        let (mut watch, now) = watch(0.0);
        let stats = KernelStats::default();
        let unseen = Unseen { missed: vec![("syscall_exit", 3)], ..Unseen::default() };
        let verdict = watch.take(Account::from_parts(&[], unseen), &stats, now);
        assert_eq!(verdict.alerts[0].output_fields["n_drops"], 3);
        assert_eq!(verdict.alerts[0].output_fields["n_drops_not_run"], 3);
        assert_eq!(stats.account().missed["syscall_exit"], 3);
    }

    #[test]
    fn calls_that_rules_cannot_see_are_told() {
        let (mut watch, now) = watch(1.0);
        let stats = KernelStats::default();
        let unseen = Unseen { calls_32_bit: Some(7), programs_32_bit: 1, ..Unseen::default() };
        let verdict = watch.take(Account::from_parts(&[], unseen), &stats, now);
        assert_eq!(
            verdict.log,
            [
                "Lithify internal: 32-bit calls. Rules do not see calls of the 32-bit convention; in last second, 1 \
              32-bit programs were executed and 7 such calls counted."
            ]
        );
        assert_eq!(verdict.alerts[0].priority, Priority::Warning);
    }
}
