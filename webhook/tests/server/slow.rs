//! Thousands of connections that dribble, against the program itself.

use std::io::Write as _;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::{Client, REVIEW, connector, head};
use super::program::{Pair, Program};

/// As many as the issue is about; fewer where the system allows fewer descriptors.
const SLOW: usize = 10_000;
/// Descriptors for everything else.
const OTHERS: usize = 200;
/// Bytes of a body that is never whole, of which most is sent.
const BODY: usize = 60_000;
/// The memory that `manifests/webhook/deployment.yaml` gives it, in KiB.
const MEMORY: usize = 256 << 10;

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
    let pair = Pair::new();
    let server = Program::start(&pair, &[]);
    let connector = connector(&pair.chain);
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
