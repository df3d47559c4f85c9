//! Every output against the real thing: files, sockets, programs, servers.

use std::collections::VecDeque;
use std::fs;
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::request::Parts;
use jiff::tz::TimeZone;
use lithify::rules::Priority;
use serde_json::Value as Json;
use tempfile::TempDir;

mod tls;

use super::*;
use crate::http::{Handler, Limits, Reply, Server, ServerTls, text};

const LONG: Duration = Duration::from_secs(30);

fn settings(json: bool) -> Settings {
    let format = Format { json, zone: TimeZone::UTC, ..Format::default() };
    Settings { format, timeout: Duration::from_millis(100), ..Settings::default() }
}

fn start(settings: &Settings) -> Outputs {
    Outputs::start(settings, "vm".into(), Log::new(|_, _| {})).unwrap()
}

fn alert(output: &str) -> Arc<Alert> {
    Arc::new(Alert {
        time_ns: 1_795_470_747_690_544_502,
        hostname: "vm".into(),
        rule: "Shell".to_owned(),
        priority: Priority::Warning,
        source: "syscall".to_owned(),
        tags: ["shell".to_owned()].into(),
        output: output.to_owned(),
        output_fields: [("proc.name".to_owned(), "bash".into())].into(),
    })
}

fn counter(outputs: &Outputs, name: &str) -> Counter {
    outputs.counters().into_iter().find(|counter| counter.output == name).unwrap()
}

/// Waits for what another thread does.
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn messages(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.split_once(": Warning ").unwrap_or(("", line)).1.to_owned()).collect()
}

fn to_file(directory: &TempDir, keep_alive: bool) -> Settings {
    let filename = directory.path().join("events.txt");
    Settings { file: File { enabled: true, filename, keep_alive }, ..settings(false) }
}

#[test]
fn stopping_lets_out_everything_that_waits_in_order() {
    for (keep_alive, buffered) in [(true, false), (true, true), (false, true)] {
        let directory = TempDir::new().unwrap();
        let settings = Settings { buffered, ..to_file(&directory, keep_alive) };
        let outputs = start(&settings);
        (0..2000).for_each(|number| outputs.send(alert(&number.to_string())));
        let counters = outputs.stop(LONG);
        assert_eq!((counters[0].delivered, counters[0].dropped, counters[0].failed), (2000, 0, 0));
        let expected: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        assert_eq!(messages(&settings.file.filename), expected);
    }
}

#[test]
fn a_file_that_was_moved_away_is_made_anew_on_reopen() {
    let directory = TempDir::new().unwrap();
    let settings = to_file(&directory, true);
    let (file, moved) = (&settings.file.filename, directory.path().join("events.1"));
    let outputs = start(&settings);
    outputs.send(alert("one"));
    until("one", || messages(file) == ["one"]);
    fs::rename(file, &moved).unwrap();
    outputs.send(alert("two"));
    until("two", || messages(&moved) == ["one", "two"]);
    outputs.reopen();
    until("a new file", || file.exists());
    outputs.send(alert("three"));
    outputs.stop(LONG);
    assert_eq!(messages(file), ["three"]);
}

#[test]
fn a_named_pipe_without_a_reader_keeps_nobody_waiting() {
    for keep_alive in [true, false] {
        let directory = TempDir::new().unwrap();
        let settings = to_file(&directory, keep_alive);
        let pipe = &settings.file.filename;
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let outputs = start(&settings);
        outputs.send(alert("before any reader"));
        until("delivered", || counter(&outputs, "file").delivered == 1);
        outputs.reopen();
        let mut reader = fs::File::open(pipe).unwrap();
        outputs.send(alert("after one"));
        outputs.stop(LONG);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert!(text.contains("before any reader\n") && text.ends_with("after one\n"), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_said_at_start() {
    let directory = TempDir::new().unwrap();
    let mut settings = to_file(&directory, true);
    settings.file.filename = directory.path().join("missing/events.txt");
    let refused = Outputs::start(&settings, "vm".into(), Log::new(|_, _| {})).unwrap_err().to_string();
    assert!(refused.starts_with("file: open ") && refused.contains("missing/events.txt"), "{refused}");
    settings.file.filename = std::path::PathBuf::new();
    let refused = Outputs::start(&settings, "vm".into(), Log::new(|_, _| {})).unwrap_err().to_string();
    assert!(refused.contains("`file_output.filename`"), "{refused}");
}

#[test]
fn a_program_gets_a_line_an_alert_and_is_started_again_when_it_ends() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("out");
    // The last one closes its input before its line can be seen: nothing is lost in its pipe.
    let once = "read -r line; exec 0<&-; echo \"$line\"";
    for (keep_alive, command) in [(true, "cat"), (false, "cat"), (true, once)] {
        fs::write(&file, "").unwrap();
        let program = format!("exec >> '{}'; {command}", file.display());
        let settings =
            Settings { program: Program { enabled: true, program, keep_alive }, ..settings(false) };
        let outputs = start(&settings);
        for number in 1..=3 {
            outputs.send(alert(&number.to_string()));
            until("written", || messages(&file).len() == number);
        }
        assert_eq!(outputs.stop(LONG)[0].delivered, 3);
        assert_eq!(messages(&file), ["1", "2", "3"], "{command}");
    }
}

#[test]
fn a_program_that_fails_is_counted() {
    let program = Program { enabled: true, program: "exit 3".to_owned(), keep_alive: false };
    let outputs = start(&Settings { program, ..settings(false) });
    outputs.send(alert("lost"));
    let counters = outputs.stop(LONG);
    assert_eq!((counters[0].delivered, counters[0].failed), (0, 1));
}

#[test]
fn a_missing_syslog_socket_loses_only_its_own_alerts_and_says_so() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("log");
    let syslog = Syslog { enabled: true, socket: socket.clone(), ..Syslog::default() };
    let settings = Settings { syslog, ..to_file(&directory, true) };
    let outputs = start(&settings);
    outputs.send(alert("early"));
    until("failed", || counter(&outputs, "syslog").failed == 1);
    until("reported", || messages(&settings.file.filename).len() == 2);
    let report = messages(&settings.file.filename).remove(1);
    let expected = "Critical Falco internal: output drop. 1 alerts did not reach output syslog. \
        (n_lost=1 n_lost_total=1 output=\"syslog\")";
    assert!(report.ends_with(expected), "{report}");
    let listener = UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(LONG)).unwrap();
    outputs.send(alert("late"));
    let mut datagram = [0; 1024];
    let length = listener.recv(&mut datagram).unwrap();
    let datagram = String::from_utf8_lossy(&datagram[..length]).into_owned();
    assert!(datagram.starts_with("<12>") && datagram.ends_with(": Warning late"), "{datagram}");
    outputs.stop(LONG);
}

/// Requests that came, and the answers that are to be given; without one it is 200.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<(Parts, Bytes)>>,
    answers: Mutex<VecDeque<Reply>>,
    gate: (Mutex<bool>, Condvar),
}

struct Recorder(Arc<Seen>);

impl Handler for Recorder {
    fn admit(&self, _head: &Parts) -> Result<usize, Box<Reply>> {
        Ok(1 << 20)
    }

    fn answer(&self, head: &Parts, body: Bytes) -> Reply {
        let closed = self.0.gate.0.lock().unwrap();
        drop(self.0.gate.1.wait_while(closed, |closed| *closed).unwrap());
        self.0.requests.lock().unwrap().push((head.clone(), body));
        self.0.answers.lock().unwrap().pop_front().unwrap_or_else(|| text(StatusCode::OK, "fine"))
    }
}

fn serve(tls: Option<&ServerTls>) -> (Server, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let limits = Limits { connections: 8, timeout: LONG, body_bytes: 1 << 20 };
    let handler = Arc::new(Recorder(Arc::clone(&seen)));
    (Server::start("127.0.0.1:0", tls, limits, handler, Log::new(|_, _| {})).unwrap(), seen)
}

fn to_url(url: String) -> Settings {
    Settings { http: Http { enabled: true, url, ..Http::default() }, ..settings(true) }
}

#[test]
fn http_posts_json_as_falcosidekick_takes_it() {
    let (server, seen) = serve(None);
    let outputs = start(&to_url(format!("http://{}/in?a=b", server.address())));
    outputs.send(alert("one"));
    outputs.send(alert("two"));
    assert_eq!(outputs.stop(LONG)[0].delivered, 2);
    let requests = seen.requests.lock().unwrap();
    let (head, body) = &requests[1];
    assert_eq!((head.method.as_str(), head.uri.to_string().as_str()), ("POST", "/in?a=b"));
    assert_eq!(head.headers["content-type"], "application/json");
    assert_eq!(head.headers["user-agent"], "falcosecurity/falco");
    let json: Json = serde_json::from_slice(body).unwrap();
    assert_eq!(json["output"], "21:52:27.690544502: Warning two");
}

#[test]
fn http_compresses_where_it_is_asked_to() {
    let (server, seen) = serve(None);
    let mut settings = to_url(format!("http://{}", server.address()));
    settings.http.compress_uploads = true;
    let outputs = start(&settings);
    outputs.send(alert("one"));
    outputs.stop(LONG);
    let requests = seen.requests.lock().unwrap();
    assert_eq!(requests[0].0.headers["content-encoding"], "gzip");
    let mut line = String::new();
    flate2::read::GzDecoder::new(requests[0].1.as_ref()).read_to_string(&mut line).unwrap();
    assert!(line.starts_with("{\"hostname\":\"vm\""), "{line}");
}

#[test]
fn http_tries_again_what_may_work_and_only_that() {
    let (server, seen) = serve(None);
    seen.answers.lock().unwrap().extend([
        text(StatusCode::SERVICE_UNAVAILABLE, "later"),
        text(StatusCode::OK, ""),
        text(StatusCode::BAD_REQUEST, "never"),
    ]);
    let outputs = start(&to_url(format!("http://{}", server.address())));
    outputs.send(alert("one"));
    outputs.send(alert("two"));
    let counters = outputs.stop(LONG);
    assert_eq!((counters[0].delivered, counters[0].failed), (1, 1));
    assert_eq!(seen.requests.lock().unwrap().len(), 3);
}

#[test]
fn http_waits_for_a_server_that_starts_later() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outputs = start(&to_url(format!("http://{address}")));
    outputs.send(alert("early"));
    until("refused", || outputs.fan.workers[0].is_failing());
    let seen = Arc::new(Seen::default());
    let handler = Arc::new(Recorder(Arc::clone(&seen)));
    let limits = Limits { connections: 8, timeout: LONG, body_bytes: 1 << 20 };
    let server = Server::start(&address.to_string(), None, limits, handler, Log::new(|_, _| {})).unwrap();
    assert_eq!(outputs.stop(LONG)[0].delivered, 1);
    assert_eq!(seen.requests.lock().unwrap().len(), 1);
    server.stop();
}

#[test]
fn an_output_that_hangs_holds_up_nobody_and_its_loss_is_an_alert() {
    let directory = TempDir::new().unwrap();
    let (server, seen) = serve(None);
    *seen.gate.0.lock().unwrap() = true;
    let url = format!("http://{}", server.address());
    let http = Http { enabled: true, url, timeout: LONG, ..Http::default() };
    let settings = Settings { http, queue_capacity: 2, ..to_file(&directory, true) };
    let outputs = start(&settings);
    for number in 1..=5 {
        outputs.send(alert(&number.to_string()));
        until("in the file", || messages(&settings.file.filename).contains(&number.to_string()));
    }
    // One is being sent, two wait.
    until("blocked", || counter(&outputs, "http").blocked == 1);
    until("the loss is reported", || messages(&settings.file.filename).len() == 6);
    assert_eq!(counter(&outputs, "http").dropped, 2);
    assert!(messages(&settings.file.filename)[5].contains("2 alerts did not reach output http"));
    *seen.gate.0.lock().unwrap() = false;
    seen.gate.1.notify_all();
    until("the loss is reported there too", || seen.requests.lock().unwrap().len() == 4);
    let requests = seen.requests.lock().unwrap();
    let text = String::from_utf8_lossy(&requests[3].1);
    assert!(text.contains("\"n_lost\":2") || text.contains("n_lost=2"), "{text}");
    drop(requests);
    assert_eq!(outputs.stop(LONG).iter().map(|counter| counter.failed).sum::<u64>(), 0);
}

#[test]
fn stopping_waits_no_longer_than_it_may_for_a_dead_output() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = to_url(format!("http://{}", listener.local_addr().unwrap()));
    settings.http.timeout = LONG;
    let outputs = start(&settings);
    (0..3).for_each(|_| outputs.send(alert("lost")));
    until("one is on its way", || counter(&outputs, "http").queued == 2);
    let counters = outputs.stop(Duration::from_millis(1));
    assert_eq!((counters[0].delivered, counters[0].dropped), (0, 2));
}

#[test]
fn otlp_sends_alerts_in_batches() {
    let (server, seen) = serve(None);
    *seen.gate.0.lock().unwrap() = true;
    let otlp = Otlp {
        enabled: true,
        endpoint: format!("http://{}", server.address()),
        headers: vec![("authorization".to_owned(), "Bearer x".to_owned())],
        max_batch: 50,
        ..Otlp::default()
    };
    let outputs = start(&Settings { otlp, ..settings(true) });
    (0..101).for_each(|number| outputs.send(alert(&number.to_string())));
    *seen.gate.0.lock().unwrap() = false;
    seen.gate.1.notify_all();
    assert_eq!(outputs.stop(LONG)[0].delivered, 101);
    let requests = seen.requests.lock().unwrap();
    assert!(requests.len() < 10, "{} requests", requests.len());
    assert_eq!(requests[0].0.uri.path(), "/v1/logs");
    assert_eq!(requests[0].0.headers["authorization"], "Bearer x");
    let bodies: Vec<String> = requests
        .iter()
        .flat_map(|(_, body)| {
            let json: Json = serde_json::from_slice(body).unwrap();
            let records = json["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap().clone();
            records.into_iter().map(|record| record["body"]["stringValue"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(bodies, (0..101).map(|number| number.to_string()).collect::<Vec<_>>());
}
