//! What the probe costs whom it watches, and itself: `cargo bench -p lithify-probe --bench probe`.
//!
//! Each round measures every load once without a probe and once under each probe, one after the other, so that what
//! else the machine does weighs on all alike; printed are medians. Loads are CPU time of the caller for one operation
//! (getrusage); the probe's own CPU time is that of this process. `ROUNDS=9` for more; `-- open+close` for some.
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use lithify::rules::{Load, RuleFile, Selection};
use lithify_probe::{AttachKind, Probe, ProbeOptions, filters_of};

const LOAD: &str = "LITHIFY_LOAD";
/// Name, operations, what Falco's stable rules made of it elsewhere (ratio to no probe), what is aimed at.
const LOADS: &[(&str, u64, &str, &str)] = &[
    ("getppid", 1_000_000, "1.69", "1.40"),
    ("read", 1_000_000, "1.64", "1.40"),
    ("dup+close", 300_000, "2.44", "1.60"),
    ("open+close", 300_000, "1.67", "1.30"),
    ("fork+exec", 300, "1.02", ""),
];

fn main() {
    if let Ok(load) = std::env::var(LOAD) {
        println!("{}", run(&load));
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: not root");
        return;
    }
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let probes: [(&str, ProbeOptions); 3] = [
        ("filtered", options(true, None)),
        ("filtered, no tracefs", options(true, Some(AttachKind::EverySyscall))),
        ("all sent", options(false, None)),
    ];
    println!(
        "{:12} {:>10} {:>22} {:>22} {:>22} {:>6} {:>5}",
        "load", "none", probes[0].0, probes[1].0, probes[2].0, "Falco", "aim"
    );
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (load, operations, falco, aim) in LOADS {
        if !named.is_empty() && !named.iter().any(|name| name == load) {
            continue;
        }
        let mut bare = Vec::new();
        let mut under = vec![Vec::new(); probes.len()];
        let mut own = vec![Vec::new(); probes.len()];
        for _ in 0..rounds {
            bare.push(measure(load));
            for (place, (_, options)) in probes.iter().enumerate() {
                let (cost, cpu) = watched(load, options);
                under[place].push(cost);
                own[place].push(cpu / *operations as f64);
            }
        }
        let bare = median(bare);
        print!("{load:12} {bare:7.0} ns");
        for (under, own) in under.into_iter().zip(own) {
            print!(" {:6.2} (own {:4.0} ns)    ", median(under) / bare, median(own));
        }
        println!("{falco:>6} {aim:>5}");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds of one operation, measured by the child that makes them.
fn measure(load: &str) -> f64 {
    let mut child = spawn(load);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    text.trim().parse().unwrap()
}

fn spawn(load: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap()).env(LOAD, load).stdout(Stdio::piped()).spawn().unwrap()
}

/// The same under a probe, and the probe's own nanoseconds.
fn watched(load: &str, options: &ProbeOptions) -> (f64, f64) {
    let mut probe = Probe::start(options).unwrap();
    let mut child = spawn(load);
    let before = cpu_ns();
    let status = loop {
        probe.poll(&mut |_| {}).unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    let own = cpu_ns() - before;
    assert!(status.success());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let dropped: u64 = probe.tally().unwrap().iter().map(|tally| tally.total().dropped).sum();
    if dropped > 0 {
        println!("  {load}: {dropped} events dropped");
    }
    (text.trim().parse().unwrap(), own)
}

/// What upstream's stable rules ask: events, and of most of them a condition that the kernel can test.
fn options(filter: bool, attach: Option<AttachKind>) -> ProbeOptions {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml");
    let load = Load::new(&[RuleFile::new(path, std::fs::read(path).unwrap())], &[]);
    let rules = load.rule_set(&Selection::default());
    ProbeOptions {
        events: rules.event_types(),
        filters: if filter { filters_of(&rules) } else { Vec::new() },
        attach,
        interval: Duration::from_millis(20),
        ..ProbeOptions::default()
    }
}

fn cpu_ns() -> f64 {
    // SAFETY: getrusage fills the structure that it is given.
    let usage = unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let of = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// Makes the calls of a load; nanoseconds of CPU time for one operation.
fn run(load: &str) -> f64 {
    let (_, operations, ..) = LOADS.iter().find(|(name, ..)| *name == load).unwrap();
    let zero = c"/dev/zero";
    let file = c"/usr/lib/os-release";
    let mut byte = 0_u8;
    // SAFETY: each call takes what it is given: numbers, texts and a byte that live through it.
    let call =
        |number: libc::c_long, a: u64, b: u64, c: u64| unsafe { libc::syscall(number, a, b, c, 0_u64) };
    let at = libc::AT_FDCWD.cast_unsigned().into();
    let fd = call(libc::SYS_openat, at, zero.as_ptr() as u64, 0).cast_unsigned();
    let before = cpu_ns();
    let wall = std::time::Instant::now();
    for _ in 0..*operations {
        match load {
            "getppid" => {
                call(libc::SYS_getppid, 0, 0, 0);
            }
            "read" => {
                call(libc::SYS_read, fd, &raw mut byte as u64, 1);
            }
            "dup+close" => {
                let new = call(libc::SYS_dup, fd, 0, 0);
                call(libc::SYS_close, new.cast_unsigned(), 0, 0);
            }
            "open+close" => {
                let new = call(libc::SYS_openat, at, file.as_ptr() as u64, 0);
                call(libc::SYS_close, new.cast_unsigned(), 0, 0);
            }
            _ => assert!(Command::new("/bin/true").status().unwrap().success()),
        }
    }
    let spent = if load == "fork+exec" { wall.elapsed().as_nanos() as f64 } else { cpu_ns() - before };
    spent / *operations as f64
}
