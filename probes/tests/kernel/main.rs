//! What only the running kernel can prove: no event is lost uncounted, and the filter keeps what it must.
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test of its own harness")]

mod restricted;
mod shadow;

use std::ffi::CString;
use std::process::Command;
use std::time::Duration;

use lithify::event::{Event as _, EventType, Field, Source};
use lithify_probe::{Alternative, Probe, ProbeOptions, Tally};

/// What a child does, and how often.
const ACT: &str = "LITHIFY_ACT";

fn main() {
    if let Ok(act) = std::env::var(ACT) {
        child(&act);
        return;
    }
    if let Some(reason) = cannot_run() {
        let required =
            std::env::var("LITHIFY_REQUIRE").is_ok_and(|list| list.split(',').any(|one| one == "bpf"));
        assert!(!required, "cannot run although LITHIFY_REQUIRE asks for it: {reason}");
        println!("skipped: {reason}");
        println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        return;
    }
    let tests: [(&str, fn()); 7] = [
        ("every_lost_event_is_counted", every_lost_event_is_counted),
        ("a_flood_leaves_room_for_processes", a_flood_leaves_room_for_processes),
        ("the_filter_keeps_what_it_must", the_filter_keeps_what_it_must),
        (
            "shadow_mode_sends_everything_and_tells_the_verdict",
            shadow_mode_sends_everything_and_tells_the_verdict,
        ),
        ("two_probes_see_the_same", two_probes_see_the_same),
        (
            "a_restricted_probe_watches_and_can_do_nothing_else",
            restricted::a_restricted_probe_watches_and_can_do_nothing_else,
        ),
        ("no_event_that_is_judged_out_matches_a_rule", shadow::no_event_that_is_judged_out_matches_a_rule),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    println!("test result: ok. {} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", tests.len());
}

fn cannot_run() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    Probe::start(&ProbeOptions::default()).err().map(|error| error.to_string())
}

/// `userfaultfd N`: a call that nobody else makes, N times. `chroot PATH…`: fails for each, the paths do not exist.
/// `restricted`: see [`restricted::watch`]. `roam [CGROUP]`: see [`shadow::roam`].
fn child(act: &str) {
    let mut words = act.split(' ');
    match words.next() {
        Some("userfaultfd") => {
            for _ in 0..words.next().unwrap().parse::<u64>().unwrap() {
                // SAFETY: no pointers; the flags are refused.
                unsafe { libc::syscall(libc::SYS_userfaultfd, -1) };
            }
        }
        Some("chroot") => {
            for path in words {
                let path = CString::new(path).unwrap();
                // SAFETY: `path` is a text that lives through the call.
                unsafe { libc::syscall(libc::SYS_chroot, path.as_ptr()) };
            }
        }
        Some("restricted") => restricted::watch(),
        Some("roam") => shadow::roam(words.next()),
        _ => unreachable!("the parent names an act"),
    }
}

/// Runs a child to its end without looking at events meanwhile.
fn run(act: &str) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap()).env(ACT, act).spawn().unwrap();
    let pid = child.id();
    assert!(child.wait().unwrap().success());
    pid
}

fn options(event: &str) -> ProbeOptions {
    let events = vec![EventType::from_name(event).unwrap()];
    ProbeOptions { events, interval: Duration::from_millis(1), ..ProbeOptions::default() }
}

fn tally(probe: &Probe, event: &str) -> Tally {
    let event = EventType::from_name(event);
    *probe.tally().unwrap().iter().find(|tally| tally.event == event).unwrap()
}

/// Field texts of all waiting events of a type and a process.
fn drain(probe: &mut Probe, event: &str, pid: u32, field: &str) -> Vec<(String, bool)> {
    let field = Field::resolve(field, None, Source::Syscall).unwrap();
    let number = Field::resolve("proc.pid", None, Source::Syscall).unwrap();
    let mut found = Vec::new();
    let mut ended = false;
    while !ended {
        probe
            .poll(&mut |one| {
                if one.value(&number).and_then(lithify::event::Value::integer) != Some(pid.into()) {
                    return;
                }
                if one.event_type().name() == event {
                    let text = one.value(&field).map(|value| value.display().into_owned());
                    found.push((text.unwrap_or_default(), one.is_judged_out()));
                }
                ended |= one.event_type().name() == "procexit";
            })
            .unwrap();
    }
    found
}

fn every_lost_event_is_counted() {
    const MADE: u64 = 50_000;
    let mut probe = Probe::start(&ProbeOptions { ring_bytes: 1 << 20, ..options("userfaultfd") }).unwrap();
    let pid = run(&format!("userfaultfd {MADE}"));
    let seen = drain(&mut probe, "userfaultfd", pid, "evt.type").len() as u64;
    let tally = tally(&probe, "userfaultfd");
    assert!(tally.dropped > 0, "a ring of 1 MiB does not hold {MADE} events");
    assert_eq!(tally.sent + tally.dropped, MADE);
    assert_eq!(tally.sent, seen);
    assert_eq!(tally.filtered, 0);
}

fn a_flood_leaves_room_for_processes() {
    let mut probe = Probe::start(&ProbeOptions { ring_bytes: 1 << 20, ..options("userfaultfd") }).unwrap();
    run("userfaultfd 20000");
    let pid = run("userfaultfd 1");
    // The second child was born, executed and ended while the ring held no more calls: its end is there.
    drain(&mut probe, "userfaultfd", pid, "evt.type");
    for event in ["execve", "procexit"] {
        assert_eq!(tally(&probe, event).dropped, 0, "{event}");
    }
}

const PATHS: &str = "/watched/x /other/x other/x /other/../watched/x /other//x /watchedfar /other/.x /other/shadow /other/shadow/ /shadow/x";
/// What an event of these paths must be kept for: `/watched`, the name `shadow`, and everything that rules may see
/// otherwise than it is written.
const KEPT: [&str; 8] = [
    "/watched/x",
    "other/x",
    "/other/../watched/x",
    "/other//x",
    "/watchedfar",
    "/other/.x",
    "/other/shadow",
    "/other/shadow/",
];

fn filtered() -> ProbeOptions {
    let texts = |text: &str| Some(vec![text.to_owned()]);
    let alternatives = vec![
        Alternative { prefixes: texts("/watched"), succeeded: Some(false), ..Alternative::default() },
        Alternative { names: texts("shadow"), container: Some(false), ..Alternative::default() },
        Alternative { prefixes: texts("/other"), succeeded: Some(true), ..Alternative::default() },
    ];
    let event = EventType::from_name("chroot").unwrap();
    ProbeOptions { filters: vec![(event, alternatives)], ..options("chroot") }
}

fn the_filter_keeps_what_it_must() {
    let mut probe = Probe::start(&filtered()).unwrap();
    let pid = run(&format!("chroot {PATHS}"));
    let kept: Vec<_> =
        drain(&mut probe, "chroot", pid, "fs.path.nameraw").into_iter().map(|(path, _)| path).collect();
    assert_eq!(kept, KEPT);
    assert_eq!(tally(&probe, "chroot").filtered, 2);
}

fn shadow_mode_sends_everything_and_tells_the_verdict() {
    let mut probe = Probe::start(&ProbeOptions { shadow: true, ..filtered() }).unwrap();
    let pid = run(&format!("chroot {PATHS}"));
    for (path, judged_out) in drain(&mut probe, "chroot", pid, "fs.path.nameraw") {
        assert_eq!(judged_out, !KEPT.contains(&path.as_str()), "{path}");
    }
    assert_eq!(tally(&probe, "chroot").filtered, 0);
}

fn two_probes_see_the_same() {
    let mut one = Probe::start(&options("chroot")).unwrap();
    let mut two = Probe::start(&options("chroot")).unwrap();
    let pid = run("chroot /a /b");
    for probe in [&mut one, &mut two] {
        let paths: Vec<_> =
            drain(probe, "chroot", pid, "fs.path.name").into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/a", "/b"]);
    }
}
