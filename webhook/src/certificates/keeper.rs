//! Takes the steps that are due, and tells what is to be served.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use kube::{Client, Error};

use super::held::{Held, HeldError};
use super::issue::{self, IssueError};
use super::lease;
use super::plan::{Lifetimes, Step, plan};
use crate::registration::cluster;

/// The Secret that the replicas share, and the Lease of who may write it.
pub const SECRET: &str = "lithify-webhook-tls";
/// Steps in a row; a plan needs five at most.
const STEPS: usize = 8;

/// Why certificates could not be kept in order.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The apiserver refuses, or does not answer.
    #[error("{doing}: {source}")]
    Cluster {
        /// What was asked of it.
        doing: &'static str,
        /// Its answer.
        source: Box<Error>,
    },
    /// The Secret holds something else.
    #[error(transparent)]
    Held(#[from] HeldError),
    /// A certificate could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

/// Keeps the certificates of one webhook.
#[derive(Clone)]
pub struct Keeper {
    /// The cluster.
    pub client: Client,
    /// The webhook's own namespace.
    pub namespace: String,
    /// The name that leaves are for.
    pub host: String,
    /// Who we are among the replicas.
    pub identity: String,
    /// How long what lives.
    pub lifetimes: Lifetimes,
}

impl Keeper {
    /// How often to look: every replica serves a new leaf, and renews its Lease, well within `settle`.
    pub fn interval(&self) -> Duration {
        let seconds = u64::try_from(self.lifetimes.settle / 4).unwrap_or(1);
        Duration::from_secs(seconds.clamp(1, 5))
    }

    /// Takes the steps that are due, if we hold the Lease, and returns what is held then; `None` where there is
    /// nothing yet and another replica is about to make it.
    ///
    /// # Errors
    /// [`KeeperError`]; what was held before still is.
    pub async fn tend(&self) -> Result<Option<Held>, KeeperError> {
        let is_writer = lease::hold(&self.client, &self.namespace, SECRET, &self.identity).await;
        if !is_writer.map_err(failed("hold the Lease"))? {
            return Ok(self.read().await?.map(|(_, held)| held));
        }
        for _ in 0..STEPS {
            let secret = self.read().await?;
            let held = secret.as_ref().map(|(_, held)| held);
            let registered = cluster::registered(&self.client).await;
            let bundles = registered.map_err(failed("read the registered caBundles"))?.bundles();
            let now = Timestamp::now().as_second();
            match (plan(held, &self.host, &bundles, now, &self.lifetimes), secret) {
                (Step::Begin, _) => self.create(&issue::begin(&self.host, now, &self.lifetimes)?).await?,
                (_, None) => return Ok(None),
                (Step::Rest, Some((_, held))) => return Ok(Some(held)),
                (Step::Publish, Some((_, held))) => {
                    let published = cluster::publish(&self.client, held.bundle().as_bytes()).await;
                    published.map_err(failed("publish the caBundle"))?;
                }
                (step, Some((secret, held))) => {
                    let next = issue::take(step, &held, &self.host, now, &self.lifetimes)?;
                    self.replace(secret, &next).await?;
                }
            }
        }
        Ok(self.read().await?.map(|(_, held)| held))
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn read(&self) -> Result<Option<(Secret, Held)>, KeeperError> {
        let secret = self.secrets().get_opt(SECRET).await.map_err(failed("read the Secret"))?;
        let Some(secret) = secret else { return Ok(None) };
        let held = Held::read(secret.data.as_ref().unwrap_or(&std::collections::BTreeMap::new()))?;
        Ok(Some((secret, held)))
    }

    async fn create(&self, held: &Held) -> Result<(), KeeperError> {
        let mut secret = Secret { data: Some(held.to_data()), ..Secret::default() };
        secret.metadata.name = Some(SECRET.to_owned());
        secret.type_ = Some("Opaque".to_owned());
        match self.secrets().create(&PostParams::default(), &secret).await {
            // Another replica was first, before the Lease: its certificates are as good.
            Err(Error::Api(status)) if status.code == 409 => Ok(()),
            created => created.map(|_| ()).map_err(failed("create the Secret")),
        }
    }

    async fn replace(&self, mut secret: Secret, held: &Held) -> Result<(), KeeperError> {
        secret.data = Some(held.to_data());
        match self.secrets().replace(SECRET, &PostParams::default(), &secret).await {
            // Somebody else has taken a step: plan anew.
            Err(Error::Api(status)) if status.code == 409 => Ok(()),
            replaced => replaced.map(|_| ()).map_err(failed("write the Secret")),
        }
    }
}

fn failed(doing: &'static str) -> impl FnOnce(Error) -> KeeperError {
    move |source| KeeperError::Cluster { doing, source: Box::new(source) }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("namespace", &self.namespace)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
