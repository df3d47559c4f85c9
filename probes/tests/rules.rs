//! Our own rules: each has events that fire it, and events like them that do not.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CASES: &str = "fixtures/probe/rules";
const RULES: [&str; 2] =
    ["manifests/rules/lithify_rules.yaml", "manifests/rules/lithify_k8s_audit_rules.yaml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the program from the project's root; its status and standard output.
fn run(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
    let output = command.args(arguments).current_dir(root()).env("TZ", "UTC").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn replay(events: &str, expect: &str) -> (i32, String) {
    let rules = RULES.map(|rules| ["-r", rules]).concat();
    run(&[&["replay", "--events", events, "--expect", expect][..], &rules].concat())
}

fn cases() -> Vec<String> {
    let entries = fs::read_dir(root().join(CASES)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn each_rule_fires_on_its_events_and_on_nothing_like_them() {
    let nothing = tempfile::NamedTempFile::new().unwrap();
    for case in cases() {
        let file = |name: &str| format!("{CASES}/{case}/{name}.jsonl");
        let (status, said) = replay(&file("fires"), &file("expect"));
        assert_eq!(status, 0, "{case}: {said}");
        let (status, said) = replay(&file("silent"), nothing.path().to_str().unwrap());
        assert_eq!(status, 0, "{case}: {said}");
    }
}

#[test]
fn every_rule_has_a_case() {
    let expected: BTreeSet<String> = RULES
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(root().join(file)).unwrap();
            let names = text.lines().filter_map(|line| line.strip_prefix("- rule: "));
            names.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let tested: BTreeSet<String> = cases()
        .iter()
        .map(|case| {
            let expect = fs::read_to_string(root().join(CASES).join(case).join("expect.jsonl")).unwrap();
            let first: serde_json::Value = serde_json::from_str(expect.lines().next().unwrap()).unwrap();
            first["rule"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(tested, expected);
}

#[test]
fn our_rules_load_without_a_warning() {
    let (status, said) = run(&["-V", RULES[0], "-V", RULES[1]]);
    assert_eq!((status, said), (0, format!("{}: Ok\n{}: Ok\n", RULES[0], RULES[1])));
}
