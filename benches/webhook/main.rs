//! What a review costs: `cargo bench -p lithify-webhook --bench webhook`.
//!
//! Servers of one thread each, in processes of their own, take turns: the webhook; a bare one of the same stack
//! (rustls, hyper, warp) that reads the body and answers a constant; and Kubernetes' own Pod Security webhook, where Go
//! is there to build it. 50 connections over TLS with keep-alive send a Deployment's review of 10 kB. What counts is the server's CPU time a review, for the machine may be busy
//! with other things; the ratio is within one run. `SECONDS=10` for longer rounds.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

mod pod_security;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use lithify::profile::Profiles;
use lithify_webhook::review::Policy;
use lithify_webhook::serve::{
    App, Certificate, Certificates, Limits, Listener, Log, Namespaces, Timeouts, server_config,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use warp::Filter as _;

const SERVER: &str = "LITHIFY_BENCH_SERVER";
const CONNECTIONS: usize = 50;
const ROUNDS: usize = 3;

fn main() {
    if let Ok(kind) = std::env::var(SERVER) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(serve(&kind));
    }
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let seconds = std::env::var("SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let body = review();
    println!("{} bytes a review, {CONNECTIONS} connections, TLS 1.3, keep-alive", body.len());
    println!(
        "{:12} {:>10} {:>13} {:>9} {:>9} {:>9}",
        "server", "reviews/s", "CPU us/review", "p50 ms", "p99 ms", "RSS MB"
    );
    let pod_security = pod_security::program();
    let mut kinds = vec![Kind::Own("bare"), Kind::Own("webhook")];
    kinds.extend(pod_security.as_deref().map(Kind::PodSecurity));
    let mut ratios: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        let costs = kinds.iter().map(|kind| {
            let measured = measure(kind, &body, seconds, None);
            println!("{:12} {measured}", kind.name());
            measured.cpu_us
        });
        let costs: Vec<_> = costs.collect();
        ratios[0].push(costs[1] / costs[0]);
        ratios[1].extend(costs.get(2).map(|other| other / costs[1]));
    }
    for all in &mut ratios {
        all.sort_by(f64::total_cmp);
    }
    println!("CPU time to that of the bare server, median: {:.2} (aim: at most 1.50)", ratios[0][ROUNDS / 2]);
    if let Some(ratio) = ratios[1].get(ROUNDS / 2) {
        println!("CPU time of Kubernetes' own to ours, median: {ratio:.2}");
    }
    let paced = measure(&Kind::Own("webhook"), &body, seconds, Some(2000));
    println!("at 2,000/s: {paced} (aim: p99 under 10 ms, under 40 MB)");
}

/// A Deployment of three containers that violates nothing, with the managed fields that stored objects carry.
fn review() -> String {
    let security = json!({"readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    let variables: Vec<_> =
        (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": "value"})).collect();
    let container = |name: &str| {
        json!({"name": name, "image": format!("registry.example.com/team/{name}:1.2.3"), "env": variables,
            "ports": [{"containerPort": 8080, "protocol": "TCP"}], "securityContext": security,
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]})
    };
    let containers = ["app", "proxy", "exporter"].map(container);
    let spec = json!({"containers": containers,
        "volumes": [{"name": "tmp", "emptyDir": {}}]});
    let mut fields = serde_json::Map::new();
    for n in 0..145 {
        fields.insert(format!("f:field{n}"), json!({".": {}, "f:name": {}, "f:value": {}}));
    }
    let metadata = json!({"name": "web", "namespace": "web", "labels": {"app": "web"},
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": fields}]});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}});
    let request = json!({"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"}, "namespace": "web", "name": "web",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]}, "object": object, "oldObject": null});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string()
}

/// A server of its own process; it prints its address and its certificate.
async fn serve(kind: &str) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificates = Arc::new(Certificates::default());
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    certificates.set(Certificate::from_pem(pem.as_bytes(), key.as_bytes()).unwrap());
    let tls = server_config(certificates).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let tell = |address: SocketAddr| println!("{address} {}", pem.replace('\n', "|"));
    if kind == "bare" {
        let socket = TcpListener::bind(any).await.unwrap();
        tell(socket.local_addr().unwrap());
        return bare(socket, TlsAcceptor::from(Arc::new(tls))).await;
    }
    let policy = Policy::new(lithify::config::Config::default(), Profiles::default()).unwrap();
    let namespaces = Namespaces::Fixed(BTreeMap::new());
    let app = App::new(policy, namespaces, Log::new(std::io::stderr(), false), Limits::default());
    let listener = Listener::bind(any, Some(tls), 4096, Timeouts::default()).await.unwrap();
    tell(listener.address().unwrap());
    listener.serve(app, std::future::pending()).await;
}

async fn bare(socket: TcpListener, acceptor: TlsAcceptor) {
    const ANSWER: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":
"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true,"auditAnnotations":{"decision":"allowed"}}}"#;
    let service = warp::path!("validate")
        .and(warp::post())
        .and(warp::body::bytes())
        .map(|_| warp::reply::Response::new(ANSWER.into()));
    loop {
        let (stream, _) = socket.accept().await.unwrap();
        let _ = stream.set_nodelay(true);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(stream, TowerToHyperService::new(warp::service(service))).await;
        });
    }
}

struct Measured {
    per_second: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    rss_mb: f64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { per_second, cpu_us, p50_ms, p99_ms, rss_mb } = self;
        write!(f, "{per_second:>10.0} {cpu_us:>13.1} {p50_ms:>9.2} {p99_ms:>9.2} {rss_mb:>9.1}")
    }
}

/// Whose server.
enum Kind<'k> {
    /// A server of this program.
    Own(&'static str),
    PodSecurity(&'k Path),
}

impl Kind<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Own(name) => name,
            Self::PodSecurity(_) => "pod-security",
        }
    }
}

/// A server in a process of its own.
struct Server {
    process: Child,
    address: SocketAddr,
    pem: String,
}

impl Server {
    fn own(kind: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.env(SERVER, kind).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (address, pem) = line.trim().split_once(' ').unwrap();
        Self { process, address: address.parse().unwrap(), pem: pem.replace('|', "\n") }
    }
}

fn measure(kind: &Kind<'_>, body: &str, seconds: u64, pace: Option<u32>) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let mut server = match kind {
            Kind::Own(name) => Server::own(name),
            Kind::PodSecurity(program) => pod_security::start(program, directory.path()).await,
        };
        let measured = load(&server, body, seconds, pace).await;
        server.process.kill().unwrap();
        server.process.wait().unwrap();
        measured
    })
}

async fn load(server: &Server, body: &str, seconds: u64, pace: Option<u32>) -> Measured {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(connect(server.address, &server.pem).await);
    }
    let head = format!(
        "POST /validate?timeout=5s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let request: Arc<[u8]> = (head + body).into_bytes().into();
    let (start, cpu) = (Instant::now(), cpu_seconds(&server.process));
    let end = start + Duration::from_secs(seconds);
    if pace.is_none() {
        tokio::spawn(stay_awake(end));
    }
    let between = pace.map(|pace| Duration::from_secs(1) * u32::try_from(CONNECTIONS).unwrap() / pace);
    let workers: Vec<_> =
        streams.into_iter().map(|stream| tokio::spawn(ask(stream, request.clone(), end, between))).collect();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await.unwrap());
    }
    times.sort_unstable();
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds(&server.process) - cpu);
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
    Measured {
        per_second: times.len() as f64 / elapsed,
        cpu_us: cpu * 1e6 / times.len() as f64,
        p50_ms: at(50),
        p99_ms: at(99),
        rss_mb: rss_mb(&server.process),
    }
}

/// Keeps the client from sleeping: waking it would be on the server's account, and the faster server never has to.
async fn stay_awake(end: Instant) {
    while Instant::now() < end {
        tokio::task::yield_now().await;
    }
}

async fn ask(
    mut stream: TlsStream<TcpStream>,
    request: Arc<[u8]>,
    end: Instant,
    between: Option<Duration>,
) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut answer = vec![0; 64 << 10];
    let mut ticks = between.map(tokio::time::interval);
    while Instant::now() < end {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let start = Instant::now();
        stream.write_all(&request).await.unwrap();
        let mut read = 0;
        loop {
            read += stream.read(&mut answer[read..]).await.unwrap();
            if is_whole(&answer[..read]) {
                assert!(String::from_utf8_lossy(&answer[..read]).contains("\"allowed\":true"));
                break;
            }
        }
        times.push(start.elapsed());
    }
    times
}

/// Whether an answer has come to its end; Go sends long ones in chunks.
fn is_whole(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let header = |name: &str| {
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix(name).map(str::to_owned))
    };
    match header("content-length: ") {
        Some(length) => body.len() == length.parse::<usize>().unwrap(),
        None => body.ends_with("0\r\n\r\n"),
    }
}

async fn connect(address: SocketAddr, pem: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), tcp).await.unwrap()
}

/// CPU time of a process, from the scheduler's own account of each thread.
fn cpu_seconds(process: &Child) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
    let of_task = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(of_task).sum::<f64>() / 1e9
}

fn rss_mb(process: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
