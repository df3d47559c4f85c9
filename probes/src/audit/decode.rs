//! From bytes to audit events: an EventList, one Event, or an array of events.
//!
//! Pure. Memory stays within a small multiple of the input: events are measured before they are built.

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// What a body held.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// The events.
    pub events: Vec<Json>,
    /// Their size as they were written.
    pub bytes: usize,
    /// Events over the limit, which were left out.
    pub oversized: usize,
    /// What stood in place of an event and is none.
    pub malformed: usize,
}

/// A body that holds no events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not text.
    #[error("expected an audit.k8s.io EventList or Event as JSON: byte {0} is no UTF-8")]
    Encoding(usize),
    /// It is not JSON.
    #[error("expected an audit.k8s.io EventList or Event as JSON: {0}")]
    Syntax(String),
    /// It is JSON of another kind.
    #[error("expected an audit.k8s.io EventList or Event, found {0}")]
    Kind(String),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    kind: Option<Json>,
    #[serde(rename = "auditID")]
    audit_id: Option<Json>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

/// Decodes a body; events of more than `max_event_bytes` are counted and left out.
///
/// # Errors
/// [`DecodeError`] says what was found instead of events.
pub fn decode(body: &[u8], max_event_bytes: usize) -> Result<Decoded, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|error| DecodeError::Encoding(error.valid_up_to()))?;
    let text = text.trim_ascii();
    let syntax = |error: serde_json::Error| DecodeError::Syntax(error.to_string());
    let mut decoded = Decoded::default();
    if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(syntax)?;
        decoded.take_all(&items, max_event_bytes);
        return Ok(decoded);
    }
    if !text.starts_with('{') {
        // Tells text that is no JSON at all from a number or a string.
        serde_json::from_str::<&RawValue>(text).map_err(syntax)?;
        return Err(DecodeError::Kind(text.chars().take(40).collect()));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(syntax)?;
    let kind = envelope.kind.as_ref().and_then(Json::as_str);
    match (kind, envelope.items) {
        (Some("EventList") | None, Some(items)) => decoded.take_all(&items, max_event_bytes),
        (Some("EventList"), None) => {}
        (Some("Event"), _) => decoded.take(text, max_event_bytes),
        (None, None) if envelope.audit_id.is_some() => decoded.take(text, max_event_bytes),
        (Some(kind), _) => return Err(DecodeError::Kind(format!("kind {:?}", short(kind)))),
        (None, None) => return Err(DecodeError::Kind("an object without kind".to_owned())),
    }
    Ok(decoded)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Decoded {
    fn take_all(&mut self, items: &[&RawValue], max_event_bytes: usize) {
        for item in items {
            self.take(item.get(), max_event_bytes);
        }
    }

    fn take(&mut self, text: &str, max_event_bytes: usize) {
        if text.len() > max_event_bytes {
            self.oversized += 1;
            return;
        }
        // Nested too deep, most likely: the text as such is JSON.
        match serde_json::from_str::<Json>(text) {
            Ok(event @ Json::Object(_)) => {
                self.bytes += text.len();
                self.events.push(event);
            }
            _ => self.malformed += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const MAX: usize = 100;

    fn events(body: &str) -> Decoded {
        decode(body.as_bytes(), MAX).unwrap()
    }

    fn refused(body: &[u8]) -> String {
        decode(body, MAX).unwrap_err().to_string()
    }

    #[test]
    fn takes_lists_events_and_arrays() {
        let event = json!({"auditID": "a"});
        for body in [
            r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[{"auditID":"a"}]}"#,
            r#"{"items":[{"auditID":"a"}]}"#,
            r#"[{"auditID":"a"}]"#,
            " {\"auditID\":\"a\"}\n",
        ] {
            assert_eq!(events(body).events, std::slice::from_ref(&event), "{body}");
        }
        assert_eq!(events(r#"{"kind":"Event","verb":"get"}"#).events.len(), 1);
        assert_eq!(events(r#"{"kind":"EventList","items":[]}"#), Decoded::default());
        assert_eq!(events(r#"{"kind":"EventList","items":null}"#), Decoded::default());
        assert_eq!(events("[]"), Decoded::default());
    }

    #[test]
    fn counts_what_it_leaves_out_and_keeps_the_rest() {
        let long = "x".repeat(MAX);
        let body = json!({"kind": "EventList", "items": [{"auditID": long}, {"auditID": "a"}, 7, null]});
        let decoded = events(&body.to_string());
        assert_eq!((decoded.oversized, decoded.malformed, decoded.events.len()), (1, 2, 1));
        let deep = format!("[{}{}]", "[".repeat(5000), "]".repeat(5000));
        let decoded = decode(deep.as_bytes(), usize::MAX).unwrap();
        assert_eq!((decoded.malformed, decoded.events.len()), (1, 0));
    }

    #[test]
    fn says_what_it_found_instead() {
        assert_eq!(
            refused(b"\xff"),
            "expected an audit.k8s.io EventList or Event as JSON: byte 0 is no UTF-8"
        );
        assert!(refused(b"").contains("EOF while parsing a value at line 1 column 0"));
        assert!(refused(b"{\"kind\":").contains("EOF while parsing"));
        assert!(refused(b"{} {}").contains("trailing characters"));
        assert!(refused(b"verb: get").contains("expected value at line 1 column 1"));
        assert!(refused(b"17").ends_with("found 17"));
        assert!(refused(br#"{"kind":"Pod"}"#).ends_with("found kind \"Pod\""));
        assert!(refused(b"{}").ends_with("found an object without kind"));
        assert!(refused(br#"{"kind":"EventList","items":{}}"#).contains("invalid type: map"));
        let deep = "{\"a\":".repeat(100_000);
        assert!(refused(deep.as_bytes()).contains("EOF"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_events_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&body, MAX);
        }

        #[test]
        fn anything_like_json_is_events_or_refused(body in "[\\[\\]{}\",:a-z0-9 ]{0,60}") {
            let _ = decode(body.as_bytes(), MAX);
        }
    }
}
