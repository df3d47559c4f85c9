//! Alerts of the probe about itself, as Falco words them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lithify::rules::Priority;
use serde_json::Value as Json;

use crate::alert::{Alert, INTERNAL};

/// A reload failed.
pub(super) const RELOAD_FAILED: &str = "Falco internal: hot restart failure";
/// Events were lost.
pub(super) const DROPPED: &str = "Falco internal: syscall event drop";
/// System calls that rules do not see. Not one of Falco's.
pub(super) const NARROW: &str = "Lithify internal: 32-bit calls";
/// A snapshot of the metrics.
pub(super) const SNAPSHOT: &str = "Falco internal: metrics snapshot";

/// Nanoseconds since the epoch.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// An alert of the probe itself.
pub(super) fn alert(
    hostname: &Arc<str>,
    rule: &str,
    priority: Priority,
    output: String,
    fields: BTreeMap<String, Json>,
) -> Arc<Alert> {
    Arc::new(Alert {
        time_ns: now_ns(),
        hostname: Arc::clone(hostname),
        rule: rule.to_owned(),
        priority,
        source: INTERNAL.to_owned(),
        tags: BTreeSet::new(),
        output,
        output_fields: fields,
    })
}
