//! Rules are swapped while events come: none is missed, none judged by a mix, none by broken rules.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rustix::process::Signal;

use super::probe::{CONFIG, Probe, prepare};

/// Two rules of the same version, both for every event: a mix of sets would show.
fn rules(version: usize) -> String {
    ["a", "b"]
        .map(|name| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: evt.type in (execve) and proc.name = marker\n  \
                 output: {name} v{version} %proc.pid\n  priority: INFO\n"
            )
        })
        .concat()
}

fn event(number: u64) -> String {
    format!(
        r#"{{"time":"2026-11-01T10:00:00Z","source":"syscall","fields":{{"evt.type":"execve","proc.name":"marker","proc.pid":{number}}}}}"#
    ) + "\n"
}

/// The rule, version and event of an alert's line; none for alerts of the probe itself.
fn parts(line: &str) -> Option<(String, usize, u64)> {
    let text = line.split_once("Informational ")?.1;
    let mut words = text.split(' ');
    let rule = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.parse().ok()?;
    Some((rule, version, words.next()?.parse().ok()?))
}

/// Takes alerts until one is of a version; `all` keeps them, and the writer learns of each.
fn until_version(probe: &Probe, version: usize, all: &mut Vec<String>, progress: &Sender<()>) {
    loop {
        let line = probe.alerts.recv().expect("the probe runs");
        // The writer is gone once it has been told to stop.
        let _ = progress.send(());
        let is_there = parts(&line).is_some_and(|(_, found, _)| found == version);
        all.push(line);
        if is_there {
            return;
        }
    }
}

const VERSIONS: usize = 12;
/// Events that may be under way: more would only fill queues.
const WINDOW: u64 = 2000;

#[test]
fn no_event_is_missed_or_judged_by_a_mix_while_rules_are_swapped() {
    let config = format!("{CONFIG}rule_matching: all\n");
    let mut probe = Probe::start(prepare(&config, &rules(0)), &[]);
    probe.open_events();
    let mut events = probe.events.take().unwrap();
    let (progress, judged) = channel::<()>();
    let (stop, stopped) = channel::<()>();
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut number = 0;
        while stopped.try_recv().is_err() {
            events.write_all(event(number).as_bytes()).unwrap();
            number += 1;
            // Two alerts an event come back.
            if number > WINDOW && (judged.recv().is_err() || judged.recv().is_err()) {
                break;
            }
        }
        number
    });
    let mut lines: Vec<String> = Vec::new();
    until_version(&probe, 0, &mut lines, &progress);
    for version in 1..VERSIONS {
        if version % 4 == 2 {
            probe.replace("rules.yaml", "- rule: a\n  condition: evt.type = execve and proc.nmae = x\n");
            probe.wait_for("reload failed, what was in force stays");
        }
        probe.replace("rules.yaml", &rules(version));
        probe.wait_for("reloaded: 2 rules in force");
        until_version(&probe, version, &mut lines, &progress);
    }
    // The writer may wait for alerts of events that it has written already.
    stop.send(()).unwrap();
    while !writer.is_finished() {
        match probe.alerts.recv_timeout(Duration::from_millis(10)) {
            Ok(line) => {
                lines.push(line);
                let _ = progress.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let written = writer.join().unwrap();
    let (status, rest, log) = probe.end();
    lines.extend(rest);
    assert!(status.success(), "{log:?}");
    check(&lines, written);
}

/// Each event has one alert of each rule, both of one version, and versions only go up.
fn check(lines: &[String], written: u64) {
    let failed = lines.iter().filter(|line| line.contains("Falco internal: hot restart failure")).count();
    assert_eq!(failed, VERSIONS.div_ceil(4), "one internal alert for each broken file");
    let alerts: Vec<(String, usize, u64)> = lines.iter().filter_map(|line| parts(line)).collect();
    assert_eq!(alerts.len() as u64, 2 * written, "two alerts an event");
    let mut last = 0;
    for (number, pair) in alerts.chunks(2).enumerate() {
        let [(one, version, first), (other, same, second)] = pair else { panic!("{pair:?}") };
        assert_eq!((one.as_str(), other.as_str()), ("a", "b"));
        assert_eq!((*first, *second), (number as u64, number as u64), "every event, in order");
        assert_eq!(version, same, "event {number} was judged by a mix");
        assert!(*version >= last, "event {number} was judged by rules that were gone");
        last = *version;
    }
    assert_eq!(last, VERSIONS - 1);
}

/// The beginner's rule, as issue trackers know it: no event type, before the list and the macro that it uses.
const CLASSIC: &str = "\
- rule: shell_in_container
  desc: notice shell activity within a container
  condition: container.id != host and proc.name = bash
  output: shell in a container (user=%user.name container=%container.id)
  priority: WARNING
- list: shell_binaries
  items: [bash, sh]
- macro: container
  condition: container.id != host
";

const CORRECTED: &str = "\
- list: shell_binaries
  items: [bash, sh]
- macro: container
  condition: container.id != host
- rule: shell_in_container
  desc: notice shell activity within a container
  condition: evt.type in (execve, execveat) and container and proc.name in (shell_binaries)
  output: shell in a container (user=%user.name container=%container.id)
  priority: WARNING
";

const LOCAL: &str = "\
- rule: shell_in_container
  condition: and not proc.pname = backup
  priority: NOTICE
  override: {condition: append, priority: replace}
";

fn shell(parent: &str) -> String {
    format!(
        r#"{{"time":"2026-11-01T10:00:00Z","source":"syscall","fields":{{"evt.type":"execve","proc.name":"sh","proc.pname":"{parent}","container.id":"3f2a","user.name":"root"}}}}"#
    ) + "\n"
}

#[test]
fn the_beginners_rule_is_corrected_loaded_overridden_and_reloaded() {
    let config =
        format!("{CONFIG}watch_config_files: true\n").replace("[rules.yaml]", "[rules.yaml, rules.d]");
    let directory = prepare(&config, CLASSIC);
    fs::create_dir(directory.path().join("rules.d")).unwrap();
    let mut probe = Probe::start(directory, &[]);
    probe.open_events();
    probe.replace("rules.yaml", CORRECTED);
    probe.wait_for("reloaded: 1 rule in force");
    probe.send(&shell("backup"));
    let alert = "10:00:00.000000000: Warning shell in a container (user=root container=3f2a)";
    assert_eq!(probe.alerts.recv().unwrap(), alert);
    // A new file in a directory.
    probe.replace("rules.d/local.yaml".rsplit('/').next().unwrap(), LOCAL);
    fs::rename(probe.path("local.yaml"), probe.path("rules.d/local.yaml")).unwrap();
    probe.wait_for("reloaded: 1 rule in force");
    probe.send(&shell("backup"));
    probe.send(&shell("runc"));
    assert_eq!(probe.alerts.recv().unwrap(), alert.replace("Warning", "Notice"));
    // Without the file again, by signal.
    fs::remove_file(probe.path("rules.d/local.yaml")).unwrap();
    probe.signal(Signal::HUP);
    probe.wait_for("reloaded: 1 rule in force");
    probe.send(&shell("backup"));
    assert_eq!(probe.alerts.recv().unwrap(), alert);
    let (status, _, log) = probe.end();
    assert!(status.success());
    assert!(log.iter().any(|line| line.contains("Events detected: 3")), "{log:?}");
}

/// As the kubelet does: files are links through `..data`, which is exchanged.
#[test]
fn an_exchanged_configmap_is_a_change() {
    let config = CONFIG.replace("[rules.yaml]", "[mount/rules.yaml]");
    let directory = prepare(&config, CORRECTED);
    let mount = directory.path().join("mount");
    let publish = |version: &str, text: &str| {
        fs::create_dir_all(mount.join(version)).unwrap();
        fs::write(mount.join(version).join("rules.yaml"), text).unwrap();
        symlink(version, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    publish("..2026_1", &rules(1));
    symlink("..data/rules.yaml", mount.join("rules.yaml")).unwrap();
    let mut probe = Probe::start(directory, &[]);
    probe.open_events();
    publish("..2026_2", &rules(2));
    probe.wait_for("reloaded: 2 rules in force");
    probe.send(&event(7));
    assert_eq!(parts(&probe.alerts.recv().unwrap()), Some(("a".to_owned(), 2, 7)));
    assert!(probe.end().0.success());
}

#[test]
fn outputs_and_format_change_with_the_configuration() {
    let mut probe = Probe::start(prepare(CONFIG, CORRECTED), &[]);
    probe.open_events();
    let config = format!("{CONFIG}json_output: true\nfile_output: {{enabled: true, filename: alerts.txt}}\n");
    probe.replace("falco.yaml", &config);
    probe.wait_for("reloaded");
    probe.send(&shell("runc"));
    let alert: serde_json::Value = serde_json::from_str(&probe.alerts.recv().unwrap()).unwrap();
    assert_eq!(alert["rule"], "shell_in_container");
    // A configuration that is wrong keeps all of this.
    probe.replace("falco.yaml", "json_output: perhaps\n");
    let line = probe.wait_for("reload failed");
    assert!(line.contains("the configuration has errors"), "{line}");
    let internal: serde_json::Value = serde_json::from_str(&probe.alerts.recv().unwrap()).unwrap();
    assert_eq!(internal["rule"], "Falco internal: hot restart failure");
    assert_eq!((&internal["priority"], &internal["source"]), (&"Critical".into(), &"internal".into()));
    probe.send(&shell("runc"));
    assert!(probe.alerts.recv().unwrap().starts_with('{'));
    let file = probe.path("alerts.txt");
    let (status, _, _) = probe.end();
    assert!(status.success());
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 3);
}
