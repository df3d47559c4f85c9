//! One trigger a system call: a process really makes it, once so that it succeeds and once so that it fails, and the
//! event arrives with every argument right.
//!
//! The probe does not look at itself, so this program runs itself again for each case (`LITHIFY_TRIGGER`). The child
//! makes the calls and prints what it expects to be reported; the parent compares.
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    clippy::similar_names,
    clippy::unused_self,
    clippy::struct_field_names,
    clippy::needless_pass_by_value,
    clippy::cast_possible_truncation,
    reason = "a test of its own harness, about numbers in registers"
)]

mod attributes;
mod call;
mod files;
mod identity;
mod misc;
mod network;
mod processes;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use call::Trace;
use lithify::event::{Event as _, EventType, Field, Source};
use lithify_probe::{AttachKind, Probe, ProbeOptions, Recorder};
use serde_json::Value as Json;

/// One case: the call's name and what makes it.
type Case = (&'static str, fn(&mut Trace));

const CASE: &str = "LITHIFY_TRIGGER";
const PATIENCE: Duration = Duration::from_secs(20);

fn cases() -> Vec<Case> {
    [files::CASES, attributes::CASES, network::CASES, processes::CASES, identity::CASES, misc::CASES].concat()
}

fn main() {
    if let Ok(name) = std::env::var(CASE) {
        let (_, act) = cases().into_iter().find(|(case, _)| *case == name).expect("the parent names a case");
        Trace::run(act);
        return;
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if let Some(reason) = cannot_run() {
        assert!(!is_required(), "cannot run although LITHIFY_REQUIRE asks for it: {reason}");
        println!("skipped: {reason}");
        println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        return;
    }
    let mut failed = Vec::new();
    let mut passed = 0;
    for kind in [AttachKind::PerSyscall, AttachKind::EverySyscall] {
        let mut probe = start(kind);
        for (name, _) in cases() {
            if filter.as_ref().is_some_and(|filter| !name.contains(filter.as_str())) {
                continue;
            }
            match check(&mut probe, name) {
                Ok(()) => {
                    passed += 1;
                    println!("test {name} ({kind}) ... ok");
                }
                Err(difference) => {
                    println!("test {name} ({kind}) ... FAILED\n{difference}");
                    failed.push(name);
                }
            }
        }
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "test result: {verdict}. {passed} passed; {} failed; 0 ignored; 0 measured; 0 filtered out",
        failed.len()
    );
    assert!(failed.is_empty(), "failed: {failed:?}");
}

fn cannot_run() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    Probe::start(&ProbeOptions::default()).err().map(|error| error.to_string())
}

fn is_required() -> bool {
    std::env::var("LITHIFY_REQUIRE").is_ok_and(|list| list.split(',').any(|one| one == "bpf"))
}

fn start(kind: AttachKind) -> Probe {
    let events = cases().iter().filter_map(|(name, _)| EventType::from_name(name)).collect();
    let options = ProbeOptions {
        events,
        needs_cwd: true,
        needs_environment: true,
        attach: Some(kind),
        interval: Duration::from_millis(5),
        ..ProbeOptions::default()
    };
    Probe::start(&options).expect("it started before")
}

/// Runs one case and compares.
fn check(probe: &mut Probe, name: &str) -> Result<(), String> {
    let executable = std::env::current_exe().expect("a running program has a file");
    let child =
        Command::new(executable).env(CASE, name).stdout(Stdio::piped()).spawn().expect("run ourselves");
    let events = events_of(probe, &child);
    let mut child = child;
    let mut text = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut text).expect("the child writes text");
    let status = child.wait().expect("our child");
    if !status.success() && name != "procexit" {
        return Err(format!("the child ended with {status}: {text}"));
    }
    let mut events = events?;
    for line in text.lines() {
        let wanted: Json = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        take(&mut events, &wanted)?;
    }
    Ok(())
}

/// Events of the child and what it starts, until it ends.
fn events_of(probe: &mut Probe, child: &Child) -> Result<Vec<Json>, String> {
    let recorder = Recorder::new();
    let resolve = |name| Field::resolve(name, None, Source::Syscall).expect("a field");
    let (pid, ppid) = (resolve("proc.pid"), resolve("proc.ppid"));
    let me = i128::from(child.id());
    let mut events = Vec::new();
    let mut ended = false;
    let start = Instant::now();
    while !ended {
        if start.elapsed() > PATIENCE {
            return Err(format!("no end of process {me} after {} events", events.len()));
        }
        let polled = probe.poll(&mut |event| {
            let number = |field| event.value(field).and_then(lithify::event::Value::integer);
            let own = number(&pid) == Some(me);
            if own || number(&ppid) == Some(me) {
                events.push(serde_json::from_str(&recorder.line(event)).expect("a line is JSON"));
            }
            ended |= own && event.event_type().name() == "procexit";
        });
        polled.map_err(|error| error.to_string())?;
    }
    Ok(events)
}

/// What was expected and found, by field.
type Differences<'w> = BTreeMap<&'w str, (&'w Json, Json)>;

/// Takes the event that has all wanted fields out of the list.
fn take(events: &mut Vec<Json>, wanted: &Json) -> Result<(), String> {
    let wanted = wanted.as_object().expect("an object of fields");
    let mut closest: Option<(usize, Differences<'_>)> = None;
    for (place, event) in events.iter().enumerate() {
        let fields = &event["fields"];
        if fields["evt.type"] != wanted["evt.type"] {
            continue;
        }
        let differing: Differences<'_> = wanted
            .iter()
            .filter(|(name, value)| fields[name.as_str()] != **value)
            .map(|(name, value)| (name.as_str(), (value, fields[name.as_str()].clone())))
            .collect();
        if closest.as_ref().is_none_or(|(_, before)| differing.len() < before.len()) {
            closest = Some((place, differing));
        }
    }
    match closest {
        Some((place, differing)) if differing.is_empty() => {
            events.remove(place);
            Ok(())
        }
        Some((place, differing)) => {
            let lines = differing
                .iter()
                .map(|(name, (wanted, found))| format!("  {name}: expected {wanted}, found {found}\n"));
            Err(format!("{}  in {}", lines.collect::<String>(), events[place]["fields"]["evt.args"]))
        }
        None => Err(format!("no event of type {}", wanted["evt.type"])),
    }
}
