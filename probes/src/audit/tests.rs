//! The endpoint, over real connections; logs and their states, through real threads.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::*;
use crate::http::{ClientTls, Pki};
use crate::log::Log;

const LONG: Duration = Duration::from_secs(30);

struct World {
    receivers: Receivers,
    incoming: Incoming,
    alerts: Arc<Mutex<Vec<String>>>,
}

fn start(settings: &Settings) -> World {
    let (sender, incoming) = channel();
    let alerts = Arc::<Mutex<Vec<String>>>::default();
    let raised = Arc::clone(&alerts);
    let raise = move |alert: crate::alert::Alert| raised.lock().unwrap().push(alert.output);
    let alarm = Alarm::new(raise, "vm".into(), Log::new(|_, _| {}));
    World { receivers: Receivers::start(settings, &sender, &alarm).unwrap(), incoming, alerts }
}

fn endpoint() -> Http {
    Http {
        listen: "127.0.0.1:0".to_owned(),
        max_body_bytes: 10_000,
        timeout: Duration::from_secs(5),
        ..Http::default()
    }
}

fn serve(http: Http) -> World {
    start(&Settings { http: vec![http], max_event_bytes: 1000, ..Settings::default() })
}

impl World {
    fn address(&self) -> SocketAddr {
        self.receivers.addresses()[0]
    }

    fn event(&self) -> Json {
        match self.incoming.receive(LONG) {
            Received::Delivery(mut delivery) => delivery.events.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// Sends bytes as they are and gives what comes back until the server closes.
    fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        // The server may have closed before everything was sent: what it said is still there.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn post(&self, body: &str) -> String {
        self.exchange(&request("application/json", body))
    }
}

fn request(kind: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /k8s-audit?timeout=30s HTTP/1.1\r\nhost: probe\r\nconnection: close\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn events_of_the_apiserver_arrive() {
    let world = serve(endpoint());
    let body = json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{"auditID": "a"}]});
    assert!(world.post(&body.to_string()).starts_with("HTTP/1.1 200 "));
    assert_eq!(world.event(), json!({"auditID": "a"}));
    let chunked = b"POST /k8s-audit HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\
        content-type: application/json; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n\
        6\r\n{\"audi\r\n9\r\ntID\":\"b\"}\r\n0\r\n\r\n";
    assert!(world.exchange(chunked).starts_with("HTTP/1.1 200 "));
    assert_eq!(world.event(), json!({"auditID": "b"}));
    assert_eq!(world.receivers.counters()[0].events, 2);
}

#[test]
fn bad_requests_are_told_what_was_expected() {
    let world = serve(endpoint());
    let cases = [
        (request("text/plain", "{}"), "415", "expected content-type application/json, found \"text/plain\""),
        (request("application/json", "verb: get"), "400", "as JSON: expected value at line 1 column 1"),
        (request("application/json", "{\"kind\":\"Pod\"}"), "400", "found kind \"Pod\""),
        (request("application/json", &"[".repeat(9000)), "400", "EOF"),
        (request("application/json", &" ".repeat(10_001)), "413", "at most 10000 bytes"),
        (b"GET /k8s-audit HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n".to_vec(), "405", "expected POST"),
        (b"POST /other HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n".to_vec(), "404", "path /k8s-audit"),
        (b"nonsense\r\n\r\n".to_vec(), "400", ""),
    ];
    for (request, status, reason) in cases {
        let answer = world.exchange(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
        assert!(answer.contains(reason), "{reason}: {answer}");
    }
    let compressed = String::from_utf8(request("application/json", "{}")).unwrap();
    let compressed = compressed.replace("host:", "content-encoding: gzip\r\nhost:");
    assert!(world.exchange(compressed.as_bytes()).starts_with("HTTP/1.1 415 "));
    assert!(matches!(world.incoming.receive(Duration::ZERO), Received::Nothing));
}

#[test]
fn a_body_without_end_is_cut_off() {
    let world = serve(endpoint());
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let head = "POST /k8s-audit HTTP/1.1\r\nhost: p\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let writer = std::thread::spawn({
        let mut stream = stream.try_clone().unwrap();
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        move || while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    writer.join().unwrap();
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 413 "), "{answer:?}");
}

#[test]
fn who_sends_slowly_is_cut_off_and_holds_up_nobody() {
    let slow = Http { timeout: Duration::from_millis(200), ..endpoint() };
    let world = serve(slow);
    let begun = [
        "POST /k8s-audit HT",
        "POST /k8s-audit HTTP/1.1\r\nhost: p\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{",
        "",
    ];
    let streams = begun.map(|begun| {
        let mut stream = TcpStream::connect(world.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        stream
    });
    assert!(world.post("{\"auditID\":\"a\"}").starts_with("HTTP/1.1 200 "));
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[test]
fn more_connections_wait_until_others_are_closed() {
    let world = serve(Http { max_connections: 1, ..endpoint() });
    let first = TcpStream::connect(world.address()).unwrap();
    let mut second = TcpStream::connect(world.address()).unwrap();
    second.set_read_timeout(Some(LONG)).unwrap();
    second.write_all(&request("application/json", "{\"auditID\":\"a\"}")).unwrap();
    drop(first);
    let mut answer = String::new();
    second.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_full_channel_asks_the_apiserver_to_come_back() {
    let world = serve(endpoint());
    let mut sent = 0;
    let refused = loop {
        let answer = world.post("{\"auditID\":\"a\"}");
        if !answer.starts_with("HTTP/1.1 200 ") {
            break answer;
        }
        sent += 1;
    };
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: 1"), "{refused}");
    for _ in 0..sent {
        world.event();
    }
    assert!(world.post("{\"auditID\":\"a\"}").starts_with("HTTP/1.1 200 "));
}

#[test]
fn events_that_are_left_out_are_an_alert_and_the_rest_arrives() {
    let world = serve(endpoint());
    let body = json!([{"auditID": "x".repeat(1000)}, {"auditID": "a"}, 17]);
    assert!(world.post(&body.to_string()).starts_with("HTTP/1.1 200 "));
    assert_eq!(world.event(), json!({"auditID": "a"}));
    let alerts = world.alerts.lock().unwrap();
    assert!(alerts[0].ends_with(": 1 events over the size limit, 1 malformed events."), "{alerts:?}");
    assert!(alerts[0].starts_with("Falco internal: k8s_audit event drop."), "{alerts:?}");
}

#[test]
fn only_clients_with_a_certificate_get_in_where_it_is_asked_for() {
    let pki = Pki::new();
    let world = serve(Http { tls: Some(pki.server(Some("ca.pem"))), ..endpoint() });
    let post = |tls: &ClientTls| {
        let config = Arc::new(tls.config().unwrap());
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut session = rustls::ClientConnection::new(config, name).unwrap();
        let mut socket = TcpStream::connect(world.address()).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        let mut stream = rustls::Stream::new(&mut session, &mut socket);
        let _ = stream.write_all(&request("application/json", "{\"auditID\":\"a\"}"));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let known = ClientTls { mtls: true, ..pki.client("ca.pem") };
    assert!(post(&known).starts_with("HTTP/1.1 200 "));
    assert_eq!(post(&pki.client("ca.pem")), "");
    assert_eq!(world.exchange(&request("application/json", "{}")).find("200"), None);
}

#[test]
fn a_log_is_followed_and_gone_on_with_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.log");
    let file = File {
        path: path.clone(),
        follow: true,
        start: Start::Beginning,
        state: Some(directory.path().join("state.json")),
    };
    let settings = Settings { files: vec![file], ..Settings::default() };
    let mut lines = Vec::new();
    for life in 0..3 {
        lines.push(format!("{{\"auditID\":\"{life}\"}}\n"));
        fs::write(&path, lines.concat()).unwrap();
        let world = start(&settings);
        let end = Instant::now() + LONG;
        let delivery = loop {
            assert!(Instant::now() < end);
            if let Received::Delivery(delivery) = world.incoming.receive(LONG) {
                break delivery;
            }
        };
        assert_eq!(delivery.events, [json!({"auditID": life.to_string()})]);
        let stopped = world.receivers.stop(Log::new(|_, _| {}));
        delivery.finish();
        stopped.save();
    }
}

#[test]
fn logs_that_are_read_once_end_the_channel() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("b.log"), "{\"auditID\":\"2\"}").unwrap();
    fs::write(directory.path().join("a.log"), "{\"auditID\":\"1\"}\n").unwrap();
    let file =
        File { path: directory.path().to_owned(), follow: false, start: Start::Beginning, state: None };
    let world = start(&Settings { files: vec![file], ..Settings::default() });
    assert_eq!([world.event(), world.event()], [json!({"auditID": "1"}), json!({"auditID": "2"})]);
    assert!(matches!(world.incoming.receive(LONG), Received::Ended));
}
