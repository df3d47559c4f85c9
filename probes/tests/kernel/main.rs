//! What only the running kernel can prove: no event is lost uncounted, and the filter keeps what it must.
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test of its own harness")]

mod attribution;
mod crowd;
mod loss;
mod processes;
mod restricted;
mod shadow;

use std::ffi::CString;
use std::process::{Child, Command};
use std::time::Duration;

use lithify::event::{Event as _, EventType, Field, Source};
use lithify_probe::{Alternative, Counted, Probe, ProbeOptions};

/// What a child does, and how often.
const ACT: &str = "LITHIFY_ACT";

fn main() {
    if let Ok(act) = std::env::var(ACT) {
        child(&act);
        return;
    }
    if let Some(reason) = cannot_run() {
        skip(&reason);
        println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        return;
    }
    // Two runs on one machine would count each other's calls.
    let alone = std::fs::File::create(std::env::temp_dir().join("lithify-userfaultfd.lock")).unwrap();
    alone.lock().unwrap();
    let tests: [(&str, fn()); 20] = [
        (
            "every_event_is_counted_as_sent_or_lost_on_its_cpu",
            loss::every_event_is_counted_as_sent_or_lost_on_its_cpu,
        ),
        ("nothing_is_lost_uncounted_to_a_slow_reader", loss::nothing_is_lost_uncounted_to_a_slow_reader),
        ("a_flood_leaves_room_for_processes", loss::a_flood_leaves_room_for_processes),
        ("runs_that_the_kernel_withholds_are_asked_for", loss::runs_that_the_kernel_withholds_are_asked_for),
        ("calls_of_the_32_bit_convention_are_counted", loss::calls_of_the_32_bit_convention_are_counted),
        ("a_32_bit_program_is_counted", loss::a_32_bit_program_is_counted),
        (
            "processes_of_an_instant_are_seen_with_their_parents",
            crowd::processes_of_an_instant_are_seen_with_their_parents,
        ),
        (
            "more_containers_than_are_kept_in_mind_are_told_apart",
            crowd::more_containers_than_are_kept_in_mind_are_told_apart,
        ),
        (
            "containers_of_every_form_are_told_whether_older_or_younger",
            attribution::containers_of_every_form_are_told_whether_older_or_younger,
        ),
        (
            "a_sidecar_sees_its_pod_wherever_its_own_cgroup_stands",
            attribution::a_sidecar_sees_its_pod_wherever_its_own_cgroup_stands,
        ),
        (
            "a_container_cannot_hide_in_a_cgroup_with_a_long_path",
            attribution::a_container_cannot_hide_in_a_cgroup_with_a_long_path,
        ),
        (
            "what_a_second_thread_executes_is_the_process",
            processes::what_a_second_thread_executes_is_the_process,
        ),
        (
            "processes_without_room_are_seen_all_the_same",
            processes::processes_without_room_are_seen_all_the_same,
        ),
        (
            "a_process_ends_once_though_its_last_threads_end_together",
            processes::a_process_ends_once_though_its_last_threads_end_together,
        ),
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
        (
            "without_tracefs_each_call_still_has_its_tracepoint",
            restricted::without_tracefs_each_call_still_has_its_tracepoint,
        ),
        ("no_event_that_is_judged_out_matches_a_rule", shadow::no_event_that_is_judged_out_matches_a_rule),
    ];
    let mut passed = 0;
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in
        tests.into_iter().filter(|(name, _)| named.is_empty() || named.iter().any(|one| name.contains(one)))
    {
        test();
        println!("test {name} ... ok");
        passed += 1;
    }
    println!("test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

/// Says what does not run and why; fails where `LITHIFY_REQUIRE` asks for it.
fn skip(reason: &str) {
    let required = std::env::var("LITHIFY_REQUIRE").is_ok_and(|list| list.split(',').any(|one| one == "bpf"));
    assert!(!required, "cannot run although LITHIFY_REQUIRE asks for it: {reason}");
    println!("skipped: {reason}");
}

fn cannot_run() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    Probe::start(&ProbeOptions::default()).err().map(|error| error.to_string())
}

/// `userfaultfd N [CPU]`: a call that nobody else makes, N times, on that CPU. `int80 N`: a 32-bit call, N times; `x32 N`: one of
/// the x32 convention.
/// `fork N`, `wander`: see [`crowd`]. `settle`, `watch-own-pod`: see [`attribution`]. `execute-in-a-thread`, `end-in-pairs`:
/// see [`processes`]. `chroot PATH…`: fails for each, the paths do not exist.
/// `restricted`, `without-tracefs`: see [`restricted`]. `roam [CGROUP]`: see [`shadow::roam`].
fn child(act: &str) {
    let mut words = act.split(' ');
    match words.next() {
        Some("fork") => crowd::fork(words.next().unwrap().parse().unwrap()),
        Some("wander") => crowd::wander(),
        Some("int80") => loss::call_32_bit(words.next().unwrap().parse().unwrap()),
        Some("x32") => {
            for _ in 0..words.next().unwrap().parse::<u64>().unwrap() {
                // SAFETY: no pointers; where the convention is not known, neither is the call.
                unsafe { libc::syscall(libc::SYS_getppid | 1 << 30) };
            }
        }
        Some("userfaultfd") => {
            let times = words.next().unwrap().parse::<u64>().unwrap();
            if let Some(cpu) = words.next() {
                loss::stay_on(cpu.parse().unwrap());
            }
            for _ in 0..times {
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
        Some("watch-own-pod") => attribution::watch_own_pod(),
        Some("settle") => attribution::settle(),
        Some("execute-in-a-thread") => processes::execute_in_a_thread(),
        Some("end-in-pairs") => processes::end_in_pairs(),
        Some("restricted") => restricted::watch(),
        Some("without-tracefs") => restricted::watch_without_tracefs(),
        Some("roam") => shadow::roam(words.next()),
        _ => unreachable!("the parent names an act"),
    }
}

/// Runs a child to its end without looking at events meanwhile.
fn run(act: &str) -> u32 {
    let mut child = start(act);
    let pid = child.id();
    assert!(child.wait().unwrap().success());
    pid
}

fn start(act: &str) -> Child {
    command(act).spawn().unwrap()
}

fn command(act: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ACT, act);
    command
}

fn options(event: &str) -> ProbeOptions {
    let events = vec![EventType::from_name(event).unwrap()];
    ProbeOptions { events, interval: Duration::from_millis(1), ..ProbeOptions::default() }
}

fn tally(probe: &Probe, event: &str) -> Counted {
    let event = EventType::from_name(event);
    probe.tally().unwrap().iter().find(|tally| tally.event == event).unwrap().total()
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
