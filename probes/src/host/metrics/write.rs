//! Metrics as text for Prometheus, and as fields of a snapshot.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::super::internal::now_ns;
use super::{Kind, Metric, Number};
use crate::config::Metrics;

/// Where Falco's metrics are explained, which its help lines say too.
const HELP: &str = "https://falco.org/docs/metrics/";

/// Prometheus' text format 0.0.4; all values of a name stand together.
pub(super) fn prometheus(metrics: &[Metric]) -> String {
    let mut by_name: Vec<(&str, Vec<&Metric>)> = Vec::new();
    for metric in metrics {
        match by_name.iter_mut().find(|(name, _)| *name == metric.name) {
            Some((_, same)) => same.push(metric),
            None => by_name.push((metric.name, vec![metric])),
        }
    }
    let mut out = String::new();
    for (name, same) in by_name {
        let kind = if same[0].kind == Kind::Counter { "counter" } else { "gauge" };
        // Writing into a string cannot fail.
        let help = if name.starts_with("falcosecurity_") { HELP } else { "not in Falco" };
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for metric in same {
            let value = match &metric.value {
                Number::Whole(value) => value.to_string(),
                Number::Real(value) => format!("{value:.6}"),
                Number::Info(_) => "1".to_owned(),
            };
            let _ = writeln!(out, "{name}{} {value}", labels(metric));
        }
    }
    out
}

fn labels(metric: &Metric) -> String {
    if metric.labels.is_empty() {
        return String::new();
    }
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> =
        metric.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", labels.join(","))
}

/// The fields of a snapshot, as Falco names them.
pub(super) fn snapshot(metrics: &[Metric], settings: &Metrics) -> BTreeMap<String, Json> {
    let mut fields = BTreeMap::from([
        ("evt.time".to_owned(), now_ns().into()),
        ("evt.source".to_owned(), "internal".into()),
    ]);
    for metric in metrics {
        let Some(field) = metric.field.clone() else { continue };
        let is_memory = metric.name.ends_with("_bytes");
        let is_empty = matches!(&metric.value, Number::Whole(0)) && metric.kind == Kind::Counter;
        if is_empty && !settings.include_empty {
            continue;
        }
        let (field, value) = match &metric.value {
            Number::Whole(bytes) if is_memory && settings.megabytes => {
                (format!("{field}_mb"), megabytes(*bytes))
            }
            Number::Whole(bytes) if is_memory => (format!("{field}_bytes"), (*bytes).into()),
            Number::Whole(value) => (field, (*value).into()),
            // A percentage in snapshots, a ratio for Prometheus.
            Number::Real(value) => (field, ((value * 1000.0).round() / 10.0).into()),
            Number::Info(text) => (field, text.as_str().into()),
        };
        fields.insert(field, value);
    }
    fields
}

fn megabytes(bytes: u64) -> Json {
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let megabytes = bytes as f64 / f64::from(1 << 20);
    ((megabytes * 10.0).round() / 10.0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &'static str, label: &str, value: u64) -> Metric {
        Metric {
            name,
            field: Some(format!("{name}.{label}")),
            labels: vec![("rule_name", label.to_owned())],
            kind: Kind::Counter,
            value: Number::Whole(value),
        }
    }

    #[test]
    fn values_of_a_name_stand_together_and_labels_are_escaped() {
        let metrics =
            [metric("a_total", "one", 1), metric("b_total", "x", 2), metric("a_total", "say \"hi\"", 3)];
        assert_eq!(
            prometheus(&metrics),
            "# HELP a_total not in Falco\n# TYPE a_total counter\n\
             a_total{rule_name=\"one\"} 1\na_total{rule_name=\"say \\\"hi\\\"\"} 3\n\
             # HELP b_total not in Falco\n# TYPE b_total counter\n\
             b_total{rule_name=\"x\"} 2\n"
        );
    }
}
