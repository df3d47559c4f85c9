//! Against answers of an API server, canned.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use super::*;

/// Answers one request a given status and body; gives back what was asked.
fn answering(status: u16, body: &Value) -> (Cluster, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        reader.read_line(&mut request).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut sent = vec![0; length];
        reader.read_exact(&mut sent).unwrap();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        (request, String::from_utf8(sent).unwrap())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    (Cluster::with(runtime, Config::new(url.parse().unwrap())).unwrap(), server)
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": code})
}

fn config_map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubeadm-config", "resourceVersion": "7"},
        "data": {"ClusterConfiguration": "kind: ClusterConfiguration\n"}})
}

#[test]
fn reads_the_live_configuration() {
    let (cluster, server) = answering(200, &config_map());
    let read = cluster.kubeadm_config().unwrap();
    assert_eq!(read.text, "kind: ClusterConfiguration\n");
    assert!(
        server.join().unwrap().0.starts_with("GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config")
    );
}

#[test]
fn a_cluster_without_the_configuration_is_not_kubeadms() {
    let (cluster, _) = answering(404, &failure(404, "NotFound"));
    assert!(matches!(cluster.kubeadm_config(), Err(ClusterError::NotKubeadm)));
    let (cluster, _) = answering(200, &json!({"metadata": {}}));
    assert!(matches!(cluster.kubeadm_config(), Err(ClusterError::NoClusterConfiguration)));
    let (cluster, _) = answering(403, &failure(403, "Forbidden"));
    assert!(matches!(cluster.kubeadm_config(), Err(ClusterError::Forbidden { .. })));
}

#[test]
fn replaces_only_what_it_has_read() {
    let read = KubeadmConfig::for_test("old", "7");
    let (cluster, server) = answering(200, &config_map());
    cluster.replace_kubeadm_config(&read, "new").unwrap();
    let (request, sent) = server.join().unwrap();
    assert!(request.starts_with("PATCH "), "{request}");
    let expected = json!({"metadata": {"resourceVersion": "7"}, "data": {"ClusterConfiguration": "new"}});
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), expected);
    let (cluster, _) = answering(409, &failure(409, "Conflict"));
    assert!(matches!(cluster.replace_kubeadm_config(&read, "new"), Err(ClusterError::Changed)));
}

#[test]
fn lists_the_nodes_of_the_control_plane_by_name() {
    let node = |name: &str, addresses: Value| json!({"metadata": {"name": name}, "status": {"addresses": addresses}});
    let list = json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": [
        node("cp2", json!([])),
        node("cp1", json!([{"type": "Hostname", "address": "cp1"}, {"type": "InternalIP", "address": "192.0.2.10"}])),
    ]});
    let (cluster, server) = answering(200, &list);
    let found: Vec<_> =
        cluster.control_plane_nodes().unwrap().into_iter().map(|node| (node.name, node.address)).collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(found, [pair("cp1", "192.0.2.10"), pair("cp2", "cp2")]);
    assert!(server.join().unwrap().0.contains("labelSelector=node-role.kubernetes.io%2Fcontrol-plane"));
}

#[test]
fn says_that_nobody_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = Cluster::with(runtime, Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
    let error = cluster.kubeadm_config().unwrap_err();
    assert!(matches!(error, ClusterError::Connect(_)), "{error}");
}
