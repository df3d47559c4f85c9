//! Certificates and authorities are exchanged under load, and no request fails.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::hook::{self, Hook, OWN, said};
use crate::testbed::bed::wait_for;

/// Exchanges of the authority to see, each with its certificate.
const EXCHANGES: usize = 2;

/// One namespace a replica: labelled for the first, named by the configuration for the second.
const NAMESPACES: [&str; 2] = ["loaded", "second"];
const CONFIG: &str = "mutation: off\nenforcement: {namespaces: {second: deny}}\n";

#[test]
fn authorities_and_certificates_are_exchanged_without_a_failed_request() {
    // An authority is exchanged after 12 seconds, a certificate after 8.
    let lifetimes = ["--ca-lifetime", "36s", "--leaf-lifetime", "24s", "--settle", "2s"];
    let Some(mut hook) = Hook::install(CONFIG, &lifetimes) else { return };
    hook.namespace("loaded", &["lithify.dev/enforce=immutable"]);
    hook.namespace("second", &[]);
    // One of the two holds the Lease and writes; the other serves what it reads.
    hook.start(&lifetimes);
    lead_to_second(&hook);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let kubeconfig = std::path::Path::new(&hook.bed.kubernetes()).join("admin.conf");
    let (requests, bundles, leaves) = runtime.block_on(async {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Box::pin(load(Client::try_from(config).unwrap())).await
    });
    assert!(bundles > 2 * EXCHANGES && leaves > EXCHANGES, "{bundles} bundles, {leaves} certificates");
    assert!(requests > 100, "{requests} requests are no load");
    for log in hook.logs() {
        assert!(!log.contains("\"decision\":\"unjudged\""), "{log}");
        let served = log.matches("\"message\":\"certificate loaded\"").count();
        assert!(served > EXCHANGES, "each replica serves every certificate, and not {served}:\n{log}");
    }
}

/// Has the apiserver ask the newest replica about the second namespace.
fn lead_to_second(hook: &Hook) {
    let configuration = hook.get("default", "validatingwebhookconfiguration/lithify-webhook");
    let entries = configuration["webhooks"].as_array().unwrap();
    let index = entries.iter().position(|entry| entry["name"] == "configured.lithify.dev").unwrap();
    let url = format!("https://{}/validate", hook.address());
    let place = format!("/webhooks/{index}/clientConfig/url");
    let patch = serde_json::json!([{"op": "replace", "path": place, "value": url}]).to_string();
    let patched = ["kubectl", "patch", "validatingwebhookconfiguration", "lithify-webhook", "--type=json"];
    hook.bed.succeed(&[&patched[..], &["-p", &patch]].concat());
    wait_for("the second replica to be asked", Duration::from_secs(30), || {
        let text =
            said(&hook.apply("second", &hook::pod("asked", "privileged: true"), &["--dry-run=server"]));
        assert!(text.contains("denied the request"), "{text}");
        hook.logs()[1].contains("\"decision\":\"denied\"").then_some(())
    });
}

/// Asks for pods until the authority has been exchanged often enough; returns how many were asked for, and how
/// many bundles and certificates the Secret held meanwhile.
async fn load(client: Client) -> (usize, usize, usize) {
    let done = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let worker = async |number: usize| {
        let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACES[number % NAMESPACES.len()]);
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        let [good, bad] = [true, false].map(|read_only| pod(number, read_only));
        while !done.load(Ordering::Relaxed) {
            pods.create(&dry_run, &good).await.unwrap();
            let refused = pods.create(&dry_run, &bad).await.unwrap_err().to_string();
            // Fail-closed: an unreachable webhook would refuse too, in other words.
            assert!(refused.contains("violates lithify immutable"), "{refused}");
            asked.fetch_add(2, Ordering::Relaxed);
        }
    };
    let watch = async {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), OWN);
        let (mut bundles, mut leaves) = (BTreeSet::new(), BTreeSet::new());
        let deadline = tokio::time::Instant::now() + Duration::from_mins(2);
        // Each exchange is two bundles: old and new, then the new alone.
        while bundles.len() <= 2 * EXCHANGES || leaves.len() <= EXCHANGES {
            let data = secrets.get("lithify-webhook-tls").await.unwrap().data.unwrap();
            bundles.insert(data["ca.crt"].0.clone());
            leaves.insert(data["tls.crt"].0.clone());
            assert!(
                tokio::time::Instant::now() < deadline,
                "{} bundles, {} leaves",
                bundles.len(),
                leaves.len()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        done.store(true, Ordering::Relaxed);
        (bundles.len(), leaves.len())
    };
    let ((), (), (), (), (bundles, leaves)) = tokio::join!(worker(1), worker(2), worker(3), worker(4), watch);
    (asked.load(Ordering::Relaxed), bundles, leaves)
}

fn pod(number: usize, read_only: bool) -> Pod {
    let security = serde_json::json!({"readOnlyRootFilesystem": read_only});
    let container = serde_json::json!({"name": "app", "image": "nginx", "securityContext": security});
    let metadata = serde_json::json!({"name": format!("load-{number}")});
    serde_json::from_value(serde_json::json!({"metadata": metadata, "spec": {"containers": [container]}}))
        .unwrap()
}
