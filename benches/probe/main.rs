//! What the probe costs whom it watches, and itself: `cargo bench -p lithify-probe --bench probe`.
//!
//! Loads are CPU time of the caller for one operation (getrusage); the probe's own is that of `lithify-probe run`, with
//! upstream's stable rules, JSON alerts into a file. `ROUNDS=9` for more, `WATCHERS=run` for one of them, `-- open+close`
//! for some loads. `-- loss`: how many events a second it holds, and what becomes of more; `SECONDS=30` for longer runs.
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

mod bpftrace;
mod jobs;
mod loads;
mod loss;
mod overhead;
mod running;

use std::io::Read as _;
use std::process::Child;
use std::time::Duration;

use aya::programs::ProgramInfo;
use lithify::rules::{Load, RuleFile, RuleSet, Selection};
use lithify_probe::{AttachKind, ProbeOptions, filters_of};

use running::STABLE;

fn main() {
    if loads::run_if_child() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: not root");
        return;
    }
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let mut named: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if named.first().is_some_and(|name| name == "loss") {
        named.remove(0);
        loss::main(number("SECONDS", 5), &named);
    } else {
        overhead::main(&named);
    }
}

/// A number of the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The figure that a child prints.
fn end(mut child: Child) -> f64 {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    text.trim().parse().unwrap()
}

/// Programs on system calls, which make every call of the machine dearer.
fn watching_programs() -> usize {
    let is_about_calls = |program: &ProgramInfo| {
        matches!(program.name(), b"syscall_exit" | b"every_exit") || program.name().starts_with(b"sys_")
    };
    aya::programs::loaded_programs().filter_map(Result::ok).filter(is_about_calls).count()
}

/// Measures while nobody else watches system calls, as far as that can be had.
fn undisturbed<T>(mut measure: impl FnMut() -> T) -> T {
    for _ in 0..10 {
        if !is_quiet(100) {
            break;
        }
        let measured = measure();
        // The kernel lets go of our own programs in its own time.
        if is_quiet(10) {
            return measured;
        }
    }
    println!("  (somebody else watches system calls)");
    measure()
}

/// Waits until nobody watches, so many tenths of a second at most.
fn is_quiet(tries: usize) -> bool {
    (0..tries).any(|_| {
        let is_quiet = watching_programs() == 0;
        if !is_quiet {
            std::thread::sleep(Duration::from_millis(100));
        }
        is_quiet
    })
}

/// Upstream's stable rules, and others.
fn rules(more: &str) -> RuleSet {
    let files = [RuleFile::new(STABLE, std::fs::read(STABLE).unwrap()), RuleFile::new("more.yaml", more)];
    Load::new(&files, &[]).rule_set(&Selection::default())
}

/// What rules ask: events, and of most of them a condition that the kernel can test.
fn options(rules: &RuleSet, filter: bool, attach: Option<AttachKind>) -> ProbeOptions {
    ProbeOptions {
        events: rules.event_types(),
        filters: if filter { filters_of(rules) } else { Vec::new() },
        attach,
        interval: Duration::from_millis(20),
        ..ProbeOptions::default()
    }
}

/// How busy the machine is: figures of a busy one are worth less.
fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap().to_owned()
}
