//! Another webhook, which comes after ours by its name and puts a container beside every pod, as a service mesh does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

use super::hook::{Hook, said};
use super::mutation::PROFILE;

/// Its configuration's name: the apiserver asks webhooks in the order of their configurations' names.
const NAME: &str = "service-mesh";
const LATE: &str = r#"{"name": "late", "image": "nginx"}"#;

/// Answers for ever, one connection after the other; returns its address and its certificate.
fn serve() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![made.cert.der().clone()];
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            // A client that goes away is no matter.
            let _ = answer(StreamOwned::new(connection, tcp));
        }
    });
    (address, made.cert.pem())
}

/// One review, and the end of the connection.
fn answer(stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let review: Value = serde_json::from_slice(&body)?;
    let late: Value = serde_json::from_str(LATE)?;
    let patch = json!([{"op": "add", "path": "/spec/containers/-", "value": late}]).to_string();
    let response = json!({"uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch",
        "patch": STANDARD.encode(patch)});
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    let stream = stream.get_mut();
    stream.write_all((head + &answer).as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn registration(address: &str, certificate: &str) -> String {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [{
            "name": "inject.mesh.example",
            "clientConfig": {"url": format!("https://{address}/inject"), "caBundle": STANDARD.encode(certificate)},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "meshed"}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }],
    })
    .to_string()
}

#[test]
fn a_container_that_comes_later_is_covered_too() {
    let Some(hook) = Hook::install("", &[]) else { return };
    std::fs::write(hook.path("profiles/web.yaml"), PROFILE).unwrap();
    hook.wait_for_line("\"message\":\"configuration loaded\"");
    // Were the second container left alone, this would refuse the pod.
    hook.namespace("meshed", &["lithify.dev/enforce=immutable"]);
    let (address, certificate) = serve();
    let output = hook.apply("meshed", &registration(&address, &certificate), &[]);
    assert!(output.status.success(), "{}", said(&output));
    let stored =
        crate::testbed::bed::wait_for("the mesh's webhook", std::time::Duration::from_secs(30), || {
            let output = hook.apply("meshed", super::mutation::POD, &["--dry-run=server", "-o", "json"]);
            let stored: Value =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
            (stored["spec"]["containers"].as_array().unwrap().len() == 2).then_some(stored)
        });
    hook.bed.succeed(&["kubectl", "delete", "mutatingwebhookconfiguration", NAME]);
    for (index, name) in ["nginx", "late"].into_iter().enumerate() {
        let container = &stored["spec"]["containers"][index];
        assert_eq!(container["name"], name);
        assert_eq!(container["securityContext"], json!({"readOnlyRootFilesystem": true}), "{stored:#}");
        let volume = format!("rw-{name}-var-cache-nginx");
        let mount = json!({"name": volume, "mountPath": "/var/cache/nginx"});
        assert!(container["volumeMounts"].as_array().unwrap().contains(&mount), "{stored:#}");
        let volumes = stored["spec"]["volumes"].as_array().unwrap();
        assert!(volumes.contains(&json!({"name": volume, "emptyDir": {}})), "{stored:#}");
    }
    let said = stored["metadata"]["annotations"]["lithify.dev/mutated"].as_str().unwrap();
    let of: Vec<&str> = said.lines().filter_map(|line| line.split_once(": ").map(|(name, _)| name)).collect();
    assert_eq!(of, ["nginx", "late"], "one line a round: {said}");
}
