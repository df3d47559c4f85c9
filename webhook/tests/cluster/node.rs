//! A node with a kubelet and containers, and the webhook on it as README installs it.
//!
//! The cluster is made once. Its tests take turns, in any order, each in a namespace of its own.

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::hook::{OWN, pod, said};
use crate::testbed::bed::{Tier, Turn, shared, wait_for};

pub(crate) const DEPLOYMENT: &str = "deployment/lithify-webhook";
/// Everything about pods, and nothing else.
const AUDIT_POLICY: &str = "{\"apiVersion\": \"audit.k8s.io/v1\", \"kind\": \"Policy\", \"omitStages\": \
    [\"RequestReceived\"], \"rules\": [{\"level\": \"Metadata\", \"verbs\": [\"create\"], \"resources\": [{\"group\": \"\", \
    \"resources\": [\"pods\"]}]}, {\"level\": \"None\"}]}";
pub(crate) const LONG: Duration = Duration::from_mins(3);

const PROFILES: &str = "apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: writer, namespace: running}
spec:
  image: localhost/busybox
  workload: {kind: Pod, name: writer, container: app}
  paths:
  - {path: /data, contents: empty, writes: 3, maxBytes: 4096, uid: 0, gid: 0, mode: \"0755\", firstWriter: sh}
  unresolved: []
  complete: true
---
apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: busybox, namespace: running}
spec:
  image: localhost/busybox
  paths:
  - {path: /scratch, contents: empty, writes: 3, maxBytes: 4096, uid: 0, gid: 0, mode: \"0755\", firstWriter: sh}
  unresolved: []
  complete: true
";

/// Both kinds of what is registered.
pub(crate) const REGISTERED: &str = "validatingwebhookconfigurations,mutatingwebhookconfigurations";

/// A turn on the node.
pub(crate) struct Node {
    pub(crate) bed: Turn,
}

/// Whether the webhook of the plain manifests is there.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

impl Node {
    /// A turn on the node with the webhook on it; `None` where the machine cannot have one.
    pub(crate) fn with_webhook() -> Option<Self> {
        static IS_PREPARED: AtomicBool = AtomicBool::new(false);
        let node = Self { bed: shared(Tier::Kubeadm)? };
        if !IS_PREPARED.load(Ordering::Relaxed) {
            node.configure_apiserver();
            node.import_image();
            IS_PREPARED.store(true, Ordering::Relaxed);
        }
        if !IS_INSTALLED.load(Ordering::Relaxed) {
            node.install();
            IS_INSTALLED.store(true, Ordering::Relaxed);
        }
        Some(node)
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Output {
        self.bed.command("kubectl").args(arguments).output().unwrap()
    }

    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments);
        assert!(output.status.success(), "kubectl {}: {}", arguments.join(" "), said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let text = self.succeed(&[&["get", "-o", "json"], arguments].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// No kube-proxy is here: the apiserver finds the webhook's pods itself. And it tells what it audits.
    fn configure_apiserver(&self) {
        let file = self.bed.path("/etc/kubernetes/pki/audit-policy.yaml");
        std::fs::write(file, AUDIT_POLICY).unwrap();
        let flags = [
            "kube-apiserver",
            "--enable-aggregator-routing=true",
            "--audit-log-path=-",
            "--audit-policy-file=/etc/kubernetes/pki/audit-policy.yaml",
        ];
        let flags = format!("\n    - {}", flags.join("\n    - "));
        let manifest = self.bed.path("/etc/kubernetes/manifests/kube-apiserver.yaml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let changed = text.replacen("\n    - kube-apiserver", &flags, 1);
        assert_ne!(text, changed, "the command of {text}");
        std::fs::write(manifest, changed).unwrap();
        wait_for("the apiserver to restart", LONG, || {
            let running =
                self.bed.run(&["pgrep", "-f", "^kube-apiserver .*--enable-aggregator-routing=true"]);
            (running.status.success() && self.bed.is_ready()).then_some(())
        });
    }

    fn import_image(&self) {
        let archive = self.bed.directory().join("webhook.tar");
        let archive = archive.to_str().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/image.sh");
        let mut build = std::process::Command::new(script);
        build.args(["--binary", env!("CARGO_BIN_EXE_lithify-webhook"), "--output", archive]);
        let output = build.arg("lithify-webhook").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        self.bed.succeed(&["ctr", "-n", "k8s.io", "images", "import", archive]);
        std::fs::remove_file(archive).unwrap();
    }

    /// README's commands, with write-path profiles.
    fn install(&self) {
        let manifests = manifests();
        self.succeed(&["apply", "-k", &manifests]);
        let profiles = format!("--from-literal=profiles.yaml={PROFILES}");
        self.succeed(&["-n", OWN, "create", "configmap", "lithify-profiles", &profiles]);
        self.succeed(&["-n", OWN, "rollout", "status", DEPLOYMENT, "--timeout=180s"]);
        let config = format!("{manifests}/lithify.yaml");
        let register = ["register", "--config", &config, "--apply"];
        let output = self.bed.command(env!("CARGO_BIN_EXE_lithify-webhook")).args(register).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let _ = self.kubectl(&["create", "namespace", "canary"]);
        self.label("canary", &["lithify.dev/enforce=strict"]);
        self.wait_until_asked("canary", "violates lithify strict");
    }

    /// Takes the plain manifests away, and waits until their registration has gone with them.
    pub(crate) fn uninstall(&self) {
        IS_INSTALLED.store(false, Ordering::Relaxed);
        self.succeed(&["delete", "-k", &manifests()]);
        wait_for("the garbage collector", LONG, || self.registered().is_empty().then_some(()));
    }

    /// What is registered, by name.
    pub(crate) fn registered(&self) -> String {
        self.succeed(&["get", REGISTERED, "-o", "name"])
    }

    /// Waits until a privileged pod of the namespace is refused in these words.
    pub(crate) fn wait_until_asked(&self, namespace: &str, words: &str) {
        let privileged = pod("canary", "privileged: true");
        wait_for(&format!("the webhook to say `{words}` in {namespace}"), LONG, || {
            said(&self.create(namespace, &privileged, &["--dry-run=server"])).contains(words).then_some(())
        });
    }

    pub(crate) fn namespace(&self, name: &str, labels: &[&str]) {
        self.succeed(&["create", "namespace", name]);
        self.label(name, labels);
        wait_for("the ServiceAccount of the namespace", LONG, || {
            self.kubectl(&["-n", name, "get", "serviceaccount", "default"]).status.success().then_some(())
        });
    }

    fn label(&self, namespace: &str, labels: &[&str]) {
        for label in labels {
            self.succeed(&["label", "namespace", namespace, label, "--overwrite"]);
        }
    }

    pub(crate) fn create(&self, namespace: &str, manifest: &str, arguments: &[&str]) -> Output {
        let path = self.bed.directory().join("object.yaml");
        std::fs::write(&path, manifest).unwrap();
        let create = ["-n", namespace, "create", "-f", path.to_str().unwrap()];
        self.kubectl(&[&create, arguments].concat())
    }

    /// The replicas that serve.
    pub(crate) fn replicas(&self) -> Vec<String> {
        let pods = self.get(&["-n", OWN, "pods", "-l", "app.kubernetes.io/name=lithify-webhook"]);
        let is_ready = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            pod["metadata"]["deletionTimestamp"].is_null()
                && conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        };
        let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
        pods["items"].as_array().unwrap().iter().filter(is_ready).map(name).collect()
    }

    /// The replica that may write: the holder of the Lease, without the number of its process.
    pub(crate) fn writer(&self) -> String {
        let lease = self.get(&["-n", OWN, "lease", "lithify-webhook-tls"]);
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        holder.rsplit_once('-').map_or(holder, |(pod, _)| pod).to_owned()
    }

    /// The audit annotations of the pod's creation.
    pub(crate) fn audited(&self, namespace: &str, name: &str) -> Value {
        wait_for("the audit event", LONG, || {
            let log = self.bed.run(&[
                "sh",
                "-c",
                "cat /var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log",
            ]);
            let log = String::from_utf8(log.stdout).unwrap();
            // containerd writes a time, a stream and a tag before each line.
            let events = log.lines().filter_map(|line| line.split_once(" F ").map(|(_, text)| text));
            let mut events = events.filter_map(|text| serde_json::from_str::<Value>(text).ok());
            let is_it = |event: &Value| {
                event["objectRef"]["namespace"] == namespace && event["objectRef"]["name"] == name
            };
            events.find(is_it).map(|event| event["annotations"].clone())
        })
    }
}

fn manifests() -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/webhook");
    directory.to_str().unwrap().to_owned()
}
