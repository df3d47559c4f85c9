//! What users deploy obeys our own checks, and names only what there is.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use lithify::checks::{Context, Level, PssVersion, Selection, judge};
use lithify::profile::Profiles;
use lithify::yaml::Stream;
use lithify_webhook::review::Policy;
use lithify_webhook::serve::{App, Condition, Limits, Log, Namespaces, router};
use serde_json::{Value, json};

#[path = "../../fixtures/testbed/require.rs"]
mod require;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/webhook")
}

fn objects() -> Vec<Value> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") && !path.ends_with("lithify.yaml") {
            let source = std::fs::read(&path).unwrap();
            all.extend(Stream::parse(&source).unwrap().documents().map(|document| document.to_value()));
        }
    }
    all
}

fn deployment() -> Value {
    objects().into_iter().find(|object| object["kind"] == "Deployment").unwrap()
}

#[test]
fn the_deployment_passes_the_strictest_level() {
    let strict = Selection::level(Level::Strict, PssVersion::LATEST);
    let found: Vec<_> =
        objects().iter().flat_map(|object| judge(object, &strict, &Context::default())).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(deployment()["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
}

#[test]
fn the_configuration_is_one() {
    let source = std::fs::read(directory().join("lithify.yaml")).unwrap();
    let config = lithify::config::read(&source).unwrap();
    // Installed beside unprofiled workloads it changes nothing and refuses nothing.
    assert_eq!(config.enforcement.default, lithify::config::Mode::Warn);
    assert_eq!(config.mutation, lithify::config::Mutation::Profiled);
}

#[test]
fn its_arguments_are_those_of_the_command() {
    let spec = deployment()["spec"]["template"]["spec"].clone();
    let arguments = spec["containers"][0]["args"].as_array().unwrap().iter().map(|all| all.as_str().unwrap());
    let mut command = assert_cmd::Command::cargo_bin("lithify-webhook").unwrap();
    // Without a cluster it ends at the first thing that it needs, which is none of its arguments.
    let output = command.args(arguments).env_clear().env("HOME", "/nonexistent").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stderr.starts_with("lithify-webhook: error: no cluster to ask for the labels of namespaces"),
        "{stderr}"
    );
}

/// What the chart renders into the namespace of the plain manifests; `None` where there is no helm.
fn rendered() -> Option<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tools = Command::new(root.join("scripts/renderers.sh")).output().unwrap();
    if !tools.status.success() {
        require::skip("renderers", "helm cannot be built here");
        return None;
    }
    let helm = Path::new(String::from_utf8(tools.stdout).unwrap().trim()).join("helm");
    let mut command = Command::new(helm);
    command.args([
        "template",
        "hook",
        "manifests/chart/lithify-webhook",
        "--include-crds",
        "-n",
        "lithify-system",
    ]);
    let output = command.current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(Stream::parse(&output.stdout).unwrap().documents().map(|document| document.to_value()).collect())
}

#[test]
fn the_chart_installs_what_the_manifests_do() {
    let Some(rendered) = rendered() else { return };
    let strict = Selection::level(Level::Strict, PssVersion::LATEST);
    let found: Vec<_> =
        rendered.iter().flat_map(|object| judge(object, &strict, &Context::default())).collect();
    assert!(found.is_empty(), "{found:#?}");
    let mut compared = 0;
    for plain in objects() {
        // Helm makes the one, the other is kustomize's own.
        if plain["kind"] == "Namespace" || plain["kind"] == "Kustomization" {
            continue;
        }
        let is_same = |other: &&Value| {
            other["kind"] == plain["kind"] && other["metadata"]["name"] == plain["metadata"]["name"]
        };
        let Some(chart) = rendered.iter().find(is_same) else { panic!("the chart lacks {plain:#}") };
        let (mut plain, mut chart) = (plain.clone(), chart.clone());
        for object in [&mut plain, &mut chart] {
            object["metadata"]["labels"] = Value::Null;
            if object["kind"] == "Deployment" {
                // The plain one reads files, the chart's the cluster's objects.
                let pod = &mut object["spec"]["template"]["spec"];
                pod["volumes"] = Value::Null;
                for key in ["args", "imagePullPolicy", "volumeMounts"] {
                    pod["containers"][0][key] = Value::Null;
                }
            }
        }
        assert_eq!(plain, chart, "of {}", plain["metadata"]["name"]);
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn the_definition_knows_every_field_of_a_profile() {
    const WHOLE: &str = "\
apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: web-nginx, namespace: web}
spec:
  image: docker.io/library/nginx
  digest: sha256:ab
  approved: true
  workload: {kind: Deployment, name: web, container: nginx}
  paths: [{path: /a, contents: empty, writes: 1, maxBytes: 2, uid: 1, gid: 1, mode: \"0755\", firstWriter: nginx}]
  blocked: [{path: /b, errno: EROFS, count: 3}]
  observed: {from: 2026-11-01T00:00:00Z, to: 2026-11-08T00:00:00Z, containers: 1, starts: 1, stops: 1}
  unresolved: [x]
  complete: true
";
    fn compare(value: &Value, schema: &Value, at: &str) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    compare(value, &schema["properties"][key], &format!("{at}.{key}"));
                }
                // And nothing else.
                let known = schema["properties"].as_object().unwrap();
                assert_eq!(fields.len(), known.len(), "{at}");
            }
            Value::Array(items) => compare(&items[0], &schema["items"], at),
            _ => assert!(schema["type"].is_string(), "{at} is not in the definition"),
        }
    }
    let profile = lithify::profile::read(WHOLE.as_bytes()).unwrap().remove(0).to_value();
    let definition =
        objects().into_iter().find(|object| object["kind"] == "CustomResourceDefinition").unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    compare(&profile["spec"], schema, "spec");
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_there_are() {
    let policy = Policy::new(lithify::config::Config::default(), Profiles::default()).unwrap();
    let log = Log::new(std::io::sink(), false);
    let app = App::new(policy, Namespaces::Fixed(BTreeMap::new()), log, Limits::default());
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let pod = json!({"kind": "Pod", "spec": {"containers": [{"name": "a"}]}});
    let request = json!({"uid": "u", "operation": "CREATE", "kind": kind, "object": pod});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
        .to_string();
    warp::test::request().method("POST").path("/validate").body(review).reply(&router(&app, None)).await;
    app.metrics.reloaded("configuration", true);
    app.metrics.event("written");
    app.conditions.set(Condition::ConfigurationCurrent, Ok(()));
    let metrics = app.metrics.to_text();
    let dashboard = std::fs::read_to_string(directory().join("dashboard.json")).unwrap();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut asked: Vec<String> = dashboard
        .match_indices("lithify_webhook_")
        .map(|(at, _)| dashboard[at..].chars().take_while(|c| is_part(*c)).collect())
        .collect();
    asked.sort();
    asked.dedup();
    assert!(asked.len() >= 10, "{asked:?}");
    // What is to be looked at is shown: certificates, reloads, Events, conditions.
    for family in
        ["certificate_expiry_timestamp_seconds", "reload_failures_total", "events_total", "condition"]
    {
        assert!(asked.contains(&format!("lithify_webhook_{family}")), "no panel for {family}");
    }
    for name in asked {
        assert!(metrics.lines().any(|line| line.starts_with(&name)), "no metric {name} in\n{metrics}");
    }
}

/// The image that `scripts/image.sh` makes of the program under test, unpacked.
fn image(directory: &Path) -> Vec<u8> {
    let archive = directory.join("image.tar");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/image.sh");
    let mut build = std::process::Command::new(script);
    build.args(["--binary", env!("CARGO_BIN_EXE_lithify-webhook"), "--output"]).arg(&archive);
    let output = build.arg("lithify-webhook").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status = std::process::Command::new("tar").arg("-C").arg(directory).arg("-xf").arg(&archive).status();
    assert!(status.unwrap().success());
    std::fs::read(archive).unwrap()
}

#[test]
fn the_image_has_no_root_no_shell_and_nothing_but_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(directory.path().join(name)).unwrap()).unwrap()
    };
    let first = image(directory.path());
    let manifest = &read("manifest.json")[0];
    let wanted = &deployment()["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(manifest["RepoTags"], json!([wanted]));
    let config = read(manifest["Config"].as_str().unwrap());
    assert_eq!(
        (&config["config"]["User"], &config["config"]["Entrypoint"]),
        (&json!("65532:65532"), &json!(["/lithify-webhook"]))
    );
    let layer = directory.path().join(manifest["Layers"][0].as_str().unwrap());
    let listing = std::process::Command::new("tar").arg("-tf").arg(layer).output().unwrap().stdout;
    let listing = String::from_utf8(listing).unwrap();
    let (programs, others): (Vec<_>, Vec<_>) =
        listing.lines().filter(|name| !name.ends_with('/')).partition(|name| *name == "./lithify-webhook");
    assert_eq!(programs.len(), 1, "{listing}");
    assert!(others.iter().all(|name| name.contains(".so")), "{listing}");
    // The same program makes the same bytes.
    assert!(image(directory.path()) == first);
}
