//! Bodies, within limits of size and time.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warp::{Buf, Stream};

/// A body below this size needs no room of its own: there are never more of them than connections.
const SMALL: usize = 64 << 10;

/// A body that was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than allowed.
    #[error("the body has more than {0} bytes; --max-body raises the limit")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the body did not arrive within {0:?}")]
    Late(Duration),
    /// The connection failed.
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// A body, with its share of the room for large ones.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Given back when the body is dropped.
    room: Option<OwnedSemaphorePermit>,
}

/// Reads a body of at most `max` bytes within `timeout`. `room` has one permit a KiB for all large bodies.
pub(super) async fn read<B: Buf, E: std::fmt::Display>(
    stream: impl Stream<Item = Result<B, E>>,
    max: usize,
    timeout: Duration,
    room: &Arc<Semaphore>,
) -> Result<Body, BodyError> {
    let whole = collect(stream, max, room);
    tokio::time::timeout(timeout, whole).await.unwrap_or(Err(BodyError::Late(timeout)))
}

async fn collect<B: Buf, E: std::fmt::Display>(
    stream: impl Stream<Item = Result<B, E>>,
    max: usize,
    room: &Arc<Semaphore>,
) -> Result<Body, BodyError> {
    let mut stream = pin!(stream);
    let mut body = Body { bytes: Vec::new(), room: None };
    while let Some(chunk) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let mut chunk = chunk.map_err(|error| BodyError::Broken(error.to_string()))?;
        let length = body.bytes.len() + chunk.remaining();
        if length > max {
            return Err(BodyError::TooLarge(max));
        }
        if length > SMALL && body.room.is_none() {
            // All that it may become, for two half-read bodies must not wait for each other.
            let permits = u32::try_from(max.div_ceil(1024)).unwrap_or(u32::MAX);
            body.room = room.clone().acquire_many_owned(permits).await.ok();
        }
        while chunk.has_remaining() {
            let part = chunk.chunk();
            body.bytes.extend_from_slice(part);
            let read = part.len();
            chunk.advance(read);
        }
    }
    Ok(body)
}
