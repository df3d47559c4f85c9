//! How much the probe can hold: events a second from writers until some are lost, and what then.

use std::process::Child;
use std::time::{Duration, Instant};

use lithify::event::{Event as _, EventType, Field, Source, Value};
use lithify::rules::RuleSet;
use lithify_probe::{Counted, Probe, ProbeOptions, Recorder};

use super::loads::{cpu_ns, start_flood};
use super::{end, load_average, options, rules};

/// One run of writers.
struct Run {
    what: &'static str,
    load: &'static str,
    writers: usize,
    filter: bool,
    /// The reader writes each event down as `--record` does: far more than it can hold comes.
    slow: bool,
}

/// What the rules of upstream's other files name beside those of the stable one, in one rule; and close, which Falco
/// always sees.
const MORE: &str = "\
- rule: other types
  desc: successful calls in containers
  condition: >
    evt.type in (accept, accept4, bpf, chmod, creat, fchmod, fchmodat, listen, rename, renameat, renameat2, rmdir,
    close, setns, setuid, unlink, unlinkat, unshare, mkdir, mkdirat, recvfrom, recvmsg, userfaultfd)
    and evt.res = SUCCESS and container.id != host and proc.name = nobody
  output: o
  priority: INFO
";

const RUNS: &[Run] = &[
    Run { what: "two writers, filtered", load: "mix", writers: 2, filter: true, slow: false },
    Run { what: "one writer, all sent", load: "open+close", writers: 1, filter: false, slow: false },
    Run { what: "one writer, all sent", load: "dup+close", writers: 1, filter: false, slow: false },
    Run { what: "one writer, all sent", load: "mix", writers: 1, filter: false, slow: false },
    Run { what: "one writer, all sent", load: "unshare", writers: 1, filter: false, slow: false },
    Run { what: "two writers, all sent", load: "mix", writers: 2, filter: false, slow: false },
    Run { what: "two writers, all sent", load: "unshare", writers: 2, filter: false, slow: false },
    Run { what: "slow reader, all sent", load: "unshare", writers: 2, filter: false, slow: true },
    Run { what: "two writers, filtered", load: "fork", writers: 2, filter: true, slow: false },
];

pub(crate) fn main(seconds: u64, named: &[String]) {
    println!(
        "{:22} {:10} {:>11} {:>11} {:>10} {:>10} {:>8} {:>7} {:>7} uncounted",
        "run", "load", "made/s", "sent/s", "lost", "filtered", "own CPU", "RSS MB", "loadavg"
    );
    for run in RUNS.iter().filter(|run| named.is_empty() || named.iter().any(|name| *name == run.load)) {
        print_run(run, seconds);
    }
}

fn print_run(run: &Run, seconds: u64) {
    let rules = rules(MORE);
    let options = ProbeOptions { interval: Duration::from_millis(20), ..options(&rules, run.filter, None) };
    let mut probe = Probe::start(&options).unwrap();
    let before = total(&probe, None);
    let children: Vec<_> = (0..run.writers).map(|cpu| start_flood(run.load, cpu, seconds)).collect();
    let (start, cpu) = (Instant::now(), cpu_ns(libc::RUSAGE_SELF));
    read(&mut probe, &rules, run.slow, &children);
    let (time, cpu) = (start.elapsed().as_secs_f64(), cpu_ns(libc::RUSAGE_SELF) - cpu);
    let after = total(&probe, None);
    let made: f64 = children.into_iter().map(end).sum();
    let counted = |of: fn(Counted) -> u64| of(after) - of(before);
    let (sent, dropped, filtered) =
        (counted(|one| one.sent), counted(|one| one.dropped), counted(|one| one.filtered));
    // Nobody else makes this call: each must have been sent or counted as lost.
    let unshare = total(&probe, EventType::from_name("unshare"));
    let uncounted = if run.load == "unshare" {
        (made - (unshare.sent + unshare.dropped) as f64).to_string()
    } else {
        String::new()
    };
    println!(
        "{:22} {:10} {:>11.0} {:>11.0} {:>10} {:>10} {:>7.0}% {:>7.1} {:>7} {:>9}",
        run.what,
        run.load,
        made / time,
        sent as f64 / time,
        dropped,
        filtered,
        cpu / time / 1e7,
        resident_mb(),
        load_average(),
        uncounted,
    );
}

/// Judges what comes until the ends of all writers have been seen.
fn read(probe: &mut Probe, rules: &RuleSet, slow: bool, children: &[Child]) {
    let number = Field::resolve("proc.pid", None, Source::Syscall).unwrap();
    let exit = EventType::from_name("procexit").unwrap();
    let mut scratch = rules.scratch();
    let recorder = Recorder::new();
    let mut ended = 0;
    while ended < children.len() {
        probe
            .poll(&mut |event| {
                std::hint::black_box(rules.first_match(event, &mut scratch));
                if slow {
                    std::hint::black_box(recorder.line(event));
                }
                if event.event_type() == exit {
                    let pid = event.value(&number).and_then(Value::integer);
                    ended += usize::from(children.iter().any(|child| pid == Some(child.id().into())));
                }
            })
            .unwrap();
    }
}

/// Of all events, or of one type.
fn total(probe: &Probe, event: Option<EventType>) -> Counted {
    let tally = probe.tally().unwrap();
    tally.iter().filter(|one| event.is_none() || one.event == event).fold(Counted::default(), |sum, one| {
        let one = one.total();
        Counted {
            sent: sum.sent + one.sent,
            dropped: sum.dropped + one.dropped,
            filtered: sum.filtered + one.filtered,
        }
    })
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
