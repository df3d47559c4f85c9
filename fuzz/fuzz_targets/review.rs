//! Any bytes as an AdmissionReview, and any JSON as its object: never a panic, never an answer that allows what
//! was not judged, and every answer within the API's limits.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lithify::config;
use lithify::profile::Profiles;
use lithify_webhook::review::{Decision, Labels, Policy, Question, Surroundings, Verdict, review};
use serde_json::{Value, json};

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let source = b"mutation: all\nenforcement: {default: deny}\nwebhook: {workloads: deny, ephemeralContainers: deny}\n";
    let config = config::read(source).expect("it is one");
    Policy::new(config, Profiles::default()).expect("it names checks that there are")
});

fn answer(body: &[u8], question: Question) -> Option<Verdict> {
    let labels = Labels::new();
    let surroundings = Surroundings { labels: Some(&labels), today: jiff::civil::date(2026, 11, 24) };
    let verdict = review(body, question, &POLICY, surroundings).ok()?;
    let shown = verdict.to_json();
    let warnings = shown["response"]["warnings"].as_array().cloned().unwrap_or_default();
    let warnings: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
    assert!(warnings.iter().all(|warning| warning.chars().count() <= 256));
    assert!(warnings.iter().map(|warning| warning.len()).sum::<usize>() <= 4096);
    assert_eq!(shown["response"]["allowed"], verdict.is_allowed());
    Some(verdict)
}

fuzz_target!(|data: &[u8]| {
    for question in [Question::Validate, Question::Mutate] {
        answer(data, question);
    }
    let Ok(object) = serde_json::from_slice::<Value>(data) else { return };
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let request = json!({"uid": "u", "operation": "CREATE", "kind": kind, "namespace": "web", "object": object});
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let body = body.to_string();
    let verdict = answer(body.as_bytes(), Question::Validate).expect("the envelope is one");
    if verdict.is_allowed() {
        assert_eq!(verdict.record.decision, Decision::Allowed);
        let containers = object["spec"].as_object().expect("a pod without spec is not judged").get("containers");
        let containers = containers.and_then(Value::as_array).cloned().unwrap_or_default();
        let windows = object["spec"]["os"]["name"] == "windows";
        for container in containers {
            assert!(windows || container["securityContext"]["readOnlyRootFilesystem"] == true, "{object}");
        }
    }
    let changed = answer(body.as_bytes(), Question::Mutate).expect("the envelope is one");
    if let Some(patch) = changed.patch {
        let mut object = object;
        json_patch::patch(&mut object, &patch).expect("a patch fits the object that it was made for");
        let request = json!({"uid": "u", "operation": "CREATE", "kind": kind, "namespace": "web", "object": object});
        let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        let again = answer(body.to_string().as_bytes(), Question::Mutate).expect("the envelope is one");
        assert_eq!(again.patch, None, "a second patch for {object}");
    }
});
