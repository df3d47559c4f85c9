//! What the probe costs whom it watches, and itself: `cargo bench -p lithify-probe --bench probe`.
//!
//! Each round measures every load once without a probe and once under each probe, one after the other, so that what
//! else the machine does weighs on all alike; printed are medians. Loads are CPU time of the caller for one operation
//! (getrusage); the probe's own CPU time is that of this process. `ROUNDS=9` for more; `-- open+close` for some.
//! `-- loss`: how many events a second it holds, and what becomes of more; `SECONDS=30` for longer runs.
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

mod bpftrace;
mod jobs;
mod loads;
mod loss;

use std::io::Read as _;
use std::process::Child;
use std::time::Duration;

use aya::programs::ProgramInfo;
use lithify::event::EventType;
use lithify::rules::{Load, RuleFile, RuleSet, Selection};
use lithify_probe::{AttachKind, Probe, ProbeOptions, filters_of};

use bpftrace::Bpftrace;
use loads::{cpu_ns, start_cost};

/// Name, operations, what Falco's stable rules made of it elsewhere (ratio to no probe), what is aimed at.
const LOADS: &[(&str, u64, &str, &str)] = &[
    ("getppid", 1_000_000, "1.69", "1.40"),
    ("read", 1_000_000, "1.64", "1.40"),
    ("dup+close", 300_000, "2.44", "1.60"),
    ("open+close", 1_500_000, "1.67", "1.30"),
    ("fork+exec", 300, "1.02", ""),
    // Files.
    ("compile", 10, "", ""),
    // Seconds of requests.
    ("http", 3, "", ""),
];

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
        overhead(&named);
    }
}

/// A number of the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Who watches.
enum Watcher {
    Nobody,
    Us(Box<ProbeOptions>),
    Bpftrace(Vec<EventType>),
}

fn overhead(named: &[String]) {
    let rounds = number("ROUNDS", 5);
    let rules = rules("[]");
    let us = |filter, attach| Watcher::Us(Box::new(options(&rules, filter, attach)));
    let watchers = [
        ("none", Watcher::Nobody),
        ("filtered", us(true, None)),
        ("no tracefs", us(true, Some(AttachKind::EverySyscall))),
        ("all sent", us(false, None)),
        ("bpftrace", Watcher::Bpftrace(traceable(&rules))),
    ];
    print!("{:12}", "load");
    for (name, _) in &watchers {
        print!(" {name:>20}");
    }
    println!(" {:>6} {:>5} {:>8}", "Falco", "aim", "loadavg");
    for (load, operations, falco, aim) in LOADS {
        if !named.is_empty() && !named.iter().any(|name| name == load) {
            continue;
        }
        if let Some(reason) = jobs::missing(load) {
            println!("{load:12} skipped: {reason}");
            continue;
        }
        // Loads whose operations are counted otherwise.
        let scale = if *load == "http" { f64::NAN } else { *operations as f64 };
        let mut costs = vec![Vec::new(); watchers.len()];
        for _ in 0..rounds {
            for (place, (_, watcher)) in watchers.iter().enumerate() {
                costs[place].extend(undisturbed(|| watched(load, *operations, watcher)));
            }
        }
        let bare = median(costs[0].iter().map(|(cost, _)| *cost).collect());
        print!("{load:12} {:>20}", format!("{bare:.0} ns"));
        for costs in &costs[1..] {
            print!(" {:>20}", cell(costs, bare, scale));
        }
        println!(" {falco:>6} {aim:>5} {:>8}", load_average());
    }
}

/// The calls that rules name and this kernel has.
fn traceable(rules: &RuleSet) -> Vec<EventType> {
    let probe = Probe::start(&options(rules, true, None)).unwrap();
    let missing = probe.missing();
    rules.event_types().into_iter().filter(|event| !missing.contains(&event.name())).collect()
}

/// The cost of rounds as a ratio, and the watcher's own CPU time where it is known.
fn cell(rounds: &[(f64, Option<f64>)], bare: f64, operations: f64) -> String {
    if rounds.is_empty() {
        return "-".to_owned();
    }
    let ratio = median(rounds.iter().map(|(cost, _)| *cost).collect()) / bare;
    let own: Vec<f64> = rounds.iter().filter_map(|(_, own)| *own).collect();
    match (own.is_empty(), operations.is_finite()) {
        (true, _) => format!("{ratio:.2}"),
        (_, true) => format!("{ratio:.2} (own {:.0} ns)", median(own) / operations),
        (_, false) => format!("{ratio:.2} (own {:.0} ms)", median(own) / 1e6),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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

/// What a load costs an operation under a watcher, and our own nanoseconds; `None` where there is no such watcher.
fn watched(load: &str, operations: u64, watcher: &Watcher) -> Option<(f64, Option<f64>)> {
    let options = match watcher {
        Watcher::Nobody => return Some((end(start_cost(load, operations)), None)),
        Watcher::Bpftrace(events) => {
            let _tracer = Bpftrace::start(events)?;
            return Some((end(start_cost(load, operations)), None));
        }
        Watcher::Us(options) => options,
    };
    let mut probe = Probe::start(options).unwrap();
    let mut child = start_cost(load, operations);
    let before = cpu_ns(libc::RUSAGE_SELF);
    while child.try_wait().unwrap().is_none() {
        probe.poll(&mut |_| {}).unwrap();
    }
    let own = cpu_ns(libc::RUSAGE_SELF) - before;
    let dropped: u64 = probe.tally().unwrap().iter().map(|tally| tally.total().dropped).sum();
    if dropped > 0 {
        println!("  {load}: {dropped} events dropped");
    }
    Some((end(child), Some(own)))
}

/// Upstream's stable rules, and others.
fn rules(more: &str) -> RuleSet {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml");
    let files = [RuleFile::new(path, std::fs::read(path).unwrap()), RuleFile::new("more.yaml", more)];
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
