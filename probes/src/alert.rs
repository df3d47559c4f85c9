//! An alert, and the two ways in which it is written: Falco's text line and Falco's JSON line.
//!
//! Data in: what a rule said about an event. Data out: one line, byte for byte as Falco prints it, so that
//! whatever reads Falco's alerts reads these. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use lithify::event::Timestamp;
use lithify::rules::{Priority, one_line};
use serde::Serialize;
use serde_json::Value as Json;

/// The source of alerts that the probe raises about itself.
pub const INTERNAL: &str = "internal";

/// Something that a rule, or the probe itself, has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// When it happened: nanoseconds since the epoch.
    pub time_ns: u64,
    /// The machine's name.
    pub hostname: Arc<str>,
    /// The rule's name.
    pub rule: String,
    /// How urgent it is.
    pub priority: Priority,
    /// `syscall`, `k8s_audit` or [`INTERNAL`].
    pub source: String,
    /// The rule's tags.
    pub tags: BTreeSet<String>,
    /// What the rule says, its fields filled in, without time and priority in front.
    pub output: String,
    /// The values of its fields by name; null where the event has none. The time is not among them: each
    /// line adds it under the name of its own form.
    pub output_fields: BTreeMap<String, Json>,
}

/// How alerts are written: falco.yaml's `json_output`, `json_include_…` and `time_format_iso_8601`.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// JSON lines instead of text lines.
    pub json: bool,
    /// `output`: the text line.
    pub include_output: bool,
    /// `message`: the text line without time and priority.
    pub include_message: bool,
    /// `output_fields`: the values.
    pub include_output_fields: bool,
    /// `tags`.
    pub include_tags: bool,
    /// ISO 8601 in UTC instead of the clock in local time.
    pub time_iso_8601: bool,
    /// The zone of local time.
    pub zone: TimeZone,
}

impl Default for Format {
    /// Falco's: text lines; in JSON everything but the message; the machine's local time.
    fn default() -> Self {
        Self {
            json: false,
            include_output: true,
            include_message: false,
            include_output_fields: true,
            include_tags: true,
            time_iso_8601: false,
            zone: TimeZone::system(),
        }
    }
}

/// The keys in the order in which Falco prints them.
#[derive(Serialize)]
struct Line<'a> {
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_fields: Option<Fields<'a>>,
    priority: &'a str,
    rule: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a BTreeSet<String>>,
    time: &'a str,
}

type Fields<'a> = BTreeMap<&'a str, FieldValue<'a>>;

#[derive(Serialize)]
#[serde(untagged)]
enum FieldValue<'a> {
    Value(&'a Json),
    Time(u64),
}

impl Alert {
    /// The line that goes out, without a line end.
    pub fn to_line(&self, format: &Format) -> String {
        if format.json { self.to_json(format) } else { self.to_text(format) }
    }

    /// `10:00:00.000000000: Warning …`; control characters are escaped, so that an alert is one line.
    pub fn to_text(&self, format: &Format) -> String {
        let text = if self.is_internal() {
            // Falco writes the clock here whatever form of time is configured.
            let fields: Vec<String> =
                self.output_fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let clock = self.clock(format);
            format!("{clock}: {} {} ({})", self.priority, self.output, fields.join(" "))
        } else {
            self.prefixed(format)
        };
        one_line(&text)
    }

    /// The JSON object in one line.
    pub fn to_json(&self, format: &Format) -> String {
        let prefixed = self.prefixed(format);
        let mut fields: Fields<'_> = self
            .output_fields
            .iter()
            .map(|(name, value)| (name.as_str(), FieldValue::Value(value)))
            .collect();
        let internal = self.is_internal();
        if !internal {
            fields.insert(Self::time_field(format), FieldValue::Time(self.time_ns));
        }
        let line = Line {
            hostname: &self.hostname,
            message: (format.include_message && !internal).then_some(self.output.as_str()),
            // What the probe says of itself has no prefix, no tags, and is always whole, as in Falco.
            output: if internal { Some(&self.output) } else { format.include_output.then_some(&prefixed) },
            output_fields: (format.include_output_fields || internal).then_some(fields),
            priority: self.priority.name(),
            rule: &self.rule,
            source: &self.source,
            tags: (format.include_tags && !internal).then_some(&self.tags),
            time: &Timestamp(self.time_ns).rfc3339(),
        };
        // A structure of texts and JSON values always becomes JSON.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Whether the probe says it of itself.
    pub fn is_internal(&self) -> bool {
        self.source == INTERNAL
    }

    /// About how many bytes it keeps in memory.
    pub fn weight(&self) -> usize {
        let fields = self.output_fields.iter().map(|(name, value)| name.len() + json_weight(value) + 64);
        let tags = self.tags.iter().map(|tag| tag.len() + 32);
        256 + self.rule.len()
            + self.source.len()
            + self.output.len()
            + fields.sum::<usize>()
            + tags.sum::<usize>()
    }

    fn prefixed(&self, format: &Format) -> String {
        let time = if format.time_iso_8601 { Timestamp(self.time_ns).iso8601() } else { self.clock(format) };
        format!("{time}: {} {}", self.priority, self.output)
    }

    fn clock(&self, format: &Format) -> String {
        let time = jiff::Timestamp::from_nanosecond(self.time_ns.into()).unwrap_or_default();
        Timestamp(self.time_ns).clock(format.zone.to_offset(time).seconds())
    }

    const fn time_field(format: &Format) -> &'static str {
        if format.time_iso_8601 { "evt.time.iso8601" } else { "evt.time" }
    }
}

fn json_weight(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(|item| json_weight(item) + 32).sum(),
        Json::Object(map) => map.iter().map(|(key, item)| key.len() + json_weight(item) + 64).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::Offset;
    use serde_json::json;

    fn alert() -> Alert {
        Alert {
            time_ns: 1_795_470_747_690_544_502,
            hostname: "vm".into(),
            rule: "Read sensitive file untrusted".to_owned(),
            priority: Priority::Warning,
            source: "syscall".to_owned(),
            tags: ["maturity_stable", "filesystem", "T1555"].map(str::to_owned).into(),
            output: "Sensitive file opened | file=/etc/shadow".to_owned(),
            output_fields: [
                ("proc.tty".to_owned(), json!(0)),
                ("fd.name".to_owned(), json!("/etc/shadow")),
                ("container.name".to_owned(), Json::Null),
            ]
            .into(),
        }
    }

    fn utc(json: bool) -> Format {
        Format { json, zone: TimeZone::UTC, ..Format::default() }
    }

    #[test]
    fn is_written_as_falco_writes_json() {
        assert_eq!(
            alert().to_line(&utc(true)),
            r#"{"hostname":"vm","output":"21:52:27.690544502: Warning Sensitive file opened | file=/etc/shadow","output_fields":{"container.name":null,"evt.time":1795470747690544502,"fd.name":"/etc/shadow","proc.tty":0},"priority":"Warning","rule":"Read sensitive file untrusted","source":"syscall","tags":["T1555","filesystem","maturity_stable"],"time":"2026-11-23T21:52:27.690544502Z"}"#
        );
    }

    #[test]
    fn is_written_as_falco_writes_text() {
        assert_eq!(
            alert().to_line(&utc(false)),
            "21:52:27.690544502: Warning Sensitive file opened | file=/etc/shadow"
        );
        let iso = Format { time_iso_8601: true, ..utc(false) };
        assert_eq!(
            alert().to_line(&iso),
            "2026-11-23T21:52:27.690544502+0000: Warning Sensitive file opened | file=/etc/shadow"
        );
    }

    #[test]
    fn text_carries_local_time_and_json_utc() {
        let zone = TimeZone::fixed(Offset::from_seconds(3600).unwrap());
        let format = Format { zone, ..utc(true) };
        let line: Json = serde_json::from_str(&alert().to_line(&format)).unwrap();
        assert_eq!(line["time"], "2026-11-23T21:52:27.690544502Z");
        assert!(line["output"].as_str().unwrap().starts_with("22:52:27.690544502: Warning "));
    }

    #[test]
    fn each_part_of_the_json_can_be_left_out() {
        let keys = |format: &Format| {
            let line: serde_json::Map<String, Json> = serde_json::from_str(&alert().to_json(format)).unwrap();
            line.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        let all = Format { include_message: true, ..utc(true) };
        assert_eq!(keys(&all), "hostname message output output_fields priority rule source tags time");
        let bare =
            Format { include_output: false, include_output_fields: false, include_tags: false, ..utc(true) };
        assert_eq!(keys(&bare), "hostname priority rule source time");
        let message: Json = serde_json::from_str(&alert().to_json(&all)).unwrap();
        assert_eq!(message["message"], "Sensitive file opened | file=/etc/shadow");
    }

    #[test]
    fn the_time_stands_under_the_name_of_its_form() {
        let iso = Format { time_iso_8601: true, ..utc(true) };
        let line: Json = serde_json::from_str(&alert().to_json(&iso)).unwrap();
        assert_eq!(line["output_fields"]["evt.time.iso8601"], json!(1_795_470_747_690_544_502_u64));
        assert_eq!(line["output_fields"].get("evt.time"), None);
    }

    #[test]
    fn what_the_probe_says_of_itself_looks_as_in_falco() {
        let mut internal = alert();
        internal.source = INTERNAL.to_owned();
        internal.rule = "Falco internal: output drop".to_owned();
        internal.output = "Falco internal: output drop. 3 alerts lost.".to_owned();
        internal.output_fields = [("output".to_owned(), json!("http")), ("n".to_owned(), json!(3))].into();
        let short = Format { include_output_fields: false, include_output: false, ..utc(true) };
        assert_eq!(
            internal.to_json(&short),
            r#"{"hostname":"vm","output":"Falco internal: output drop. 3 alerts lost.","output_fields":{"n":3,"output":"http"},"priority":"Warning","rule":"Falco internal: output drop","source":"internal","time":"2026-11-23T21:52:27.690544502Z"}"#
        );
        assert_eq!(
            internal.to_text(&utc(false)),
            "21:52:27.690544502: Warning Falco internal: output drop. 3 alerts lost. (n=3 output=\"http\")"
        );
    }

    #[test]
    fn an_alert_is_one_line_whatever_the_event_says() {
        let mut forged = alert();
        forged.output = "file=a\n10:00:00.000000000: Notice all is well".to_owned();
        assert_eq!(forged.to_text(&utc(false)).lines().count(), 1);
        assert_eq!(forged.to_json(&utc(true)).lines().count(), 1);
    }
}
