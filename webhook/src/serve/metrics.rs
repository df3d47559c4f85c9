//! What Prometheus reads.

use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::conditions::Shown;
use crate::review::{Decision, Record};
use lithify::config::Mode;

/// The most series of decisions and violations: each has some 300 bytes here, and more in Prometheus. Namespaces
/// come and go, and their series stay.
const MOST_SERIES: usize = 20_000;

/// What a decision was about; without its place where the review could not be believed, for anybody may send one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    endpoint: &'static str,
    decision: &'static str,
    namespace: String,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ViolationLabels {
    check: &'static str,
    mode: &'static str,
    namespace: String,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: &'static str,
}

/// Labels of which some say where.
trait Placed: Clone + Hash + Eq {
    /// The same of anywhere.
    fn anywhere(self) -> Self;
}

impl Placed for DecisionLabels {
    fn anywhere(self) -> Self {
        Self { namespace: String::new(), kind: String::new(), ..self }
    }
}

impl Placed for ViolationLabels {
    fn anywhere(self) -> Self {
        Self { namespace: String::new(), kind: String::new(), ..self }
    }
}

type Durations = Family<EndpointLabels, Histogram, fn() -> Histogram>;

/// Every metric, and the registry that writes them out.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    violations: Family<ViolationLabels, Counter>,
    /// How many series those two have.
    series: AtomicUsize,
    durations: Durations,
    malformed: Counter,
    reload_failures: Family<SourceLabels, Counter>,
    reload_ok: Family<SourceLabels, Gauge>,
    events: Family<OutcomeLabels, Counter>,
    /// Reviews that are being answered.
    pub in_flight: Gauge<i64, AtomicI64>,
    /// Connections that are open.
    pub connections: Gauge<i64, AtomicI64>,
    /// Connections that were closed to make room for others.
    pub evicted: Counter,
    /// When the served certificate ends, in seconds since 1970.
    pub certificate_expiry: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Metrics at nought. `lost_lines`: counted by the log itself. `conditions`: set where those are.
    pub(super) fn new(lost_lines: Counter, conditions: Shown) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("lithify_webhook"),
            decisions: Family::default(),
            violations: Family::default(),
            series: AtomicUsize::new(0),
            durations: Family::new_with_constructor(histogram),
            malformed: Counter::default(),
            reload_failures: Family::default(),
            reload_ok: Family::default(),
            events: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            evicted: Counter::default(),
            certificate_expiry: Gauge::default(),
        };
        metrics.register();
        metrics.registry.register("lost_log_lines", "Log lines that nobody read in time", lost_lines);
        metrics.registry.register("condition", "1 where a condition of /readyz is well", conditions);
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("decisions", "Reviews answered, by how they ended", self.decisions.clone());
        registry.register(
            "violations",
            "Checks that found something, by what was done about it",
            self.violations.clone(),
        );
        registry.register(
            "request_duration_seconds",
            "From a request's head to its answer",
            self.durations.clone(),
        );
        registry.register(
            "malformed_reviews",
            "Requests that hold no review to answer to",
            self.malformed.clone(),
        );
        registry.register(
            "reload_failures",
            "Reloads that failed, so that the old stayed in use",
            self.reload_failures.clone(),
        );
        registry.register("reload_ok", "1 where the last reload succeeded", self.reload_ok.clone());
        registry.register(
            "events",
            "Events to owners of denied pods, by what became of them",
            self.events.clone(),
        );
        registry.register("in_flight_requests", "Reviews being answered", self.in_flight.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "evicted_connections",
            "Idle connections closed to make room",
            self.evicted.clone(),
        );
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the served certificate ends",
            self.certificate_expiry.clone(),
        );
    }

    /// Counts an answer. `is_place`: whether the namespace is one that there is.
    pub fn decided(&self, endpoint: &'static str, record: &Record, is_place: bool) {
        // Only what was judged has a kind that exists.
        let is_known = is_place
            && !matches!(record.decision, Decision::Unjudged | Decision::Deletion | Decision::ExemptUser);
        let known = |text: &str| if is_known { text.to_owned() } else { String::new() };
        let (namespace, kind) = (known(&record.namespace), known(&record.kind));
        for (check, mode) in &record.violations {
            let (namespace, kind) = (namespace.clone(), kind.clone());
            self.count(&self.violations, ViolationLabels { check, mode: mode_name(*mode), namespace, kind });
        }
        let decision = record.decision.name();
        self.count(&self.decisions, DecisionLabels { endpoint, decision, namespace, kind });
    }

    /// Counts in the series of these labels, or, where there are too many, of anywhere.
    fn count<L: Placed>(&self, family: &Family<L, Counter>, labels: L) {
        if let Some(known) = family.get(&labels) {
            known.inc();
            return;
        }
        let is_room = self.series.load(Ordering::Relaxed) < MOST_SERIES;
        let labels = if is_room { labels } else { labels.anywhere() };
        if is_room {
            self.series.fetch_add(1, Ordering::Relaxed);
        }
        family.get_or_create(&labels).inc();
    }

    /// Counts a request without a review.
    pub fn malformed(&self) {
        self.malformed.inc();
    }

    /// Notes how long an answer took.
    pub fn took(&self, endpoint: &'static str, duration: Duration) {
        self.durations.get_or_create(&EndpointLabels { endpoint }).observe(duration.as_secs_f64());
    }

    /// Notes whether a reload of `source` succeeded.
    pub fn reloaded(&self, source: &'static str, is_ok: bool) {
        let labels = SourceLabels { source };
        self.reload_ok.get_or_create(&labels).set(i64::from(is_ok));
        let failures = self.reload_failures.get_or_create(&labels);
        if !is_ok {
            failures.inc();
        }
    }

    /// Counts an Event: written, limited, failed or dropped.
    pub fn event(&self, outcome: &'static str) {
        self.events.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// The text that Prometheus reads.
    pub fn to_text(&self) -> String {
        let mut shown = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut shown, &self.registry);
        shown
    }
}

/// From a quarter of a millisecond to the five seconds that the apiserver waits.
fn histogram() -> Histogram {
    Histogram::new([0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Deny => "deny",
        Mode::Warn => "warn",
        Mode::Audit => "audit",
        Mode::Off => "off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(metrics: &Metrics, name: &str) -> Vec<String> {
        metrics.to_text().lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }

    fn record(namespace: String) -> Record {
        let violations = vec![("privileged", Mode::Warn)];
        Record { namespace, kind: "Pod".to_owned(), violations, ..Record::default() }
    }

    #[test]
    fn counts_without_a_place_what_names_none_that_there_is() {
        let metrics = Metrics::new(Counter::default(), Shown::default());
        metrics.decided("mutate", &record("invented".to_owned()), false);
        metrics.decided("mutate", &record("other".to_owned()), false);
        assert_eq!(
            series(&metrics, "lithify_webhook_decisions_total"),
            [
                r#"lithify_webhook_decisions_total{endpoint="mutate",decision="allowed",namespace="",kind=""} 2"#
            ]
        );
    }

    #[test]
    fn holds_so_many_series_and_loses_no_count() {
        let metrics = Metrics::new(Counter::default(), Shown::default());
        let answers = MOST_SERIES + 1000;
        for number in 0..answers {
            metrics.decided("validate", &record(number.to_string()), true);
        }
        metrics.decided("validate", &record("0".to_owned()), true);
        let all = series(&metrics, "lithify_webhook_decisions_total");
        assert!(all.len() < MOST_SERIES, "{}", all.len());
        let counted = all.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap());
        assert_eq!(counted.sum::<usize>(), answers + 1);
        let first = r#"decision="allowed",namespace="0",kind="Pod"} 2"#;
        assert!(all.iter().any(|line| line.ends_with(first)), "what is there already is counted as before");
    }
}
