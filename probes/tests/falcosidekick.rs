//! Our alerts, decoded by Go as falcosidekick decodes them (`tests/falcosidekick`).

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn falcosidekick_understands_our_alerts() {
    if Command::new("go").arg("version").output().is_err() {
        let required = std::env::var("LITHIFY_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|one| one == "cluster"), "Go is missing");
        println!("skipped: Go is missing");
        return;
    }
    let case = root().join("fixtures/probe/rules/shell-in-a-container/fires.jsonl");
    let rules = root().join("manifests/rules/lithify_rules.yaml");
    let mut probe = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
    probe.arg("replay").arg("--events").arg(case).arg("-r").arg(rules).args(["-o", "json_output=true"]);
    let alerts = probe.env("TZ", "UTC").env("FALCO_HOSTNAME", "node1").output().unwrap();
    assert!(alerts.status.success(), "{}", text(&alerts));
    let mut go = Command::new("go");
    go.args(["run", "."]).current_dir(root().join("tests/falcosidekick"));
    let mut go = go.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    go.stdin.take().unwrap().write_all(&alerts.stdout).unwrap();
    let decoded = go.wait_with_output().unwrap();
    let decoded = text(&decoded);
    let first = decoded.lines().next().unwrap();
    assert!(
        first.starts_with(
            "4 Shell in a container syscall node1 2026-11-01T10:00:00Z [T1059 container lithify shell] "
        ),
        "{decoded}"
    );
    assert!(first.contains("evt.time,") && first.contains("proc.cmdline,"), "{decoded}");
    assert_eq!(decoded.lines().count(), 2, "{decoded}");
}
