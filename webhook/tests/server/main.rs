//! The server with sockets and TLS: certificates exchanged while it serves, slow clients, draining; and the program, a
//! process with files and signals.

#![allow(clippy::unwrap_used, reason = "tests")]

mod apiserver;
mod client;
mod clients;
mod drain;
mod files;
mod namespaces;
mod program;
mod slow;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lithify::profile::Profiles;
use lithify_webhook::review::Policy;
use lithify_webhook::serve::{
    App, Certificate, Certificates, Limits, Listener, Log, Namespaces, Timeouts, server_config,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use client::{Client, REVIEW, pair};

struct Server {
    app: Arc<App>,
    certificates: Arc<Certificates>,
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(certificate: Certificate, most_connections: usize) -> Self {
        let policy = Policy::new(lithify::config::Config::default(), Profiles::default()).unwrap();
        let log = Log::new(std::io::sink(), false);
        let app = App::new(policy, Namespaces::Fixed(BTreeMap::new()), log, Limits::default());
        let certificates = Arc::new(Certificates::default());
        certificates.set(certificate);
        let tls = server_config(certificates.clone()).unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let listener =
            Listener::bind(address, Some(tls), most_connections, Timeouts::default()).await.unwrap();
        let address = listener.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listener.serve(app.clone(), async {
            let _ = stopped.await;
        }));
        Self { app, certificates, address, stop: Some(stop), task }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exchanges_its_certificate_without_dropping_a_connection() {
    let (first, first_pem) = pair();
    let (second, second_pem) = pair();
    let server = Server::start(first, 16).await;
    let mut old = Client::connect(server.address, &first_pem).await.unwrap();
    assert!(old.review().await.contains("200 OK"));
    server.certificates.set(second);
    assert!(old.review().await.contains("200 OK"), "an open connection stays");
    assert!(Client::connect(server.address, &first_pem).await.is_err(), "a new one gets the new certificate");
    let mut new = Client::connect(server.address, &second_pem).await.unwrap();
    assert!(new.review().await.contains("200 OK"));
}

#[test]
fn refuses_a_certificate_with_another_ones_key() {
    let [first, second] = [0, 1].map(|_| rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap());
    let chain = first.cert.pem();
    let error =
        Certificate::from_pem(chain.as_bytes(), second.signing_key.serialize_pem().as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("certificate and key do not belong together"), "{error}");
    assert!(Certificate::from_pem(b"", b"").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finishes_what_it_has_begun_and_takes_no_more() {
    let (certificate, pem) = pair();
    let mut server = Server::start(certificate, 16).await;
    let mut client = Client::connect(server.address, &pem).await.unwrap();
    let (head, rest) = REVIEW.split_at(REVIEW.len() - 10);
    client.stream.write_all(client::head(REVIEW.len()).as_bytes()).await.unwrap();
    client.stream.write_all(head.as_bytes()).await.unwrap();
    // The request is being read once it is counted.
    while server.app.metrics.in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    server.stop.take().unwrap().send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("200 OK") && answer.contains("\"allowed\":true"), "{answer}");
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
}
