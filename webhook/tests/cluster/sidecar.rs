//! The probe beside pods that ask for it, past a webhook that refuses everybody else's capabilities.

use super::hook::{Hook, said};

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {lithify.dev/probe: sidecar}}
spec:
  containers:
  - {name: app, image: nginx, securityContext: {readOnlyRootFilesystem: true}}
";

#[test]
fn the_probe_is_injected_and_no_look_alike_passes() {
    let image = format!("registry.example/lithify-probe@sha256:{}", "0123456789abcdef".repeat(4));
    let config = format!("mutation: off\nwebhook: {{probeImage: '{image}'}}\n");
    let Some(hook) = Hook::install(&config, &[]) else { return };
    hook.namespace("watched", &["lithify.dev/enforce=immutable"]);
    let text = said(&hook.apply("watched", POD, &[]));
    assert_eq!(text, "pod/web created\n");
    // With all that the API has filled in: defaults, and the account's token.
    let stored = hook.get("watched", "pod/web");
    let probe = &stored["spec"]["initContainers"][0];
    assert_eq!((&probe["name"], &probe["image"]), (&"lithify-probe".into(), &image.as_str().into()));
    assert_eq!(probe["securityContext"]["capabilities"]["add"], serde_json::json!(["BPF", "PERFMON"]));
    assert_eq!(probe["imagePullPolicy"], "IfNotPresent");
    hook.wait_for_line(
        "\"endpoint\":\"mutate\",\"decision\":\"mutated\",\"kind\":\"Pod\",\"namespace\":\"watched\"",
    );

    let mut copy = stored.clone();
    copy["metadata"] = serde_json::json!({"name": "copy"});
    let text = said(&hook.apply("watched", &copy.to_string(), &["--dry-run=server"]));
    assert!(text.contains("pod/copy created"), "to the letter, whoever wrote it: {text}");
    copy["spec"]["initContainers"][0]["args"] = serde_json::json!(["run", "--record", "/dev/stdout"]);
    let text = said(&hook.apply("watched", &copy.to_string(), &["--dry-run=server"]));
    let why = "- added-capabilities: init container \"lithify-probe\"";
    assert!(text.contains("denied the request") && text.contains(why), "{text}");

    hook.namespace("guarded", &["pod-security.kubernetes.io/enforce=baseline"]);
    let text = said(&hook.apply("guarded", POD, &[]));
    let why = "Warning: lithify: no probe beside this pod: Pod Security enforces `baseline` in this namespace, which \
        refuses CAP_BPF and CAP_PERFMON\n";
    assert!(text.contains(why) && text.contains("pod/web created"), "{text}");
    assert!(hook.get("guarded", "pod/web")["spec"].get("initContainers").is_none());
}
