//! Pods that are changed on their way, and all that is not.

use serde_json::json;

use super::hook::{Hook, said};

pub(crate) const PROFILE: &str = "\
apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: web-nginx}
spec:
  image: docker.io/library/nginx
  paths:
  - {path: /var/cache/nginx, contents: empty, writes: 3, mode: \"0755\", firstWriter: nginx}
  observed: {from: 2026-11-01T00:00:00Z, to: 2026-11-08T00:00:00Z, containers: 12, starts: 14, stops: 9}
  unresolved: []
  complete: true
";

pub(crate) const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: nginx, image: nginx}
";

/// As a CNI plugin comes: privileged, on its node's network, with its node's directories.
const CNI: &str = "\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cni}
spec:
  selector: {matchLabels: {a: cni}}
  template:
    metadata: {labels: {a: cni}}
    spec:
      hostNetwork: true
      initContainers:
      - {name: install, image: cni, volumeMounts: [{name: bin, mountPath: /host/opt/cni/bin}]}
      containers:
      - {name: agent, image: cni, securityContext: {privileged: true}}
      volumes: [{name: bin, hostPath: {path: /opt/cni/bin}}]
";

#[test]
fn a_profiled_pod_is_stored_with_a_read_only_root() {
    let Some(hook) = Hook::install("", &[]) else { return };
    std::fs::write(hook.path("profiles/web.yaml"), PROFILE).unwrap();
    hook.wait_for_line("\"message\":\"configuration loaded\"");
    hook.namespace("profiled", &["lithify.dev/enforce=immutable"]);
    let text = said(&hook.apply("profiled", POD, &[]));
    assert_eq!(text, "pod/web created\n", "what is repaired on the way violates nothing");
    let stored = hook.get("profiled", "pod/web");
    let container = &stored["spec"]["containers"][0];
    assert_eq!(container["securityContext"], json!({"readOnlyRootFilesystem": true}));
    let mount = json!({"name": "rw-nginx-var-cache-nginx", "mountPath": "/var/cache/nginx"});
    assert!(container["volumeMounts"].as_array().unwrap().contains(&mount), "{stored:#}");
    assert!(
        stored["spec"]["volumes"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "rw-nginx-var-cache-nginx", "emptyDir": {}}))
    );
    let said = stored["metadata"]["annotations"]["lithify.dev/mutated"].as_str().unwrap();
    assert!(said.ends_with("mount an emptyDir at /var/cache/nginx (profile web-nginx)"), "{said}");

    // What GitOps tools apply stays as they have it.
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {selector: {matchLabels: \
        {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: nginx, image: nginx}]}}}\n";
    assert!(hook.apply("profiled", deployment, &[]).status.success());
    let stored = hook.get("profiled", "deployment/web");
    assert!(stored["spec"]["template"]["spec"]["containers"][0].get("securityContext").is_none());
}

#[test]
fn beside_unprofiled_workloads_the_defaults_change_nothing_and_refuse_nothing() {
    let Some(hook) = Hook::install("", &[]) else { return };
    hook.namespace("untouched", &[]);
    let pod_of_cni = CNI
        .replace("apps/v1\nkind: DaemonSet\nmetadata: {name: cni}", "v1\nkind: Pod\nmetadata: {name: cni}")
        .replace(
            "  selector: {matchLabels: {a: cni}}\n  template:\n    metadata: {labels: {a: cni}}\n    spec:\n",
            "",
        )
        .replace("\n    ", "\n");
    for (name, manifest) in [("pod/web", POD), ("daemonset/cni", CNI), ("pod/cni", &pod_of_cni)] {
        let output = hook.apply("untouched", manifest, &[]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let stored = hook.get("untouched", name);
        let text = stored.to_string();
        assert!(
            !text.contains("lithify.dev/mutated") && !text.contains("readOnlyRootFilesystem"),
            "{name}: {stored:#}"
        );
    }
    let text = said(&hook.apply("untouched", &POD.replace("name: web", "name: other"), &[]));
    let warning = "Warning: lithify: container \"nginx\" keeps a writable root: no write-path profile tells where it \
        writes but /tmp; `lithify-probe learn` makes its profile\n";
    assert!(text.contains(warning), "{text}");
}
