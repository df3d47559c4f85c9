//! A cluster with the webhook in it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::testbed::bed::{Tier, Turn, shared, wait_for};

/// The webhook's own namespace.
pub(crate) const OWN: &str = "lithify-system";

/// A running cluster, and what stands for the webhook's Deployment.
pub(crate) struct Hook {
    pub(crate) bed: Turn,
    directory: tempfile::TempDir,
    replicas: Vec<Replica>,
}

/// What stands for one of its pods.
struct Replica {
    process: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    /// Takes a turn on the cluster, installs the webhook's account and rights, starts it with `config` (and more
    /// arguments), and registers it. `None` where the machine cannot have a cluster.
    pub(crate) fn install(config: &str, arguments: &[&str]) -> Option<Self> {
        let mut hook = Self::bare()?;
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/webhook");
        for file in ["namespace.yaml", "writeprofiles.yaml", "rbac.yaml"] {
            hook.bed.succeed(&["kubectl", "apply", "-f", manifests.join(file).to_str().unwrap()]);
        }
        hook.bed.succeed(&[
            "kubectl",
            "-n",
            OWN,
            "delete",
            "secret",
            "lithify-webhook-tls",
            "--ignore-not-found",
        ]);
        hook.write("lithify.yaml", config);
        std::fs::create_dir_all(hook.path("profiles")).unwrap();
        hook.kubeconfig_of(OWN, "lithify-webhook");
        hook.start(arguments);
        hook.register();
        Some(hook)
    }

    /// Takes a turn on the cluster, in which nothing is registered.
    pub(crate) fn bare() -> Option<Self> {
        let bed = shared(Tier::Plain)?;
        let directory = tempfile::tempdir().unwrap();
        let hook = Self { bed, directory, replicas: Vec::new() };
        hook.remove();
        Some(hook)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        // Exchanged as a whole, as a mounted ConfigMap is.
        let new = self.path(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &path).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A file with the credentials of a ServiceAccount.
    pub(crate) fn kubeconfig_of(&self, namespace: &str, account: &str) -> String {
        let token = self.bed.succeed(&["kubectl", "-n", namespace, "create", "token", account]);
        let config = self.bed.succeed(&["kubectl", "config", "view", "--raw", "-o", "json"]);
        let mut config: Value = serde_json::from_str(&config).unwrap();
        config["users"][0]["user"] = serde_json::json!({"token": token.trim()});
        self.write("kubeconfig", &config.to_string())
    }

    /// Starts a server, beside those that run, and waits until it listens.
    pub(crate) fn start(&mut self, arguments: &[&str]) {
        self.start_at("127.0.0.1:0", arguments);
    }

    /// The same where it is to be looked for.
    pub(crate) fn start_at(&mut self, address: &str, arguments: &[&str]) {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let kubeconfig = format!("KUBECONFIG={}", text("kubeconfig"));
        let mut command = self.bed.command("env");
        command.args([&kubeconfig, env!("CARGO_BIN_EXE_lithify-webhook"), "serve", "--listen", address]);
        // Where a test has its own, the files are not asked.
        for (own, instead, file) in
            [("--config-map", "--config", "lithify.yaml"), ("--profiles", "--profiles", "profiles")]
        {
            if !arguments.contains(&own) {
                command.args([instead, &text(file)]);
            }
        }
        if !arguments.contains(&"--tls-cert") {
            command.arg("--self-signed");
        }
        command
            .args(["--url", "https://127.0.0.1:1", "--namespace", OWN, "--drain-delay", "0"])
            .args(arguments);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        self.replicas.push(Replica { process, log });
        self.address();
        self.wait_for_line("\"message\":\"namespaces known\"");
    }

    /// Where the newest server listens.
    pub(crate) fn address(&self) -> String {
        let listening = self.wait_for_line("\"message\":\"listening\"");
        listening["address"].as_str().unwrap().to_owned()
    }

    /// The first line of the newest server's log, of now or soon, that holds `part`.
    pub(crate) fn wait_for_line(&self, part: &str) -> Value {
        let replica = self.replicas.last().unwrap();
        wait_for(&format!("a log line with {part}"), Duration::from_secs(30), || {
            let log = replica.log.lock().unwrap();
            log.iter().find(|line| line.contains(part)).map(|line| serde_json::from_str(line).unwrap())
        })
    }

    /// What the servers say, each for itself.
    pub(crate) fn logs(&self) -> Vec<String> {
        self.replicas.iter().map(|replica| replica.log.lock().unwrap().join("\n")).collect()
    }

    /// What they say together.
    pub(crate) fn log(&self) -> String {
        self.logs().join("\n")
    }

    /// Registers where the newest server listens.
    pub(crate) fn register(&self) {
        self.register_with(&[]);
    }

    /// The same with more arguments.
    pub(crate) fn register_with(&self, arguments: &[&str]) {
        let url = format!("https://{}", self.address());
        let config = self.path("lithify.yaml");
        let config = config.to_str().unwrap();
        let register = ["register", "--apply", "--url", &url, "--namespace", OWN, "--config", config];
        self.own(&[&register, arguments].concat(), "applied ValidatingWebhookConfiguration");
        // The apiserver hears of it a moment later.
        let _ = self.bed.run(&["kubectl", "create", "namespace", "canary"]);
        self.account("canary");
        self.bed.succeed(&[
            "kubectl",
            "label",
            "namespace",
            "canary",
            "lithify.dev/enforce=strict",
            "--overwrite",
        ]);
        wait_for("the apiserver to ask the webhook", Duration::from_secs(30), || {
            let output = self.apply("canary", &pod("canary", "privileged: true"), &["--dry-run=server"]);
            said(&output).contains("violates lithify strict").then_some(())
        });
    }

    /// Takes the configurations away, whether the webhook lives or not.
    pub(crate) fn remove(&self) {
        self.own(&["register", "--remove"], "");
    }

    fn own(&self, arguments: &[&str], expected: &str) {
        let output =
            self.bed.command(env!("CARGO_BIN_EXE_lithify-webhook")).args(arguments).output().unwrap();
        let said = said(&output);
        assert!(output.status.success() && said.contains(expected), "{said}");
    }

    /// Ends all servers as a lost node does.
    pub(crate) fn kill(&mut self) {
        for mut replica in self.replicas.drain(..) {
            let _ = replica.process.kill();
            let _ = replica.process.wait();
        }
    }

    /// A namespace with labels, and the ServiceAccount that a controller would make.
    pub(crate) fn namespace(&self, name: &str, labels: &[&str]) {
        self.bed.run(&["kubectl", "delete", "namespace", name, "--wait=false", "--ignore-not-found"]);
        self.bed.succeed(&["kubectl", "create", "namespace", name]);
        self.account(name);
        for label in labels {
            self.bed.succeed(&["kubectl", "label", "namespace", name, label]);
        }
    }

    /// The ServiceAccount that every pod has.
    pub(crate) fn account(&self, namespace: &str) {
        let _ = self.bed.run(&["kubectl", "-n", namespace, "create", "serviceaccount", "default"]);
    }

    /// `kubectl apply` of a manifest.
    pub(crate) fn apply(&self, namespace: &str, manifest: &str, arguments: &[&str]) -> Output {
        let path = self.write("object.yaml", manifest);
        let mut command = self.bed.command("kubectl");
        command.args(["-n", namespace, "apply", "-f", &path]).args(arguments).output().unwrap()
    }

    /// A stored object.
    pub(crate) fn get(&self, namespace: &str, object: &str) -> Value {
        let text = self.bed.succeed(&["kubectl", "-n", namespace, "get", object, "-o", "json"]);
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the webhook said:\n{}", self.log());
        }
        self.kill();
        let _ =
            self.bed.command(env!("CARGO_BIN_EXE_lithify-webhook")).args(["register", "--remove"]).output();
    }
}

/// What a user sees.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A pod of one container, with fields of its securityContext.
pub(crate) fn pod(name: &str, security: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: app\n    \
         image: nginx\n    securityContext: {{{security}}}\n"
    )
}

/// A workload of each kind whose pods are privileged.
pub(crate) fn workloads() -> Vec<(&'static str, String)> {
    let template = "template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Always, containers: [{name: app, \
        image: nginx, securityContext: {privileged: true}}]}}";
    let once = template.replace("Always", "Never");
    let kinds = [
        ("Deployment", "apps/v1", format!("spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}")),
        ("DaemonSet", "apps/v1", format!("spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}")),
        (
            "StatefulSet",
            "apps/v1",
            format!("spec: {{serviceName: s, selector: {{matchLabels: {{a: b}}}}, {template}}}"),
        ),
        ("ReplicaSet", "apps/v1", format!("spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}")),
        ("ReplicationController", "v1", format!("spec: {{selector: {{a: b}}, {template}}}")),
        ("Job", "batch/v1", format!("spec: {{{once}}}")),
        ("CronJob", "batch/v1", format!("spec: {{schedule: '@daily', jobTemplate: {{spec: {{{once}}}}}}}")),
        ("PodTemplate", "v1", template.to_owned()),
    ];
    let manifest = |(kind, version, rest): (&'static str, &str, String)| {
        let mut text = String::new();
        let _ = writeln!(text, "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\n{rest}");
        (kind, text)
    };
    kinds.into_iter().map(manifest).collect()
}
