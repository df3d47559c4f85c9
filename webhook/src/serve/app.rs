//! What every request needs.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

use super::conditions::Conditions;
use super::events::Events;
use super::log::Log;
use super::metrics::Metrics;
use super::namespaces::Namespaces;
use super::room::Room;
use crate::review::Policy;

/// How much is taken on at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one body. An UPDATE carries two objects of up to 3 MiB each, as the apiserver limits them.
    pub max_body: usize,
    /// Bytes of all large bodies that are being read or judged.
    pub all_bodies: usize,
    /// Reviews judged at the same time; others wait for their turn.
    pub judging: usize,
    /// How long a body may take to arrive: less than the apiserver waits for an answer.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            max_body: 8 << 20,
            all_bodies: 64 << 20,
            judging: 4 * cores,
            body_timeout: Duration::from_secs(4),
        }
    }
}

/// What every request needs.
#[derive(Debug)]
pub struct App {
    policy: ArcSwap<Policy>,
    /// Where labels come from.
    pub namespaces: Namespaces,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// What `/readyz` shows.
    pub conditions: Conditions,
    /// Where decisions are told.
    pub log: Log,
    /// Where owners of denied pods are told; unset without a cluster.
    pub events: OnceLock<Events>,
    /// How much is taken on at once.
    pub limits: Limits,
    /// One permit a review that is being judged.
    pub(super) judging: Semaphore,
    /// For large bodies.
    pub(super) room: Room,
}

impl App {
    /// An app that starts with a policy.
    pub fn new(policy: Policy, namespaces: Namespaces, log: Log, limits: Limits) -> Arc<Self> {
        let conditions = Conditions::default();
        Arc::new(Self {
            policy: ArcSwap::from_pointee(policy),
            namespaces,
            metrics: Metrics::new(log.lost(), conditions.shown()),
            conditions,
            log,
            events: OnceLock::new(),
            limits,
            judging: Semaphore::new(limits.judging),
            room: Room::new(limits.all_bodies.max(limits.max_body)),
        })
    }

    /// The policy of now; a request keeps the one that it began with.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Exchanges the policy for requests to come.
    pub fn set_policy(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    /// The day of now, by which exemptions end.
    pub fn today() -> Date {
        Timestamp::now().to_zoned(TimeZone::UTC).date()
    }
}
