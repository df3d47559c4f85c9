//! Write-path profiles and configuration in the cluster itself.

use std::time::Duration;

use serde_json::Value;

use super::hook::{Hook, OWN, pod, said};
use super::mutation::{POD, PROFILE};
use crate::testbed::bed::wait_for;

const SOON: Duration = Duration::from_secs(30);

/// Somebody who may do with profiles whatever an author needs.
const AUTHOR: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: lithify-test-author}
rules: [{apiGroups: [lithify.dev], resources: [writeprofiles], verbs: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: lithify-test-author}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lithify-test-author}
subjects: [{kind: User, name: author}]
";

/// Somebody who has looked at them.
const APPROVER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: lithify-test-approver}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lithify-profile-approver}
subjects: [{kind: User, name: approver}]
";

fn approve(hook: &Hook, user: &str, namespace: &str, name: &str) -> String {
    let profile = hook.get(namespace, &format!("writeprofile/{name}"));
    let status = serde_json::json!({"status": {"approved": true,
        "approvedGeneration": profile["metadata"]["generation"]}});
    let (user, status) = (format!("--as={user}"), status.to_string());
    let patch =
        ["kubectl", "-n", namespace, "patch", "writeprofile", name, "--subresource=status", "--type=merge"];
    said(&hook.bed.run(&[&patch[..], &["-p", &status, &user]].concat()))
}

/// Whether a new pod in the namespace would get a read-only root.
fn is_steered(hook: &Hook, namespace: &str) -> bool {
    let output = hook.apply(namespace, POD, &["--dry-run=server", "-o", "json"]);
    let stored: Value = serde_json::from_slice(&output.stdout).unwrap();
    stored["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] == true
}

#[test]
fn only_an_approved_profile_steers_and_only_its_namespace() {
    let Some(hook) = Hook::install("", &["--profiles", "cluster"]) else { return };
    for manifest in [AUTHOR, APPROVER] {
        assert!(hook.apply("default", manifest, &[]).status.success());
    }
    for namespace in ["learned", "neighbour", "liar"] {
        hook.namespace(namespace, &[]);
    }
    let author = ["--as=author"];
    // The author writes whatever he can write, and approves himself where he can.
    let boastful = PROFILE
        .replace("{name: web-nginx}", "{name: web-nginx, annotations: {lithify.dev/approved: 'true'}}")
        + "status: {approved: true, approvedGeneration: 1}\n";
    let text = said(&hook.apply("liar", &boastful, &author));
    assert!(text.contains("created"), "{text}");
    let text = approve(&hook, "author", "liar", "web-nginx");
    assert!(text.contains("(Forbidden)") && text.contains("resource \"writeprofiles/status\""), "{text}");
    let text =
        said(&hook.apply("liar", &PROFILE.replace("  complete", "  approved: true\n  complete"), &author));
    let refusal =
        "a profile is not approved by its author: set status.approved and status.approvedGeneration";
    assert!(text.contains(refusal), "{text}");
    let text = said(&hook.apply("liar", &PROFILE.replace("complete", "compleet"), &author));
    assert!(text.contains("unknown field \"spec.compleet\""), "{text}");

    assert!(hook.apply("learned", PROFILE, &author).status.success());
    let text = approve(&hook, "approver", "learned", "web-nginx");
    assert!(text.contains("patched"), "{text}");
    wait_for("the approved profile to steer", SOON, || is_steered(&hook, "learned").then_some(()));
    // The watch has seen both of the others by now.
    assert!(!is_steered(&hook, "liar"), "nobody has approved that one");
    assert!(!is_steered(&hook, "neighbour"), "a profile is of its namespace");
    let table = hook.bed.succeed(&["kubectl", "-n", "learned", "get", "writeprofiles"]);
    assert!(table.contains("APPROVED") && table.contains("docker.io/library/nginx"), "{table}");

    let changed = PROFILE.replace("/var/cache/nginx", "/usr/share/nginx/html");
    assert!(hook.apply("learned", &changed, &author).status.success());
    wait_for("the approval to end", SOON, || (!is_steered(&hook, "learned")).then_some(()));
    hook.bed.succeed(&[
        "kubectl",
        "delete",
        "clusterrolebinding",
        "lithify-test-author",
        "lithify-test-approver",
    ]);
}

#[test]
fn without_the_definition_pods_are_left_alone_and_the_webhook_serves() {
    let Some(mut hook) = Hook::install("mutation: profiled", &[]) else { return };
    hook.namespace("undefined", &["lithify.dev/enforce=baseline"]);
    hook.bed.succeed(&["kubectl", "delete", "crd", "writeprofiles.lithify.dev"]);
    hook.kill();
    hook.start(&["--profiles", "cluster"]);
    let line = hook.wait_for_line("\"message\":\"not every profile is in use\"");
    assert!(
        line["reason"].as_str().unwrap().contains("no writeprofiles of lithify.dev/v1alpha1: apply"),
        "{line}"
    );
    hook.register();
    let text = said(&hook.apply("undefined", &pod("web", "privileged: true"), &[]));
    assert!(text.contains("denied the request"), "{text}");
    assert!(!is_steered(&hook, "undefined"));
}

#[test]
fn the_configuration_of_a_config_map_counts_from_its_change_on() {
    let Some(hook) = Hook::install("", &[]) else { return };
    let mut hook = hook;
    let configure = |hook: &Hook, text: &str| {
        let file = hook.write("of-config-map", text);
        let create = [
            "kubectl",
            "-n",
            OWN,
            "create",
            "configmap",
            "lithify-webhook",
            "--dry-run=client",
            "-o",
            "yaml",
        ];
        let from = format!("--from-file=lithify.yaml={file}");
        let manifest = hook.bed.succeed(&[&create[..], &[&from]].concat());
        assert!(hook.apply(OWN, &manifest, &[]).status.success());
    };
    configure(&hook, "mutation: off\nenforcement: {namespaces: {mapped: deny}}\n");
    hook.kill();
    hook.start(&["--config-map", "lithify-webhook"]);
    hook.register();
    hook.namespace("mapped", &[]);
    let bad = pod("web", "privileged: true");
    let text = said(&hook.apply("mapped", &bad, &["--dry-run=server"]));
    assert!(text.contains("Pod `web` violates lithify immutable:latest (lithify.yaml)"), "{text}");

    configure(&hook, "mutation: off\nenforcment: {default: warn}\n");
    let line = hook.wait_for_line("the configuration cannot be loaded; the old one stays in use");
    let reason = "ConfigMap lithify-system/lithify-webhook: lithify.yaml:2:1: unknown key `enforcment`";
    assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
    assert!(!hook.apply("mapped", &bad, &["--dry-run=server"]).status.success(), "the old one stays in use");

    configure(&hook, "mutation: off\nenforcement: {default: warn}\n");
    wait_for("the new configuration to count", SOON, || {
        hook.apply("mapped", &bad, &["--dry-run=server"]).status.success().then_some(())
    });
    hook.bed.succeed(&["kubectl", "-n", OWN, "delete", "configmap", "lithify-webhook"]);
    hook.wait_for_line("ConfigMap lithify-system/lithify-webhook: there is none");
}
