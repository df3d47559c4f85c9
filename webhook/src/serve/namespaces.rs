//! The labels of namespaces: watched, and asked for where the watch has not seen one yet.
//!
//! Anybody who reaches the webhook may name namespaces that there are not: questions are few at a time, and nothing
//! else waits for them.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use tokio::sync::Semaphore;

use super::app::App;
use super::conditions::Condition;
use super::heard::{Heard, SILENCE, heard};
use crate::review::Labels;

/// Questions to the apiserver at the same time; a new namespace is a matter of a moment, until the watch has seen it.
const QUESTIONS: usize = 8;

/// Where labels come from.
#[derive(Debug)]
pub enum Namespaces {
    /// Known beforehand; a namespace that is not among them has no labels.
    Fixed(BTreeMap<String, Labels>),
    /// A cluster's.
    Cluster(Cluster),
}

/// The namespaces of a cluster.
pub struct Cluster {
    /// What the watch has seen.
    store: Store<PartialObjectMeta<Namespace>>,
    /// To ask for what it has not seen.
    client: Client,
    questions: Semaphore,
    /// How long a question may take, its waiting for others included.
    patience: Duration,
}

/// What must [run](Watch::follow) for namespaces to be known.
pub struct Watch {
    writer: Writer<PartialObjectMeta<Namespace>>,
    client: Client,
}

/// The labels of a namespace.
#[derive(Debug)]
pub enum Known<'n> {
    /// Known beforehand.
    Fixed(&'n Labels),
    /// Seen by the watch.
    Watched(Arc<PartialObjectMeta<Namespace>>),
    /// Asked for.
    Asked(Labels),
}

impl Deref for Known<'_> {
    type Target = Labels;

    fn deref(&self) -> &Labels {
        match self {
            Self::Fixed(labels) => labels,
            Self::Watched(namespace) => namespace.labels(),
            Self::Asked(labels) => labels,
        }
    }
}

impl Namespaces {
    /// How long a question to the apiserver may take by default: it is waiting for us.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    /// Namespaces of a cluster, and the watch that must run for them to be known. `patience`: how long a question
    /// may take about one that the watch has not seen.
    pub fn watched(client: Client, patience: Duration) -> (Self, Watch) {
        let (store, writer) = reflector::store();
        let watch = Watch { writer, client: client.clone() };
        let questions = Semaphore::new(QUESTIONS);
        (Self::Cluster(Cluster { store, client, questions, patience }), watch)
    }

    /// Waits until every namespace is known.
    pub async fn ready(&self) {
        if let Self::Cluster(cluster) = self {
            // It fails only when the watch has ended, and with it the process.
            let _ = cluster.store.wait_until_ready().await;
        }
    }

    /// The labels of a namespace, which are not copied; `None` where they must be [asked](Self::ask) for. An empty
    /// name stands for objects outside of namespaces, which have none.
    pub fn known(&self, namespace: &str) -> Option<Known<'_>> {
        if namespace.is_empty() {
            return Some(Known::Asked(Labels::new()));
        }
        match self {
            Self::Fixed(known) => {
                Some(known.get(namespace).map_or_else(|| Known::Asked(Labels::new()), Known::Fixed))
            }
            Self::Cluster(cluster) => cluster.store.get(&ObjectRef::new(namespace)).map(Known::Watched),
        }
    }

    /// The labels that the apiserver knows; `None` where they cannot be learned, in time or at all.
    pub async fn ask(&self, namespace: &str) -> Option<Known<'_>> {
        let Self::Cluster(cluster) = self else { return self.known(namespace) };
        let answer = tokio::time::timeout(cluster.patience, cluster.ask(namespace)).await;
        answer.ok().flatten().map(Known::Asked)
    }
}

impl Watch {
    /// Takes whatever the namespaces become, and notes whether changes are heard of. Never ends.
    pub async fn follow(self, app: Arc<App>) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client);
        let watch = watcher(api, watcher::Config::default()).default_backoff();
        let mut events = std::pin::pin!(heard(reflector::reflector(self.writer, watch), SILENCE));
        while let Some(said) = events.next().await {
            match said {
                // The store has taken it.
                Heard::Event(_) => {}
                Heard::Again => app.note_namespaces(Ok(())),
                Heard::Deaf(error) => app.note_namespaces(Err(error.to_string())),
            }
        }
    }
}

impl App {
    /// Notes whether the labels in use are those of now.
    fn note_namespaces(&self, state: Result<(), String>) {
        let is_ok = state.is_ok();
        let reason = state.as_ref().err().cloned();
        if !self.conditions.set(Condition::NamespacesCurrent, state) {
            return;
        }
        self.metrics.reloaded("namespaces", is_ok);
        match reason {
            None => self.log.info("changes of namespaces are heard of again", json!({})),
            Some(reason) => {
                let message = "changes of namespaces are not heard of; the labels known last count";
                self.log.warn(message, json!({"reason": reason}));
            }
        }
    }
}

impl Cluster {
    async fn ask(&self, namespace: &str) -> Option<Labels> {
        // It becomes part of a path: no other object is to be asked for.
        if !is_name(namespace) {
            return None;
        }
        let _turn = self.questions.acquire().await;
        let api: Api<Namespace> = Api::all(self.client.clone());
        Some(api.get_metadata(namespace).await.ok()?.labels().clone())
    }
}

/// Whether a namespace can have this name: a DNS label.
fn is_name(text: &str) -> bool {
    text.len() <= 63 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("patience", &self.patience).finish_non_exhaustive()
    }
}
