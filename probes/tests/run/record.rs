//! `run --record`: what it writes is what happened, and what `replay` makes the same alerts of.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use std::sync::PoisonError;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::probe::{Probe, prepare};
use super::require::skip;
use super::syscalls::{CONFIG, alone, cannot_watch, rare_call};
use super::under_load::FLOODS;

/// A recording on its way.
struct Recording {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Recording {
    /// Records into a file; the kernel is watched when this returns.
    fn start(file: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
        command.args(["run", "--record"]).arg(file).args(more);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("watching ") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the recording has ended");
        }
        Self { child, log }
    }

    /// Ends it as a terminal does; what it said then.
    fn interrupt(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
        let mut said = String::new();
        self.log.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

#[test]
fn an_interrupted_recording_has_all_events_and_says_what_was_lost() {
    const MADE: usize = 100;
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("events.jsonl");
    let recording = Recording::start(&file, &["--events", "userfaultfd"]);
    for _ in 0..MADE {
        rare_call();
    }
    let said = recording.interrupt();
    let lines = fs::read_to_string(&file).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("\"userfaultfd\"")).count(), MADE);
    assert!(said.contains(" events sent, 0 dropped, 0 left out by the filter\n"), "{said}");
}

/// Fields of every kind, beside those that the rules show.
const SHOWN: &str = "evt.type, evt.res, evt.dir, evt.args, evt.arg.name, evt.arg.flags, evt.is_open_read, fd.name, fd.nameraw, \
    fd.num, fd.type, fd.directory, fd.filename, fd.ino, fd.dev, proc.pid, proc.ppid, proc.name, proc.exe, proc.exepath, \
    proc.args, proc.cmdline, proc.cwd, proc.tty, proc.sid, proc.sname, proc.pname, proc.pexepath, \
    'proc.aname[2]', 'proc.apid[2]', 'proc.acmdline[2]', 'proc.env[MARK]', 'evt.arg[2]', evt.rawarg.flags, proc.is_exe_writable, thread.tid, \
    thread.cap_effective, user.name, user.uid, user.loginuid, group.name, group.gid, container.id";

fn upstream() -> String {
    std::env::var("LITHIFY_FALCO_RULES").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml").to_owned()
    })
}

/// An alert without when it was: two probes take the time of one event one after the other.
fn timeless(mut alert: Value) -> Value {
    for field in ["time", "output"] {
        alert[field] = Value::Null;
    }
    alert["output_fields"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("evt.time"));
    alert
}

#[test]
fn a_recorded_event_replays_to_the_alert_that_it_raised() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    let Ok(rules) = fs::read_to_string(upstream()) else {
        return skip("bpf", &format!("no rules at {}", upstream()));
    };
    let _quiet = FLOODS.write().unwrap_or_else(PoisonError::into_inner);
    let config = format!(
        "{CONFIG}json_output: true\nappend_output: [{{suggested_output: true, extra_fields: [{SHOWN}]}}]\n"
    );
    let mut probe = Probe::start(prepare(&config, &rules), &[]);
    let file = probe.path("events.jsonl");
    // Whoever else opens files as fast as it can may push ours out.
    let pid = loop {
        let recording = Recording::start(&file, &[]);
        let mut cat = Command::new("cat");
        let mut cat = cat.arg("/etc/shadow").env("MARK", "set").stdout(Stdio::null()).spawn().unwrap();
        assert!(cat.wait().unwrap().success());
        if recording.interrupt().contains(" 0 dropped") {
            break cat.id();
        }
    };
    let is_ours = |alert: &Value| {
        alert["rule"] == "Read sensitive file untrusted" && alert["output_fields"]["proc.pid"] == pid
    };
    let live = loop {
        let alert: Value = serde_json::from_str(&probe.alerts.recv().expect("the probe runs")).unwrap();
        if is_ours(&alert) {
            break alert;
        }
    };
    let mut replay = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
    replay
        .args(["replay", "-c", "falco.yaml", "--events"])
        .arg(&file)
        .env("FALCO_HOSTNAME", "node1")
        .env("TZ", "UTC");
    let Output { status, stdout, stderr } = replay.current_dir(probe.directory.path()).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let replayed: Vec<Value> = String::from_utf8(stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(is_ours)
        .collect();
    let [replayed] = &replayed[..] else { panic!("one alert of one open: {replayed:?}") };
    assert_eq!(live["output_fields"]["fd.name"], "/etc/shadow");
    assert_eq!(live["output_fields"]["proc.env[MARK]"], "set");
    let (live, replayed) = (timeless(live), timeless(replayed.clone()));
    assert_eq!(replayed, live, "all fields");
    probe.signal(Signal::TERM);
    assert!(probe.end().0.success());
}
