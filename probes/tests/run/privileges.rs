//! What each capability is for, shown by its absence.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use super::probe::{Probe, prepare};
use super::require::skip;
use super::syscalls::{CONFIG, cannot_watch};

const RULES: &str = "\
- rule: marker
  desc: d
  condition: evt.type in (open, openat) and fd.filename = capability-marker
  output: uid=%user.uid exe=%proc.exepath env=%proc.env[MARK]
  priority: INFO
";

/// A process of a user, older than the probe: it opens the marker when it is told to.
fn waiting(uid: &str) -> Child {
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        uid,
        "--clear-groups",
        "sh",
        "-c",
        "read line; : < /nonexistent/capability-marker",
    ]);
    command.env("MARK", "set").stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What the probe tells of a process of root and of one of nobody, both older than it; and its log.
fn tell(prefix: &[&str]) -> ([String; 2], Vec<String>) {
    let openers = ["0", "65534"].map(waiting);
    let program = [env!("CARGO_BIN_EXE_lithify-probe"), "run", "-c", "falco.yaml", "-P", "probe.pid"];
    let words = [prefix, &program].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    let probe = Probe::launch(prepare(CONFIG, RULES), command);
    let told = openers.map(|mut opener| {
        opener.stdin.take().unwrap().write_all(b"go\n").unwrap();
        // dash ends where a redirection fails.
        opener.wait().unwrap();
        let alert = probe.alerts.recv().unwrap();
        alert.split_once("Informational ").unwrap().1.to_owned()
    });
    (told, probe.seen.clone())
}

#[test]
fn each_missing_capability_is_named_and_costs_what_is_said() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    let has = |told: &str, field: &str| !told.contains(&format!("{field}=<NA>"));
    let (told, log) = tell(&["setpriv"]);
    assert!(told.iter().all(|told| has(told, "exe") && has(told, "env")), "{told:?}");
    assert!(told[0].starts_with("uid=0 ") && told[1].starts_with("uid=65534 "), "{told:?}");
    assert!(!log.iter().any(|line| line.contains("without CAP_")), "{log:?}");

    let (told, log) = tell(&["setpriv", "--bounding-set", "-sys_ptrace"]);
    assert!(told.iter().all(|told| !has(told, "exe")), "{told:?}");
    assert!(log.iter().any(|line| line.contains("without CAP_SYS_PTRACE: ")), "{log:?}");

    let (told, log) = tell(&["setpriv", "--bounding-set", "-dac_read_search"]);
    assert!(told.iter().all(|told| has(told, "exe")), "{told:?}");
    assert!(has(&told[0], "env") && !has(&told[1], "env"), "{told:?}");
    assert!(log.iter().any(|line| line.contains("without CAP_DAC_READ_SEARCH: ")), "{log:?}");

    for capability in ["bpf", "perfmon"] {
        let program = env!("CARGO_BIN_EXE_lithify-probe");
        let directory = prepare(CONFIG, RULES);
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", &format!("-{capability}"), program, "run", "-c", "falco.yaml"]);
        let output = command.args(["-P", "probe.pid"]).current_dir(directory.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("without CAP_{}: ", capability.to_uppercase())), "{said}");
        assert!(said.contains("as root, or with CAP_BPF and CAP_PERFMON"), "{said}");
    }
}
