//! Owners of denied pods are told, as `kubectl describe` shows it.

use std::time::Duration;

use super::hook::{Hook, pod, said, workloads};
use crate::testbed::bed::wait_for;

#[test]
fn the_owner_of_a_denied_pod_hears_why_and_only_once() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("told", &["lithify.dev/enforce=baseline"]);
    let kinds = workloads();
    let (_, set) = kinds.iter().find(|(kind, _)| *kind == "ReplicaSet").unwrap();
    assert!(hook.apply("told", set, &[]).status.success());
    let uid = hook.get("told", "replicaset/web")["metadata"]["uid"].as_str().unwrap().to_owned();
    // As the ReplicaSet's controller asks for them.
    let owned = |name: &str| {
        let owner = format!(
            "{{name: {name}, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: {uid}, \
             controller: true}}]}}"
        );
        pod(name, "privileged: true").replacen(&format!("{{name: {name}}}"), &owner, 1)
    };
    let events = || {
        let select = format!("--field-selector=involvedObject.uid={uid},reason=DeniedByPolicy");
        hook.bed.succeed(&["kubectl", "-n", "told", "get", "events", &select, "--no-headers"])
    };
    let text = said(&hook.apply("told", &owned("dry"), &["--dry-run=server"]));
    assert!(text.contains("denied the request"), "{text}");
    for name in ["web-1", "web-2", "web-3"] {
        let text = said(&hook.apply("told", &owned(name), &[]));
        assert!(text.contains("denied the request"), "{text}");
    }
    let shown = wait_for("the Event", Duration::from_secs(30), || {
        let shown = hook.bed.succeed(&["kubectl", "-n", "told", "describe", "replicaset", "web"]);
        shown.contains("DeniedByPolicy").then_some(shown)
    });
    let line = shown.lines().find(|line| line.contains("DeniedByPolicy")).unwrap();
    assert!(
        line.trim_start().starts_with("Warning  DeniedByPolicy") && line.contains("lithify-webhook"),
        "{line}"
    );
    let why = "Pod `web-1` violates lithify baseline:latest (lithify.dev/enforce): privileged: container \"app\" is \
        privileged";
    assert!(line.contains(why), "the first, and not the dry run: {line}");
    assert_eq!(events().lines().count(), 1, "{}", events());
    assert!(!hook.log().contains("an Event cannot be written"), "{}", hook.log());

    // Nobody's pod is the user's own, who has read the answer.
    assert!(!hook.apply("told", &pod("alone", "privileged: true"), &[]).status.success());
    let all = hook.bed.succeed(&["kubectl", "-n", "told", "get", "events", "--no-headers"]);
    assert_eq!(all.lines().count(), 1, "{all}");
}
