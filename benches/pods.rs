//! What admission costs pods: `cargo bench -p lithify-webhook --bench pods`.
//!
//! 500 pods are created through a real kube-apiserver, one after the other and by eight clients at once: with nothing
//! in the way, with the webhook, and with the exported ValidatingAdmissionPolicy of the same checks instead. The three
//! take turns; the rounds' medians are shown. The webhook is called twice a pod, to change and to judge it; the pods
//! violate nothing and have a read-only root already.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

#[path = "../webhook/tests/cluster/hook.rs"]
#[allow(dead_code, reason = "a benchmark uses a part of it")]
mod hook;
#[path = "../fixtures/testbed/mod.rs"]
mod testbed;

use std::time::{Duration, Instant};

use hook::{Hook, pod, said};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use lithify::checks::{Level, PssVersion, Selection};
use lithify::config::Mode;
use lithify::policy::{self, Settings};
use testbed::bed::wait_for;

const PODS: usize = 500;
const CLIENTS: [usize; 2] = [1, 8];
const ROUNDS: usize = 3;
const NAMESPACE: &str = "measured";
const SOON: Duration = Duration::from_mins(5);

/// What judges pods.
#[derive(Clone, Copy)]
enum Judge {
    Nobody,
    Webhook,
    Policy,
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let Some(hook) = Hook::install("", &[]) else { return };
    hook.namespace(NAMESPACE, &["lithify.dev/enforce=immutable"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let client = runtime.block_on(client(&hook));
    let judges = [("nothing", Judge::Nobody), ("webhook", Judge::Webhook), ("policy", Judge::Policy)];
    println!("{PODS} pods, median of {ROUNDS} rounds");
    println!(
        "{:8} {:>7} {:>8} {:>11} {:>9} {:>9}",
        "in way", "clients", "seconds", "more a pod", "p50 ms", "p99 ms"
    );
    for clients in CLIENTS {
        let mut rounds: [Vec<Round>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (place, (_, judge)) in judges.iter().enumerate() {
                install(&hook, *judge);
                rounds[place].push(runtime.block_on(create(&client, clients)));
            }
        }
        let medians = rounds.map(|mut all| {
            all.sort_by_key(|round| round.whole);
            all.swap_remove(ROUNDS / 2)
        });
        for ((name, _), round) in judges.iter().zip(&medians) {
            let more = (round.whole.as_secs_f64() - medians[0].whole.as_secs_f64()) * 1e3 / PODS as f64;
            let at = |percent: usize| round.each[PODS * percent / 100].as_secs_f64() * 1e3;
            let whole = round.whole.as_secs_f64();
            println!("{name:8} {clients:>7} {whole:>8.2} {more:>8.2} ms {:>9.2} {:>9.2}", at(50), at(99));
        }
    }
}

async fn client(hook: &Hook) -> Client {
    let file = std::path::Path::new(&hook.bed.kubernetes()).join("admin.conf");
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// Puts a judge in the way, alone, and waits until it judges.
fn install(hook: &Hook, judge: Judge) {
    const POLICIES: &str = "validatingadmissionpolicies,validatingadmissionpolicybindings";
    const OURS: [&str; 2] = ["-l", "app.kubernetes.io/managed-by=lithify"];
    hook.remove();
    hook.bed.succeed(&["kubectl", "delete", POLICIES, OURS[0], OURS[1]]);
    match judge {
        Judge::Nobody => {}
        Judge::Webhook => hook.register(),
        Judge::Policy => {
            let path = hook.write("policies.yaml", &exported());
            hook.bed.succeed(&["kubectl", "apply", "--server-side", "-f", &path]);
        }
    }
    let is_judged = !matches!(judge, Judge::Nobody);
    let mut tries = 0;
    wait_for("the apiserver to hear of it", SOON, || {
        let output = hook.apply(NAMESPACE, &pod("bad", "privileged: true"), &["--dry-run=server"]);
        let is_refused = said(&output).contains("is privileged");
        tries += 1;
        // Installed anew, policies were seen to stay without effect for minutes: a change makes the apiserver look.
        if !is_refused && tries % 20 == 0 && matches!(judge, Judge::Policy) {
            let mark = format!("lithify.dev/try={tries}");
            hook.bed.succeed(&["kubectl", "annotate", "--overwrite", POLICIES, OURS[0], OURS[1], &mark]);
        }
        (is_refused == is_judged).then_some(())
    });
}

fn exported() -> String {
    let selection = Selection::level(Level::Immutable, PssVersion::LATEST);
    let config = lithify::config::Config::default();
    let settings = Settings {
        selection: &selection,
        config: &config,
        enforce: Some(Mode::Deny),
        today: jiff::Zoned::now().date(),
        name: "lithify",
        combined: false,
        workloads: Mode::Warn,
        ephemeral_containers: Mode::Warn,
    };
    policy::text("for a benchmark", &policy::validating(&settings).unwrap())
}

struct Round {
    whole: Duration,
    /// Sorted.
    each: Vec<Duration>,
}

/// Creates the pods by so many clients at once, and takes them away again.
async fn create(client: &Client, clients: usize) -> Round {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let begin = Instant::now();
    let worker = |number: usize| {
        let pods = pods.clone();
        tokio::spawn(async move {
            let mut each = Vec::new();
            for index in (number..PODS).step_by(clients) {
                let manifest = pod(&format!("pod-{index}"), "readOnlyRootFilesystem: true");
                let manifest = to_pod(&manifest);
                let begin = Instant::now();
                pods.create(&PostParams::default(), &manifest).await.unwrap();
                each.push(begin.elapsed());
            }
            each
        })
    };
    let workers: Vec<_> = (0..clients).map(worker).collect();
    let mut each = Vec::new();
    for worker in workers {
        each.extend(worker.await.unwrap());
    }
    let whole = begin.elapsed();
    each.sort_unstable();
    let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    pods.delete_collection(&at_once, &ListParams::default()).await.unwrap();
    Round { whole, each }
}

fn to_pod(manifest: &str) -> Pod {
    let stream = lithify::yaml::Stream::parse(manifest.as_bytes()).unwrap();
    serde_json::from_value(stream.documents().next().unwrap().to_value()).unwrap()
}
