//! Kubernetes' own Pod Security webhook, `k8s.io/pod-security-admission/cmd/webhook`, and as much of an apiserver as it
//! asks for: the one namespace of the reviews.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener as Socket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Server;

/// Warns by *Baseline*, which is all of our default level but the read-only root.
const CONFIGURATION: &str = "apiVersion: pod-security.admission.config.k8s.io/v1
kind: PodSecurityConfiguration
defaults: {enforce: privileged, warn: baseline, audit: privileged}
";

/// The program, built unless the cache has it.
pub(crate) fn program() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/pod-security-webhook.sh");
    let output = Command::new(script).stderr(Stdio::inherit()).output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Starts it on one core, and waits until it listens.
pub(crate) async fn start(program: &Path, directory: &Path) -> Server {
    let apiserver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", apiserver.local_addr().unwrap())}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]});
    tokio::spawn(serve(apiserver));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Free a moment ago; nobody else is looking for one.
    let free = Socket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let process = Command::new(program)
        .env("GOMAXPROCS", "1")
        .args(["--bind-address", "127.0.0.1", "--secure-port", &free.port().to_string()])
        .args(["--kubeconfig", &write("kubeconfig", &kubeconfig.to_string())])
        .args(["--config", &write("config.yaml", CONFIGURATION)])
        .args(["--tls-cert-file", &write("tls.crt", &made.cert.pem())])
        .args(["--tls-private-key-file", &write("tls.key", &made.signing_key.serialize_pem())])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(free).await;
    Server { process, address: free, pem: made.cert.pem() }
}

async fn wait_for(address: SocketAddr) {
    for _ in 0..600 {
        if TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("nobody listens on {address}");
}

async fn serve(socket: TcpListener) {
    while let Ok((stream, _)) = socket.accept().await {
        tokio::spawn(answer(stream));
    }
}

/// Answers a list and a watch, with or without the list as its first events, and the namespace alone.
async fn answer(mut stream: TcpStream) {
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "resourceVersion": "1"}});
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        if path.contains("watch=") {
            let _ = stream.write_all(watch(&path, &namespace).as_bytes()).await;
            continue; // and stays open
        }
        let list = json!({"apiVersion": "v1", "kind": "NamespaceList", "metadata": {"resourceVersion": "1"},
            "items": [namespace]});
        let body = if path.starts_with("/api/v1/namespaces/") { &namespace } else { &list }.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

fn watch(path: &str, namespace: &Value) -> String {
    let mut answer =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    if path.contains("sendInitialEvents") {
        let end = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}});
        for (kind, object) in [("ADDED", namespace), ("BOOKMARK", &end)] {
            let event = json!({"type": kind, "object": object}).to_string();
            let _ = write!(answer, "{:x}\r\n{event}\n\r\n", event.len() + 1);
        }
    }
    answer
}
