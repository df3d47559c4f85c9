//! The answer, as a value and as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use lithify::config::Mode;

use super::admission::{API_VERSION, KIND};
use super::limits;
use super::owner::Owner;

/// The answer to one review.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The request's.
    pub uid: String,
    /// Why it is denied; `None` allows it.
    pub refusal: Option<Refusal>,
    /// What the client is told, within the API's limits.
    pub warnings: Vec<String>,
    /// What the audit log is told; the apiserver puts the webhook's name before each key.
    pub annotations: Vec<(&'static str, String)>,
    /// The changes, for a mutation.
    pub patch: Option<Patch>,
    /// What logs and metrics are told.
    pub record: Record,
}

/// A denial, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 403 for a violation, 400 for what cannot be judged, 500 for our own trouble.
    pub code: u16,
    /// The API's word for it.
    pub reason: &'static str,
    /// The whole story.
    pub message: String,
}

/// What logs and metrics are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// How it ended.
    pub decision: Decision,
    /// The object's kind; empty for a review that could not be read.
    pub kind: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name, or the beginning of the name that it will get.
    pub name: String,
    /// Who asked.
    pub user: String,
    /// Nothing was to be stored.
    pub dry_run: bool,
    /// Each check that found something, with what was done about it.
    pub violations: Vec<(&'static str, Mode)>,
    /// Whose object was denied.
    pub owner: Option<Owner>,
}

/// How a review ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing was found.
    #[default]
    Allowed,
    /// Denied for what was found.
    Denied,
    /// Allowed with warnings.
    Warned,
    /// Allowed, told only to the audit log.
    Audited,
    /// Allowed, and changed.
    Mutated,
    /// Allowed: the object violated before, and gets no worse.
    NoWorse,
    /// Allowed: the object goes.
    Deletion,
    /// Allowed: the mirror of a static pod, which runs whatever is said.
    Mirror,
    /// Allowed: the user is exempt.
    ExemptUser,
    /// Denied: it could not be judged.
    Unjudged,
}

impl Decision {
    /// As metrics, logs and audit annotations spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Warned => "warned",
            Self::Audited => "audited",
            Self::Mutated => "mutated",
            Self::NoWorse => "no-worse",
            Self::Deletion => "deletion",
            Self::Mirror => "mirror-pod",
            Self::ExemptUser => "exempt-user",
            Self::Unjudged => "unjudged",
        }
    }
}

impl Refusal {
    /// What cannot be judged.
    pub fn bad_request(message: String) -> Self {
        Self { code: 400, reason: "BadRequest", message }
    }

    /// What violates.
    pub fn forbidden(message: String) -> Self {
        Self { code: 403, reason: "Forbidden", message }
    }

    /// Our own trouble.
    pub fn internal(message: String) -> Self {
        Self { code: 500, reason: "InternalError", message }
    }
}

impl Verdict {
    /// Allowed, without a word.
    pub fn allowed(uid: String, record: Record) -> Self {
        Self { uid, refusal: None, warnings: Vec::new(), annotations: Vec::new(), patch: None, record }
    }

    /// Denied, for the request could not be judged.
    pub fn refused(uid: String, refusal: Refusal) -> Self {
        let record = Record { decision: Decision::Unjudged, ..Record::default() };
        Self { refusal: Some(refusal), ..Self::allowed(uid, record) }
    }

    /// Whether the object may pass.
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// The `AdmissionReview` to answer with.
    pub fn to_json(&self) -> Value {
        json!(Answer(self))
    }

    /// Its text.
    pub fn to_text(&self) -> String {
        json_text(&Answer(self))
    }
}

/// A value whose keys are all strings, as these are.
fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The whole `AdmissionReview`.
struct Answer<'v>(&'v Verdict);

struct Response<'v>(&'v Verdict);

struct Annotations<'v>(&'v Verdict);

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", API_VERSION)?;
        map.serialize_entry("kind", KIND)?;
        map.serialize_entry("response", &Response(self.0))?;
        map.end()
    }
}

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uid", &self.0.uid)?;
        map.serialize_entry("allowed", &self.0.is_allowed())?;
        if let Some(refusal) = &self.0.refusal {
            let Refusal { code, reason, message } = refusal;
            let status = json!({"status": "Failure", "message": message, "reason": reason, "code": code});
            map.serialize_entry("status", &status)?;
        }
        if let Some(patch) = &self.0.patch {
            map.serialize_entry("patchType", "JSONPatch")?;
            map.serialize_entry("patch", &STANDARD.encode(json_text(patch)))?;
        }
        if !self.0.warnings.is_empty() {
            map.serialize_entry("warnings", &limits::warnings(&self.0.warnings))?;
        }
        map.serialize_entry("auditAnnotations", &Annotations(self.0))?;
        map.end()
    }
}

impl Serialize for Annotations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("decision", self.0.record.decision.name())?;
        let all = &self.0.annotations;
        for (place, (key, value)) in all.iter().enumerate() {
            // Of two demands that say something the last one counts.
            if all[place + 1..].iter().all(|(later, _)| later != key) {
                map.serialize_entry(key, &limits::annotation(value))?;
            }
        }
        map.end()
    }
}
