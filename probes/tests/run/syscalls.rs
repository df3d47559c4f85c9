//! The kernel as source: what is lost is told, to the last event.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use super::probe::{Probe, prepare};
use super::require::skip;

pub(crate) const CONFIG: &str = "\
rules_files: [rules.yaml]
stdout_output: {enabled: true}
log_stderr: true
log_syslog: false
outputs_queue: {capacity: 1000000}
";

const MARKER: &str =
    "- rule: marker\n  desc: d\n  condition: evt.type = userfaultfd\n  output: o\n  priority: INFO\n";

/// Why the kernel cannot be watched here: what is needed, and what is the matter.
pub(crate) fn cannot_watch() -> Option<(&'static str, String)> {
    if !rustix::process::geteuid().is_root() {
        return Some(("root", "not root".to_owned()));
    }
    let options = lithify_probe::ProbeOptions::default();
    lithify_probe::Probe::start(&options).err().map(|error| ("bpf", error.to_string()))
}

#[test]
fn lost_events_are_an_alert_and_a_line_of_the_log() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    let config = format!("{CONFIG}syscall_event_drops: {{simulate_drops: true, threshold: 0}}\n");
    let never = MARKER.replace("userfaultfd", "userfaultfd and proc.name = nobody");
    let mut probe = Probe::start(prepare(&config, &never), &[]);
    probe.wait_for("Falco internal: syscall event drop. ");
    let alert = probe.alerts.recv().unwrap();
    assert!(alert.contains(": Debug Falco internal: syscall event drop. "), "{alert}");
    assert!(alert.contains("n_drops=") && alert.contains("n_evts="), "{alert}");
    probe.signal(Signal::TERM);
    assert!(probe.end().0.success());
}

/// A call that nobody else makes; it fails.
#[expect(unsafe_code, reason = "makes a system call that no wrapper makes")]
pub(crate) fn rare_call() {
    // SAFETY: no pointers; the flags are refused.
    unsafe { libc::syscall(libc::SYS_userfaultfd, -1) };
}

/// Two runs on one machine would count each other's calls.
pub(crate) fn alone() -> fs::File {
    let file = fs::File::create(std::env::temp_dir().join("lithify-userfaultfd.lock")).unwrap();
    file.lock().unwrap();
    file
}

/// Makes more calls than the ring of a stopped probe holds; alerts and told losses make all of them.
///
/// `threshold`: of `syscall_event_drops`. `is_told`: losses are told before the end.
fn flood(threshold: &str, is_told: bool) {
    const MADE: u64 = 50_000;
    let _alone = alone();
    let config = format!(
        "{CONFIG}engine: {{kind: modern_ebpf, modern_ebpf: {{buf_size_preset: 1}}}}\njson_output: true\n\
         syscall_event_drops: {{threshold: {threshold}}}\n"
    );
    let mut probe = Probe::start(prepare(&config, MARKER), &[]);
    probe.signal(Signal::STOP);
    probe.wait_until_stopped();
    for _ in 0..MADE {
        rare_call();
    }
    probe.signal(Signal::CONT);
    if is_told {
        probe.wait_for("Falco internal: syscall event drop. ");
    }
    probe.signal(Signal::TERM);
    let (status, alerts, log) = probe.end();
    assert!(status.success(), "{log:?}");
    let alerts: Vec<serde_json::Value> =
        alerts.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen = alerts.iter().filter(|alert| alert["rule"] == "marker").count() as u64;
    let told = alerts.iter().filter(|alert| alert["rule"] == "Falco internal: syscall event drop");
    let lost: u64 = told.filter_map(|alert| alert["output_fields"]["n_drops_userfaultfd"].as_u64()).sum();
    assert!(seen > 0 && lost > 0, "{seen} seen, {lost} lost");
    assert_eq!(seen + lost, MADE);
    let sum = log.iter().find(|line| line.contains(" events were lost since the start: "));
    assert!(sum.is_some_and(|line| line.contains(&format!("userfaultfd {lost}"))), "{log:?}");
}

#[test]
fn alerts_and_counted_losses_of_a_stopped_probe_make_all_that_happened() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    flood("0.1", true);
}

#[test]
fn losses_below_the_threshold_are_told_at_the_end() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    // No share is greater.
    flood("1", false);
}

/// As in a pod without hostPID, where the host's /proc is mounted below `HOST_ROOT`.
#[test]
fn a_probe_in_a_pid_namespace_of_its_own_knows_the_hosts_processes_and_users() {
    if let Some((need, reason)) = cannot_watch() {
        return skip(need, &reason);
    }
    let rules = "- rule: marker\n  desc: d\n  condition: evt.type in (open, openat) and fd.filename = \
                 pod-marker\n  output: exe=%proc.exepath user=%user.name\n  priority: INFO\n";
    let directory = prepare(CONFIG, rules);
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("proc")).unwrap();
    fs::create_dir(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "captain:x:0:0::/:/bin/sh\n").unwrap();
    let mut command = Command::new("unshare");
    let script = "mount --rbind /proc root/proc && exec unshare --pid --fork --kill-child --mount-proc \
                  \"$0\" run -c falco.yaml -P probe.pid";
    command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_lithify-probe")]);
    command.env("HOST_ROOT", &root);
    let probe = Probe::launch(directory, command);
    assert!(fs::File::open(probe.path("pod-marker")).is_err());
    let alert = probe.alerts.recv().unwrap();
    // We ran before the probe did.
    let exe = std::env::current_exe().unwrap();
    assert!(alert.ends_with(&format!("exe={} user=captain", exe.display())), "{alert}");
}
