//! What is counted, under Falco's names where Falco has one: for Prometheus, and as snapshots.
//!
//! `collect` takes the numbers at one moment as a flat list; `prometheus` and `snapshot` write it.

mod collect;
mod own_process;
mod write;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use serde_json::Value as Json;

use super::drops::KernelStats;
use super::in_force::Slot;
use super::internal::now_ns;
use super::reload::Fingerprint;
use crate::audit;
use crate::config::Metrics;
use crate::engine::RuleCounters;

/// Asks the receivers of audit events what they have done.
type AuditCounters = dyn Fn() -> Vec<audit::Counter> + Send + Sync;

/// Everything that is counted; shared by those who count and those who show.
pub(super) struct Registry {
    pub(super) rules: Arc<RuleCounters>,
    pub(super) kernel: Arc<KernelStats>,
    pub(super) audit_events: Arc<AtomicU64>,
    pub(super) replayed_events: Arc<AtomicU64>,
    pub(super) reloads: AtomicU64,
    pub(super) failed_reloads: AtomicU64,
    pub(super) hostname: Arc<str>,
    slot: RwLock<Option<Arc<Slot>>>,
    audit: RwLock<Option<Box<AuditCounters>>>,
    settings: RwLock<Option<Metrics>>,
    loaded: Mutex<Loaded>,
    started: Instant,
    start_ns: u64,
    snapshots: AtomicU64,
}

/// What is in force, for the info metrics.
#[derive(Debug, Default)]
struct Loaded {
    reload_ns: u64,
    rules: u64,
    files: Fingerprint,
    sources: Vec<(&'static str, &'static str)>,
}

/// A number with its names.
#[derive(Debug)]
struct Metric {
    /// For Prometheus.
    name: &'static str,
    /// In snapshots; none: not there.
    field: Option<String>,
    labels: Vec<(&'static str, String)>,
    kind: Kind,
    value: Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

#[derive(Clone, Debug, PartialEq)]
enum Number {
    Whole(u64),
    Real(f64),
    /// 1 with labels for Prometheus, a text in snapshots.
    Info(String),
}

impl Registry {
    pub(super) fn new(rules: Arc<RuleCounters>, hostname: Arc<str>) -> Self {
        Self {
            rules,
            kernel: Arc::default(),
            audit_events: Arc::default(),
            replayed_events: Arc::default(),
            reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
            hostname,
            slot: RwLock::default(),
            audit: RwLock::new(None),
            settings: RwLock::default(),
            loaded: Mutex::default(),
            started: Instant::now(),
            start_ns: now_ns(),
            snapshots: AtomicU64::new(0),
        }
    }

    /// Where the outputs in force are found.
    pub(super) fn set_slot(&self, slot: Arc<Slot>) {
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Some(slot);
    }

    /// Where the counters of audit receivers are asked for.
    pub(super) fn set_audit(&self, counters: Option<Box<AuditCounters>>) {
        *self.audit.write().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    /// Lets go of the outputs, so that they can end.
    pub(super) fn clear_slot(&self) {
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is in force from now on.
    pub(super) fn set_loaded(
        &self,
        settings: Option<Metrics>,
        rules: usize,
        files: &Fingerprint,
        sources: Vec<(&'static str, &'static str)>,
    ) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) =
            Loaded { reload_ns: now_ns(), rules: rules as u64, files: files.clone(), sources };
    }

    /// Whether rules are in force and sources are watched: not so while the start is under way.
    pub(super) fn is_watching(&self) -> bool {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).reload_ns != 0
    }

    fn settings(&self) -> Option<Metrics> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Prometheus' text format; `None` where metrics are off.
    pub(super) fn prometheus(&self) -> Option<String> {
        let settings = self.settings()?;
        Some(write::prometheus(&self.collect(&settings)))
    }

    /// The fields of a snapshot, and its number from 1; `None` where metrics are off.
    pub(super) fn snapshot(&self) -> Option<(u64, BTreeMap<String, Json>)> {
        let settings = self.settings()?;
        let number = self.snapshots.fetch_add(1, Relaxed) + 1;
        Some((number, write::snapshot(&self.collect(&settings), &settings)))
    }
}
