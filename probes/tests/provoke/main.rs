//! Upstream's stable rules, each provoked by what it is about: two probes judge while a script a rule really does it,
//! in a container of runc.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cases;
mod container;
#[allow(dead_code, reason = "this target uses a part of it")]
#[path = "../run/probe.rs"]
mod probe;
#[path = "../../../fixtures/testbed/require.rs"]
mod require;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lithify::rules::{Load, Rule, RuleFile, Selection};
use serde_json::Value;

use cases::{CASES, Case, ELSEWHERE};
use container::Engine;
use probe::Probe;
use require::skip;
use rustix::process::Signal;

/// A script's exit status where the machine lacks a program.
const CANNOT: i32 = 77;
/// Scripts that run at one time.
const AT_ONCE: usize = 4;
/// How long an alert may take; it takes milliseconds.
const PATIENCE: Duration = Duration::from_mins(1);
/// Fields that every alert shows beside its own.
const SHOWN: &[&str] =
    &["evt.type", "evt.res", "container.id", "container.type", "proc.name", "proc.cmdline", "user.name"];

const CONFIG: &str = "\
rules_files: [rules.yaml]
rule_matching: all
json_output: true
log_stderr: true
log_syslog: false
outputs_queue: {capacity: 100000}
stdout_output: {enabled: true}
append_output: [{suggested_output: true, extra_fields: [FIELDS]}]
";

/// What the probes' resolver knows: the name as a cluster's DNS answers it.
const HOSTS: &str = "127.0.0.1 localhost\n10.96.0.1 kubernetes.default.svc.cluster.local\n";

fn upstream() -> String {
    std::env::var("LITHIFY_FALCO_RULES").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml").to_owned()
    })
}

/// Why nothing can be provoked here: what is needed, and what is the matter.
fn cannot_run() -> Option<(&'static str, String)> {
    if !rustix::process::geteuid().is_root() {
        return Some(("root", "not root".to_owned()));
    }
    for program in ["/usr/sbin/runc", "/bin/busybox", "/usr/bin/perl", "/usr/bin/script", "/usr/bin/unshare"]
    {
        if !Path::new(program).exists() {
            return Some(("bpf", format!("no {program}")));
        }
    }
    let options = lithify_probe::ProbeOptions::default();
    lithify_probe::Probe::start(&options).err().map(|error| ("bpf", error.to_string()))
}

#[test]
fn every_stable_rule_is_provoked_by_its_action() {
    if let Some((need, reason)) = cannot_run() {
        return skip(need, &reason);
    }
    let Ok(rules) = fs::read_to_string(upstream()) else {
        return skip("bpf", &format!("no rules at {}", upstream()));
    };
    let (named, stable): (BTreeSet<_>, BTreeSet<_>) = (named(), stable(&rules));
    assert_eq!(named, stable, "each stable rule has a case, or a place where it is provoked");
    let start = |arguments: &[&str]| {
        let directory = probe::prepare(&CONFIG.replace("FIELDS", &SHOWN.join(", ")), &rules);
        fs::write(directory.path().join("hosts"), HOSTS).unwrap();
        let mut command = Command::new("unshare");
        let script = "mount --bind hosts /etc/hosts && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_lithify-probe")]);
        command.args(["run", "-c", "falco.yaml", "-P", "probe.pid"]).args(arguments);
        Watcher { probe: Probe::launch(directory, command), alerts: BTreeMap::new() }
    };
    // Beside each other, so that each action is seen by both ways to attach.
    let mut watchers = [start(&[]), start(&["--every-syscall"])];
    let engine = Engine::new(watchers[0].probe.directory.path());
    let outputs = act(&engine);
    let mut failed = Vec::new();
    for (case, (id, output)) in CASES.iter().zip(&outputs) {
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(CANNOT) {
            skip("bpf", &format!("{}: {}", case.rule, said.trim()));
        } else if !output.status.success() {
            failed.push(format!("{}: {} failed, {}: {said}", case.rule, case.script, output.status));
        } else {
            failed.extend(watchers.iter_mut().filter_map(|watcher| watcher.expect(case, id).err()));
        }
    }
    for mut watcher in watchers {
        watcher.probe.signal(Signal::TERM);
        let (status, _, log) = watcher.probe.end();
        assert!(status.success(), "{log:?}");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The rules that the tables name.
fn named() -> BTreeSet<String> {
    CASES.iter().map(|case| case.rule).chain(ELSEWHERE.iter().copied()).map(str::to_owned).collect()
}

/// The names of a file's stable rules.
fn stable(text: &str) -> BTreeSet<String> {
    let load = Load::new(&[RuleFile::new("rules.yaml", text.to_owned())], &[]);
    let is_stable = |rule: &&Rule| rule.tags.iter().any(|tag| tag == "maturity_stable");
    load.rule_set(&Selection::default())
        .rules()
        .iter()
        .filter(is_stable)
        .map(|rule| rule.name.clone())
        .collect()
}

/// Runs all scripts, a few at a time; the container's id and what came of it.
fn act(engine: &Engine) -> Vec<(String, Output)> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = CASES.get(number) else { break };
                    // Its first twelve digits are the case's own, in this run.
                    let id = format!("{:08x}{number:04x}{:052x}", std::process::id(), 0);
                    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provoke/scripts");
                    let output = engine.run(&id, &scripts.join(case.script), case.needs);
                    done.lock().unwrap().insert(number, (id, output));
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// A probe, and its alerts by rule and container.
struct Watcher {
    probe: Probe,
    alerts: BTreeMap<(String, String), Vec<Value>>,
}

impl Watcher {
    /// Waits for the alert of a case.
    ///
    /// # Errors
    /// What came instead.
    fn expect(&mut self, case: &Case, id: &str) -> Result<(), String> {
        let lacks = |call: &str| {
            self.probe.seen.iter().any(|line| line.contains("does not have") && line.contains(call))
        };
        if let Some(call) = case.call.filter(|call| lacks(call)) {
            // The program on every call sees it all the same.
            skip(
                "modules",
                &format!("{} by a tracepoint a call: this kernel has none for {call}", case.rule),
            );
            return Ok(());
        }
        let end = Instant::now() + PATIENCE;
        let key = (case.rule.to_owned(), id[..12].to_owned());
        loop {
            let found = self.alerts.get(&key).map(Vec::as_slice).unwrap_or_default();
            if found.iter().any(|alert| differences(case, alert).is_empty()) {
                return Ok(());
            }
            let Ok(line) = self.probe.alerts.recv_timeout(end.saturating_duration_since(Instant::now()))
            else {
                let what: Vec<_> = found.iter().map(|alert| differences(case, alert).join("; ")).collect();
                let what = if what.is_empty() { "no alert".to_owned() } else { what.join("\n  ") };
                return Err(format!("{}: {what}", case.rule));
            };
            let alert: Value = serde_json::from_str(&line).unwrap();
            let container = alert["output_fields"]["container.id"].as_str().unwrap_or_default().to_owned();
            self.alerts
                .entry((alert["rule"].as_str().unwrap().to_owned(), container))
                .or_default()
                .push(alert);
        }
    }
}

/// Where an alert is not what the case expects.
fn differences(case: &Case, alert: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |name: &str, expected: &str, found: &Value| {
        let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        let fits = match expected {
            "*" => !found.is_null(),
            _ => text == expected,
        };
        if !fits {
            all.push(format!("{name}: expected {expected}, found {text}"));
        }
    };
    compare("priority", case.priority, &alert["priority"]);
    compare("container.type", "docker", &alert["output_fields"]["container.type"]);
    for (name, expected) in case.fields {
        compare(name, expected, &alert["output_fields"][*name]);
    }
    all
}
