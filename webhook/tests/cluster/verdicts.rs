//! The peers' own cases as reviews: the verdict is that of `lithify lint`.

use std::path::Path;

use lithify::checks::{Context, PssVersion, Selection, judge};
use lithify::config;
use lithify::profile::Profiles;
use lithify::yaml::Stream;
use lithify_webhook::review::{Labels, Policy, Question, Surroundings, review};
use serde_json::{Value, json};

use crate::testbed::require;

#[test]
fn reviews_of_the_peers_cases_have_the_native_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/peer-cases");
    let Ok(list) = std::fs::read_to_string(folder.join("expect.jsonl")) else {
        require::skip("data", "the peers' cases are not beside the project");
        return;
    };
    let checks = ["privileged", "writable-root-filesystem"];
    let selection = Selection::only(checks, PssVersion::LATEST).unwrap();
    let others: Vec<&str> =
        lithify::checks::CHECKS.iter().map(|check| check.id).filter(|id| !checks.contains(id)).collect();
    let text = format!(
        "ignore: [{}]\nenforcement: {{default: deny}}\nwebhook: {{workloads: deny}}\n",
        others.join(", ")
    );
    let policy = Policy::new(config::read(text.as_bytes()).unwrap(), Profiles::default()).unwrap();
    let (mut judged, mut denied) = (0, 0);
    for case in list.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let source = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        for document in Stream::parse(&source).unwrap().documents() {
            let object = document.to_value();
            let Some(verdict) = verdict(&object, &policy) else { continue };
            let native = judge(&object, &selection, &Context::default());
            assert_eq!(verdict, native.is_empty(), "{case}: {native:#?}");
            judged += 1;
            denied += usize::from(!verdict);
        }
    }
    assert!(judged > 60 && denied > 20 && denied < judged, "{judged} judged, {denied} denied");
}

/// Whether the review of an object's creation is allowed; `None` for kinds that no rule sends.
fn verdict(object: &Value, policy: &Policy) -> Option<bool> {
    let version = object["apiVersion"].as_str()?;
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = object["kind"].as_str()?;
    let is_known = |workload: &&lithify::k8s::Workload| {
        workload.kind == kind && workload.groups.iter().any(|known| known.name == group)
    };
    lithify::k8s::KINDS.iter().find(is_known)?;
    let kind = json!({"group": group, "version": version, "kind": kind});
    let request =
        json!({"uid": "u", "operation": "CREATE", "kind": kind, "namespace": "web", "object": object});
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let labels = Labels::new();
    let surroundings = Surroundings { labels: Some(&labels), today: "2026-11-24".parse().unwrap() };
    let answer = review(body.to_string().as_bytes(), Question::Validate, policy, surroundings);
    Some(answer.unwrap().is_allowed())
}
