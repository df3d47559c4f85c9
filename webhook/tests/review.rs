//! `lithify-webhook review`, as a user runs it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

fn review(object: &Value) -> String {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let request =
        json!({"uid": "u-1", "operation": "CREATE", "kind": kind, "namespace": "web", "object": object});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string()
}

fn privileged() -> Value {
    let container = json!({"name": "a", "image": "nginx", "securityContext": {"privileged": true}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}})
}

fn run(arguments: &[&str], input: String) -> assert_cmd::assert::Assert {
    Command::cargo_bin("lithify-webhook").unwrap().arg("review").args(arguments).write_stdin(input).assert()
}

#[test]
fn a_denied_review_exits_with_one_and_prints_the_answer() {
    let assert = run(&["--labels", "lithify.dev/enforce=baseline"], review(&privileged())).code(1);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(answer["response"]["uid"], "u-1");
    assert_eq!(answer["response"]["allowed"], false);
    assert_eq!(answer["response"]["status"]["code"], 403);
}

#[test]
fn without_a_configuration_it_warns() {
    let assert = run(&["--validate"], review(&privileged())).code(0);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(answer["response"]["allowed"], true);
    assert!(answer["response"]["warnings"][0].as_str().unwrap().contains("is privileged"));
}

#[test]
fn what_no_answer_can_be_addressed_to_exits_with_two() {
    let assert = run(&[], "{".to_owned()).code(2);
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.starts_with("lithify-webhook: error: no AdmissionReview can be read: EOF"), "{stderr}");
}

#[test]
fn a_broken_configuration_is_named_by_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lithify.yaml");
    std::fs::write(&file, "level: strict\nmodus: deny\n").unwrap();
    let assert = run(&["--config", file.to_str().unwrap()], review(&privileged())).code(2);
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains("lithify.yaml:2:1: unknown key `modus`"), "{stderr}");
}

/// What other webhooks and linters let slip (an init container, a field of another type, a forged mirror), and what
/// the API sends beside creations. `make bless` rewrites the answers.
#[test]
fn reviews_of_the_fixtures_have_the_answers_beside_them() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/webhook/reviews");
    let config = fixtures.join("lithify.yaml");
    let mut judged = Vec::new();
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let directory = entry.unwrap().path();
        if !directory.is_dir() {
            continue;
        }
        let input = std::fs::read_to_string(directory.join("review.json")).unwrap();
        let output = run(&["--config", config.to_str().unwrap()], input).get_output().clone();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let allowed = answer["response"]["allowed"].as_bool().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!allowed)), "{}", directory.display());
        judged.push(allowed);
        let found = format!("{answer:#}\n");
        let path = directory.join("answer.json");
        if std::env::var_os("LITHIFY_BLESS").is_some() {
            std::fs::write(path, found).unwrap();
        } else {
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(found, expected, "{}: `make bless` rewrites it", directory.display());
        }
    }
    assert!(judged.iter().filter(|allowed| **allowed).count() > 5, "{judged:?}");
    assert!(judged.iter().filter(|allowed| !**allowed).count() > 5, "{judged:?}");
}
