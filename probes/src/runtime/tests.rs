//! Questions to a runtime that is a few lines of this file, over a real socket.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;

use super::lookup::Lookup;
use super::messages::{
    Container, ContainerMetadata, ContainerStatus, ContainerStatusRequest, ContainerStatusResponse,
    ListContainersRequest, ListContainersResponse, PodSandboxMetadata, PodSandboxStatus,
    PodSandboxStatusRequest, PodSandboxStatusResponse, VersionResponse,
};
use super::{Containers, Settings};
use crate::log::Log;

/// Far longer than any answer takes: only a test that fails waits so long.
const LONG: Duration = Duration::from_secs(20);

/// A method's name and message in; a message or a status out.
type Answer = dyn Fn(&str, &[u8]) -> Result<Vec<u8>, u32> + Send + Sync;

/// Serves until the test's process ends; the first `broken` connections are closed at once.
fn serve(socket: &Path, broken: u32, answer: Arc<Answer>) {
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            let mut accepted = 0;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepted += 1;
                if accepted <= broken {
                    continue;
                }
                let answer = Arc::clone(&answer);
                let service = service_fn(move |request| respond(request, Arc::clone(&answer)));
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
    });
}

async fn respond(
    request: Request<Incoming>,
    answer: Arc<Answer>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    // A status in the head is as good as one in the trailers.
    let (status, body) = match answer(&method, &body[5..]) {
        Ok(message) => {
            (0, [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat())
        }
        Err(status) => (status, Vec::new()),
    };
    let response =
        Response::builder().header("content-type", "application/grpc").header("grpc-status", status);
    Ok(response.body(Full::new(body.into())).unwrap())
}

/// A runtime with one container `c1` of the pod `web-0`, whose sandbox is `s1`.
fn one_container(method: &str, question: &[u8]) -> Result<Vec<u8>, u32> {
    const NOT_FOUND: u32 = 5;
    match method {
        "Version" => Ok(VersionResponse { runtime_name: "containerd".to_owned() }.encode_to_vec()),
        "ListContainers" => {
            let asked = ListContainersRequest::decode(question).unwrap().filter;
            let container = Container { id: "c1".to_owned(), pod_sandbox_id: "s1".to_owned() };
            let is_asked = asked.is_none_or(|filter| filter.id == "c1");
            let containers = if is_asked { vec![container] } else { Vec::new() };
            Ok(ListContainersResponse { containers }.encode_to_vec())
        }
        "ContainerStatus" => {
            let asked = ContainerStatusRequest::decode(question).unwrap();
            assert_eq!((asked.container_id.as_str(), asked.verbose), ("c1", true));
            let metadata = Some(ContainerMetadata { name: "app".to_owned() });
            let status =
                Some(ContainerStatus { id: "c1".to_owned(), metadata, ..ContainerStatus::default() });
            Ok(ContainerStatusResponse { status, info: std::collections::BTreeMap::new() }.encode_to_vec())
        }
        "PodSandboxStatus" => {
            if PodSandboxStatusRequest::decode(question).unwrap().pod_sandbox_id != "s1" {
                return Err(NOT_FOUND);
            }
            let metadata = PodSandboxMetadata { name: "web-0".to_owned(), ..PodSandboxMetadata::default() };
            let status = PodSandboxStatus {
                id: "s1".to_owned(),
                metadata: Some(metadata),
                ..PodSandboxStatus::default()
            };
            let info = std::collections::BTreeMap::new();
            Ok(PodSandboxStatusResponse { status: Some(status), info }.encode_to_vec())
        }
        _ => Err(12),
    }
}

fn settings(socket: &Path) -> Settings {
    Settings { sockets: vec![socket.to_owned()], ..Settings::default() }
}

/// Name of the container and of its pod, once they are told.
fn wait_for(lookup: &Lookup, id: &str) -> (Option<String>, Option<String>) {
    let start = Instant::now();
    loop {
        if let Some((_, told)) = lookup.answers().find(|(told, _)| &**told == id) {
            let container = told.container.as_ref().map(|container| container.name.to_string());
            return (container, told.pod.as_ref().map(|pod| pod.name.to_string()));
        }
        assert!(start.elapsed() < LONG, "nothing was told of {id}");
        std::thread::yield_now();
    }
}

fn both() -> (Option<String>, Option<String>) {
    (Some("app".to_owned()), Some("web-0".to_owned()))
}

#[test]
fn tells_the_containers_that_are_there_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("run/cri.sock");
    std::fs::create_dir(directory.path().join("run")).unwrap();
    serve(&socket, 0, Arc::new(one_container));
    let settings = settings(Path::new("/run/cri.sock"));
    let containers = Containers::ask(&settings, directory.path(), None).unwrap();
    let told = containers.get("c1").unwrap();
    assert_eq!(&*told.container.as_ref().unwrap().name, "app");
    assert_eq!(&*told.pod.as_ref().unwrap().name, "web-0");
    assert_eq!(told.runtime.as_deref(), Some("containerd"));
    assert_eq!((containers.get("c2"), containers.tally().found), (None, 1));
}

#[test]
fn asks_again_for_what_the_runtime_does_not_know_yet() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("cri.sock");
    let asked = AtomicU32::new(0);
    let late = move |method: &str, question: &[u8]| {
        if method == "ListContainers" && asked.fetch_add(1, Ordering::Relaxed) < 3 {
            return Ok(ListContainersResponse::default().encode_to_vec());
        }
        one_container(method, question)
    };
    serve(&socket, 0, Arc::new(late));
    let lookup = Lookup::start(&settings(&socket), None).unwrap();
    assert!(lookup.listed(LONG).is_empty());
    assert!(lookup.ask("c1"));
    assert_eq!(wait_for(&lookup, "c1"), both());
}

#[test]
fn a_sandbox_has_a_pod_and_no_container() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("cri.sock");
    serve(&socket, 0, Arc::new(one_container));
    let lookup = Lookup::start(&settings(&socket), None).unwrap();
    lookup.listed(LONG);
    assert!(lookup.ask("s1"));
    assert_eq!(wait_for(&lookup, "s1"), (None, Some("web-0".to_owned())));
}

#[test]
fn a_connection_that_breaks_is_made_again_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("cri.sock");
    serve(&socket, 2, Arc::new(one_container));
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&said);
    let log = Log::new(move |_, line| lines.lock().unwrap().push(line.to_owned()));
    let lookup = Lookup::start(&settings(&socket), Some(log)).unwrap();
    lookup.listed(LONG);
    assert!(lookup.ask("c1"));
    assert_eq!(wait_for(&lookup, "c1"), both());
    assert_eq!(lookup.counters().failed.load(Ordering::Relaxed), 2);
    let said = said.lock().unwrap();
    assert!(said[0].contains("ListContainers at"), "{said:?}");
}

#[test]
fn says_that_nobody_answers() {
    let directory = tempfile::tempdir().unwrap();
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&said);
    let log = Log::new(move |_, line| lines.lock().unwrap().push(line.to_owned()));
    let containers = Containers::ask(&Settings::default(), directory.path(), Some(log)).unwrap();
    assert_eq!(containers.tally(), super::LookupTally::default());
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("run/crio/crio.sock"), "{said:?}");
}

#[test]
fn a_runtime_that_hangs_keeps_nobody_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("cri.sock");
    // Accepted by the kernel, never by us.
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let lookup = Lookup::start(&settings(&socket), None).unwrap();
    assert!(lookup.listed(Duration::ZERO).is_empty());
    let asked: HashMap<bool, usize> = (0..2000).fold(HashMap::new(), |mut asked, number| {
        *asked.entry(lookup.ask(&number.to_string())).or_default() += 1;
        asked
    });
    assert!(asked[&true] >= 1024 && asked[&false] > 0, "{asked:?}");
}
