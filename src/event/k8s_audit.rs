//! Kubernetes audit events: the `ka.*`, `jevt.*` and `json.*` fields of an audit.k8s.io event.

mod extract;
mod pod;

use std::cell::OnceCell;
use std::ops::ControlFlow;

use serde_json::Value as Json;

use super::Event;
use super::common::Common;
use super::field::{Field, Shape};
use super::source::Source;
use super::time::Timestamp;
use super::types::EventType;
use super::value::Value;
use extract::{Found, extract};

/// An audit event as the apiserver wrote it.
///
/// Any JSON value is taken: what is missing or of another type is a field without value. A document without
/// `auditID` has no `ka.*` field at all.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    common: Common,
    json: Json,
    made: Made,
}

/// Texts that had to be made, because the document has no text there: numbers, objects, decoded parameters.
///
/// A list in which every value stays where it is, so that rules can hold on to it; short, as few fields are
/// no texts.
#[derive(Clone, Debug, Default)]
struct Made(OnceCell<Box<MadeText>>);

#[derive(Clone, Debug)]
struct MadeText {
    field: Field,
    text: Option<String>,
    next: Made,
}

impl Made {
    fn get_or_make(&self, field: &Field, text: impl FnOnce() -> Option<String>) -> Option<&str> {
        let mut place = self;
        while let Some(known) = place.0.get() {
            if known.field == *field {
                return known.text.as_deref();
            }
            place = &known.next;
        }
        let made = MadeText { field: field.clone(), text: text(), next: Self::default() };
        place.0.get_or_init(|| Box::new(made)).text.as_deref()
    }
}

impl AuditEvent {
    /// An event from its JSON.
    ///
    /// Its time is `stageTimestamp`, else `requestReceivedTimestamp`, else `otherwise` (when it arrived).
    pub fn new(json: Json, number: u64, otherwise: Timestamp) -> Self {
        let written = |key: &str| Timestamp::parse(json.get(key)?.as_str()?).ok();
        let time =
            written("stageTimestamp").or_else(|| written("requestReceivedTimestamp")).unwrap_or(otherwise);
        let common = Common::new(Source::K8sAudit, EventType::plugin(), time, number);
        Self { common, json, made: Made::default() }
    }

    /// The document.
    pub const fn json(&self) -> &Json {
        &self.json
    }

    fn found<'e>(&'e self, field: &Field) -> Option<Found<'e>> {
        extract(&self.json, field, self.common.time)
    }
}

impl Event for AuditEvent {
    fn source(&self) -> Source {
        Source::K8sAudit
    }

    fn event_type(&self) -> EventType {
        self.common.event_type
    }

    fn time(&self) -> Timestamp {
        self.common.time
    }

    fn value(&self, field: &Field) -> Option<Value<'_>> {
        if let Some(value) = self.common.value(field) {
            return Some(value);
        }
        match self.found(field)? {
            Found::Borrowed(text) => Some(Value::text(text)),
            Found::Made(text) => self.made.get_or_make(field, || Some(text)).map(Value::text),
            Found::Several(texts) => {
                self.made.get_or_make(field, || Some(texts.into_iter().next()?.into_owned())).map(Value::text)
            }
        }
    }

    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        if field.shape() == Shape::List {
            return match self.found(field) {
                Some(Found::Several(texts)) if !texts.is_empty() => {
                    let _ = texts.iter().try_for_each(|text| visit(Value::text(text)));
                    true
                }
                _ => false,
            };
        }
        match self.value(field) {
            Some(value) => {
                let _ = visit(value);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> AuditEvent {
        let json = json!({
            "auditID": "a-1", "stage": "ResponseComplete", "verb": "create",
            "requestURI": "/api/v1/namespaces/web/pods/shell/exec?command=sh&command=-c&stdin=true&tty=a%20b",
            "user": {"username": "alice", "groups": ["dev", "system:authenticated"]},
            "sourceIPs": ["10.0.0.7"],
            "objectRef": {"resource": "pods", "namespace": "web", "name": "shell"},
            "responseStatus": {"code": 201},
            "stageTimestamp": "2026-11-01T10:00:00.000001Z",
            "annotations": {"authorization.k8s.io/decision": "allow"},
            "requestObject": {"spec": {
                "hostNetwork": true,
                "securityContext": {"runAsUser": 1000},
                "volumes": [{"name": "v", "hostPath": {"path": "/etc"}}, {"name": "e", "emptyDir": {}}],
                "containers": [
                    {"name": "a", "image": "reg.io:5000/team/app:1.2@sha256:00", "securityContext": {"privileged": true},
                     "ports": [{"hostPort": 80}]},
                    {"name": "b", "image": "nginx:1", "command": ["sh"], "securityContext": {"runAsUser": 0}},
                ],
                "initContainers": [{"name": "i", "image": "busybox"}],
            }},
        });
        AuditEvent::new(json, 3, Timestamp(0))
    }

    fn values(name: &str) -> Vec<String> {
        let (field, _) = Field::at_start(name, Source::K8sAudit).unwrap();
        let mut found = Vec::new();
        event().each(&field, &mut |value| {
            found.push(value.display().into_owned());
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn gives_what_stands_in_the_document() {
        assert_eq!(values("ka.verb"), ["create"]);
        assert_eq!(values("ka.user.groups"), ["dev", "system:authenticated"]);
        assert_eq!(values("ka.response.code"), ["201"]);
        assert_eq!(values("ka.auth.decision"), ["allow"]);
        assert_eq!(values("ka.uri.param[command]"), ["sh"]);
        assert_eq!(values("ka.uri.param[tty]"), ["a b"]);
        assert_eq!(values("ka.sourceips"), ["10.0.0.7"]);
        assert_eq!(values("ka.target.pod.name"), ["shell"]);
        assert_eq!(values("ka.target.subresource"), [""; 0]);
        assert_eq!(values("jevt.value[/stage]"), ["ResponseComplete"]);
        assert_eq!(values("jevt.value[/requestObject/spec/volumes/0/hostPath/path]"), ["/etc"]);
        assert_eq!(values("jevt.rawtime"), ["1793527200000001000"]);
        assert_eq!(values("evt.source"), ["k8s_audit"]);
    }

    #[test]
    fn gives_one_value_a_container() {
        assert_eq!(values("ka.req.pod.containers.image"), ["reg.io:5000/team/app:1.2@sha256:00", "nginx:1"]);
        assert_eq!(values("ka.req.pod.containers.image.repository"), ["reg.io:5000/team/app", "nginx"]);
        assert_eq!(values("ka.req.pod.containers.image[1]"), ["nginx:1"]);
        assert_eq!(values("ka.req.pod.containers.image[7]"), [""; 0]);
        assert_eq!(values("ka.req.pod.containers.privileged"), ["true", "false"]);
        assert_eq!(values("ka.req.pod.containers.eff_run_as_user"), ["1000", "0"]);
        assert_eq!(values("ka.req.pod.containers.host_port"), ["80"]);
        assert_eq!(values("ka.req.pod.containers.command"), ["sh"]);
        assert_eq!(values("ka.req.pod.initContainers.image"), ["busybox"]);
        assert_eq!(values("ka.req.pod.ephemeralContainers.image"), [""; 0]);
        assert_eq!(values("ka.req.pod.host_network"), ["true"]);
        assert_eq!(values("ka.req.pod.volumes.hostpath"), ["/etc"]);
        assert_eq!(values("ka.req.pod.volumes.volume_type"), ["hostPath", "emptyDir"]);
        assert_eq!(values("ka.req.volume.hostpath[/et*]"), ["true"]);
    }

    #[test]
    fn a_document_without_audit_id_has_no_field() {
        let bare = AuditEvent::new(json!({"verb": "get"}), 1, Timestamp(5));
        let (verb, _) = Field::at_start("ka.verb", Source::K8sAudit).unwrap();
        assert_eq!(bare.value(&verb), None);
        assert_eq!(bare.time(), Timestamp(5));
    }

    #[test]
    fn documents_of_any_shape_are_taken() {
        let odd = [
            json!(null),
            json!([1]),
            json!({"auditID": "a", "requestURI": 5, "user": [], "sourceIPs": "x",
                "requestObject": {"spec": {"containers": [1, null, {"image": 5, "ports": [7, {"hostPort": "a"}]}],
                "volumes": {"a": 1}}, "rules": [{"verbs": "get"}, 3], "subjects": [4, {"kind": "User"}]}}),
        ];
        for json in odd {
            let event = AuditEvent::new(json, 1, Timestamp(0));
            for id in super::super::FieldId::all().filter(|id| id.is_of(Source::K8sAudit)) {
                let argument = id.argument_rule().required.then_some("/a/b");
                let field = Field::resolve(id.name(), argument, Source::K8sAudit).unwrap();
                event.value(&field);
                event.each(&field, &mut |_| ControlFlow::Continue(()));
            }
        }
    }
}
