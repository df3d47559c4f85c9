//! Alerts held against those that were expected: rule authors' unit tests.
//!
//! An expectation is a JSON object with some or all keys of an alert. It is met by an alert that has the same
//! values under these keys; inside `output_fields` too only the given ones count. `time` and `hostname` need
//! not be given. Blank lines and lines that begin with `#` are comments.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::alert::{Alert, Format};

/// The alerts that a file expects, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    alerts: Vec<(usize, Map<String, Json>)>,
}

/// A line that is no expectation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ExpectError {
    /// The line.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

const KEYS: &[&str] =
    &["hostname", "message", "output", "output_fields", "priority", "rule", "source", "tags", "time"];

/// How far apart alerts and expectations are matched up again after a difference.
const WINDOW: usize = 64;

impl Expected {
    /// Reads the lines of a file.
    ///
    /// # Errors
    /// [`ExpectError`] for a line that is no object, and for a key that no alert has.
    pub fn parse(text: &str) -> Result<Self, ExpectError> {
        let mut alerts = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() || text.trim_start().starts_with('#') {
                continue;
            }
            let refuse = |message: String| ExpectError { line, message };
            let object: Map<String, Json> = serde_json::from_str(text).map_err(|error| {
                refuse(format!("expected an alert as one JSON object, as `{{\"rule\": \"…\"}}`: {error}"))
            })?;
            if let Some(key) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
                let near = lithify::nearest::nearest(key, KEYS.iter().copied());
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(refuse(format!("no alert has a key `{key}`{near}")));
            }
            alerts.push((line, object));
        }
        Ok(Self { alerts })
    }

    /// Holds alerts against the expectations, both in order.
    pub fn compare(&self, alerts: &[Alert]) -> Comparison {
        let format = Format { json: true, include_message: true, ..Format::default() };
        let found: Vec<Map<String, Json>> = alerts
            .iter()
            .map(|alert| serde_json::from_str(&alert.to_json(&format)).unwrap_or_default())
            .collect();
        let mut comparison = Comparison { met: 0, text: String::new() };
        let (mut at, mut seen) = (0, 0);
        while at < self.alerts.len() || seen < found.len() {
            match (self.alerts.get(at), found.get(seen)) {
                (Some((_, expected)), Some(alert)) if is_met(expected, alert) => {
                    comparison.met += 1;
                    (at, seen) = (at + 1, seen + 1);
                }
                (Some((line, expected)), Some(alert)) => {
                    let (missing, extra) = self.resync(at, seen, &found).unwrap_or_else(|| {
                        comparison.differ(*line, expected, alert);
                        (1, 1)
                    });
                    if missing == 0 || extra == 0 {
                        for (line, expected) in &self.alerts[at..at + missing] {
                            comparison.miss(*line, expected);
                        }
                        found[seen..seen + extra].iter().for_each(|alert| comparison.surplus(alert));
                    }
                    (at, seen) = (at + missing, seen + extra);
                }
                (Some((line, expected)), None) => {
                    comparison.miss(*line, expected);
                    at += 1;
                }
                (None, Some(alert)) => {
                    comparison.surplus(alert);
                    seen += 1;
                }
                (None, None) => break,
            }
        }
        comparison
    }

    /// The fewest expectations and alerts to pass over until both agree again.
    fn resync(&self, at: usize, seen: usize, found: &[Map<String, Json>]) -> Option<(usize, usize)> {
        for distance in 1..WINDOW {
            for missing in 0..=distance {
                let extra = distance - missing;
                let (Some((_, expected)), Some(alert)) =
                    (self.alerts.get(at + missing), found.get(seen + extra))
                else {
                    continue;
                };
                // One of each passed over is a difference, better told as such.
                if is_met(expected, alert) && (missing == 0 || extra == 0) {
                    return Some((missing, extra));
                }
            }
        }
        None
    }
}

/// How alerts and expectations agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Expectations that are met.
    pub met: usize,
    text: String,
}

impl Comparison {
    /// Whether all is as expected.
    pub fn is_equal(&self) -> bool {
        self.text.is_empty()
    }

    /// What differs, for people.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn miss(&mut self, line: usize, expected: &Map<String, Json>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "missing (line {line} expects it):\n- {}", Json::from(expected.clone()));
    }

    fn surplus(&mut self, alert: &Map<String, Json>) {
        let _ = writeln!(self.text, "not expected:\n+ {}", Json::from(alert.clone()));
    }

    fn differ(&mut self, line: usize, expected: &Map<String, Json>, alert: &Map<String, Json>) {
        let name = alert.get("rule").and_then(Json::as_str).unwrap_or_default();
        let _ = writeln!(self.text, "different (line {line} expects it), alert of rule `{name}`:");
        for (key, value) in expected {
            match (value, alert.get(key)) {
                (Json::Object(fields), Some(Json::Object(found))) => {
                    for (field, value) in fields {
                        self.pair(&format!("{key}.{field}"), value, found.get(field));
                    }
                }
                (value, found) => self.pair(key, value, found),
            }
        }
    }

    fn pair(&mut self, key: &str, expected: &Json, found: Option<&Json>) {
        if Some(expected) != found {
            let found = found.map_or_else(|| "(none)".to_owned(), Json::to_string);
            let _ = writeln!(self.text, "  {key}\n-   {expected}\n+   {found}");
        }
    }
}

fn is_met(expected: &Map<String, Json>, alert: &Map<String, Json>) -> bool {
    expected.iter().all(|(key, value)| match (value, alert.get(key)) {
        (Json::Object(fields), Some(Json::Object(found))) => {
            fields.iter().all(|(field, value)| found.get(field) == Some(value))
        }
        (value, found) => found == Some(value),
    })
}
