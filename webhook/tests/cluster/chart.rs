//! The Helm chart: installed through a real apiserver, registered and removed with the rights of its own Jobs.

use std::path::{Path, PathBuf};
use std::process::Command;

use lithify::yaml::Stream;
use serde_json::Value;

use super::hook::{Hook, said};
use crate::testbed::require;

/// The release's namespace.
const NAMESPACE: &str = "charted";

pub(crate) fn helm() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/renderers.sh");
    let output = Command::new(script).output().unwrap();
    if output.status.success() {
        return Some(Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("helm"));
    }
    require::skip("renderers", "helm cannot be built here");
    None
}

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/chart/lithify-webhook")
}

/// Variables by which helm keeps its files under `home`.
pub(crate) fn homes(home: &Path) -> [String; 3] {
    ["CACHE", "CONFIG", "DATA"].map(|kind| format!("HELM_{kind}_HOME={}", home.display()))
}

/// The arguments of a hook's Job, as the release holds them.
fn arguments(hooks: &str, name: &str) -> Vec<String> {
    let stream = Stream::parse(hooks.as_bytes()).unwrap();
    let jobs: Vec<Value> = stream.documents().map(|document| document.to_value()).collect();
    let job = jobs.iter().find(|job| job["metadata"]["name"] == name).unwrap();
    let arguments = job["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    arguments.iter().map(|argument| argument.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_chart_installs_registers_and_takes_itself_away() {
    let Some(helm) = helm() else { return };
    let Some(hook) = Hook::bare() else { return };
    for kind in ["clusterrole", "clusterrolebinding"] {
        let own = ["lithify-webhook", "lithify-webhook-register", "lithify-profile-approver"];
        hook.bed.succeed(&[&["kubectl", "delete", "--ignore-not-found", kind], &own[..]].concat());
    }
    let chart = directory();
    let run_helm = |arguments: &[&str]| {
        let mut command = hook.bed.command("env");
        let homes = homes(&hook.path("helm"));
        let output = command.args(homes).arg(&helm).args(["-n", NAMESPACE]).args(arguments).output().unwrap();
        assert!(output.status.success(), "helm {arguments:?}: {}", said(&output));
        said(&output)
    };
    // No node runs the hooks' Jobs here (`release` has one): what they would do is done below.
    let notes = run_helm(&["install", "hook", chart.to_str().unwrap(), "--create-namespace", "--no-hooks"]);
    assert!(notes.contains("it warns about what violates level immutable"), "{notes}");

    let authority = format!("--from-file=ca.crt={}/pki/ca.crt", hook.bed.kubernetes());
    let secret = ["kubectl", "-n", NAMESPACE, "create", "secret", "generic", "lithify-webhook-tls"];
    hook.bed.succeed(&[&secret[..], &[&authority]].concat());
    let account = hook.kubeconfig_of(NAMESPACE, "lithify-webhook-register");
    let hooks = run_helm(&["get", "hooks", "hook"]);
    let job = |name: &str| {
        let mut command = hook.bed.command("env");
        command.arg(format!("KUBECONFIG={account}")).arg(env!("CARGO_BIN_EXE_lithify-webhook"));
        let output = command.args(arguments(&hooks, name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output));
        said(&output)
    };
    let both = |what: &str| {
        format!(
            "{what} ValidatingWebhookConfiguration lithify-webhook\n{what} MutatingWebhookConfiguration lithify-webhook\n"
        )
    };
    assert_eq!(job("lithify-webhook-register"), both("applied"));
    let role = hook.get(NAMESPACE, "clusterrole/lithify-webhook");
    for kind in ["validatingwebhookconfiguration", "mutatingwebhookconfiguration"] {
        let stored = hook.get(NAMESPACE, &format!("{kind}/lithify-webhook"));
        let owner = &stored["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["uid"]), (&"ClusterRole".into(), &role["metadata"]["uid"]));
        assert_eq!(stored["webhooks"][0]["clientConfig"]["service"]["namespace"], NAMESPACE);
    }
    assert_eq!(job("lithify-webhook-register"), both("applied"), "again, as after an upgrade");
    assert_eq!(job("lithify-webhook-remove"), both("removed"));
    run_helm(&["uninstall", "hook", "--no-hooks"]);
    let left = hook.bed.succeed(&["kubectl", "get", "clusterrole,clusterrolebinding", "-o", "name"]);
    assert!(!left.contains("lithify-webhook"), "{left}");
}
