//! The largest objects that the apiserver itself takes.

use std::time::Duration;

use serde_json::{Value, json};

use super::hook::{Hook, said};
use crate::testbed::bed::wait_for;

/// A Deployment with a privileged container and so many bytes beside it.
fn deployment(bytes: usize) -> Value {
    // The API has no limit for one variable.
    let container = json!({"name": "app", "image": "nginx", "securityContext": {"privileged": true},
        "env": [{"name": "PADDING", "value": "x".repeat(bytes)}]});
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "large"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}})
}

#[test]
fn an_update_of_the_largest_object_is_judged() {
    let Some(hook) = Hook::install("mutation: off\nwebhook: {workloads: deny}\n", &[]) else { return };
    hook.namespace("large", &[]);
    let send = |verb: &str, object: &Value, arguments: &[&str]| {
        let path = hook.write("large.json", &object.to_string());
        let mut command = hook.bed.command("kubectl");
        let output = command.args(["-n", "large", verb, "-f", &path]).args(arguments).output().unwrap();
        (output.status.success(), said(&output))
    };
    // etcd stores a megabyte and a half, the apiserver reads three: the webhook gets both at once.
    let (is_stored, text) = send("create", &deployment(1_400_000), &[]);
    assert!(is_stored && text.contains("Warning: lithify immutable:latest: privileged"), "{text}");
    let mut changed = deployment(3_000_000);
    changed["spec"]["template"]["spec"]["hostPID"] = json!(true);
    let (is_taken, text) = send("replace", &changed, &["--dry-run=server"]);
    assert!(is_taken && text.contains("Warning: lithify immutable:latest: host-namespaces"), "{text}");
    hook.bed.succeed(&["kubectl", "label", "namespace", "large", "lithify.dev/enforce=baseline"]);
    let text = wait_for("the label to count", Duration::from_secs(30), || {
        let (is_taken, text) = send("replace", &changed, &["--dry-run=server"]);
        (!is_taken).then_some(text)
    });
    assert!(text.contains("denied the request: Deployment `large` violates"), "{text}");
    let (_, text) = send("replace", &deployment(3_200_000), &["--dry-run=server"]);
    assert!(text.contains("Request entity too large"), "the apiserver takes no more: {text}");
}
