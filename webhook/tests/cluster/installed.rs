//! The install as README has it, on a node with a kubelet and containers: replicas, a pod that was changed on its way
//! in, and what the audit log holds of all that.

use std::io::Write as _;

use serde_json::{Value, json};

use super::hook::{OWN, pod, said};
use super::node::{LONG, Node};
use crate::testbed::bed::wait_for;

/// Tries to write in two places, and stays. The volume is for whoever debugs it: an ephemeral container brings none.
const WRITER: &str = "apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: localhost/busybox:1
    command: [sh, -c, 'touch /data/file && echo wrote /data; touch /file; echo done; sleep 3600']
  volumes: [{name: rw-debug-scratch, emptyDir: {}}]
";

/// What the last container does.
const DEBUG: &str = "touch /scratch/file && echo wrote /scratch; touch /file; echo done";

#[test]
fn a_changed_pod_runs_and_writes_only_where_it_may() {
    let Some(node) = Node::with_webhook() else { return };
    node.namespace("running", &["lithify.dev/enforce=immutable"]);
    let output = node.create("running", WRITER, &[]);
    assert_eq!(said(&output), "pod/writer created\n");
    let log = log_of_writer(&node, "app");
    assert!(log.contains("wrote /data\n") && log.contains("touch: /file: Read-only file system\n"), "{log}");
    let mounts = node.succeed(&["-n", "running", "exec", "writer", "--", "cat", "/proc/mounts"]);
    let is_root = |line: &&str| line.split(' ').nth(1) == Some("/");
    let root = mounts.lines().find(is_root).unwrap();
    assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");
    let annotations = node.audited("running", "writer");
    assert_eq!(annotations["mutate.lithify.dev/decision"], "mutated", "{annotations:#}");
    let mutated = annotations["mutate.lithify.dev/mutated"].as_str().unwrap();
    assert!(mutated.ends_with("mount an emptyDir at /data (profile writer)"), "{mutated}");
    assert_eq!(annotations["deny.lithify.dev/decision"], "allowed");

    let debug = ["-n", "running", "debug", "writer", "--image=localhost/busybox:1", "--container=debug"];
    let output = node.kubectl(&[&debug[..], &["--attach=false", "--", "sh", "-c", DEBUG]].concat());
    assert!(output.status.success() && !said(&output).contains("Warning"), "{}", said(&output));
    let log = log_of_writer(&node, "debug");
    assert!(
        log.contains("wrote /scratch\n") && log.contains("touch: /file: Read-only file system\n"),
        "{log}"
    );
}

fn log_of_writer(node: &Node, container: &str) -> String {
    wait_for(&format!("{container} to have tried"), LONG, || {
        let log = said(&node.kubectl(&["-n", "running", "logs", "writer", "-c", container]));
        log.contains("done\n").then_some(log)
    })
}

#[test]
fn the_audit_log_has_every_decision() {
    let Some(node) = Node::with_webhook() else { return };
    node.namespace(
        "logged",
        &["lithify.dev/enforce=baseline", "lithify.dev/audit=immutable", "lithify.dev/warn=privileged"],
    );
    node.namespace("warned", &[]);
    let text = said(&node.create("logged", &pod("denied", "privileged: true"), &[]));
    assert!(text.contains("denied the request: Pod `denied` violates lithify baseline:latest"), "{text}");
    assert!(node.create("logged", &pod("audited", ""), &[]).status.success());
    assert!(node.create("warned", &pod("warned", ""), &[]).status.success());
    let denied = node.audited("logged", "denied");
    assert_eq!(denied["deny.lithify.dev/decision"], "denied", "{denied:#}");
    let text = denied["deny.lithify.dev/denied"].as_str().unwrap();
    assert!(text.starts_with("privileged: container \"app\" is privileged"), "{text}");
    let audited = node.audited("logged", "audited");
    assert_eq!(audited["deny.lithify.dev/decision"], "audited", "{audited:#}");
    let text = audited["deny.lithify.dev/audited"].as_str().unwrap();
    assert!(text.starts_with("writable-root-filesystem: container \"app\""), "{text}");
    let warned = node.audited("warned", "warned");
    assert_eq!(warned["observe.lithify.dev/decision"], "warned", "{warned:#}");
    assert_eq!(warned["observe.lithify.dev/level"], "immutable:latest");
    assert!(warned["observe.lithify.dev/warned"].as_str().unwrap().contains("writable-root-filesystem"));
}

#[test]
fn two_replicas_serve_and_one_writes_until_it_is_gone() {
    let Some(node) = Node::with_webhook() else { return };
    let replicas = wait_for("two replicas", LONG, || Some(node.replicas()).filter(|all| all.len() == 2));
    let writer = node.writer();
    assert!(replicas.contains(&writer), "{writer} of {replicas:?}");
    // Both serve what the apiserver trusts, and answer a review; asked one by one.
    let request = json!({"uid": "u-1", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "default", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "a", "image": "b"}]}}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let file = node.bed.directory().join("review.json");
    std::fs::write(&file, review.to_string()).unwrap();
    for replica in &replicas {
        let path = |end: &str| format!("/api/v1/namespaces/{OWN}/pods/https:{replica}:8443/proxy/{end}");
        let conditions = node.succeed(&["get", "--raw", &path("readyz")]);
        let conditions: Value = serde_json::from_str(&conditions).unwrap();
        let all = conditions["conditions"].as_array().unwrap();
        let agree = all.iter().find(|condition| condition["type"] == "BundlesAgree").unwrap();
        assert_eq!(agree["status"], "True", "{replica}: {conditions:#}");
        let answer = node.succeed(&["create", "--raw", &path("validate"), "-f", file.to_str().unwrap()]);
        assert!(
            answer.contains("\"allowed\":true") && answer.contains("writable-root-filesystem"),
            "{answer}"
        );
    }
    // The other takes over, and no certificate is made anew for that.
    let certificate = |node: &Node| node.get(&["-n", OWN, "secret", "lithify-webhook-tls"])["data"].clone();
    let before = certificate(&node);
    node.succeed(&["-n", OWN, "delete", "pod", &writer, "--wait=false"]);
    let next = wait_for("another replica to hold the Lease", LONG, || {
        let next = node.writer();
        (next != writer && node.replicas().contains(&next)).then_some(next)
    });
    assert_eq!(certificate(&node), before, "{next} has nothing to exchange");
    node.namespace("after", &["lithify.dev/enforce=baseline"]);
    let text = said(&node.create("after", &pod("web", "privileged: true"), &[]));
    assert!(text.contains("denied the request"), "{text}");
    let _ = writeln!(std::io::stderr(), "{writer} wrote, then {next}");
}
