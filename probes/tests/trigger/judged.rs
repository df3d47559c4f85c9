//! Every call of the cases under filters from rules: no event that the filter would leave out may match a rule.
//!
//! The probe sends everything, marked with the filter's verdict, and the rules judge all of it: upstream's, and sets of
//! rules made at random from what the kernel tests and what it does not.

use std::cell::Cell;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lithify::event::{Event as _, EventType, Field, Source, Value};
use lithify::rules::{Load, RuleFile, RuleSet, Scratch, Selection};
use lithify_probe::{Probe, ProbeOptions, filters_of};

use crate::suite::{Outcome, PATIENCE};
use crate::{CASE, cases};

/// Comparisons: what the kernel tests, with values that cases meet and that they do not.
const TESTED: &[&str] = &[
    "fd.name startswith /tmp",
    "fd.name startswith /tmp/lithify-trigger",
    "fd.name startswith /etc",
    "fd.directory = /tmp",
    "fd.name endswith /f",
    "fd.filename in (f, m, g)",
    "fd.nameraw contains ../",
    "fs.path.name startswith /tmp",
    "fs.path.nameraw startswith /usr",
    "fd.num >= 0",
    "fd.num < 0",
    "evt.rawres >= 0",
    "evt.rawres < 0",
    "evt.rawres in (0, 1, 2)",
    "evt.res = SUCCESS",
    "evt.res = ENOENT",
    "evt.failed = true",
    "evt.is_open_write = true",
    "evt.is_open_read = true",
    "fd.type = file",
    "fd.type in (ipv4, ipv6)",
    "fd.type = unix",
    "fd.typechar = d",
    "container.id = host",
    "container.id != host",
    "user.uid = 0",
    "user.uid != 0",
    // It does not test these.
    "proc.name startswith trigger",
    "thread.ismain = true",
    "evt.arg[0] exists",
];

/// Sets made at random, and the rules of each.
const SETS: u64 = 4;
const RULES: usize = 6;

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("below a usize")
    }

    /// Comparisons in a tree of so many levels.
    fn condition(&mut self, levels: usize) -> String {
        let leaf = TESTED[self.below(TESTED.len())];
        if levels == 0 {
            return if self.below(4) == 0 { format!("not {leaf}") } else { leaf.to_owned() };
        }
        let word = ["and", "or"][self.below(2)];
        let (left, right) = (self.condition(levels - 1), self.condition(levels - 1));
        let not = if self.below(6) == 0 { "not " } else { "" };
        format!("{not}({left} {word} {right})")
    }
}

/// Rules about the calls of all cases.
fn at_random(seed: u64) -> String {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
    let calls: Vec<_> = cases().iter().map(|(name, _)| *name).filter(is_call).collect();
    let mut text = String::new();
    for number in 0..RULES {
        let levels = random.below(3);
        let condition = random.condition(levels);
        let calls = calls.join(", ");
        let _ = write!(
            text,
            "- rule: r{number}\n  desc: d\n  condition: evt.type in ({calls}) and {condition}\n  output: o\n  priority: INFO\n"
        );
    }
    text
}

fn is_call(name: &&str) -> bool {
    EventType::from_name(name).is_some_and(EventType::is_syscall)
}

/// What came of the events of cases.
#[derive(Default)]
struct Judged {
    left_out: Cell<u64>,
    matching: Cell<u64>,
}

/// Runs every case under each set of rules.
pub(crate) fn run(is_wanted: impl Fn(&str) -> bool) -> Outcome {
    let mut outcome = Outcome::default();
    let upstream = std::env::var("LITHIFY_FALCO_RULES").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml").to_owned()
    });
    let mut sets: Vec<_> =
        (1..=SETS).map(|seed| (format!("judged by random rules {seed}"), at_random(seed))).collect();
    match std::fs::read_to_string(&upstream) {
        Ok(text) => sets.push(("judged by upstream's rules".to_owned(), text)),
        Err(error) => outcome.skip("bpf", &format!("{upstream}: {error}")),
    }
    let all = Judged::default();
    let sets: Vec<_> = sets.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    for (name, text) in &sets {
        let has_passed = match under(text, &all) {
            Ok(()) => true,
            Err(problem) => {
                println!("{problem}");
                false
            }
        };
        println!("test {name} ... {}", if has_passed { "ok" } else { "FAILED" });
        outcome.add(Outcome::of(name, has_passed));
    }
    if !sets.is_empty() && (all.left_out.get() == 0 || all.matching.get() == 0) {
        outcome.add(Outcome::of("some events are left out and some match", false));
    }
    outcome
}

fn under(rules: &str, judged: &Judged) -> Result<(), String> {
    let load = Load::new(&[RuleFile::new("rules.yaml", rules)], &[]);
    if !load.is_successful() {
        return Err(load.to_text());
    }
    let rules = load.rule_set(&Selection::default());
    let options = ProbeOptions {
        events: rules.event_types(),
        filters: filters_of(&rules),
        shadow: true,
        interval: Duration::from_millis(1),
        ..ProbeOptions::default()
    };
    let mut probe = Probe::start(&options).map_err(|error| error.to_string())?;
    let mut scratch = rules.scratch();
    for (case, _) in cases() {
        watch(&mut probe, case, &rules, &mut scratch, judged)
            .map_err(|problem| format!("{case}: {problem}"))?;
    }
    Ok(())
}

/// Runs a case and judges the events of its processes.
fn watch(
    probe: &mut Probe,
    case: &str,
    rules: &RuleSet,
    scratch: &mut Scratch,
    judged: &Judged,
) -> Result<(), String> {
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let child = Command::new(executable).env(CASE, case).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let field = |name| Field::resolve(name, None, Source::Syscall).expect("a field");
    let (pid, ppid, path) = (field("proc.pid"), field("proc.ppid"), field("fd.nameraw"));
    let me = Some(i128::from(child.id()));
    let (mut ended, mut wrong) = (false, None);
    let start = Instant::now();
    while !ended && wrong.is_none() {
        if start.elapsed() > PATIENCE {
            return Err("its process does not end".to_owned());
        }
        let polled = probe.poll(&mut |event| {
            let number = |field| event.value(field).and_then(Value::integer);
            if number(&pid) != me && number(&ppid) != me {
                return;
            }
            ended |= number(&pid) == me && event.event_type().name() == "procexit";
            let rule = rules.first_match(event, scratch);
            judged.left_out.set(judged.left_out.get() + u64::from(event.is_judged_out()));
            judged.matching.set(judged.matching.get() + u64::from(rule.is_some()));
            if let Some(rule) = rule.filter(|_| event.is_judged_out()) {
                let path = event.value(&path).map(|value| value.display().into_owned());
                wrong = Some(format!(
                    "{} of {path:?} matches `{}` and would be left out",
                    event.event_type(),
                    rule.name
                ));
            }
        });
        polled.map_err(|error| error.to_string())?;
    }
    child.wait().map_err(|error| error.to_string())?;
    wrong.map_or(Ok(()), Err)
}
