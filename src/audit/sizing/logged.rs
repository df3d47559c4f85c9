//! The part of a logged event that sizing needs, and the bytes that a level takes of it.
//!
//! A log holds gigabytes, so nothing of an event is decoded that does not decide about its rule or its size.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::audit::Verdict;
use crate::audit::event::{ObjectReference, TRUNCATED, Text, or_zero, request};
use crate::audit::policy::{Level, Stage};
use crate::audit::request::{Request, User};

/// A line of the log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Logged<'a> {
    pub(super) level: Level,
    pub(super) stage: Stage,
    #[serde(rename = "requestURI", default, deserialize_with = "or_zero")]
    request_uri: Text<'a>,
    #[serde(default, deserialize_with = "or_zero")]
    verb: Text<'a>,
    #[serde(default, deserialize_with = "or_zero")]
    user: LoggedUser<'a>,
    #[serde(default)]
    object_ref: Option<ObjectReference<'a>>,
    #[serde(default, borrow)]
    request_object: Option<&'a RawValue>,
    #[serde(default, borrow)]
    response_object: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "or_zero")]
    pub(super) stage_timestamp: Text<'a>,
    #[serde(default, borrow)]
    annotations: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct LoggedUser<'a> {
    #[serde(default, deserialize_with = "or_zero")]
    username: Text<'a>,
    #[serde(default, deserialize_with = "or_zero")]
    groups: Vec<Text<'a>>,
}

/// How large an event would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: u64,
    /// Whether it may be larger, because the log lacks a body that the new level records.
    pub(super) is_lower_bound: bool,
    /// Whether an object of the API is kept in it, with its managed fields if it has them.
    pub(super) has_body: bool,
    /// Whether it has them.
    pub(super) has_managed_fields: bool,
}

impl Logged<'_> {
    pub(super) fn request(&self) -> Request<'_> {
        let user = User { name: &self.user.username, groups: &self.user.groups };
        request(user, &self.verb, self.object_ref.as_ref(), &self.request_uri)
    }

    /// The bytes of this event, which took `line` bytes, under another verdict.
    ///
    /// Exact for the compact JSON that the apiserver writes.
    pub(super) fn size(&self, line: usize, verdict: &Verdict) -> Size {
        let request = self.body("requestObject", self.request_object, Level::Request, verdict);
        let response = self.body("responseObject", self.response_object, Level::RequestResponse, verdict);
        let removed = request.removed + response.removed + self.level.name().len();
        let bytes = (line + verdict.level.name().len()).saturating_sub(removed) as u64;
        Size {
            bytes,
            is_lower_bound: self.lacks_bodies(verdict.level),
            has_body: request.is_kept || response.is_kept,
            has_managed_fields: request.has_managed_fields || response.has_managed_fields,
        }
    }

    fn body(&self, field: &str, body: Option<&RawValue>, from: Level, verdict: &Verdict) -> Body {
        let Some(body) = body else { return Body::default() };
        if verdict.level < from {
            return Body { removed: entry_bytes(field, body), ..Body::default() };
        }
        // The apiserver records a patch as it came, and strips objects only.
        if from == Level::Request && &*self.verb == "patch" {
            return Body::default();
        }
        let managed = managed_fields_bytes(body);
        let removed = if verdict.omit_managed_fields { managed } else { 0 };
        // An object that a server has stored has a uid; its managed fields, if kept, are in it too.
        let is_stored = memchr::memmem::find(body.get().as_bytes(), br#""uid":"#).is_some();
        Body { removed, is_kept: is_stored && !verdict.omit_managed_fields, has_managed_fields: managed > 0 }
    }

    /// Whether the new level records a body that this event could have had and does not have.
    fn lacks_bodies(&self, level: Level) -> bool {
        // No body is known before the request is read.
        if level < Level::Request || self.stage == Stage::RequestReceived {
            return false;
        }
        if self.is_truncated() {
            return true;
        }
        // Of what is no resource, discovery has a response's body, and nothing has a request's.
        let has_no_request = self.object_ref.is_none() || ["get", "list", "watch"].contains(&&*self.verb);
        self.level < level && !(level == Level::Request && has_no_request)
    }

    fn is_truncated(&self) -> bool {
        self.annotations.is_some_and(|raw| {
            let annotations: Option<std::collections::BTreeMap<Text<'_>, Text<'_>>> =
                raw.get().contains(TRUNCATED).then(|| serde_json::from_str(raw.get()).ok()).flatten();
            annotations.is_some_and(|annotations| {
                annotations.iter().any(|(key, value)| &**key == TRUNCATED && &**value == "true")
            })
        })
    }
}

#[derive(Default)]
struct Body {
    removed: usize,
    is_kept: bool,
    has_managed_fields: bool,
}

/// The bytes of `,"field":value`.
fn entry_bytes(field: &str, value: &RawValue) -> usize {
    r#","":"#.len() + field.len() + value.get().len()
}

/// An object, a list of objects, or a table of them: the places that the apiserver strips.
#[derive(Default, Deserialize)]
struct Managed<'a> {
    #[serde(default, borrow)]
    metadata: Option<ManagedMetadata<'a>>,
    #[serde(default, borrow)]
    items: Vec<ManagedItem<'a>>,
    #[serde(default, borrow)]
    rows: Vec<ManagedRow<'a>>,
}

#[derive(Deserialize)]
struct ManagedItem<'a> {
    #[serde(default, borrow)]
    metadata: Option<ManagedMetadata<'a>>,
}

#[derive(Deserialize)]
struct ManagedRow<'a> {
    #[serde(default, borrow)]
    object: Option<ManagedItem<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedMetadata<'a> {
    #[serde(default, borrow)]
    managed_fields: Option<&'a RawValue>,
}

/// The bytes that stripping takes of a body; none of a body that is no object of Kubernetes.
fn managed_fields_bytes(body: &RawValue) -> usize {
    const FIELD: &str = "managedFields";
    if memchr::memmem::find(body.get().as_bytes(), FIELD.as_bytes()).is_none() {
        return 0;
    }
    let managed: Managed<'_> = serde_json::from_str(body.get()).unwrap_or_default();
    let rows = managed.rows.into_iter().filter_map(|row| row.object);
    let items = managed.items.into_iter().chain(rows).map(|item| item.metadata);
    let metadata = std::iter::once(managed.metadata).chain(items).flatten();
    metadata.filter_map(|metadata| metadata.managed_fields).map(|fields| entry_bytes(FIELD, fields)).sum()
}
