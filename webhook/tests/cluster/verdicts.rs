//! Every object that we have, as a review: the verdict is that of `lithify lint`.

use std::path::{Path, PathBuf};

use lithify::checks::{Context, PssVersion, Selection, judge};
use lithify::config;
use lithify::k8s::{Kinds, objects, pod_specs};
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
    let (policy, selection) = only(&["privileged", "writable-root-filesystem"]);
    let files = list.lines().map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        folder.join(case["file"].as_str().unwrap())
    });
    let (judged, denied) = compare(files, &policy, &selection);
    assert!(judged > 60 && denied > 20 && denied < judged, "{judged} judged, {denied} denied");
}

#[test]
fn reviews_of_every_fixture_have_the_native_verdict() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/checks");
    let directories = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let (mut judged, mut denied) = (0, 0);
    for check in directories(&fixtures) {
        let name = check.file_name().unwrap().to_str().unwrap().to_owned();
        if lithify::checks::Check::find(&name)
            .is_none_or(|check| check.predicate(PssVersion::LATEST).is_none())
        {
            continue;
        }
        let (policy, selection) = only(&[&name]);
        let files = directories(&check).map(|case| case.join("input.yaml")).filter(|file| file.is_file());
        let (of_check, refused) = compare(files, &policy, &selection);
        judged += of_check;
        denied += refused;
    }
    assert!(judged > 300 && denied > 100 && denied < judged - 100, "{judged} judged, {denied} denied");
}

/// A policy that denies by these checks alone, and the native selection of them.
fn only(checks: &[&str]) -> (Policy, Selection) {
    let all = lithify::checks::CHECKS.iter().map(|check| check.id);
    let others: Vec<&str> = all.filter(|id| !checks.contains(id)).collect();
    let (selected, ignored) = (checks.join(", "), others.join(", "));
    let text = format!(
        "select: [{selected}]\nignore: [{ignored}]\nenforcement: {{default: deny}}\nwebhook: {{workloads: deny}}\n"
    );
    let policy = Policy::new(config::read(text.as_bytes()).unwrap(), Profiles::default()).unwrap();
    (policy, Selection::only(checks.iter().copied(), PssVersion::LATEST).unwrap())
}

/// Judges each object of the files both ways; returns how many there were, and how many were denied.
fn compare(files: impl Iterator<Item = PathBuf>, policy: &Policy, selection: &Selection) -> (usize, usize) {
    let (mut judged, mut denied) = (0, 0);
    for file in files {
        let source = std::fs::read(&file).unwrap();
        let Ok(stream) = Stream::parse(&source) else { continue };
        for document in stream.documents() {
            let object = document.to_value();
            let Some(verdict) = verdict(&object, policy) else { continue };
            let native = judge(&object, selection, &Context::default());
            // An object without a pod spec has no finding, and is refused all the same.
            let has_pod = !pod_specs(&objects(&object)[0], &Kinds::default()).is_empty();
            assert_eq!(verdict, native.is_empty() && has_pod, "{}: {object:#} {native:#?}", file.display());
            judged += 1;
            denied += usize::from(!verdict);
        }
    }
    (judged, denied)
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
