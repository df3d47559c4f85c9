//! `otlp_output`: alerts as logs for an OpenTelemetry collector, by OTLP over HTTP in its JSON encoding.
//!
//! Attributes that the semantic conventions know have their names; all others keep the name of their field.

use std::sync::Arc;

use lithify::rules::Priority;
use serde_json::{Map, Value as Json, json};

use crate::alert::Alert;
use crate::http::{Answer, Client, ClientError};

use super::http::{body, judge};
use super::message::Message;
use super::settings;
use super::sink::{DeliveryError, Retry, Sink};

pub(super) struct OtlpSink {
    client: Client,
    url: String,
    compress: bool,
    max_batch: usize,
    /// Attributes of the resource, but for the machine's name.
    resource: Vec<(String, String)>,
}

impl OtlpSink {
    pub(super) fn new(settings: &settings::Otlp) -> Result<Self, ClientError> {
        let url = logs_url(&settings.endpoint);
        let agent = concat!("lithify-probe/", env!("CARGO_PKG_VERSION"));
        let mut headers = vec![("content-type", "application/json"), ("user-agent", agent)];
        if settings.compress_uploads {
            headers.push(("content-encoding", "gzip"));
        }
        headers.extend(settings.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let client = Client::new(&url, &settings.tls, settings.timeout, &headers)?;
        let mut resource = vec![
            ("service.name".to_owned(), settings.service_name.clone()),
            ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ];
        resource.extend(settings.resource_attributes.iter().cloned());
        let max_batch = settings.max_batch.max(1);
        Ok(Self { client, url, compress: settings.compress_uploads, max_batch, resource })
    }
}

impl Sink for OtlpSink {
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError> {
        let alerts: Vec<&Alert> = batch.iter().map(|message| message.alert.as_ref()).collect();
        let json = request(&alerts, &self.resource).to_string();
        let body = body(json.as_bytes(), self.compress)?;
        let answer = self.client.post(&body);
        let answer = answer.map_err(|error| DeliveryError::new(error.to_string(), Retry::Soon))?;
        judge(&self.url, &answer)?;
        rejected(&answer, batch.len())
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }
}

/// The endpoint with `/v1/logs` behind it, where it has no path of its own.
fn logs_url(endpoint: &str) -> String {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    if authority.trim_end_matches('/').contains('/') {
        endpoint.to_owned()
    } else {
        format!("{}/v1/logs", endpoint.trim_end_matches('/'))
    }
}

/// A collector that took the request may still have refused some of the logs.
fn rejected(answer: &Answer, sent: usize) -> Result<(), DeliveryError> {
    let Ok(json) = serde_json::from_slice::<Json>(&answer.body) else { return Ok(()) };
    let partial = &json["partialSuccess"];
    let count = &partial["rejectedLogRecords"];
    // 64-bit numbers are texts in this encoding, but not every server keeps to that.
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0);
    if count == 0 {
        return Ok(());
    }
    let said = partial["errorMessage"].as_str().unwrap_or("no reason given");
    let lost = usize::try_from(count).unwrap_or(sent).min(sent);
    let reason = format!("the collector refused {count} of {sent} logs: {said}");
    Err(DeliveryError { reason, retry: Retry::Never, lost: Some(lost) })
}

/// An `ExportLogsServiceRequest`. All alerts of a probe are of one machine.
fn request(alerts: &[&Alert], resource: &[(String, String)]) -> Json {
    let host = alerts.first().map(|alert| ("host.name", alert.hostname.to_string()));
    let attributes = resource.iter().map(|(name, value)| (name.as_str(), value.clone())).chain(host);
    let attributes: Vec<Json> = attributes.map(|(name, value)| attribute(name, &value.into())).collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": attributes},
        "scopeLogs": [{
            "scope": {"name": "lithify-probe", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": alerts.iter().map(|alert| record(alert)).collect::<Vec<_>>(),
        }],
    }]})
}

fn record(alert: &Alert) -> Json {
    let (number, text) = severity(alert.priority);
    let mut attributes = vec![
        attribute("security_rule.name", &alert.rule.clone().into()),
        attribute("lithify.source", &alert.source.clone().into()),
        attribute("lithify.tags", &alert.tags.iter().cloned().collect()),
    ];
    let known = alert.output_fields.iter().filter(|(_, value)| !value.is_null());
    attributes.extend(known.map(|(name, value)| attribute(convention(name), value)));
    json!({
        "timeUnixNano": alert.time_ns.to_string(),
        "observedTimeUnixNano": alert.time_ns.to_string(),
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": alert.output},
        "attributes": attributes,
    })
}

/// The log data model's numbers for syslog's severities.
const fn severity(priority: Priority) -> (u8, &'static str) {
    let number = match priority {
        Priority::Emergency => 21,
        Priority::Alert => 19,
        Priority::Critical => 18,
        Priority::Error => 17,
        Priority::Warning => 13,
        Priority::Notice => 10,
        Priority::Informational => 9,
        Priority::Debug => 5,
    };
    (number, priority.name())
}

/// Fields with their names in the semantic conventions.
const CONVENTIONS: &[(&str, &str)] = &[
    ("container.image", "container.image.name"),
    ("container.image.repository", "container.image.name"),
    ("container.image.tag", "container.image.tags"),
    ("k8s.ns.name", "k8s.namespace.name"),
    ("ka.target.namespace", "k8s.namespace.name"),
    ("ka.user.name", "user.name"),
    ("ka.useragent", "user_agent.original"),
    ("proc.args", "process.command_args"),
    ("proc.cmdline", "process.command_line"),
    ("proc.cwd", "process.working_directory"),
    ("proc.exepath", "process.executable.path"),
    ("proc.name", "process.executable.name"),
    ("proc.pid", "process.pid"),
    ("proc.ppid", "process.parent_pid"),
    ("proc.vpid", "process.vpid"),
    ("user.uid", "user.id"),
];

fn convention(field: &str) -> &str {
    CONVENTIONS.iter().find(|(name, _)| *name == field).map_or(field, |(_, known)| known)
}

fn attribute(name: &str, value: &Json) -> Json {
    let value = match (name, value) {
        // Conventions ask for lists and texts here.
        ("container.image.tags", Json::String(_)) => any_value(&json!([value])),
        ("user.id", Json::Number(number)) => any_value(&number.to_string().into()),
        _ => any_value(value),
    };
    json!({"key": name, "value": value})
}

/// An `AnyValue`.
fn any_value(value: &Json) -> Json {
    let (kind, value) = match value {
        Json::String(text) => ("stringValue", json!(text)),
        Json::Bool(is) => ("boolValue", json!(is)),
        Json::Number(number) if number.is_i64() => ("intValue", json!(number.to_string())),
        // There are no unsigned numbers: what is too large for a signed one stays readable.
        Json::Number(number) if number.is_u64() => ("stringValue", json!(number.to_string())),
        Json::Number(number) => ("doubleValue", json!(number)),
        Json::Null => return json!({}),
        Json::Array(items) => {
            let values: Vec<Json> = items.iter().map(any_value).collect();
            ("arrayValue", json!({"values": values}))
        }
        Json::Object(map) => {
            let values: Vec<Json> =
                map.iter().map(|(key, value)| json!({"key": key, "value": any_value(value)})).collect();
            ("kvlistValue", json!({"values": values}))
        }
    };
    Json::Object(Map::from_iter([(kind.to_owned(), value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert {
        Alert {
            time_ns: 1_795_470_747_690_544_502,
            hostname: "node1".into(),
            rule: "Shell".to_owned(),
            priority: Priority::Critical,
            source: "syscall".to_owned(),
            tags: ["shell".to_owned()].into(),
            output: "Shell in a container".to_owned(),
            output_fields: [
                ("proc.name", json!("bash")),
                ("user.uid", json!(1000)),
                ("proc.tty", json!(34816)),
                ("big", json!(u64::MAX)),
                ("container.image.tag", json!("1.2")),
                ("container.name", Json::Null),
                ("fd.types", json!(["file", true])),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        }
    }

    #[test]
    fn an_alert_is_a_log_by_the_semantic_conventions() {
        let resource = [("service.name".to_owned(), "lithify-probe".to_owned())];
        let request = request(&[&alert()], &resource);
        let logs = &request["resourceLogs"][0];
        assert_eq!(logs["resource"]["attributes"][1]["key"], "host.name");
        let record = &logs["scopeLogs"][0]["logRecords"][0];
        assert_eq!(record["timeUnixNano"], "1795470747690544502");
        assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(18), &json!("Critical")));
        assert_eq!(record["body"]["stringValue"], "Shell in a container");
        let attributes = record["attributes"].as_array().unwrap();
        let value =
            |key: &str| attributes.iter().find(|one| one["key"] == key).map(|one| one["value"].clone());
        assert_eq!(value("security_rule.name"), Some(json!({"stringValue": "Shell"})));
        assert_eq!(value("process.executable.name"), Some(json!({"stringValue": "bash"})));
        assert_eq!(value("user.id"), Some(json!({"stringValue": "1000"})));
        assert_eq!(value("proc.tty"), Some(json!({"intValue": "34816"})));
        assert_eq!(value("big"), Some(json!({"stringValue": u64::MAX.to_string()})));
        assert_eq!(value("container.name"), None);
        assert_eq!(
            value("container.image.tags"),
            Some(json!({"arrayValue": {"values": [{"stringValue": "1.2"}]}}))
        );
        assert_eq!(
            value("fd.types"),
            Some(json!({"arrayValue": {"values": [{"stringValue": "file"}, {"boolValue": true}]}}))
        );
    }

    #[test]
    fn the_endpoint_gets_its_path_where_it_has_none() {
        assert_eq!(logs_url("http://collector:4318"), "http://collector:4318/v1/logs");
        assert_eq!(logs_url("http://collector:4318/"), "http://collector:4318/v1/logs");
        assert_eq!(logs_url("https://host/otlp/v1/logs"), "https://host/otlp/v1/logs");
    }

    #[test]
    fn what_the_collector_refused_is_lost() {
        let said = |body: &'static str| {
            let answer = Answer { status: 200, retry_after: None, body: body.into() };
            rejected(&answer, 10).err().map(|error| error.lost)
        };
        assert_eq!(said(""), None);
        assert_eq!(said("{\"partialSuccess\":{}}"), None);
        assert_eq!(said("{\"partialSuccess\":{\"rejectedLogRecords\":\"3\"}}"), Some(Some(3)));
        assert_eq!(said("{\"partialSuccess\":{\"rejectedLogRecords\":99}}"), Some(Some(10)));
    }
}
