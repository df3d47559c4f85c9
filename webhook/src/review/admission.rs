//! Decoding: the envelope typed, the objects as they are, in one pass over the body, of which nothing is copied.
//!
//! What that pass does not read, for it is wrong or rare, serde_json reads again: it says what is wrong, or makes
//! the rare common. Kubernetes' own types are not used, for a field of an unexpected type must not hide its
//! neighbours.

use std::borrow::Cow;

use lithify::k8s::{Tree, TreeKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::uid::uid_of;
use super::verdict::{Refusal, Verdict};
use crate::json::{Document, Node, Outline, Part};

/// The only version of `AdmissionReview` that an apiserver of today sends to a webhook that asks for it.
pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
/// The envelope's kind.
pub(super) const KIND: &str = "AdmissionReview";

/// What no check reads, most of a stored object by size: what it was changed by, and how it is.
static REVIEW: Outline = Outline(&[("request", Part::Within(&REQUEST))]);
static REQUEST: Outline = Outline(&[("object", Part::Within(&OBJECT)), ("oldObject", Part::Within(&OBJECT))]);
static OBJECT: Outline = Outline(&[("metadata", Part::Within(&METADATA)), ("status", Part::LeftOut)]);
static METADATA: Outline = Outline(&[("managedFields", Part::LeftOut)]);

/// One request of an apiserver.
#[derive(Debug)]
pub struct Review<'b> {
    /// Identifies the request and its answer.
    pub uid: String,
    /// What is done to the object.
    pub operation: Operation,
    /// The object's type, as the webhook's rule has it.
    pub kind: GroupVersionKind,
    /// `ephemeralcontainers`; empty for the resource itself.
    pub subresource: String,
    /// Empty for an object outside of namespaces.
    pub namespace: String,
    /// Empty where the apiserver is still to make it up.
    pub name: String,
    /// Who asks.
    pub user: UserInfo,
    /// Nothing will be stored.
    pub dry_run: bool,
    /// Its `request` has the objects, each a mapping, its metadata one too.
    document: Document<'b>,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is new.
    Create,
    /// It replaces an old one.
    Update,
    /// It goes.
    Delete,
    /// A stream is opened to it.
    Connect,
}

/// A type of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GroupVersionKind {
    /// `apps`; empty for the core group.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// `system:serviceaccount:kube-system:replicaset-controller`.
    pub username: String,
    /// `system:nodes`.
    pub groups: Vec<String>,
}

/// A review that cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// What was expected and found.
    pub reason: String,
    /// Whom to answer with a denial, where that much could be read.
    pub uid: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'b> {
    #[serde(default, borrow, rename = "apiVersion")]
    api_version: Cow<'b, str>,
    #[serde(default, borrow)]
    kind: Cow<'b, str>,
    #[serde(default)]
    request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    uid: String,
    operation: Operation,
    kind: GroupVersionKind,
    #[serde(default)]
    sub_resource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    user_info: UserInfo,
    #[serde(default)]
    dry_run: Option<bool>,
    #[serde(default)]
    object: Option<Value>,
    #[serde(default)]
    old_object: Option<Value>,
}

impl<'b> Review<'b> {
    /// Reads the envelope and its objects.
    ///
    /// # Errors
    /// [`Malformed`] for what is no JSON, another version than `admission.k8s.io/v1`, a review without
    /// request or uid, an unknown operation, a missing kind, an object that is no mapping.
    pub fn decode(body: &'b [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body).ok();
        let document = text.and_then(|text| Document::parse(text, &REVIEW));
        document.and_then(Self::usual).map_or_else(|| Self::other(body), Ok)
    }

    /// The review of a document in which nothing is unusual.
    fn usual(document: Document<'b>) -> Option<Self> {
        let root = document.root();
        if text(root, "apiVersion")? != API_VERSION || text(root, "kind")? != KIND {
            return None;
        }
        let request = root.field("request")?;
        let kind = request.get("kind").filter(|kind| kind.kind() == TreeKind::Mapping)?;
        let (uid, name_of_kind) = (text(request, "uid")?, text(kind, "kind")?);
        if uid.is_empty() || name_of_kind.is_empty() || misshapen(request).is_some() {
            return None;
        }
        let (group, version) = (text(kind, "group")?.to_owned(), text(kind, "version")?.to_owned());
        let user = request.get("userInfo").map_or_else(|| Some(UserInfo::default()), user)?;
        let dry_run = match request.field("dryRun") {
            None => false,
            Some(dry_run) => dry_run.as_bool()?,
        };
        Some(Self {
            uid: uid.to_owned(),
            operation: Operation::by_name(text(request, "operation")?)?,
            kind: GroupVersionKind { group, version, kind: name_of_kind.to_owned() },
            subresource: text(request, "subResource")?.to_owned(),
            namespace: text(request, "namespace")?.to_owned(),
            name: text(request, "name")?.to_owned(),
            user,
            dry_run,
            document,
        })
    }

    /// Whatever is no usual review.
    fn other(body: &'b [u8]) -> Result<Self, Malformed> {
        let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|error| Malformed {
            reason: format!("no AdmissionReview can be read: {error}"),
            uid: uid_of(body),
        })?;
        let (version, kind) = (&envelope.api_version, &envelope.kind);
        if version != API_VERSION || kind != KIND {
            let reason = format!("expected {API_VERSION} {KIND}, found `{version}` `{kind}`");
            return Err(Malformed { reason, uid: uid_of(body) });
        }
        let request = envelope.request;
        let nameless = |reason: &str| Malformed { reason: reason.to_owned(), uid: None };
        let request = request.ok_or_else(|| nameless("the AdmissionReview has no request"))?;
        if request.uid.is_empty() {
            return Err(nameless("the AdmissionReview's request has no uid to answer to"));
        }
        let refused = |reason: &str| Malformed { reason: reason.to_owned(), uid: Some(request.uid.clone()) };
        if request.kind.kind.is_empty() {
            return Err(refused("the AdmissionReview's request does not name the kind of its object"));
        }
        let objects = json!({"request": {"object": request.object, "oldObject": request.old_object}});
        let document = Document::normalised(&objects, &REVIEW);
        let document = document.ok_or_else(|| refused("an object of the review has too many levels"))?;
        if let Some(reason) = document.root().get("request").and_then(misshapen) {
            return Err(refused(&reason));
        }
        Ok(Self {
            uid: request.uid,
            operation: request.operation,
            kind: request.kind,
            subresource: request.sub_resource,
            namespace: request.namespace,
            name: request.name,
            user: request.user_info,
            dry_run: request.dry_run.unwrap_or(false),
            document,
        })
    }

    /// The object as it would be stored.
    pub(super) fn object(&self) -> Option<Node<'_>> {
        self.document.root().get("request")?.field("object")
    }

    /// The object as it is stored; only an UPDATE has one.
    pub(super) fn old_object(&self) -> Option<Node<'_>> {
        self.document.root().get("request")?.field("oldObject")
    }
}

/// The string of a mapping's key, empty where the key is not there; `None` for another type.
fn text<'d>(mapping: Node<'d>, key: &str) -> Option<&'d str> {
    mapping.get(key).map_or(Some(""), Tree::as_str)
}

fn user(user: Node<'_>) -> Option<UserInfo> {
    if user.kind() != TreeKind::Mapping {
        return None;
    }
    let username = text(user, "username")?.to_owned();
    let Some(groups) = user.get("groups") else { return Some(UserInfo { username, groups: Vec::new() }) };
    if groups.kind() != TreeKind::Sequence {
        return None;
    }
    let groups = groups.items().map(|group| Some(group.as_str()?.to_owned())).collect::<Option<_>>()?;
    Some(UserInfo { username, groups })
}

/// What is no mapping among the objects and their metadata.
fn misshapen(request: Node<'_>) -> Option<String> {
    let wrong = |place: &str, node: Node<'_>| {
        let is_wrong = node.kind() != TreeKind::Mapping;
        is_wrong.then(|| format!("{place} of the review is {}, expected a mapping", node.kind()))
    };
    ["object", "oldObject"].into_iter().find_map(|key| {
        let object = request.field(key)?;
        wrong(key, object).or_else(|| wrong(&format!("metadata of {key}"), object.field("metadata")?))
    })
}

impl Operation {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "CREATE" => Self::Create,
            "UPDATE" => Self::Update,
            "DELETE" => Self::Delete,
            "CONNECT" => Self::Connect,
            _ => return None,
        })
    }
}

impl GroupVersionKind {
    /// `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl Malformed {
    /// A review of which no more than its beginning may be read.
    pub fn beginning(reason: String, beginning: &[u8]) -> Self {
        Self { reason, uid: uid_of(beginning) }
    }

    /// The denial, where it is known whom to answer.
    pub fn verdict(&self) -> Option<Verdict> {
        let uid = self.uid.clone()?;
        Some(Verdict::refused(uid, Refusal::bad_request(self.reason.clone())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(review: &Value) -> Result<String, Malformed> {
        Review::decode(review.to_string().as_bytes()).map(|review| review.uid)
    }

    fn review() -> Value {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1",
            "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "object": {"kind": "Pod"}, "oldObject": null, "unknown": [1]}})
    }

    #[test]
    fn reads_what_an_apiserver_sends() {
        assert_eq!(decoded(&review()).unwrap(), "1");
    }

    #[test]
    fn addresses_a_denial_wherever_the_uid_can_be_read() {
        let changed = |path: &str, value: Value| {
            let mut review = review();
            *review.pointer_mut(path).unwrap() = value;
            decoded(&review).unwrap_err()
        };
        let other = changed("/apiVersion", json!("admission.k8s.io/v1beta1"));
        assert_eq!(other.uid.as_deref(), Some("1"));
        assert!(other.reason.contains("found `admission.k8s.io/v1beta1`"), "{other}");
        for (path, value) in [
            ("/kind", json!("Pod")),
            ("/request/operation", json!("PATCH")),
            ("/request/kind", json!([])),
            ("/request/kind/kind", json!("")),
        ] {
            assert_eq!(changed(path, value).uid.as_deref(), Some("1"), "{path}");
        }
        let broken_off = Review::decode(br#"{"request":{"uid":"1","object":{"#).unwrap_err();
        assert_eq!(broken_off.uid.as_deref(), Some("1"));
    }

    #[test]
    fn knows_whom_it_cannot_answer() {
        let changed = |path: &str, value: Value| {
            let mut review = review();
            *review.pointer_mut(path).unwrap() = value;
            decoded(&review).unwrap_err().uid
        };
        assert_eq!(changed("/request/uid", json!("")), None);
        assert_eq!(changed("/request/uid", json!(7)), None);
        assert_eq!(changed("/request", json!(null)), None);
        for body in ["", "{", "[]", "null", "\"AdmissionReview\"", "{\"request\":{\"uid\":\"1"] {
            assert_eq!(Review::decode(body.as_bytes()).unwrap_err().uid, None, "{body}");
        }
    }

    #[test]
    fn survives_objects_too_deep_to_read() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let body = review().to_string().replace(r#"{"kind":"Pod"}"#, &deep);
        let malformed = Review::decode(body.as_bytes()).unwrap_err();
        assert_eq!(malformed.uid.as_deref(), Some("1"), "{malformed}");
    }
}
