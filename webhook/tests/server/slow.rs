//! Thousands of connections that dribble, against the program itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::{Client, REVIEW, connector, head};

/// As many as the issue is about; fewer where the system allows fewer descriptors.
const SLOW: usize = 10_000;
/// Descriptors for everything else.
const OTHERS: usize = 200;
/// Bytes of a body that is never whole, of which most is sent.
const BODY: usize = 60_000;
/// The memory that `manifests/webhook/deployment.yaml` gives it, in KiB.
const MEMORY: usize = 256 << 10;

struct Server {
    /// Its files, which it follows.
    _directory: tempfile::TempDir,
    process: Child,
    address: SocketAddr,
    pem: String,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_lithify-webhook"))
            .args(["serve", "--listen", "127.0.0.1:0", "--without-cluster"])
            .args(["--tls-cert".as_ref(), chain.as_os_str(), "--tls-key".as_ref(), key.as_os_str()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let listening = lines.find(|line| line["message"] == "listening").expect("it listens");
        // What it says of slow clients is not looked at, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        Self { _directory: directory, process, address, pem: made.cert.pem() }
    }

    /// The most memory that it ever had, in KiB.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One that shakes hands and sends the beginning of a request.
async fn dribble(connector: &TlsConnector, address: SocketAddr, beginning: &str) -> Option<Client> {
    // A server under pressure may close it at any moment.
    let mut client = Client::connect_by(connector, address).await.ok()?;
    client.stream.write_all(beginning.as_bytes()).await.ok()?;
    client.stream.flush().await.ok()?;
    Some(client)
}

/// A review as an apiserver asks for it: on a connection that it has, or on another where the server has closed that.
async fn review(connector: &TlsConnector, address: SocketAddr, kept: &mut Option<Client>) -> String {
    let request = head(REVIEW.len()) + REVIEW;
    if let Some(client) = kept
        && let Ok(answer) = client.try_ask(&request).await
    {
        return answer;
    }
    let mut client = Client::connect_by(connector, address).await.unwrap();
    let answer = client.ask(&request).await;
    *kept = Some(client);
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_slow_connections_do_not_stop_reviews() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let slow = SLOW.min(descriptors.saturating_sub(OTHERS));
    if slow < SLOW {
        let _ = writeln!(std::io::stderr(), "{slow} slow connections: no more descriptors (ulimit -Hn)");
    }
    let server = Server::start();
    let connector = connector(&server.pem);
    let mut honest = None;
    let body = head(BODY) + &" ".repeat(BODY - 1);
    let (mut handshakes, mut requests) = (Vec::new(), Vec::new());
    for number in 0..slow {
        match number * 10 / slow {
            // The beginning of a ClientHello; of a head; of a body.
            0..6 => {
                let mut stream = TcpStream::connect(server.address).await.unwrap();
                let _ = stream.write_all(&[22, 3, 1]).await;
                handshakes.push(stream);
            }
            6..8 => requests
                .push(dribble(&connector, server.address, "POST /validate HTTP/1.1\r\nhost: a\r\nx: ").await),
            _ => requests.push(dribble(&connector, server.address, &body).await),
        }
        if number % 100 == 0 {
            assert!(
                review(&connector, server.address, &mut honest).await.contains("200 OK"),
                "after {number} slow ones"
            );
        }
        if number % 500 == 0 {
            let answer = review(&connector, server.address, &mut None).await;
            assert!(answer.contains("200 OK"), "a newcomer after {number} slow ones");
        }
    }
    let dribbling = requests.iter().flatten().count();
    assert!(dribbling > slow / 3, "{dribbling} of {slow} connections got as far as a request");
    let mut other = Client::connect_by(&connector, server.address).await.unwrap();
    let metrics = other.ask("GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let count =
        |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok());
    // How many go by their own timeouts, and how many make room for others, is the machine's business.
    let evicted = count("lithify_webhook_evicted_connections_total ");
    assert!(server.peak() < MEMORY, "{} KiB", server.peak());
    let _ = writeln!(
        std::io::stderr(),
        "{slow} slow connections, {evicted:?} made room for others, {} MiB at most",
        server.peak() >> 10
    );
}
