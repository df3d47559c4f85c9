//! Every object that we have, as a review: the verdict is that of `lithify lint`, and what is changed is what
//! `lithify fix` changes. Ephemeral containers come by their subresource, the only way there is.

use std::path::{Path, PathBuf};

use lithify::checks::{Context, Finding, PssVersion, Selection, Severity, judge};
use lithify::config;
use lithify::k8s::{Kinds, objects, pod_specs};
use lithify::lint::Settings;
use lithify::lint::fix::fix;
use lithify::profile::Profiles;
use lithify::yaml::{Pointer, Stream};
use lithify_webhook::review::{ANNOTATION, Labels, Policy, Question, Surroundings, Verdict, review};
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
        "select: [{selected}]\nignore: [{ignored}]\nenforcement: {{default: deny}}\nwebhook: \
         {{workloads: deny, ephemeralContainers: deny}}\n"
    );
    let policy = Policy::new(config::read(text.as_bytes()).unwrap(), Profiles::default()).unwrap();
    (policy, Selection::only(checks.iter().copied(), PssVersion::LATEST).unwrap())
}

/// Judges each object of the files both ways; returns how many reviews there were, and how many were denied.
fn compare(files: impl Iterator<Item = PathBuf>, policy: &Policy, selection: &Selection) -> (usize, usize) {
    let (mut judged, mut denied) = (0, 0);
    for file in files {
        let source = std::fs::read(&file).unwrap();
        let stream = Stream::parse(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for document in stream.documents() {
            let object = document.to_value();
            for (review_of, is_good) in questions(&object, selection) {
                let answer = answer(&review_of, Question::Validate, policy);
                let shown = || format!("{}: {review_of:#}\n{:#}", file.display(), answer.to_json());
                assert_eq!(answer.is_allowed(), is_good, "{}", shown());
                judged += 1;
                denied += usize::from(!is_good);
            }
        }
    }
    (judged, denied)
}

/// The reviews that an object comes in, each with the native verdict; none for kinds that no rule sends.
fn questions(object: &Value, selection: &Selection) -> Vec<(Value, bool)> {
    let found = |object: &Value| judge(object, selection, &Context::default());
    if !is_sent(object) {
        return Vec::new();
    }
    let added = object["spec"]["ephemeralContainers"].as_array().is_some_and(|all| !all.is_empty());
    if object["kind"] != "Pod" || !added {
        // An object without a pod spec has no finding, and is refused all the same.
        let has_pod = !pod_specs(&objects(object)[0], &Kinds::default()).is_empty();
        return vec![(review_of(object, None), found(object).is_empty() && has_pod)];
    }
    let mut before = object.clone();
    before["spec"].as_object_mut().unwrap().shift_remove("ephemeralContainers");
    // Only what is new counts, of a pod that was stored whatever it violates.
    let list = Pointer::root().join("spec").join("ephemeralContainers");
    let is_new = |finding: &Finding| finding.pointer.tokens().take(2).eq(list.tokens());
    let is_good = !found(object).iter().any(is_new);
    vec![(review_of(&before, None), found(&before).is_empty()), (review_of(object, Some(&before)), is_good)]
}

fn is_sent(object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let is_it = |workload: &lithify::k8s::Workload| {
        object["kind"] == workload.kind && workload.groups.iter().any(|known| known.name == group)
    };
    !version.is_empty() && lithify::k8s::KINDS.iter().any(is_it)
}

/// The creation of an object; with what is stored, the change of its ephemeral containers.
fn review_of(object: &Value, stored: Option<&Value>) -> Value {
    let version = object["apiVersion"].as_str().unwrap();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = json!({"group": group, "version": version, "kind": object["kind"]});
    let (operation, subresource) =
        if stored.is_some() { ("UPDATE", "ephemeralcontainers") } else { ("CREATE", "") };
    let request = json!({"uid": "u", "operation": operation, "subResource": subresource, "kind": kind,
        "namespace": "web", "object": object, "oldObject": stored});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
}

fn answer(review_of: &Value, question: Question, policy: &Policy) -> Verdict {
    let labels = Labels::new();
    let surroundings = Surroundings { labels: Some(&labels), today: "2026-11-24".parse().unwrap() };
    review(review_of.to_string().as_bytes(), question, policy, surroundings).unwrap()
}

#[test]
fn what_is_changed_is_what_the_fixer_changes() {
    let text = "mutation: all\nwebhook: {mutateWorkloads: true}\n";
    let policy = Policy::new(config::read(text.as_bytes()).unwrap(), Profiles::default()).unwrap();
    let settings = Settings {
        selection: Selection::only(["writable-root-filesystem"], PssVersion::LATEST).unwrap(),
        context: Context::default(),
        exemptions: Vec::new(),
        today: "2026-11-24".parse().unwrap(),
        static_pods: false,
        least: Severity::Info,
        coverage: false,
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let (mut changed, mut of_pods) = (0, 0);
    for file in manifests(&fixtures) {
        let source = std::fs::read(&file).unwrap();
        let fixed = fix("m.yaml", &source, &settings, &Vec::new, true);
        // What the fixer leaves alone, a comment or an anchor keeps: the webhook sees neither.
        if !fixed.remaining.is_empty() || !fixed.report.exempted.is_empty() {
            continue;
        }
        let after = values(fixed.text.as_deref().unwrap_or(&source));
        for (before, after) in values(&source).into_iter().zip(after) {
            let debugs = before["spec"].get("ephemeralContainers").is_some();
            if !is_sent(&before) || before["spec"]["os"]["name"] == "windows" || debugs {
                continue;
            }
            let verdict = answer(&review_of(&before, None), Question::Mutate, &policy);
            let mut patched = before.clone();
            if let Some(patch) = &verdict.patch {
                json_patch::patch(&mut patched, patch).unwrap();
                let again = answer(&review_of(&patched, None), Question::Mutate, &policy);
                assert_eq!(again.patch, None, "{}: a second patch", file.display());
            }
            assert_eq!(bare(patched), bare(after), "{}", file.display());
            changed += usize::from(verdict.patch.is_some());
            of_pods += usize::from(verdict.patch.is_some() && before["kind"] == "Pod");
        }
    }
    assert!(changed > 100 && of_pods > 50, "{changed} changed, {of_pods} of them pods: that proves little");
}

fn values(source: &[u8]) -> Vec<Value> {
    let stream =
        Stream::parse(source).map(|stream| stream.documents().map(|document| document.to_value()).collect());
    stream.unwrap_or_default()
}

fn manifests(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|kind| kind == "yaml") {
            found.push(path);
        }
    }
    found
}

/// Without the webhook's own annotation, and what has a name in the order of names: both add the same in another.
fn bare(mut value: Value) -> Value {
    fn visit(value: &mut Value) {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(visit);
                items.sort_by_key(|item| item["name"].as_str().unwrap_or_default().to_owned());
            }
            Value::Object(fields) => {
                if let Some(Value::Object(annotations)) = fields.get_mut("annotations") {
                    annotations.shift_remove(ANNOTATION);
                }
                fields.values_mut().for_each(visit);
                for key in ["annotations", "metadata"] {
                    if fields.get(key).is_some_and(|value| *value == json!({})) {
                        fields.shift_remove(key);
                    }
                }
            }
            _ => {}
        }
    }
    visit(&mut value);
    value
}
