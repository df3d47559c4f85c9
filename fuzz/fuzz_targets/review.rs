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

/// The review of a pod, and of what is stored: by the subresource of ephemeral containers, or of the pod itself.
fn review_of(pod: &Value, stored: Option<&Value>, subresource: &str) -> Vec<u8> {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let operation = if stored.is_some() { "UPDATE" } else { "CREATE" };
    let request = json!({"uid": "u", "operation": operation, "kind": kind, "namespace": "web",
        "subResource": subresource, "object": pod, "oldObject": stored});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    review.to_string().into_bytes()
}

/// Whether each container of a list has a read-only root; a pod of Windows has none.
fn assert_read_only(pod: &Value, list: &str) {
    let containers = pod["spec"].get(list).and_then(Value::as_array).into_iter().flatten();
    let windows = pod["spec"]["os"]["name"] == "windows";
    for container in containers {
        assert!(windows || container["securityContext"]["readOnlyRootFilesystem"] == true, "{pod}");
    }
}

/// The pod with the patch that is answered, which is the last; every operation of it is below `place`.
fn assert_mutation(pod: &Value, stored: Option<&Value>, subresource: &str, place: &str) {
    let body = review_of(pod, stored, subresource);
    let changed = answer(&body, Question::Mutate).expect("the envelope is one");
    let Some(patch) = changed.patch else { return };
    assert!(patch.0.iter().all(|op| op.path().to_string().starts_with(place)), "{patch} for {pod}");
    let mut patched = pod.clone();
    json_patch::patch(&mut patched, &patch).expect("a patch fits the object that it was made for");
    let again =
        answer(&review_of(&patched, stored, subresource), Question::Mutate).expect("the envelope is one");
    assert_eq!(again.patch, None, "a second patch for {patched}");
}

fuzz_target!(|data: &[u8]| {
    for question in [Question::Validate, Question::Mutate] {
        answer(data, question);
    }
    let Ok(pod) = serde_json::from_slice::<Value>(data) else { return };
    let verdict = answer(&review_of(&pod, None, ""), Question::Validate).expect("the envelope is one");
    if verdict.is_allowed() {
        assert_eq!(verdict.record.decision, Decision::Allowed);
        assert!(pod["spec"].is_object(), "a pod without spec is not judged");
        assert_read_only(&pod, "containers");
        assert_read_only(&pod, "initContainers");
    }
    assert_mutation(&pod, None, "", "/");

    // What changes nothing is never refused for what it violates.
    let same = answer(&review_of(&pod, Some(&pod), ""), Question::Validate).expect("the envelope is one");
    assert_ne!(same.record.decision, Decision::Denied, "{pod}");

    let mut stored = pod.clone();
    let Some(Value::Object(spec)) = stored.get_mut("spec") else { return };
    spec.remove("ephemeralContainers");
    let debugged = review_of(&pod, Some(&stored), "ephemeralcontainers");
    let verdict = answer(&debugged, Question::Validate).expect("the envelope is one");
    if verdict.is_allowed() && verdict.record.decision != Decision::Deletion {
        assert_read_only(&pod, "ephemeralContainers");
    }
    assert_mutation(&pod, Some(&stored), "ephemeralcontainers", "/spec/ephemeralContainers/");
});
