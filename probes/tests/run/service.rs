//! Signals, health and metrics, systemd, and starts that fail.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::probe::{CONFIG, Probe, prepare, replace};

const RULES: &str = "\
- rule: Shell
  desc: d
  condition: evt.type = execve and proc.name = sh
  output: shell %proc.pid
  priority: WARNING
  tags: [shell]
";

const EVENT: &str = r#"{"time":"2026-11-01T10:00:00Z","source":"syscall","fields":{"evt.type":"execve","proc.name":"sh","proc.pid":7}}
"#;

#[test]
fn sigterm_ends_it_when_everything_is_out() {
    let mut probe = Probe::start(prepare(CONFIG, RULES), &[]);
    probe.open_events();
    probe.send(&EVENT.repeat(100));
    // One alert shows that events are being judged; those that were read go out before the end.
    probe.alerts.recv().unwrap();
    let pid_file = probe.path("probe.pid");
    assert!(pid_file.exists());
    probe.signal(Signal::TERM);
    probe.wait_for("Triggered rules by rule name:");
    let (status, _, log) = probe.end();
    assert!(status.success(), "{log:?}");
    assert!(!pid_file.exists(), "the pid file is gone");
}

#[test]
fn sigusr1_opens_files_again() {
    let config = format!("{CONFIG}file_output: {{enabled: true, keep_alive: true, filename: alerts.txt}}\n");
    let mut probe = Probe::start(prepare(&config, RULES), &[]);
    probe.open_events();
    probe.send(EVENT);
    let (new, old) = (probe.path("alerts.txt"), probe.path("alerts.1"));
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    // Each output has a thread of its own: the files tell how far this one is.
    until(|| lines(&new) == 1);
    fs::rename(&new, &old).unwrap();
    probe.signal(Signal::USR1);
    until(|| new.exists());
    probe.send(EVENT);
    assert!(probe.end().0.success());
    assert_eq!((lines(&old), lines(&new)), (1, 1));
}

/// Looks until something is so; a test that waits for ever fails by the harness's patience.
fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_versions_and_metrics_are_served_under_falcos_names() {
    let config = format!(
        "{CONFIG}webserver: {{enabled: true, listen_address: 127.0.0.1, listen_port: 0, \
         prometheus_metrics_enabled: true}}\nmetrics: {{enabled: true}}\nwatch_config_files: false\n"
    );
    let directory = prepare(&config, RULES);
    let mut probe = Probe::start(directory, &[]);
    let listening = |line: &String| Some(line.split_once("webserver: listening on ")?.1.to_owned());
    let address = probe.seen.iter().find_map(listening).unwrap();
    probe.open_events();
    probe.send(EVENT);
    probe.alerts.recv().unwrap();
    assert!(get(&address, "/healthz").ends_with("\r\n\r\n{\"status\":\"ok\"}"));
    assert!(get(&address, "/versions").contains("\"engine_version_semver\":\"0.63.0\""));
    assert!(get(&address, "/nothing").starts_with("HTTP/1.1 404"));
    let metrics = get(&address, "/metrics");
    for line in [
        "falcosecurity_falco_rules_matches_total{priority=\"4\",rule_name=\"Shell\",source=\"syscall\",tags=\"shell\"} 1",
        "falcosecurity_falco_outputs_queue_num_drops_total 0",
        "lithify_probe_reloads_total{result=\"failed\"} 0",
        "lithify_probe_events_total{source=\"replay\"} 1",
        "falcosecurity_evt_hostname_info{hostname=\"node1\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    probe.replace("rules.yaml", "- rule: x\n");
    probe.signal(Signal::HUP);
    probe.wait_for("reload failed");
    assert!(get(&address, "/metrics").contains("lithify_probe_reloads_total{result=\"failed\"} 1"));
    assert!(probe.end().0.success());
}

#[test]
fn audit_events_and_recorded_calls_are_judged_at_once() {
    let audit_rule = "- rule: Exec\n  desc: d\n  condition: ka.target.subresource = exec\n  \
        output: exec by %ka.user.name\n  priority: NOTICE\n  source: k8s_audit\n";
    let config = format!(
        "{CONFIG}load_plugins: [k8saudit]\nplugins: [{{name: k8saudit, open_params: 'http://127.0.0.1:0/k8s-audit'}}]\n"
    );
    let mut probe = Probe::start(prepare(&config, &format!("{RULES}{audit_rule}")), &[]);
    let listening = |line: &String| Some(line.split_once("listening for audit events on ")?.1.to_owned());
    let address = probe.seen.iter().find_map(listening).unwrap();
    probe.open_events();
    probe.send(EVENT);
    assert!(probe.alerts.recv().unwrap().ends_with("Warning shell 7"));
    let body = r#"{"kind":"EventList","items":[{"auditID":"a","user":{"username":"carol"},"objectRef":{"subresource":"exec"}}]}"#;
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = "Host: probe\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ";
    write!(stream, "POST /k8s-audit HTTP/1.1\r\n{head}{}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(probe.alerts.recv().unwrap().ends_with("Notice exec by carol"));
    // The receiver goes on when the recorded events end.
    drop(probe.events.take());
    probe.wait_for("replay: no more events");
    probe.signal(Signal::TERM);
    assert!(probe.end().0.success());
}

#[test]
fn snapshots_of_metrics_are_alerts_and_lines_of_a_file() {
    let config = format!(
        "{CONFIG}json_output: true\nmetrics: {{enabled: true, interval: 10ms, output_rule: true, \
         output_file: metrics.jsonl}}\n"
    );
    let mut probe = Probe::start(prepare(&config, RULES), &[]);
    probe.open_events();
    let alert: serde_json::Value = serde_json::from_str(&probe.alerts.recv().unwrap()).unwrap();
    assert_eq!(
        (&alert["rule"], &alert["output"]),
        (&"Falco internal: metrics snapshot".into(), &"Falco metrics snapshot".into())
    );
    assert!(alert["output_fields"]["falco.memory_rss_mb"].as_f64().unwrap() > 1.0, "{alert}");
    let line = fs::read_to_string(probe.path("metrics.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["sample"], 1);
    assert!(probe.end().0.success());
}

#[test]
fn systemd_is_told_of_readiness_reloads_life_and_the_end() {
    let directory = prepare(CONFIG, RULES);
    let socket = directory.path().join("notify");
    let listener = UnixDatagram::bind(&socket).unwrap();
    let told = || {
        let mut buffer = [0; 256];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "40000")];
    let mut probe = Probe::start(directory, &environment);
    probe.open_events();
    assert_eq!(told(), "READY=1\nSTATUS=1 rule in force");
    assert_eq!(told(), "WATCHDOG=1");
    let next = |what: &str| {
        std::iter::repeat_with(told).find(|text| !text.starts_with("WATCHDOG") && text.contains(what))
    };
    replace(probe.directory.path(), "rules.yaml", "- rule: x\n");
    assert!(next("RELOADING=1\nMONOTONIC_USEC=").is_some());
    assert_eq!(next("READY=1").unwrap(), "READY=1\nSTATUS=1 rule in force, the last reload failed");
    probe.signal(Signal::INT);
    assert!(next("STOPPING=1").is_some());
    assert!(probe.end().0.success());
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let fails = |config: &str, more: &[&str]| {
        let directory = prepare(config, RULES);
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
        let output =
            command.args(["-c", "falco.yaml", "-P", "probe.pid"]).args(more).current_dir(directory.path());
        let output = output.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, log) = fails("rules_files: [nowhere.yaml]\n", &[]);
    assert_eq!(status, 2);
    assert!(
        log.contains(
            "no rule files: name some by `-r FILE` or under `rules_files` (these do not exist: nowhere.yaml)"
        ),
        "{log}"
    );
    let (status, log) = fails("rules_files: [rules.yaml]\nengine: {kind: nodriver}\n", &[]);
    assert!(status == 2 && log.contains("nothing to watch"), "{log}");
    let (status, log) = fails(CONFIG, &["--dry-run"]);
    assert!(status == 0 && log.contains("dry run"), "{log}");
    let (status, log) = fails("json_output: perhaps\n", &[]);
    assert!(status == 2 && log.contains("falco.yaml:1:14"), "{log}");
    let (status, log) = fails("rules_files: [rules.yaml]\nunknown_key: 1\n", &["--strict", "--dry-run"]);
    assert!(status == 2 && log.contains("unknown key `unknown_key`"), "{log}");
}
