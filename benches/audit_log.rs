//! How fast a log is sized, on one core: `cargo bench --bench audit_log`.
//!
//! The log is the real one of the fixtures, repeated. `explain` does the same on all cores.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use lithify::audit::{self, Event, Sizing, Template};

const LOG: &str = include_str!("../fixtures/audit/log/audit.log");
const LOG_BYTES: usize = 200_000_000;
const ROUNDS: usize = 5;

fn main() {
    let log = LOG.repeat(LOG_BYTES / LOG.len());
    let policy = audit::load(Template::Recommended.text().as_bytes()).unwrap().policy.unwrap();
    measure("size every event", &log, || {
        let mut sizing = Sizing::new(&policy);
        log.lines().for_each(|line| sizing.add(line.as_bytes()).unwrap());
        sizing.total().events
    });
    measure("decode every event whole", &log, || {
        log.lines().filter(|line| serde_json::from_str::<Event<'_>>(line).is_ok()).count() as u64
    });
    measure("decode into serde_json's values", &log, || {
        log.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count() as u64
    });
}

/// Prints the best of a few rounds.
#[allow(clippy::cast_precision_loss)]
fn measure(what: &str, log: &str, work: impl Fn() -> u64) {
    let round = || {
        let begun = Instant::now();
        let events = work();
        (begun.elapsed().as_secs_f64(), events)
    };
    let rounds = (0..ROUNDS).map(|_| round());
    let (seconds, events) = rounds.min_by(|left, right| left.0.total_cmp(&right.0)).unwrap();
    let megabytes = log.len() as f64 / 1e6;
    println!("{what:32} {:5.0} MB/s  {:6.0} events/ms", megabytes / seconds, events as f64 / seconds / 1e3);
}
