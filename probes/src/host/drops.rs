//! Lost events: counted each second, and told as `syscall_event_drops` asks.
//!
//! None is lost silently: what may not be told in its second is told with a later one, what stays below the threshold
//! is a line of the log a minute, and the end tells the rest.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lithify::rules::Priority;
use serde_json::Value as Json;

use super::account::Account;
use super::internal::{self, DROPPED, NARROW};
use super::untold::{Untold, last};
use crate::alert::Alert;
use crate::config::Drops;

/// Losses are in the log after so long at the latest, whatever the settings.
const LOG_EVERY: Duration = Duration::from_mins(1);

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
    drops: Told,
    narrow: Told,
    /// Losses that no line of the log has.
    unlogged: Untold,
}

/// One thing to tell.
#[derive(Debug)]
struct Told {
    bucket: Bucket,
    untold: Untold,
    /// A second was bad enough to be told, and could not be.
    is_owed: bool,
}

impl DropWatch {
    pub(super) fn new(settings: Drops, hostname: Arc<str>, now: Instant) -> Self {
        let told = |count| Told {
            bucket: Bucket { tokens: settings.max_burst, filled: now },
            untold: Untold::new(count),
            is_owed: false,
        };
        Self {
            drops: told(Account::lost),
            narrow: told(Account::narrow),
            unlogged: Untold::new(Account::lost),
            settings,
            hostname,
            before: Account::default(),
        }
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
        self.unlogged.add(&second, now);
        self.drops.untold.add(&second, now);
        self.narrow.untold.add(&second, now);
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = second.lost() as f64 / second.made().max(1) as f64;
        self.drops.is_owed |= second.lost() > 0 && share > self.settings.threshold;
        self.narrow.is_owed |= second.narrow() > 0;
        let mut verdict = Verdict::default();
        if self.drops.is_due(&self.settings, now) {
            self.about_drops(now, &mut verdict);
        }
        if self.narrow.is_due(&self.settings, now) {
            self.about_32_bit(now, &mut verdict);
        }
        if self.unlogged.get(now).is_some_and(|(_, time)| time >= LOG_EVERY) {
            self.log_losses(now, &mut verdict);
        }
        verdict
    }

    /// What is still to be told when no more accounts come, and the sum of everything.
    pub(super) fn end(&mut self, stats: &KernelStats, now: Instant) -> Verdict {
        let mut verdict = Verdict::default();
        self.about_drops(now, &mut verdict);
        self.about_32_bit(now, &mut verdict);
        let all = stats.account();
        if all.lost() > 0 {
            let (lost, made) = (all.lost(), all.made());
            verdict.log.push(format!("{lost} of {made} events were lost since the start: {}", all.places()));
        }
        verdict
    }

    fn about_drops(&mut self, now: Instant, verdict: &mut Verdict) {
        let Some((losses, time)) = self.drops.untold.get(now) else { return };
        let (total, lost, missed) = (losses.total(), losses.lost(), losses.missed_total());
        let text = format!("{DROPPED}. {lost} system calls dropped in {}.", last(time));
        let mut fields: BTreeMap<String, Json> = [
            ("n_drops".to_owned(), lost.into()),
            ("n_drops_buffer_total".to_owned(), total.dropped.into()),
            ("n_drops_not_run".to_owned(), missed.into()),
            ("n_evts".to_owned(), losses.made().into()),
        ]
        .into();
        // Where they were lost: enough to tell a flood of one call from a machine that is too slow.
        let cpus = losses.cpus.iter().enumerate().map(|(cpu, one)| (format!("cpu_{cpu}"), one.dropped));
        let calls = losses.dropped.iter().map(|(name, lost)| ((*name).to_owned(), *lost));
        let places = cpus.chain(calls).filter(|(_, lost)| *lost > 0);
        fields.extend(places.map(|(place, lost)| (format!("n_drops_{place}"), lost.into())));
        self.drops.untold.clear();
        if self.settings.log {
            self.unlogged.clear();
        }
        verdict.exit = self.settings.exit.then(|| text.clone());
        self.tell(DROPPED, Priority::Debug, text, fields, verdict);
    }

    /// A line for losses that were too few, or that nobody wants to act on.
    fn log_losses(&mut self, now: Instant, verdict: &mut Verdict) {
        if let Some((losses, time)) = self.unlogged.get(now) {
            let (lost, made) = (losses.lost(), losses.made());
            let places = losses.places();
            verdict.log.push(format!("{lost} of {made} events were lost in {}: {places}", last(time)));
        }
        self.unlogged.clear();
    }

    fn about_32_bit(&mut self, now: Instant, verdict: &mut Verdict) {
        let Some((seen, time)) = self.narrow.untold.get(now) else { return };
        let (calls, programs, last) = (seen.calls_32_bit, seen.programs_32_bit, last(time));
        let text = format!(
            "{NARROW}. Rules do not see calls of the 32-bit convention; in {last}, {programs} 32-bit programs \
             were executed and {calls} such calls counted."
        );
        let fields: BTreeMap<String, Json> =
            [("n_programs".to_owned(), programs.into()), ("n_calls".to_owned(), calls.into())].into();
        self.narrow.untold.clear();
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

impl Told {
    /// Whether it is to be told now.
    fn is_due(&mut self, settings: &Drops, now: Instant) -> bool {
        let is_due = self.is_owed && self.bucket.take(settings, now);
        self.is_owed &= !is_due;
        is_due
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
        let verdict = watch.take(account(100, 100), &stats, now);
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
        assert_eq!((total.sent, total.dropped), (100, 100));
    }

    /// What alerts told.
    fn told(verdict: &Verdict) -> u64 {
        verdict.alerts.iter().map(|alert| alert.output_fields["n_drops"].as_u64().unwrap()).sum()
    }

    #[test]
    fn is_told_no_more_often_than_asked_and_then_with_all_that_was_not_told() {
        let (mut watch, now) = watch(0.0);
        let stats = KernelStats::default();
        let second = |number| now + Duration::from_secs(number);
        assert_eq!(told(&watch.take(account(10, 10), &stats, now)), 10);
        assert_eq!(told(&watch.take(account(20, 40), &stats, second(1))), 0, "one in two seconds");
        let verdict = watch.take(account(30, 40), &stats, second(2));
        assert_eq!(told(&verdict), 30, "the second's own losses are none");
        assert_eq!(verdict.alerts[0].output_fields["n_evts"], 20 + 30);
        assert!(verdict.log[0].ends_with("30 system calls dropped in last 2 seconds."), "{:?}", verdict.log);
        watch.restart();
        assert_eq!(told(&watch.take(account(1, 1), &stats, second(3))), 0);
        assert_eq!(told(&watch.end(&stats, second(4))), 1, "the end tells the rest");
        assert_eq!(stats.account().total().dropped, 41);
        assert_eq!(stats.account().dropped["fork"], 41);
    }

    #[test]
    fn losses_below_the_threshold_are_a_line_a_minute_and_in_the_next_alert() {
        let (mut watch, now) = watch(0.1);
        let stats = KernelStats::default();
        let mut lines = Vec::new();
        for second in 1..=150 {
            let verdict =
                watch.take(account(100 * second, second), &stats, now + Duration::from_secs(second));
            assert!(verdict.alerts.is_empty(), "one in a hundred is below the threshold");
            lines.extend(verdict.log);
        }
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[0], "60 of 6060 events were lost in last 60 seconds: fork 60");
        let verdict = watch.take(account(15_000, 250), &stats, now + Duration::from_secs(151));
        assert_eq!(told(&verdict), 250, "all since the start: no alert has told them");
    }

    #[test]
    fn losses_that_nobody_wants_to_act_on_are_in_the_log_all_the_same() {
        let (mut watch, now) = watch(0.0);
        watch.set(Drops { log: false, alert: false, ..watch.settings.clone() });
        let stats = KernelStats::default();
        let verdict = watch.take(account(1, 1), &stats, now);
        assert!(verdict.log.is_empty() && verdict.alerts.is_empty());
        let verdict = watch.take(account(1, 1), &stats, now + Duration::from_secs(59));
        assert_eq!(verdict.log, ["1 of 2 events were lost in last 60 seconds: fork 1"]);
        let verdict = watch.end(&stats, now + Duration::from_mins(1));
        assert_eq!(verdict.log, ["1 of 2 events were lost since the start: fork 1"]);
        assert!(verdict.alerts.is_empty());
    }

    #[test]
    fn a_probe_that_lost_nothing_has_nothing_to_tell() {
        let (mut watch, now) = watch(0.0);
        let stats = KernelStats::default();
        for second in 0..200 {
            let verdict = watch.take(account(second, 0), &stats, now + Duration::from_secs(second));
            assert!(verdict.log.is_empty() && verdict.alerts.is_empty());
        }
        let verdict = watch.end(&stats, now);
        assert!(verdict.log.is_empty() && verdict.alerts.is_empty());
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
