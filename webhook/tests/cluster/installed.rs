//! The install as README has it, on a node with a kubelet and containers: image, manifests, registration, replicas, a
//! pod that was changed on its way in, and what the audit log holds of all that.
//!
//! The cluster is made once. Its tests take turns, in any order, each in a namespace of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::hook::{OWN, pod, said};
use crate::testbed::bed::{Tier, Turn, shared, wait_for};

const DEPLOYMENT: &str = "deployment/lithify-webhook";
/// Everything about pods, and nothing else.
const AUDIT_POLICY: &str = "{\"apiVersion\": \"audit.k8s.io/v1\", \"kind\": \"Policy\", \"omitStages\": \
    [\"RequestReceived\"], \"rules\": [{\"level\": \"Metadata\", \"verbs\": [\"create\"], \"resources\": [{\"group\": \"\", \
    \"resources\": [\"pods\"]}]}, {\"level\": \"None\"}]}";
const LONG: Duration = Duration::from_mins(3);

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
";

/// Tries to write in two places, and stays.
const WRITER: &str = "apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: localhost/busybox:1
    command: [sh, -c, 'touch /data/file && echo wrote /data; touch /file; echo done; sleep 3600']
";

struct Installed {
    bed: Turn,
}

impl Installed {
    /// A turn on the cluster with the webhook in it; `None` where the machine cannot have one.
    fn take() -> Option<Self> {
        static IS_THERE: AtomicBool = AtomicBool::new(false);
        let installed = Self { bed: shared(Tier::Kubeadm)? };
        if !IS_THERE.load(Ordering::Relaxed) {
            installed.configure_apiserver();
            installed.import_image();
            installed.install();
            IS_THERE.store(true, Ordering::Relaxed);
        }
        Some(installed)
    }

    fn kubectl(&self, arguments: &[&str]) -> Output {
        self.bed.command("kubectl").args(arguments).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments);
        assert!(output.status.success(), "kubectl {}: {}", arguments.join(" "), said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn get(&self, arguments: &[&str]) -> Value {
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

    /// README's three commands, with write-path profiles, and with the apiserver's address for pods that no
    /// kube-proxy leads to it.
    fn install(&self) {
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/webhook");
        let manifests = manifests.to_str().unwrap();
        self.succeed(&["apply", "-k", manifests]);
        let profiles = format!("--from-literal=profiles.yaml={PROFILES}");
        self.succeed(&["-n", OWN, "create", "configmap", "lithify-profiles", &profiles]);
        let address = ["KUBERNETES_SERVICE_HOST=192.0.2.2", "KUBERNETES_SERVICE_PORT=6443"];
        self.succeed(&[&["-n", OWN, "set", "env", DEPLOYMENT][..], &address].concat());
        // The replicas of before cannot become ready, and a rollout keeps what is ready.
        self.succeed(&["-n", OWN, "rollout", "status", DEPLOYMENT, "--timeout=180s"]);
        let config = format!("{manifests}/lithify.yaml");
        let register = ["register", "--config", &config, "--apply"];
        let output = self.bed.command(env!("CARGO_BIN_EXE_lithify-webhook")).args(register).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        self.namespace("canary", &["lithify.dev/enforce=strict"]);
        wait_for("the apiserver to ask the webhook", LONG, || {
            let text =
                said(&self.create("canary", &pod("canary", "privileged: true"), &["--dry-run=server"]));
            text.contains("violates lithify strict").then_some(())
        });
    }

    fn namespace(&self, name: &str, labels: &[&str]) {
        self.succeed(&["create", "namespace", name]);
        for label in labels {
            self.succeed(&["label", "namespace", name, label]);
        }
        wait_for("the ServiceAccount of the namespace", LONG, || {
            self.kubectl(&["-n", name, "get", "serviceaccount", "default"]).status.success().then_some(())
        });
    }

    fn create(&self, namespace: &str, manifest: &str, arguments: &[&str]) -> Output {
        let path = self.bed.directory().join("object.yaml");
        std::fs::write(&path, manifest).unwrap();
        let create = ["-n", namespace, "create", "-f", path.to_str().unwrap()];
        self.kubectl(&[&create, arguments].concat())
    }

    /// The replicas that serve.
    fn replicas(&self) -> Vec<String> {
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
    fn writer(&self) -> String {
        let lease = self.get(&["-n", OWN, "lease", "lithify-webhook-tls"]);
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        holder.rsplit_once('-').map_or(holder, |(pod, _)| pod).to_owned()
    }

    /// The audit annotations of the pod's creation.
    fn audited(&self, namespace: &str, name: &str) -> Value {
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

#[test]
fn a_changed_pod_runs_and_writes_only_where_it_may() {
    let Some(installed) = Installed::take() else { return };
    installed.namespace("running", &["lithify.dev/enforce=immutable"]);
    let output = installed.create("running", WRITER, &[]);
    assert_eq!(said(&output), "pod/writer created\n");
    let log = wait_for("the pod to have tried", LONG, || {
        let log = said(&installed.kubectl(&["-n", "running", "logs", "writer"]));
        log.contains("done").then_some(log)
    });
    let has = |line: &str| log.lines().any(|said| said == line);
    assert!(has("wrote /data") && has("touch: /file: Read-only file system"), "{log}");
    let mounts = installed.succeed(&["-n", "running", "exec", "writer", "--", "cat", "/proc/mounts"]);
    let is_root = |line: &&str| line.split(' ').nth(1) == Some("/");
    let root = mounts.lines().find(is_root).unwrap();
    assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");
    let annotations = installed.audited("running", "writer");
    assert_eq!(annotations["mutate.lithify.dev/decision"], "mutated", "{annotations:#}");
    let mutated = annotations["mutate.lithify.dev/mutated"].as_str().unwrap();
    assert!(mutated.ends_with("mount an emptyDir at /data (profile writer)"), "{mutated}");
    assert_eq!(annotations["deny.lithify.dev/decision"], "allowed");
}

#[test]
fn the_audit_log_has_every_decision() {
    let Some(installed) = Installed::take() else { return };
    installed.namespace(
        "logged",
        &["lithify.dev/enforce=baseline", "lithify.dev/audit=immutable", "lithify.dev/warn=privileged"],
    );
    installed.namespace("warned", &[]);
    let text = said(&installed.create("logged", &pod("denied", "privileged: true"), &[]));
    assert!(text.contains("denied the request: Pod `denied` violates lithify baseline:latest"), "{text}");
    assert!(installed.create("logged", &pod("audited", ""), &[]).status.success());
    assert!(installed.create("warned", &pod("warned", ""), &[]).status.success());
    let denied = installed.audited("logged", "denied");
    assert_eq!(denied["deny.lithify.dev/decision"], "denied", "{denied:#}");
    let text = denied["deny.lithify.dev/denied"].as_str().unwrap();
    assert!(text.starts_with("privileged: container \"app\" is privileged"), "{text}");
    let audited = installed.audited("logged", "audited");
    assert_eq!(audited["deny.lithify.dev/decision"], "audited", "{audited:#}");
    let text = audited["deny.lithify.dev/audited"].as_str().unwrap();
    assert!(text.starts_with("writable-root-filesystem: container \"app\""), "{text}");
    let warned = installed.audited("warned", "warned");
    assert_eq!(warned["observe.lithify.dev/decision"], "warned", "{warned:#}");
    assert_eq!(warned["observe.lithify.dev/level"], "immutable:latest");
    assert!(warned["observe.lithify.dev/warned"].as_str().unwrap().contains("writable-root-filesystem"));
}

#[test]
fn two_replicas_serve_and_one_writes_until_it_is_gone() {
    let Some(installed) = Installed::take() else { return };
    let replicas = wait_for("two replicas", LONG, || Some(installed.replicas()).filter(|all| all.len() == 2));
    let writer = installed.writer();
    assert!(replicas.contains(&writer), "{writer} of {replicas:?}");
    // Both serve what the apiserver trusts, and answer a review; asked one by one.
    let request = json!({"uid": "u-1", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "default", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "a", "image": "b"}]}}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let file = installed.bed.directory().join("review.json");
    std::fs::write(&file, review.to_string()).unwrap();
    for replica in &replicas {
        let path = |end: &str| format!("/api/v1/namespaces/{OWN}/pods/https:{replica}:8443/proxy/{end}");
        let conditions = installed.succeed(&["get", "--raw", &path("readyz")]);
        let conditions: Value = serde_json::from_str(&conditions).unwrap();
        let all = conditions["conditions"].as_array().unwrap();
        let agree = all.iter().find(|condition| condition["type"] == "BundlesAgree").unwrap();
        assert_eq!(agree["status"], "True", "{replica}: {conditions:#}");
        let answer = installed.succeed(&["create", "--raw", &path("validate"), "-f", file.to_str().unwrap()]);
        assert!(
            answer.contains("\"allowed\":true") && answer.contains("writable-root-filesystem"),
            "{answer}"
        );
    }
    // The other takes over, and no certificate is made anew for that.
    let certificate =
        |installed: &Installed| installed.get(&["-n", OWN, "secret", "lithify-webhook-tls"])["data"].clone();
    let before = certificate(&installed);
    installed.succeed(&["-n", OWN, "delete", "pod", &writer, "--wait=false"]);
    let next = wait_for("another replica to hold the Lease", LONG, || {
        let next = installed.writer();
        (next != writer && installed.replicas().contains(&next)).then_some(next)
    });
    assert_eq!(certificate(&installed), before, "{next} has nothing to exchange");
    installed.namespace("after", &["lithify.dev/enforce=baseline"]);
    let text = said(&installed.create("after", &pod("web", "privileged: true"), &[]));
    assert!(text.contains("denied the request"), "{text}");
    let _ = writeln!(std::io::stderr(), "{writer} wrote, then {next}");
}
