//! Bodies, within limits of size and time.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use warp::{Buf, Stream};

use super::room::{Crowded, Room, Share};

/// A body below this size needs no room of its own: there are never more of them than connections.
const SMALL: usize = 16 << 10;

/// How much of a body that is too large is kept: the apiserver writes the request's uid within the first hundreds of
/// bytes.
const BEGINNING: usize = 4 << 10;

/// A body that was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than allowed.
    #[error("the body has more than {max} bytes; --max-body raises the limit")]
    TooLarge {
        /// As many bytes are allowed.
        max: usize,
        /// Enough of it to tell whom to answer.
        beginning: Bytes,
    },
    /// It did not arrive in time.
    #[error("the body did not arrive within {0:?}")]
    Late(Duration),
    /// Slower than others, and they needed its memory.
    #[error("the body arrived more slowly than others, which needed its memory")]
    Crowded,
    /// The connection failed.
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// A body, with its share of the room for large ones.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// Given back when the body is dropped.
    _share: Option<Share>,
}

/// Reads a body of at most `max` bytes within `timeout`, whose client has announced `announced` bytes.
pub(super) async fn read<B: Buf, E: std::fmt::Display>(
    stream: impl Stream<Item = Result<B, E>>,
    announced: usize,
    max: usize,
    timeout: Duration,
    room: &Room,
) -> Result<Body, BodyError> {
    let whole = collect(stream, announced, max, room);
    tokio::time::timeout(timeout, whole).await.unwrap_or(Err(BodyError::Late(timeout)))
}

async fn collect<B: Buf, E: std::fmt::Display>(
    stream: impl Stream<Item = Result<B, E>>,
    announced: usize,
    max: usize,
    room: &Room,
) -> Result<Body, BodyError> {
    let mut stream = pin!(stream);
    let mut share: Option<Share> = None;
    // A body that comes in one piece is not copied.
    let (mut first, mut all) = (Bytes::new(), Vec::new());
    loop {
        let next = poll_fn(|context| stream.as_mut().poll_next(context));
        let chunk = match &share {
            None => next.await,
            Some(share) => tokio::select! {
                chunk = next => chunk,
                () = share.told_to_leave() => return Err(BodyError::Crowded),
            },
        };
        let Some(chunk) = chunk else { break };
        let mut chunk = chunk.map_err(|error| BodyError::Broken(error.to_string()))?;
        let length = first.len().max(all.len()) + chunk.remaining();
        if length > max {
            let mut beginning = if all.is_empty() { first } else { Bytes::from(all) };
            if beginning.is_empty() {
                beginning = chunk.copy_to_bytes(chunk.remaining().min(BEGINNING));
            }
            let beginning = Bytes::copy_from_slice(&beginning[..beginning.len().min(BEGINNING)]);
            drop(share);
            // Whoever is still sending would not read an answer.
            while let Some(Ok(_)) = poll_fn(|context| stream.as_mut().poll_next(context)).await {}
            return Err(BodyError::TooLarge { max, beginning });
        }
        if length > SMALL {
            let more = if share.is_some() { chunk.remaining() } else { length };
            share.get_or_insert_with(|| room.enter()).grow(more).await?;
        }
        let piece = chunk.copy_to_bytes(chunk.remaining());
        if first.is_empty() {
            first = piece;
            continue;
        }
        if all.is_empty() {
            all.reserve(announced.min(SMALL));
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&piece);
    }
    if let Some(share) = &share {
        share.arrived()?;
    }
    let bytes = if all.is_empty() { first } else { Bytes::from(all) };
    Ok(Body { bytes, _share: share })
}

impl From<Crowded> for BodyError {
    fn from(Crowded: Crowded) -> Self {
        Self::Crowded
    }
}
