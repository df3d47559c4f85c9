//! gRPC to a unix socket: one call at a time, one message each way.
//!
//! A call is a POST over HTTP/2 whose body is a byte (0: not compressed), the message's length in four bytes and the
//! message; the answer's body is the same, and its trailers carry `grpc-status`.
//!
//! Source: "gRPC over HTTP2", the protocol's own description.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HeaderMap, TE};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

/// Longest message that is read, as for the kubelet.
const MESSAGE_MAX: usize = 16 << 20;
/// What stands before a message.
const PREFIX: usize = 5;
/// The runtime does not know what it was asked about.
const NOT_FOUND: u32 = 5;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody listens.
    #[error("connect to {socket}: {error}")]
    Connect { socket: PathBuf, error: std::io::Error },
    /// The connection broke.
    #[error("{method} at {socket}: {error}")]
    Exchange { socket: PathBuf, method: &'static str, error: String },
    /// The runtime refuses.
    #[error("{method} at {socket}: status {code}: {message}")]
    Status { socket: PathBuf, method: &'static str, code: u32, message: String },
    /// The answer is none.
    #[error("{method} at {socket}: expected one message, found {found}")]
    Message { socket: PathBuf, method: &'static str, found: String },
    /// No answer came in time.
    #[error("{method} at {socket}: no answer within {ms} ms")]
    Timeout { socket: PathBuf, method: &'static str, ms: u128 },
}

impl CallError {
    /// Whether the runtime answered that there is no such thing.
    pub(super) const fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { code: NOT_FOUND, .. })
    }
}

/// A runtime's socket, with a connection once there was a call.
pub(super) struct Client {
    socket: PathBuf,
    timeout: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client of a socket; connects when it is first used, and again after a failure.
    pub(super) const fn new(socket: PathBuf, timeout: Duration) -> Self {
        Self { socket, timeout, connection: None }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Calls a method of `runtime.v1.RuntimeService`.
    ///
    /// # Errors
    /// [`CallError`]; after anything but a status the next call connects anew.
    pub(super) async fn call<A: Message + Default>(
        &mut self,
        method: &'static str,
        question: &impl Message,
    ) -> Result<A, CallError> {
        let body = framed(question);
        let answer = match tokio::time::timeout(self.timeout, self.exchange(method, body)).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(CallError::Timeout { socket: self.socket.clone(), method, ms: self.timeout.as_millis() })
            }
        };
        if answer.as_ref().is_err_and(|error| !matches!(error, CallError::Status { .. })) {
            self.connection = None;
        }
        let body = answer?;
        let bad = |found: String| CallError::Message { socket: self.socket.clone(), method, found };
        let message = unframed(&body).map_err(bad)?;
        A::decode(message).map_err(|error| bad(error.to_string()))
    }

    async fn exchange(&mut self, method: &'static str, body: Bytes) -> Result<Bytes, CallError> {
        let broken = |socket: &Path, error: &dyn std::fmt::Display| CallError::Exchange {
            socket: socket.to_owned(),
            method,
            error: error.to_string(),
        };
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect(method).await?,
        };
        let request = Request::post(format!("http://localhost/runtime.v1.RuntimeService/{method}"))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(body))
            .map_err(|error| broken(&self.socket, &error))?;
        let response =
            connection.send_request(request).await.map_err(|error| broken(&self.socket, &error))?;
        self.connection = Some(connection);
        let (head, body): (_, Incoming) = response.into_parts();
        if !head.status.is_success() {
            return Err(broken(&self.socket, &format_args!("HTTP status {}", head.status)));
        }
        let collected = Limited::new(body, MESSAGE_MAX + PREFIX).collect().await;
        let collected = collected.map_err(|error| broken(&self.socket, &error))?;
        // A call that fails at once has its status in the head.
        let trailers = collected.trailers().unwrap_or(&head.headers);
        let (code, message) = status(trailers);
        if code != 0 {
            return Err(CallError::Status { socket: self.socket.clone(), method, code, message });
        }
        Ok(collected.to_bytes())
    }

    async fn connect(&self, method: &'static str) -> Result<SendRequest<Full<Bytes>>, CallError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| CallError::Connect { socket: self.socket.clone(), error })?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(|error| {
                CallError::Exchange { socket: self.socket.clone(), method, error: error.to_string() }
            })?;
        // Ends with the sender, or with an error that the next call meets.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Status and message of a call; a status that is missing or no number is "unknown".
fn status(headers: &HeaderMap) -> (u32, String) {
    const UNKNOWN: u32 = 2;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let code = text("grpc-status").and_then(|code| code.parse().ok()).unwrap_or(UNKNOWN);
    (code, text("grpc-message").unwrap_or_default().to_owned())
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).expect("a question is short"));
    message.encode(&mut bytes).expect("there is room");
    bytes.freeze()
}

/// The one message of a body; else what was found there.
fn unframed(body: &[u8]) -> Result<&[u8], String> {
    match body {
        [0, a, b, c, d, message @ ..] if u32::from_be_bytes([*a, *b, *c, *d]) as usize == message.len() => {
            Ok(message)
        }
        [1, ..] => Err("a compressed one, which was not asked for".to_owned()),
        _ => Err(format!("{} bytes that are none", body.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::messages::ContainerStatusRequest;

    #[test]
    fn frames_a_message() {
        let question = ContainerStatusRequest { container_id: "ab".to_owned(), verbose: true };
        assert_eq!(&framed(&question)[..], [0, 0, 0, 0, 6, 10, 2, b'a', b'b', 16, 1]);
        assert_eq!(unframed(&framed(&question)).unwrap(), [10, 2, b'a', b'b', 16, 1]);
    }

    #[test]
    fn refuses_what_is_no_message() {
        for body in [&b""[..], &[0, 0, 0, 0], &[0, 0, 0, 0, 2, 1], &[0, 0, 0, 0, 0, 1], &[1, 0, 0, 0, 0]] {
            unframed(body).unwrap_err();
        }
    }
}
