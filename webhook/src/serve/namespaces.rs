//! The labels of namespaces: watched, and asked for where the watch has not seen one yet.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};

use crate::review::Labels;

/// How long a question to the apiserver may take: it is waiting for us.
const ASK: Duration = Duration::from_secs(2);

/// Where labels come from.
pub enum Namespaces {
    /// Known beforehand; a namespace that is not among them has no labels.
    Fixed(BTreeMap<String, Labels>),
    /// A cluster's.
    Cluster {
        /// What the watch has seen.
        store: Store<PartialObjectMeta<Namespace>>,
        /// To ask for what it has not seen.
        client: Client,
    },
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
    /// Namespaces of a cluster, and the watch that must run for them to be known.
    pub fn watched(client: Client) -> (Self, impl Future<Output = ()> + Send) {
        let (store, writer) = reflector::store();
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
        let watch = watcher(api, watcher::Config::default()).default_backoff();
        let follow = reflector::reflector(writer, watch).for_each(|_| async {});
        (Self::Cluster { store, client }, follow)
    }

    /// Waits until every namespace is known.
    pub async fn ready(&self) {
        if let Self::Cluster { store, .. } = self {
            // It fails only when the watch has ended, and with it the process.
            let _ = store.wait_until_ready().await;
        }
    }

    /// The labels of a namespace, which are not copied; `None` where they cannot be learned. An empty name stands for objects
    /// outside of namespaces, which have none.
    pub async fn labels(&self, namespace: &str) -> Option<Known<'_>> {
        if namespace.is_empty() {
            return Some(Known::Asked(Labels::new()));
        }
        match self {
            Self::Fixed(known) => {
                Some(known.get(namespace).map_or_else(|| Known::Asked(Labels::new()), Known::Fixed))
            }
            Self::Cluster { store, client } => {
                if let Some(known) = store.get(&ObjectRef::new(namespace)) {
                    return Some(Known::Watched(known));
                }
                let api: Api<Namespace> = Api::all(client.clone());
                let asked = tokio::time::timeout(ASK, api.get_metadata(namespace)).await;
                Some(Known::Asked(asked.ok()?.ok()?.labels().clone()))
            }
        }
    }
}

impl std::fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::Cluster { .. } => "Cluster",
        })
    }
}
