//! The watch on a node that is made of files and one small TLS server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::readiness::{Asker, Readiness};
use super::target::Target;
use super::{Node, Places};
use crate::install::clock::Moment;
use crate::install::health::{Expectation, Health, Unhealthy};

struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key in PEM.
struct Pair(String, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Pair(params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn pem(&self) -> String {
        self.0.as_ref().pem()
    }
}

/// A node's files, and what its apiserver lets in.
struct FakeNode {
    root: TempDir,
    authority: Authority,
}

/// Whom the server lets in.
#[derive(Clone, Copy)]
enum Lets {
    Everybody,
    Certificates,
    Token,
}

impl FakeNode {
    fn new() -> Self {
        let node = Self { root: tempfile::tempdir().unwrap(), authority: Authority::new() };
        for directory in ["proc", "pods", "kubernetes", "log"] {
            fs::create_dir(node.path(directory)).unwrap();
        }
        fs::write(node.path("kubernetes/ca.crt"), node.authority.pem()).unwrap();
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn places(&self) -> Places {
        Places { proc: self.path("proc"), pod_logs: self.path("pods"), kubernetes: self.path("kubernetes") }
    }

    fn write_admin_conf(&self) {
        let Pair(certificate, key) = self.authority.issue("kubernetes-admin");
        let cluster = json!({"certificate-authority-data": STANDARD.encode(self.authority.pem())});
        let user = json!({"client-certificate-data": STANDARD.encode(certificate), "client-key-data": STANDARD.encode(key)});
        let config = json!({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}], "users": [{"name": "u", "user": user}],
        });
        fs::write(self.path("kubernetes/admin.conf"), config.to_string()).unwrap();
    }

    /// Serves with a certificate for a name that is not the address; returns the port.
    fn serve(&self, pair: &Pair, lets: Lets) -> u16 {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(pair.0.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pair.1.as_bytes()).unwrap(),
            )
            .unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                // A client that breaks off the handshake is part of the tests.
                let _ = answer(StreamOwned::new(connection, socket), lets);
            }
        });
        port
    }

    fn manifest(&self, port: u16, more: &[String], probe: &Value) -> Vec<u8> {
        let root = self.root.path().display();
        let mut command = vec![
            "kube-apiserver".to_owned(),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--client-ca-file={root}/kubernetes/ca.crt"),
            format!("--audit-log-path={root}/log/audit.log"),
        ];
        command.extend_from_slice(more);
        let container = json!({
            "name": "kube-apiserver", "command": command, "readinessProbe": probe,
            "volumeMounts": [{"name": "all", "mountPath": root.to_string()}],
        });
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "kube-apiserver", "namespace": "kube-system"},
            "spec": {"containers": [container], "volumes": [
                {"name": "all", "hostPath": {"path": root.to_string()}},
                {"name": "policy", "hostPath": {"path": format!("{root}/policy.yaml"), "type": "File"}},
            ]},
        });
        pod.to_string().into_bytes()
    }

    fn readiness(&self, manifest: &[u8]) -> Readiness {
        let target = Target::of(manifest, &self.path("kubernetes")).unwrap();
        Asker::new(&target).ask()
    }

    /// A process of the manifest that has just started.
    fn start(&self, pid: u32, manifest: &[u8]) {
        let pod: Value = serde_json::from_slice(manifest).unwrap();
        let words = pod["spec"]["containers"][0]["command"].as_array().unwrap().iter();
        let line: String = words.flat_map(|word| [word.as_str().unwrap(), "\0"]).collect();
        let directory = self.path("proc").join(pid.to_string());
        fs::create_dir(&directory).unwrap();
        let ticks = crate::install::clock::since_boot().as_millis() / 10;
        fs::write(
            directory.join("stat"),
            format!("{pid} (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0"),
        )
        .unwrap();
        fs::write(directory.join("cmdline"), line).unwrap();
    }

    fn wait(&self, manifest: &[u8], timeout: Duration) -> Result<super::Healthy, Unhealthy> {
        let since = Moment::now();
        let mut progress = |_: &super::Progress| {};
        let mut node = Node::new(self.places(), timeout, &mut progress);
        node.before_change(manifest);
        thread::scope(|scope| {
            scope.spawn(|| {
                self.start(7, manifest);
                let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
                let event = json!({"kind": "Event", "stageTimestamp": now.to_string()});
                fs::write(self.path("log/audit.log"), format!("{event}\n")).unwrap();
            });
            node.wait(manifest, &Expectation::Restarted { since })
        })
    }
}

fn answer(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>, lets: Lets) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..length]);
    }
    let is_let_in = match lets {
        Lets::Everybody => true,
        Lets::Certificates => stream.conn.peer_certificates().is_some(),
        Lets::Token => String::from_utf8_lossy(&request).contains("Authorization: Bearer x\r\n"),
    };
    let status = if is_let_in { "200 OK" } else { "401 Unauthorized" };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok")?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn said(readiness: Readiness) -> String {
    match readiness {
        Readiness::Ready(how) => format!("ready: {how}"),
        Readiness::NotReady(why) => format!("not ready: {why}"),
    }
}

#[test]
fn asks_as_nobody_where_everybody_is_let_in() {
    let node = FakeNode::new();
    let port = node.serve(&node.authority.issue("kubernetes"), Lets::Everybody);
    let manifest = node.manifest(port, &[], &Value::Null);
    assert_eq!(said(node.readiness(&manifest)), "ready: /readyz is ok");
}

#[test]
fn asks_with_the_nodes_certificates_where_strangers_are_not_let_in() {
    let node = FakeNode::new();
    let port = node.serve(&node.authority.issue("kubernetes"), Lets::Certificates);
    let refused = said(node.readiness(&node.manifest(
        port,
        &[],
        &json!({"httpGet": {"port": port, "scheme": "HTTPS"}}),
    )));
    assert!(refused.contains("not ready: /readyz answers 401"), "{refused}");
    node.write_admin_conf();
    for more in [vec![], vec!["--anonymous-auth=false".to_owned()]] {
        let said = said(node.readiness(&node.manifest(port, &more, &Value::Null)));
        assert_eq!(said, "ready: /readyz is ok (asked with the certificate of admin.conf)");
    }
}

#[test]
fn carries_out_the_containers_own_probe_where_no_certificate_is_let_in() {
    let node = FakeNode::new();
    node.write_admin_conf();
    let port = node.serve(&node.authority.issue("kubernetes"), Lets::Token);
    let headers = json!([{"name": "Authorization", "value": "Bearer x"}]);
    let get = json!({"host": "127.0.0.1", "path": "/readyz", "port": port, "scheme": "HTTPS", "httpHeaders": headers});
    let http = said(node.readiness(&node.manifest(port, &[], &json!({"httpGet": get}))));
    assert!(http.starts_with("ready: the container's readiness probe succeeds"), "{http}");
    let socket = said(node.readiness(&node.manifest(port, &[], &json!({"tcpSocket": {"port": port}}))));
    assert!(socket.starts_with("ready: it listens on port"), "{socket}");
}

#[test]
fn does_not_believe_a_server_that_nobody_vouches_for() {
    let node = FakeNode::new();
    let stranger = Authority::new().issue("kubernetes");
    let port = node.serve(&stranger, Lets::Everybody);
    let unknown = said(node.readiness(&node.manifest(port, &[], &Value::Null)));
    assert!(unknown.starts_with("not ready:") && unknown.contains("certificate"), "{unknown}");
    fs::write(node.path("kubernetes/own.crt"), &stranger.0).unwrap();
    let flag = format!("--tls-cert-file={}", node.path("kubernetes/own.crt").display());
    assert_eq!(said(node.readiness(&node.manifest(port, &[flag], &Value::Null))), "ready: /readyz is ok");
}

#[test]
fn does_not_believe_a_certificate_for_another_name() {
    let node = FakeNode::new();
    let port = node.serve(&node.authority.issue("etcd"), Lets::Everybody);
    let other = said(node.readiness(&node.manifest(port, &[], &Value::Null)));
    assert!(other.starts_with("not ready:"), "{other}");
}

#[test]
fn sees_the_restart_the_readiness_and_the_event() {
    let node = FakeNode::new();
    let port = node.serve(&node.authority.issue("kubernetes"), Lets::Everybody);
    let healthy = node.wait(&node.manifest(port, &[], &Value::Null), Duration::from_secs(20)).unwrap();
    assert!(healthy.evidence[0].starts_with("process 7"), "{healthy:?}");
    assert!(healthy.first_event.is_some(), "{healthy:?}");
}

#[test]
fn gives_up_a_crash_loop_early_and_tells_what_the_container_said() {
    let node = FakeNode::new();
    let manifest = node.manifest(1, &[], &Value::Null);
    let pods = node.path("pods/kube-system_kube-apiserver-n1_abc/kube-apiserver");
    let mut progress = |_: &super::Progress| {};
    let mut watch = Node::new(node.places(), Duration::from_mins(1), &mut progress);
    watch.before_change(&manifest);
    fs::create_dir_all(&pods).unwrap();
    fs::write(pods.join("3.log"), "t stderr F Error: unknown flag: --x\n").unwrap();
    let unhealthy = watch.wait(&manifest, &Expectation::Restarted { since: Moment::now() }).unwrap_err();
    assert!(unhealthy.reason.contains("exited each time"), "{unhealthy}");
    assert_eq!(unhealthy.log, ["Error: unknown flag: --x"]);
}

#[test]
fn tells_the_file_for_which_no_container_starts() {
    let node = FakeNode::new();
    let manifest = node.manifest(1, &[], &Value::Null);
    let mut progress = |_: &super::Progress| {};
    let mut watch = Node::new(node.places(), Duration::ZERO, &mut progress);
    let unhealthy = watch.wait(&manifest, &Expectation::Restarted { since: Moment::now() }).unwrap_err();
    let expected = format!("hostPath {} is no file", node.path("policy.yaml").display());
    assert!(unhealthy.reason.contains(&expected), "{unhealthy}");
}

#[test]
fn knows_when_the_running_apiserver_started() {
    let node = FakeNode::new();
    let manifest = node.manifest(1, &[], &Value::Null);
    assert_eq!(Node::started(&node.places(), &manifest), None);
    assert!(!Node::is_control_plane(&node.places()));
    node.start(9, &manifest);
    assert!(Node::started(&node.places(), &manifest).is_some());
    assert!(Node::is_control_plane(&node.places()));
    assert!(Path::new(&node.path("proc/9")).exists());
}
