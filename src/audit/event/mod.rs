//! The model of `audit.k8s.io/v1` Event and EventList, as log files and webhooks carry them.
//!
//! Events borrow from the text that they are read from: bodies stay raw, strings are copied only where they
//! hold escapes. Absent fields and `null` are the zero value, as in Go; unknown fields are passed over.
//!
//! Source: kubernetes `staging/src/k8s.io/apiserver/pkg/apis/audit/v1/types.go`, v1.34.

mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::policy::{Level, Stage};
use super::request::{Request, Resource, Target, User};
use super::url;
pub use text::Text;

/// The annotation of an event whose bodies were cut off for its size.
pub(super) const TRUNCATED: &str = "audit.k8s.io/truncated";

/// One stage of one request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub struct Event<'a> {
    /// `Event`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub kind: Text<'a>,
    /// `audit.k8s.io/v1`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub api_version: Text<'a>,
    /// What was recorded.
    pub level: Level,
    /// One value for all events of a request.
    #[serde(rename = "auditID", default, deserialize_with = "or_zero")]
    pub audit_id: Text<'a>,
    /// When in the handling of the request.
    pub stage: Stage,
    /// The path and query as the client sent them.
    #[serde(rename = "requestURI", default, deserialize_with = "or_zero")]
    pub request_uri: Text<'a>,
    /// The verb; the lower-case HTTP method of a non-resource request.
    #[serde(default, deserialize_with = "or_zero")]
    pub verb: Text<'a>,
    /// Who asked.
    #[serde(default, deserialize_with = "or_zero")]
    pub user: UserInfo<'a>,
    /// Whom they asked to be taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonated_user: Option<UserInfo<'a>>,
    /// From where; all but the last can be forged.
    #[serde(
        rename = "sourceIPs",
        default,
        deserialize_with = "or_zero",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub source_ips: Vec<Text<'a>>,
    /// The client program, as it says.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub user_agent: Text<'a>,
    /// What the request was about; `None` for non-resource requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_ref: Option<ObjectReference<'a>>,
    /// The outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_status: Option<ResponseStatus<'a>>,
    /// The request's body, from level Request.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub request_object: Option<&'a RawValue>,
    /// The response's body, from level RequestResponse.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub response_object: Option<&'a RawValue>,
    /// When the request arrived, RFC 3339 with microseconds.
    #[serde(default, deserialize_with = "or_zero")]
    pub request_received_timestamp: Text<'a>,
    /// When it reached this stage, RFC 3339 with microseconds.
    #[serde(default, deserialize_with = "or_zero")]
    pub stage_timestamp: Text<'a>,
    /// What the handlers of the request had to tell, such as the reason of the authorizer.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Text<'a>, Text<'a>>,
}

/// A batch of events, as the webhook backend sends them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub struct EventList<'a> {
    /// `EventList`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub kind: Text<'a>,
    /// `audit.k8s.io/v1`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub api_version: Text<'a>,
    /// The list's metadata, always empty.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// The events.
    #[serde(default, deserialize_with = "or_zero")]
    pub items: Vec<Event<'a>>,
}

/// A user, as authentication has established them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub struct UserInfo<'a> {
    /// The name.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub username: Text<'a>,
    /// The identity provider's own identifier.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub uid: Text<'a>,
    /// The groups.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Text<'a>>,
    /// What else the authenticator knows.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<Text<'a>, Vec<Text<'a>>>,
}

/// The object or collection that a request was about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub struct ObjectReference<'a> {
    /// The plural resource.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub resource: Text<'a>,
    /// The namespace.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub namespace: Text<'a>,
    /// The name; of a created object, known only from the stage after the body was read.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub name: Text<'a>,
    /// The object's uid.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub uid: Text<'a>,
    /// The API group; empty for the core group.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub api_group: Text<'a>,
    /// The version of the group.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub api_version: Text<'a>,
    /// The object's resourceVersion.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub resource_version: Text<'a>,
    /// `log` of `pods/log`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub subresource: Text<'a>,
}

/// The outcome of a request: `meta/v1` Status.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub struct ResponseStatus<'a> {
    /// The list metadata of the Status, mostly empty.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// `Success` or `Failure`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub status: Text<'a>,
    /// For people.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub message: Text<'a>,
    /// For programs: `NotFound`.
    #[serde(default, deserialize_with = "or_zero", skip_serializing_if = "str::is_empty")]
    pub reason: Text<'a>,
    /// More for programs.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub details: Option<&'a RawValue>,
    /// The HTTP status code; 0 where none was set.
    #[serde(default, deserialize_with = "or_zero")]
    pub code: i32,
}

impl Event<'_> {
    /// The request as the policy saw it when the apiserver asked it.
    pub fn request(&self) -> Request<'_> {
        let user = User { name: &self.user.username, groups: &self.user.groups };
        request(user, &self.verb, self.object_ref.as_ref(), &self.request_uri)
    }

    /// Whether the bodies were cut off for their size.
    pub fn is_truncated(&self) -> bool {
        self.annotations.iter().any(|(key, value)| &**key == TRUNCATED && &**value == "true")
    }
}

/// The request of an event's parts, as the policy saw it.
///
/// An event of a created object holds the name from the body, which the policy did not know.
pub(super) fn request<'e>(
    user: User<'e>,
    verb: &'e str,
    object: Option<&'e ObjectReference<'_>>,
    uri: &'e str,
) -> Request<'e> {
    let is_nobody = user.name.is_empty() && user.groups.is_empty();
    let target = match object {
        None => Target::Path(url::path(uri)),
        Some(object) => {
            let is_named = verb != "create" || !object.subresource.is_empty() || url::names_object(uri);
            Target::Resource(Resource {
                group: (&*object.api_group).into(),
                resource: (&*object.resource).into(),
                subresource: (&*object.subresource).into(),
                namespace: (&*object.namespace).into(),
                name: if is_named { (&*object.name).into() } else { "".into() },
            })
        }
    };
    Request { user: (!is_nobody).then_some(user), verb, target }
}

/// `null` is the zero value, as in Go.
pub(super) fn or_zero<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"6c0b9c5c","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/pods?fieldManager=kubectl","verb":"create","user":{"username":"kubernetes-admin","groups":["kubeadm:cluster-admins","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["X509SHA256=a1"]}},"sourceIPs":["127.0.0.1"],"userAgent":"kubectl/v1.34.4","objectRef":{"resource":"pods","namespace":"default","name":"web","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestObject":{"kind":"Pod","metadata":{"name":"web"}},"requestReceivedTimestamp":"2025-11-24T07:00:00.000001Z","stageTimestamp":"2025-11-24T07:00:00.100001Z","annotations":{"authorization.k8s.io/decision":"allow"}}"#;

    #[test]
    fn writes_back_what_it_reads() {
        let event: Event<'_> = serde_json::from_str(LINE).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), LINE);
    }

    #[test]
    fn keeps_bodies_raw() {
        let event: Event<'_> = serde_json::from_str(LINE).unwrap();
        let body = event.request_object.unwrap();
        assert_eq!(body.get(), r#"{"kind":"Pod","metadata":{"name":"web"}}"#);
        assert!(event.response_object.is_none() && !event.is_truncated());
    }

    #[test]
    fn reads_null_as_absent() {
        let line = r#"{"level":"None","stage":"Panic","user":{"groups":null},"sourceIPs":null,"annotations":null,"objectRef":null,"verb":null,"future":1}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        assert!(event.user.groups.is_empty() && event.object_ref.is_none() && event.annotations.is_empty());
    }

    #[test]
    fn reads_a_list_of_events() {
        let text = format!(
            r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{LINE}]}}"#
        );
        let list: EventList<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(&*list.items[0].user.username, "kubernetes-admin");
    }

    #[test]
    fn the_policy_did_not_know_the_name_of_a_new_object() {
        let event: Event<'_> = serde_json::from_str(LINE).unwrap();
        let Target::Resource(resource) = event.request().target else { panic!("a resource request") };
        assert_eq!((&*resource.resource, &*resource.name), ("pods", ""));
    }

    #[test]
    fn an_event_without_user_is_of_nobody() {
        let line = r#"{"level":"Metadata","stage":"ResponseStarted","user":{},"verb":"get","requestURI":"/health%7A?verbose"}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        let request = event.request();
        assert_eq!((request.user, request.target), (None, Target::Path("/healthz".into())));
    }
}
