//! The probe starts, stops and takes other rules while files are opened as fast as they can be, and the open of no
//! marked file is missed or seen twice.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::probe::{Probe, prepare};
use super::require::skip;
use super::syscalls::{CONFIG, cannot_watch};

/// Versions differ in what they ask of the kernel, so that each takes another probe.
fn rules(directory: &str, version: usize) -> String {
    format!(
        "- rule: marker\n  desc: d\n  condition: evt.type in (open, openat) and (fd.name startswith \
         {directory}/marker or fd.name = /etc/other-{version})\n  output: v{version} %fd.name\n  priority: INFO\n"
    )
}

/// Opens marked files, each another, until it is told to stop.
struct Opener {
    place: String,
    /// The number of the next file.
    next: AtomicU64,
    /// Files whose alerts have come.
    judged: AtomicU64,
    stop: AtomicBool,
}

/// Held by whoever floods the machine with opens, so that a test that records all of them can wait.
pub(crate) static FLOODS: RwLock<()> = RwLock::new(());

/// Alerts that may be under way: more would only fill pipes and queues.
const WINDOW: u64 = 5000;

impl Opener {
    fn new(place: &str) -> Self {
        let zero = || AtomicU64::new(0);
        Self { place: place.to_owned(), next: zero(), judged: zero(), stop: AtomicBool::new(false) }
    }

    /// `is_paced`: goes no further than alerts come.
    fn run(&self, is_paced: bool) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.load(Ordering::Relaxed);
            if !is_paced || number < self.judged.load(Ordering::Relaxed) + WINDOW {
                // There is no such file: the call is seen all the same.
                assert!(fs::File::open(format!("{}/marker-{number}", self.place)).is_err());
                self.next.store(number + 1, Ordering::SeqCst);
            }
            // As fast as calls come, but for a glance at what else there is to do.
            std::thread::yield_now();
        }
    }

    /// Tells it to stop, when dropped: the test may have failed.
    fn stops(&self) -> impl Drop + '_ {
        struct Stop<'o>(&'o AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        Stop(&self.stop)
    }
}

/// The files of alerts, in order, without those of others.
fn numbers<'l>(lines: impl Iterator<Item = &'l String>) -> Vec<u64> {
    lines.filter_map(|line| line.rsplit_once("marker-")?.1.parse().ok()).collect()
}

/// Each of the files has one alert.
fn expect_each_once(mut seen: Vec<u64>, files: std::ops::Range<u64>) {
    let sent = seen.len();
    seen.sort_unstable();
    seen.dedup();
    let twice = sent - seen.len();
    seen.retain(|number| files.contains(number));
    let (all, there) = (files.end - files.start, seen.len() as u64);
    assert_eq!((all - there, twice), (0, 0), "of {all} opened, {} missed, {twice} seen twice", all - there);
}

/// How other rules come.
#[derive(Clone, Copy, PartialEq)]
enum Swap {
    FileChanges,
    Hangup,
}

/// Swaps rules again and again, each time when the last ones are in force and `pace` has passed since they came.
fn swap(versions: usize, how: Swap, pace: Option<Duration>) {
    let _flood = FLOODS.read().unwrap_or_else(PoisonError::into_inner);
    let config = format!("{CONFIG}watch_config_files: {}\n", how == Swap::FileChanges);
    let directory = prepare(&config, "");
    let opener = Opener::new(directory.path().to_str().unwrap());
    fs::write(directory.path().join("rules.yaml"), rules(&opener.place, 0)).unwrap();
    let mut probe = Probe::start(directory, &[]);
    let mut lines = Vec::new();
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| opener.run(true));
        let _stops = opener.stops();
        for version in 1..=versions {
            let since = Instant::now();
            probe.replace("rules.yaml", &rules(&opener.place, version));
            if how == Swap::Hangup {
                probe.signal(Signal::HUP);
            }
            probe.wait_for("reloaded: 1 rule in force");
            let mine = format!("Informational v{version} ");
            let mut is_in_force = false;
            while !is_in_force || pace.is_some_and(|pace| since.elapsed() < pace) {
                let line: String = probe.alerts.recv().expect("the probe runs");
                opener.judged.fetch_add(1, Ordering::Relaxed);
                is_in_force |= line.contains(&mine);
                lines.push(line);
            }
        }
    });
    probe.signal(Signal::TERM);
    let (status, rest, log) = probe.end();
    assert!(status.success(), "{log:?}");
    let end = opener.next.load(Ordering::Relaxed);
    println!("{versions} swaps in {:.0?}, {end} opens", start.elapsed());
    expect_each_once(numbers(lines.iter().chain(&rest)), 0..end);
}

#[test]
fn no_open_is_missed_or_seen_twice_while_rule_files_are_swapped() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    swap(6, Swap::FileChanges, None);
}

#[test]
fn no_open_is_missed_or_seen_twice_by_reloads_on_sighup() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    swap(6, Swap::Hangup, None);
}

/// A rule file swapped each second.
#[test]
fn no_open_is_missed_or_seen_twice_in_a_minute_of_swaps() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    swap(60, Swap::FileChanges, Some(Duration::from_secs(1)));
}

/// Signals come while it works on events; what happened between its being ready and the signal is judged.
#[test]
fn a_probe_that_starts_and_stops_under_load_misses_nothing_between() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    let _flood = FLOODS.read().unwrap_or_else(PoisonError::into_inner);
    let place = tempfile::tempdir().unwrap();
    let opener = Opener::new(place.path().to_str().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| opener.run(false));
        let _stops = opener.stops();
        for _ in 0..3 {
            let mut probe = Probe::start(prepare(CONFIG, &rules(&opener.place, 0)), &[]);
            // The file of this number may be being opened.
            let first = opener.next.load(Ordering::SeqCst) + 1;
            let mut lines = Vec::new();
            while lines.len() < 2000 {
                lines.push(probe.alerts.recv().expect("the probe runs"));
            }
            let last = opener.next.load(Ordering::SeqCst);
            probe.signal(Signal::TERM);
            let (status, rest, log) = probe.end();
            assert!(status.success(), "{log:?}");
            expect_each_once(numbers(lines.iter().chain(&rest)), first..last);
        }
    });
}
