//! The endpoint for the apiserver's webhook backend.
//!
//! 200 says that the events wait for the engine. 429 asks the apiserver to try again, which it does with
//! increasing pauses; any other refusal makes it drop the batch, and says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::http::{Handler, Reply, busy, text, too_large};
use crate::queue::Refused;

use super::channel::{Delivery, Sender};
use super::decode::decode;
use super::loss::{Losses, Lost};

pub(super) struct Endpoint {
    pub(super) path: String,
    pub(super) max_body_bytes: usize,
    pub(super) max_event_bytes: usize,
    pub(super) sender: Sender,
    pub(super) losses: Arc<Losses>,
    pub(super) events: Arc<AtomicU64>,
    pub(super) refused: Arc<AtomicU64>,
}

impl Endpoint {
    fn refuse(&self, status: StatusCode, reason: String) -> Reply {
        self.refused.fetch_add(1, Ordering::Relaxed);
        text(status, reason)
    }
}

impl Handler for Endpoint {
    fn admit(&self, head: &Parts) -> Result<usize, Box<Reply>> {
        let refuse = |status, reason: String| Err(Box::new(self.refuse(status, reason)));
        if head.uri.path() != self.path {
            return refuse(StatusCode::NOT_FOUND, format!("expected the path {}\n", self.path));
        }
        if head.method != Method::POST {
            let mut reply = self.refuse(StatusCode::METHOD_NOT_ALLOWED, "expected POST\n".to_owned());
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Err(Box::new(reply));
        }
        let header = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let kind = header(CONTENT_TYPE).unwrap_or_default();
        let media_type = kind.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let found: String = kind.chars().take(80).collect();
            let reason = format!("expected content-type application/json, found {found:?}\n");
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
        }
        if head.headers.contains_key(CONTENT_ENCODING) {
            let reason = "expected a body without content-encoding\n".to_owned();
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
        }
        // Said before the body is sent; a body of unknown length is counted as it comes.
        let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.max_body_bytes as u64) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Box::new(too_large(self.max_body_bytes)));
        }
        Ok(self.max_body_bytes)
    }

    fn answer(&self, _head: &Parts, body: Bytes) -> Reply {
        let decoded = match decode(&body, self.max_event_bytes) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.losses.add(Lost { malformed: 1, ..Lost::default() });
                return self.refuse(StatusCode::BAD_REQUEST, format!("{error}\n"));
            }
        };
        let (count, bytes) = (decoded.events.len() as u64, decoded.bytes);
        let lost = Lost {
            oversized: decoded.oversized as u64,
            malformed: decoded.malformed as u64,
            ..Lost::default()
        };
        if count > 0 {
            match self.sender.try_send(Delivery { events: decoded.events, mark: None }, bytes) {
                Ok(()) => {}
                // Nothing is lost yet: it will come again.
                Err(Refused::Full | Refused::Closed) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return busy("the engine is behind\n");
                }
            }
        }
        self.losses.add(lost);
        self.events.fetch_add(count, Ordering::Relaxed);
        text(StatusCode::OK, "")
    }
}
