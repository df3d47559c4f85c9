//! Asks container runtimes, on a thread of its own.
//!
//! In: ids of containers, through a bounded channel that never blocks the reader of events. Out: what the runtimes
//! told, through another. At first all containers that are there are told unasked. What no runtime knows yet is asked
//! for again, after 10 ms and twice as long each time: a container's first events come before its runtime has finished
//! making it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Settings;
use super::client::{CallError, Client};
use super::messages::{
    Container, ContainerFilter, ContainerStatusRequest, ContainerStatusResponse, ListContainersRequest,
    ListContainersResponse, PodSandboxStatusRequest, PodSandboxStatusResponse, VersionRequest,
    VersionResponse,
};
use super::metadata::Metadata;
use crate::log::Log;

/// Questions that wait; the kernel shows a container again that could not be asked for.
const QUESTIONS_MAX: usize = 1024;
/// Containers that are asked for again and again at one time.
const RETRIES_MAX: usize = 1024;
/// How long a runtime has for one answer.
const PATIENCE: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(10);
const LAST_RETRY: Duration = Duration::from_mins(1);
/// From 10 ms to a minute, then each minute for ten: it is no container of these runtimes.
const ATTEMPTS_MAX: u32 = 23;

/// What became of questions.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Containers that a runtime told.
    pub(crate) found: AtomicU64,
    /// Containers that no runtime knew, however often they were asked.
    pub(crate) unknown: AtomicU64,
    /// Calls that failed: no answer, or one that says why not.
    pub(crate) failed: AtomicU64,
}

enum Told {
    Found(Box<str>, Arc<Metadata>),
    /// All that were there at the start have been told.
    Listed,
}

/// The reader's end.
pub(crate) struct Lookup {
    questions: mpsc::Sender<Box<str>>,
    answers: Receiver<Told>,
    counters: Arc<Counters>,
}

impl Lookup {
    /// Starts the thread; it ends soon after this value.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn start(settings: &Settings, log: Option<Log>) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        let (answer, answers) = channel();
        let counters = Arc::new(Counters::default());
        let mut worker = Worker {
            runtimes: settings
                .sockets
                .iter()
                .map(|path| Asked { client: Client::new(path.clone(), PATIENCE), name: None })
                .collect(),
            label_max: settings.label_max,
            answer,
            counters: Arc::clone(&counters),
            retries: BinaryHeap::new(),
            log,
            said: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        std::thread::Builder::new()
            .name("containers".to_owned())
            .spawn(move || runtime.block_on(worker.work(asked)))?;
        Ok(Self { questions, answers, counters })
    }

    /// Asks for a container; `false` if too many questions wait already.
    pub(crate) fn ask(&self, id: &str) -> bool {
        self.questions.try_send(id.into()).is_ok()
    }

    /// Answers that have come meanwhile.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (Box<str>, Arc<Metadata>)> {
        self.answers.try_iter().filter_map(|told| match told {
            Told::Found(id, metadata) => Some((id, metadata)),
            Told::Listed => None,
        })
    }

    /// The containers that are there at the start, as far as they are told in time.
    pub(crate) fn listed(&self, patience: Duration) -> Vec<(Box<str>, Arc<Metadata>)> {
        let end = Instant::now() + patience;
        let mut found = Vec::new();
        loop {
            match self.answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Told::Found(id, metadata)) => found.push((id, metadata)),
                Ok(Told::Listed) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return found;
                }
            }
        }
    }

    /// What became of questions so far.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

struct Worker {
    runtimes: Vec<Asked>,
    label_max: usize,
    answer: Sender<Told>,
    counters: Arc<Counters>,
    /// When, how often before, and for what.
    retries: BinaryHeap<Reverse<(Instant, u32, Box<str>)>>,
    log: Option<Log>,
    /// What was logged last: a failure is said once, not at each call.
    said: Option<String>,
}

/// What one runtime tells of a container.
type Answers = (Option<ContainerStatusResponse>, Option<PodSandboxStatusResponse>);

/// A runtime, and what it calls itself, once it was asked.
struct Asked {
    client: Client,
    name: Option<Box<str>>,
}

impl Asked {
    /// Its name; `None` where it does not say: it may be asked again.
    async fn name(&mut self) -> Option<Box<str>> {
        if self.name.is_none() {
            let answer: VersionResponse = self.client.call("Version", &VersionRequest {}).await.ok()?;
            self.name = (!answer.runtime_name.is_empty()).then(|| answer.runtime_name.into());
        }
        self.name.clone()
    }
}

impl Worker {
    async fn work(&mut self, mut asked: mpsc::Receiver<Box<str>>) {
        self.list().await;
        let _ = self.answer.send(Told::Listed);
        loop {
            let due = self.retries.peek().map(|Reverse((due, ..))| *due);
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                question = asked.recv() => match question {
                    Some(id) => self.look_up(id, 0).await,
                    None => return,
                },
                () = wait => {
                    if let Some(Reverse((_, attempt, id))) = self.retries.pop() {
                        self.look_up(id, attempt).await;
                    }
                }
            }
        }
    }

    /// Tells every container that is there.
    async fn list(&mut self) {
        let mut reached = false;
        let mut runtimes = std::mem::take(&mut self.runtimes);
        for runtime in &mut runtimes {
            let client = &mut runtime.client;
            let listed: Result<ListContainersResponse, _> =
                client.call("ListContainers", &ListContainersRequest { filter: None }).await;
            let containers = match listed {
                Ok(listed) => listed.containers,
                Err(CallError::Connect { error, .. }) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.failed(&error);
                    continue;
                }
            };
            reached = true;
            let name = runtime.name().await;
            let mut sandboxes = BTreeMap::new();
            for container in containers.into_iter().take(super::CONTAINERS_MAX) {
                match told(&mut runtime.client, &container, &mut sandboxes).await {
                    Ok(answers) => self.found(container.id.into(), name.clone(), &answers),
                    Err(error) => self.failed(&error),
                }
            }
        }
        self.runtimes = runtimes;
        if let (false, Some(log)) = (reached, &self.log) {
            let sockets: Vec<_> =
                self.runtimes.iter().map(|runtime| runtime.client.socket().display().to_string()).collect();
            log.info(&format!(
                "no container runtime answers at {}: names and images of containers and pods will be missing",
                if sockets.is_empty() { "any socket".to_owned() } else { sockets.join(", ") }
            ));
        }
    }

    async fn look_up(&mut self, id: Box<str>, attempt: u32) {
        let mut runtimes = std::mem::take(&mut self.runtimes);
        let mut answers = None;
        for runtime in &mut runtimes {
            match one(&mut runtime.client, &id).await {
                Ok(Some(told)) => {
                    answers = Some((runtime.name().await, told));
                    break;
                }
                Ok(None) => {}
                Err(CallError::Connect { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.failed(&error),
            }
        }
        self.runtimes = runtimes;
        match answers {
            Some((name, answers)) => self.found(id, name, &answers),
            None if attempt < ATTEMPTS_MAX && self.retries.len() < RETRIES_MAX => {
                let delay = FIRST_RETRY.saturating_mul(1 << attempt.min(20)).min(LAST_RETRY);
                self.retries.push(Reverse((Instant::now() + delay, attempt + 1, id)));
            }
            None => {
                self.counters.unknown.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn found(&mut self, id: Box<str>, runtime: Option<Box<str>>, (container, sandbox): &Answers) {
        let metadata = Metadata::new(runtime, container.as_ref(), sandbox.as_ref(), self.label_max);
        self.counters.found.fetch_add(1, Ordering::Relaxed);
        self.said = None;
        let _ = self.answer.send(Told::Found(id, Arc::new(metadata)));
    }

    fn failed(&mut self, error: &CallError) {
        self.counters.failed.fetch_add(1, Ordering::Relaxed);
        let text = error.to_string();
        if self.said.as_ref() != Some(&text) {
            if let Some(log) = &self.log {
                log.warning(&format!("ask for containers: {text}"));
            }
            self.said = Some(text);
        }
    }
}

/// Asks one runtime for one container or sandbox; `None`: it knows neither.
async fn one(client: &mut Client, id: &str) -> Result<Option<Answers>, CallError> {
    let filter = Some(ContainerFilter { id: id.to_owned() });
    let listed: ListContainersResponse =
        client.call("ListContainers", &ListContainersRequest { filter }).await?;
    let mut sandboxes = BTreeMap::new();
    let answers = match listed.containers.first() {
        Some(container) => told(client, container, &mut sandboxes).await?,
        None => (None, sandbox(client, id).await?),
    };
    Ok(Some(answers).filter(|answers| answers.0.is_some() || answers.1.is_some()))
}

async fn told(
    client: &mut Client,
    container: &Container,
    sandboxes: &mut BTreeMap<String, Option<PodSandboxStatusResponse>>,
) -> Result<Answers, CallError> {
    let question = ContainerStatusRequest { container_id: container.id.clone(), verbose: true };
    let status = unless_gone(client.call("ContainerStatus", &question).await)?;
    if let Some(known) = sandboxes.get(&container.pod_sandbox_id) {
        return Ok((status, known.clone()));
    }
    let sandbox = sandbox(client, &container.pod_sandbox_id).await?;
    sandboxes.insert(container.pod_sandbox_id.clone(), sandbox.clone());
    Ok((status, sandbox))
}

async fn sandbox(client: &mut Client, id: &str) -> Result<Option<PodSandboxStatusResponse>, CallError> {
    let question = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
    unless_gone(client.call("PodSandboxStatus", &question).await)
}

fn unless_gone<A>(answer: Result<A, CallError>) -> Result<Option<A>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sockets of runtimes as the host has them, below where the host's root is.
pub(super) fn below(root: &std::path::Path, sockets: &[PathBuf]) -> Vec<PathBuf> {
    sockets.iter().map(|socket| root.join(socket.strip_prefix("/").unwrap_or(socket))).collect()
}
