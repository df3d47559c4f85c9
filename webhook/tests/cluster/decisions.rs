//! Denied, warned about, audited: objects of each kind, as kubectl shows it.

use std::time::Duration;

use super::hook::{Hook, pod, said, workloads};
use super::testbed::bed::wait_for;

const BAD: &str = "privileged: true";
const GOOD: &str = "readOnlyRootFilesystem: true";

#[test]
fn a_user_sees_what_is_wrong_and_how_to_repair_it() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("enforced", &["lithify.dev/enforce=immutable"]);
    let output = hook.apply("enforced", &pod("web", BAD), &[]);
    let text = said(&output);
    assert!(!output.status.success());
    for part in [
        "Error from server (Forbidden): ",
        "admission webhook \"deny.lithify.dev\" denied the request: Pod `web` violates lithify immutable:latest \
         (lithify.dev/enforce)\n",
        "- privileged: container \"app\" is privileged: securityContext.privileged is true, must be unset or false \
         (spec.containers[0].securityContext.privileged)\n",
        "- writable-root-filesystem: container \"app\" has a writable root filesystem: \
         securityContext.readOnlyRootFilesystem is not set, must be true; the container is privileged, which makes a \
         read-only root void",
        "repair the manifest with `lithify fix --unsafe FILE`; `lithify checks privileged` explains",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let line = hook.wait_for_line("\"decision\":\"denied\",\"kind\":\"Pod\",\"namespace\":\"enforced\"");
    assert_eq!((&line["name"], &line["user"]), (&"web".into(), &"kubernetes-admin".into()));
    assert_eq!(line["uid"].as_str().unwrap().len(), 36);
    assert!(hook.apply("enforced", &pod("web", GOOD), &[]).status.success());
}

#[test]
fn every_kind_is_warned_about_in_time_and_none_is_broken() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("early", &["lithify.dev/enforce=baseline"]);
    hook.namespace("default-mode", &[]);
    hook.namespace("audited", &["lithify.dev/audit=baseline", "lithify.dev/warn=privileged"]);
    for (kind, manifest) in workloads() {
        let text = said(&hook.apply("early", &manifest, &[]));
        let early =
            "Warning: its pods will be denied by lithify baseline:latest: privileged: container \"app\"";
        assert!(text.contains(early) && text.contains("created"), "{kind}: {text}");
        let text = said(&hook.apply("default-mode", &manifest, &[]));
        let warned = "Warning: lithify immutable:latest: privileged: container \"app\" is privileged";
        assert!(text.contains(warned) && text.contains("created"), "{kind}: {text}");
        let text = said(&hook.apply("audited", &manifest, &[]));
        assert!(!text.contains("Warning") && text.contains("created"), "{kind}: {text}");
        hook.wait_for_line(&format!(
            "\"decision\":\"audited\",\"kind\":\"{kind}\",\"namespace\":\"audited\""
        ));
    }
    let text = said(&hook.apply("audited", &pod("web", BAD), &[]));
    assert_eq!(text, "pod/web created\n");
}

#[test]
fn every_kind_is_denied_where_the_configuration_says_so() {
    let Some(hook) = Hook::install("mutation: off\nwebhook: {workloads: deny}\n", &[]) else { return };
    hook.namespace("closed", &["lithify.dev/enforce=baseline"]);
    for (kind, manifest) in workloads() {
        let output = hook.apply("closed", &manifest, &[]);
        let text = said(&output);
        let denied = format!(
            "admission webhook \"deny.lithify.dev\" denied the request: {kind} `web` violates lithify baseline:latest \
             (lithify.dev/enforce)\n- privileged: container \"app\" is privileged: securityContext.privileged is true, \
             must be unset or false (spec."
        );
        // A PodTemplate has its template where others have a spec.
        let denied = if kind == "PodTemplate" { denied.trim_end_matches("(spec.") } else { &denied };
        assert!(
            !output.status.success() && text.contains(denied) && text.contains("repair the manifest"),
            "{text}"
        );
        let repaired = hook.apply("closed", &manifest.replace("privileged: true", "privileged: false"), &[]);
        assert!(repaired.status.success(), "{kind}: {}", said(&repaired));
    }
}

#[test]
fn what_violated_before_may_be_labelled_and_deleted() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("before", &[]);
    assert!(hook.apply("before", &pod("old", BAD), &[]).status.success());
    hook.bed.succeed(&["kubectl", "label", "namespace", "before", "lithify.dev/enforce=baseline"]);
    wait_for("the label to count", Duration::from_secs(30), || {
        let output = hook.apply("before", &pod("new", BAD), &["--dry-run=server"]);
        (!output.status.success()).then_some(())
    });
    hook.bed.succeed(&["kubectl", "-n", "before", "label", "pod", "old", "a=b"]);
    let output = hook.bed.run(&["kubectl", "-n", "before", "set", "image", "pod/old", "app=nginx:2"]);
    let text = said(&output);
    assert!(output.status.success() && text.contains("makes nothing worse: privileged"), "{text}");
    hook.bed.succeed(&["kubectl", "-n", "before", "delete", "pod", "old", "--wait=false"]);
}

#[test]
fn kubectl_debug_has_a_setting_of_its_own() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("debugged", &["lithify.dev/enforce=immutable"]);
    assert!(hook.apply("debugged", &pod("web", GOOD), &[]).status.success());
    let debug = |container: &str| {
        let container = format!("--container={container}");
        let mut command = hook.bed.command("kubectl");
        command.args(["-n", "debugged", "debug", "web", "--image=busybox", "--attach=false", &container]);
        command.output().unwrap()
    };
    let output = debug("first");
    let text = said(&output);
    let warning =
        "Warning: lithify immutable:latest: writable-root-filesystem: ephemeral container \"first\"";
    assert!(output.status.success() && text.contains(warning), "{text}");

    hook.write("lithify.yaml", "mutation: off\nwebhook: {ephemeralContainers: deny}\n");
    // A container that was let in before is no news.
    let mut names = (0..).map(|number| format!("second-{number}"));
    let text = wait_for("the configuration to count", Duration::from_secs(30), || {
        let output = debug(&names.next()?);
        (!output.status.success()).then(|| said(&output))
    });
    assert!(text.contains("denied the request: Pod `web` violates lithify"), "{text}");

    hook.write("lithify.yaml", "mutation: off\nwebhok: {ephemeralContainers: warn}\n");
    let line = hook.wait_for_line("the configuration cannot be loaded; the old one stays in use");
    assert!(line["reason"].as_str().unwrap().contains("lithify.yaml:2:1: unknown key `webhok`"), "{line}");
    assert!(!debug("third").status.success());
}

#[test]
fn only_a_node_may_mirror_its_static_pods() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("mirrored", &["lithify.dev/enforce=baseline"]);
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n";
    assert!(hook.apply("mirrored", node, &[]).status.success());
    let uid = hook.get("mirrored", "node/n1")["metadata"]["uid"].as_str().unwrap().to_owned();
    let owner =
        format!("ownerReferences: [{{apiVersion: v1, kind: Node, name: n1, uid: {uid}, controller: true}}]");
    let mirror = pod("static-n1", BAD)
        .replace(
            "{name: static-n1}",
            &format!("{{name: static-n1, annotations: {{kubernetes.io/config.mirror: a}}, {owner}}}"),
        )
        .replace("spec:\n", "spec:\n  nodeName: n1\n");
    let text = said(&hook.apply("mirrored", &mirror.replace(&owner, ""), &[]));
    assert!(text.contains("denied the request"), "an admin is no node: {text}");
    let path = hook.write("mirror.yaml", &mirror);
    let node = ["--as=system:node:n1", "--as-group=system:nodes", "--as-group=system:authenticated"];
    let mut command = hook.bed.command("kubectl");
    let output = command.args(["-n", "mirrored", "create", "-f", &path]).args(node).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(!hook.log().contains("static-n1\",\"user\":\"system:node"), "the apiserver did not even ask");
}
