//! Running cases and comparing what came with what was expected.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lithify::event::{Event as _, EventType, Field, Source};
use lithify_probe::{AttachKind, Optional, Probe, ProbeOptions, Recorder};
use serde_json::Value as Json;

use crate::{CASE, cases};

/// How long one case may take: an emulated machine on a busy one is slow.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// What became of tests.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) passed: u32,
    pub(crate) failed: Vec<String>,
    skipped: u32,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped += other.skipped;
    }

    /// Of one test.
    pub(crate) fn of(test: &str, has_passed: bool) -> Self {
        let failed = if has_passed { Vec::new() } else { vec![test.to_owned()] };
        Self { passed: has_passed.into(), failed, skipped: 0 }
    }

    /// Says why tests do not run.
    ///
    /// # Panics
    /// If `LITHIFY_REQUIRE` asks for what they need.
    pub(crate) fn skip(&mut self, need: &str, reason: &str) {
        let required =
            std::env::var("LITHIFY_REQUIRE").is_ok_and(|list| list.split(',').any(|one| one == need));
        assert!(!required, "LITHIFY_REQUIRE asks for `{need}`, but cannot run: {reason}");
        println!("skipped: {reason}");
        self.skipped += 1;
    }

    /// The line that the harness of others ends with.
    ///
    /// # Panics
    /// If a test failed.
    pub(crate) fn conclude(&self) {
        let verdict = if self.failed.is_empty() { "ok" } else { "FAILED" };
        println!(
            "test result: {verdict}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out",
            self.passed,
            self.failed.len(),
            self.skipped
        );
        assert!(self.failed.is_empty(), "failed: {:?}", self.failed);
    }
}

/// Runs cases under one probe.
pub(crate) fn run(kind: AttachKind, names: impl Iterator<Item = &'static str>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut probe = None;
    for name in names {
        let probe = probe.get_or_insert_with(|| start(kind));
        match check(probe, name) {
            Ok(()) => {
                outcome.passed += 1;
                println!("test {name} ({kind}) ... ok");
            }
            Err(difference) => {
                println!("test {name} ({kind}) ... FAILED\n{difference}");
                outcome.failed.push(format!("{name} ({kind})"));
            }
        }
    }
    outcome
}

/// What became of the programs that only some kernels take.
pub(crate) fn optional() -> Vec<Optional> {
    start(AttachKind::PerSyscall).optional().to_vec()
}

/// How a probe attaches that is not told how.
pub(crate) fn attached_as() -> AttachKind {
    start(None).attach_kind()
}

fn start(kind: impl Into<Option<AttachKind>>) -> Probe {
    let events = cases().iter().filter_map(|(name, _)| EventType::from_name(name)).collect();
    let options = ProbeOptions {
        events,
        needs_cwd: true,
        needs_environment: true,
        attach: kind.into(),
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
