//! What the probe costs whom it watches, and itself.
//!
//! Each round measures every load once without a probe and once under each watcher, one after the other, so that what
//! else the machine does weighs on all alike; medians are printed.

use super::bpftrace::Bpftrace;
use super::jobs;
use super::loads::start_cost;
use super::running::Running;
use super::{end, load_average, number, options, rules, undisturbed};
use lithify::event::EventType;
use lithify::rules::RuleSet;
use lithify_probe::Probe;

/// What a load costs under Falco's stable rules, measured on a quiet machine of this kind.
struct Falco {
    /// Nanoseconds of an operation without it.
    bare: f64,
    /// The ratio to that.
    ratio: f64,
    /// Nanoseconds of its own for an operation; `None`: not measured.
    own: Option<f64>,
}

struct Load {
    name: &'static str,
    /// How many; of `http`, seconds.
    operations: u64,
    falco: Option<Falco>,
    /// The ratio that is aimed at.
    aim: Option<f64>,
}

const fn load(name: &'static str, operations: u64, falco: Option<Falco>, aim: Option<f64>) -> Load {
    Load { name, operations, falco, aim }
}

const fn falco(bare: f64, ratio: f64, own: Option<f64>) -> Falco {
    Falco { bare, ratio, own }
}

const LOADS: &[Load] = &[
    load("getppid", 1_000_000, Some(falco(175.0, 1.69, Some(0.0))), Some(1.40)),
    load("read", 1_000_000, Some(falco(211.0, 1.64, Some(0.0))), Some(1.40)),
    load("dup+close", 300_000, Some(falco(421.0, 2.44, Some(900.0))), Some(1.60)),
    load("open+close", 1_500_000, Some(falco(2131.0, 1.67, Some(2220.0))), Some(1.30)),
    load("fork+exec", 300, Some(falco(606_000.0, 1.02, None)), None),
    // Files.
    load("compile", 10, None, None),
    load("http", 3, None, None),
];

/// Load and probe together add at most so much of what Falco adds, where no rule can match.
const SHARE_AIM: (&str, f64) = ("open+close", 0.20);
/// Megabytes.
const RESIDENT_AIM: f64 = 40.0;

/// Who watches.
enum Watcher {
    Nobody,
    /// More configuration, more arguments.
    Us(String, &'static [&'static str]),
    Bpftrace(Vec<EventType>),
}

/// One measurement.
struct Cost {
    /// Nanoseconds of the caller's CPU time for an operation.
    caller: f64,
    /// Nanoseconds of the watcher's, for all operations, and megabytes; of our own program.
    own: Option<(f64, f64)>,
}

pub(crate) fn main(named: &[String]) {
    let watchers = watchers();
    print!("{:11} {:>9}", "load", "none");
    for (name, _) in &watchers[1..] {
        print!(" {name:>21}");
    }
    println!(
        " {:>6} {:>5} {:>9} {:>9} {:>7} {:>8}",
        "Falco", "aim", "aim met", "of Falco", "RSS MB", "loadavg"
    );
    for load in LOADS.iter().filter(|load| named.is_empty() || named.iter().any(|name| name == load.name)) {
        if let Some(reason) = jobs::missing(load.name) {
            println!("{:11} skipped: {reason}", load.name);
            continue;
        }
        let mut costs: Vec<Vec<Cost>> = watchers.iter().map(|_| Vec::new()).collect();
        for _ in 0..number("ROUNDS", 5) {
            for ((_, watcher), costs) in watchers.iter().zip(&mut costs) {
                costs.extend(undisturbed(|| watched(load, watcher)));
            }
        }
        print_row(load, &costs);
    }
}

/// Those that are asked for: `WATCHERS=run,bpftrace`; the first after nobody is the one whose aims are looked at.
fn watchers() -> Vec<(&'static str, Watcher)> {
    let rules = rules("[]");
    let names: Vec<_> = rules.event_types().iter().map(|event| event.name()).collect();
    let all_sent = format!("base_syscalls: {{custom_set: [{}]}}\n", names.join(", "));
    let all = [
        ("none", Watcher::Nobody),
        ("run", Watcher::Us(String::new(), &[])),
        ("no tracefs", Watcher::Us(String::new(), &["--every-syscall"])),
        ("all sent", Watcher::Us(all_sent, &[])),
        ("bpftrace", Watcher::Bpftrace(traceable(&rules))),
    ];
    let asked = std::env::var("WATCHERS").unwrap_or_default();
    let is_asked = |name: &str| asked.is_empty() || name == "none" || asked.split(',').any(|one| one == name);
    all.into_iter().filter(|(name, _)| is_asked(name)).collect()
}

/// The calls that rules name and this kernel has.
fn traceable(rules: &RuleSet) -> Vec<EventType> {
    let probe = Probe::start(&options(rules, true, None)).unwrap();
    let missing = probe.missing();
    rules.event_types().into_iter().filter(|event| !missing.contains(&event.name())).collect()
}

/// What a load costs under a watcher; `None` where there is no such watcher.
fn watched(load: &Load, watcher: &Watcher) -> Option<Cost> {
    let run = || end(start_cost(load.name, load.operations));
    let (config, arguments) = match watcher {
        Watcher::Nobody => return Some(Cost { caller: run(), own: None }),
        Watcher::Bpftrace(events) => {
            let _tracer = Bpftrace::start(events)?;
            return Some(Cost { caller: run(), own: None });
        }
        Watcher::Us(config, arguments) => (config, arguments),
    };
    let probe = Running::start(config, arguments);
    let before = probe.cpu_ns();
    let caller = run();
    let own = (probe.cpu_ns() - before, probe.resident_mb());
    if let Some(lost) = probe.stop() {
        println!("  {}: {lost}", load.name);
    }
    Some(Cost { caller, own: Some(own) })
}

fn print_row(load: &Load, costs: &[Vec<Cost>]) {
    let bare = median(&costs[0], |cost| Some(cost.caller)).unwrap_or(f64::NAN);
    // Operations of the HTTP server are counted otherwise.
    let operations = if load.name == "http" { f64::NAN } else { load.operations as f64 };
    print!("{:11} {:>9}", load.name, format!("{bare:.0} ns"));
    for costs in &costs[1..] {
        print!(" {:>21}", cell(costs, bare, operations));
    }
    let ratio = costs.get(1).and_then(|costs| Some(median(costs, |cost| Some(cost.caller))? / bare));
    let own = costs.get(1).and_then(|costs| median(costs, |cost| Some(cost.own?.0)));
    let resident = costs.iter().flatten().filter_map(|cost| Some(cost.own?.1)).fold(0.0, f64::max);
    let share = share(load, ratio, own.map(|own| own / operations / bare));
    let is_within = load.name != SHARE_AIM.0 || share.is_none_or(|share| share <= SHARE_AIM.1);
    let is_met = load.aim.zip(ratio).map(|(aim, ratio)| ratio <= aim);
    let text = |value: Option<f64>| value.map(|value| format!("{value:.2}")).unwrap_or_default();
    println!(
        " {:>6} {:>5} {:>9} {:>9} {:>7} {:>8}",
        text(load.falco.as_ref().map(|falco| falco.ratio)),
        text(load.aim),
        is_met.map(met).unwrap_or_default(),
        share.map(|share| format!("{:.0} %{}", share * 100.0, mark(is_within))).unwrap_or_default(),
        format!("{resident:.0}{}", mark(resident < RESIDENT_AIM)),
        load_average(),
    );
}

const fn met(is_met: bool) -> &'static str {
    if is_met { "yes" } else { "MISSED" }
}

const fn mark(is_met: bool) -> &'static str {
    if is_met { "" } else { "!" }
}

/// What load and probe together add, as a part of what Falco adds: both in operations without a watcher, since
/// nanoseconds of one machine say nothing of another.
fn share(load: &Load, ratio: Option<f64>, own: Option<f64>) -> Option<f64> {
    let falco = load.falco.as_ref()?;
    let added = falco.ratio - 1.0 + falco.own? / falco.bare;
    Some((ratio? - 1.0 + own?) / added)
}

/// The cost of rounds as a ratio, and the watcher's own CPU time where it is known.
fn cell(rounds: &[Cost], bare: f64, operations: f64) -> String {
    let Some(caller) = median(rounds, |cost| Some(cost.caller)) else { return "-".to_owned() };
    let ratio = caller / bare;
    match median(rounds, |cost| Some(cost.own?.0)) {
        None => format!("{ratio:.2}"),
        Some(own) if operations.is_finite() => format!("{ratio:.2} (own {:.0} ns)", own / operations),
        Some(own) => format!("{ratio:.2} (own {:.0} ms)", own / 1e6),
    }
}

fn median(costs: &[Cost], of: impl Fn(&Cost) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = costs.iter().filter_map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
