//! The program as users run it: what it prints, and with which status it ends.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the program from the project's root; its status, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
    command.args(arguments).current_dir(root()).env("TZ", "UTC").env("FALCO_HOSTNAME", "node1");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

const BEGINNER: &str = "fixtures/probe/replay/beginner";
const AUDIT: &str = "fixtures/probe/replay/audit";

fn replay(case: &str, events: &str, more: &[&str]) -> (i32, String, String) {
    let (events, rules) = (format!("{case}/{events}"), format!("{case}/rules.yaml"));
    run(&[&["replay", "--events", &events, "-r", &rules], more].concat())
}

#[test]
fn a_rule_is_tested_by_its_alerts() {
    let expect = format!("{BEGINNER}/expect.jsonl");
    let (status, out, _) = replay(BEGINNER, "events.jsonl", &["--expect", &expect]);
    assert_eq!((status, out.as_str()), (0, "2 alerts, all as expected\n"));
}

#[test]
fn a_local_file_overrides_a_rule() {
    let (local, expect) = (format!("{BEGINNER}/local.yaml"), format!("{BEGINNER}/expect-local.jsonl"));
    let (status, out, _) = replay(BEGINNER, "events.jsonl", &["-r", &local, "--expect", &expect]);
    assert_eq!((status, out.as_str()), (0, "2 alerts, all as expected\n"));
}

#[test]
fn a_difference_is_shown_and_is_status_1() {
    let expect = format!("{BEGINNER}/expect-local.jsonl");
    let (status, out, _) = replay(BEGINNER, "events.jsonl", &["--expect", &expect]);
    let expected = r#"different (line 1 expects it), alert of rule `Shell in a container`:
  priority
-   "Notice"
+   "Warning"
different (line 3 expects it), alert of rule `Shell in a container`:
  priority
-   "Notice"
+   "Warning"
  output_fields.proc.cmdline
-   "ash"
+   "sh -c tar"
  output_fields.user.name
-   "www-data"
+   "root"
"#;
    assert_eq!((status, out.as_str()), (1, expected));
}

#[test]
fn alerts_are_printed_as_falco_prints_them() {
    let (status, out, log) = replay(BEGINNER, "events.jsonl", &[]);
    assert_eq!(status, 0);
    assert_eq!(
        out.lines().next().unwrap(),
        "10:00:00.000000000: Warning Shell in a container (user=root command=bash -i \
         image=docker.io/library/nginx)"
    );
    assert!(log.contains("Events detected: 2\nRule counts by severity:\n   WARNING: 2\n"), "{log}");
    let (_, out, _) = replay(BEGINNER, "events.jsonl", &["-o", "json_output=true", "-p", "container"]);
    let alert: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(alert["hostname"], "node1");
    assert_eq!(alert["output_fields"]["container.id"], "3f2a0c1b2d4e");
    assert_eq!(alert["time"], "2026-11-01T10:00:00.000000000Z");
}

#[test]
fn alerts_of_a_replay_go_to_every_output() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("alerts.txt");
    let option = format!("file_output.filename={}", file.display());
    let options = ["-o", "file_output.enabled=true", "-o", "file_output.keep_alive=true", "-o", &option];
    let (status, out, _) = replay(BEGINNER, "events.jsonl", &options);
    assert_eq!((status, std::fs::read_to_string(file).unwrap()), (0, out));
}

#[test]
fn audit_events_come_by_lines_over_lines_and_in_lists() {
    let expect = format!("{AUDIT}/expect.jsonl");
    for source in [&["--source", "k8s_audit"][..], &[]] {
        let (status, out, log) = replay(AUDIT, "events.json", &[&["--expect", &expect], source].concat());
        assert_eq!((status, out.as_str()), (0, "2 alerts, all as expected\n"), "{log}");
    }
    let (status, _, log) = replay(AUDIT, "events.json", &["--source", "syscall"]);
    assert_eq!(status, 2);
    assert!(
        log.contains("events.json:1: expected an event of source syscall, found one of k8s_audit"),
        "{log}"
    );
}

#[test]
fn what_is_no_event_is_told_with_its_line_and_the_rest_is_judged() {
    let rules = format!("{BEGINNER}/rules.yaml");
    let (status, out, log) =
        run(&["replay", "--events", "fixtures/probe/replay/broken/events.jsonl", "-r", &rules]);
    assert_eq!((status, out.lines().count()), (2, 2));
    let told: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("error: fixtures/probe/replay/broken/events.jsonl:"))
        .collect();
    let expected = [
        "2: expected JSON: expected ident at line 1 column 2",
        "3: unknown event type `execv`; did you mean `execve`?",
        "4: the line ends inside a text: the value is cut off",
        "5: the value is cut off: another one begins",
        "6: filter_check called with nonexistent field proc.nmae; did you mean `proc.name`?",
        "7: a bracket closes that none has opened",
        "8: expected a recorded event (`time`, `source`, `fields`) or an audit event (`auditID`)",
    ];
    assert_eq!(told, expected);
}

#[test]
fn falcos_options_work_without_a_command() {
    let rules = format!("{BEGINNER}/rules.yaml");
    let (status, out, _) = run(&["-V", &rules]);
    assert_eq!((status, out.as_str()), (0, "fixtures/probe/replay/beginner/rules.yaml: Ok\n"));
    let (status, out, _) = run(&["-V", "fixtures/probe/replay/beginner/events.jsonl"]);
    assert_eq!(status, 1, "{out}");
    let (_, out, _) = run(&["-V", &rules, "-o", "json_output=true"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["falco_load_results"][0]["successful"], true);
    let (status, out, _) = run(&["-L", "-r", &rules]);
    assert!(
        status == 0 && out.starts_with("Rule                  ") && out.contains("\nShell in a container  ")
    );
    let (_, out, _) = run(&["-L", "-r", &rules, "-o", "json_output=true"]);
    let all: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(all["rules"][0]["info"]["name"], "Shell in a container");
    assert_eq!(
        all["lists"][0]["info"],
        serde_json::json!({"name": "shell_binaries", "items": ["bash", "sh", "zsh"]})
    );
    assert_eq!(
        (&all["lists"][0]["details"]["used"], &all["macros"][0]["details"]["used"]),
        (&true.into(), &true.into())
    );
    let (status, _, log) = run(&["-r", &rules, "-l", "Shell in container"]);
    assert!(status == 2 && log.contains("did you mean `Shell in a container`?"), "{log}");
    let (_, out, _) = run(&["--list=k8s_audit", "-N"]);
    assert!(out.lines().any(|line| line == "ka.user.name") && !out.contains("proc.name"));
}

#[test]
fn static_fields_are_fields_of_rules() {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("rules.yaml");
    let text = "- rule: r\n  desc: d\n  condition: evt.type = execve and static.region = eu\n  \
        output: in %static.region\n  priority: INFO\n";
    std::fs::write(&rules, text).unwrap();
    let (events, rules) = (format!("{BEGINNER}/events.jsonl"), rules.to_str().unwrap());
    let replay = |option: &str| run(&["replay", "--events", &events, "-r", rules, "-o", option]);
    let (status, out, _) = replay("static_fields.region=eu");
    assert_eq!((status, out.lines().count()), (0, 4));
    assert!(out.contains("Informational in eu"), "{out}");
    assert_eq!(replay("static_fields.region=us").1, "");
    let (status, _, log) = replay("static_fields.zone=eu");
    assert!(status == 2 && log.contains("no field `static.region`; `static_fields` has zone"), "{log}");
}
