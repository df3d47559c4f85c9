//! Whether a watch still hears of changes.
//!
//! A watch that fails is begun anew, by itself; what it has seen stays in use meanwhile, and may be old. One that is
//! begun anew in the middle says nothing before something changes, so that its silence counts as success once it has
//! lasted longer than any attempt can.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use kube::runtime::watcher::{self, Event};

/// Attempts follow each other within 60 seconds at most, and take 30 to connect.
pub const SILENCE: Duration = Duration::from_mins(2);

/// What a watch says.
#[derive(Debug)]
pub enum Heard<K> {
    /// Something has changed, or is being listed.
    Event(Event<K>),
    /// It hears of nothing now, and why.
    Deaf(watcher::Error),
    /// It hears of changes again; what has changed follows.
    Again,
}

/// What a watch says, with what follows from its silence after a failure: [`SILENCE`].
pub fn heard<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    silence: Duration,
) -> impl Stream<Item = Heard<K>> {
    let start = (Box::pin(events), false, None);
    stream::unfold(start, move |(mut events, is_deaf, follows)| async move {
        if let Some(event) = follows {
            return Some((Heard::Event(event), (events, false, None)));
        }
        let next = if is_deaf {
            match tokio::time::timeout(silence, events.next()).await {
                Ok(next) => next,
                Err(_) => return Some((Heard::Again, (events, false, None))),
            }
        } else {
            events.next().await
        };
        Some(match next? {
            // A list that has begun may fail yet.
            Ok(event) if !is_deaf || matches!(event, Event::Init | Event::InitApply(_)) => {
                (Heard::Event(event), (events, is_deaf, None))
            }
            Ok(event) => (Heard::Again, (events, false, Some(event))),
            Err(error) => (Heard::Deaf(error), (events, true, None)),
        })
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    type Events = Vec<watcher::Result<Event<u8>>>;

    fn broken() -> watcher::Result<Event<u8>> {
        Err(watcher::Error::NoResourceVersion)
    }

    /// What is heard of some events that nothing follows.
    async fn told(events: Events, count: usize) -> Vec<String> {
        let events = stream::iter(events).chain(stream::pending());
        let mut heard = std::pin::pin!(heard(events, Duration::from_millis(1)));
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(match heard.next().await {
                Some(Heard::Event(event)) => format!("{event:?}"),
                Some(Heard::Deaf(_)) => "deaf".to_owned(),
                Some(Heard::Again) => "again".to_owned(),
                None => panic!("it has ended"),
            });
        }
        assert!(heard.next().now_or_never().is_none(), "nothing follows {told:?}");
        told
    }

    #[tokio::test]
    async fn silence_after_a_failure_is_success() {
        assert_eq!(told(vec![broken(), broken()], 3).await, ["deaf", "deaf", "again"]);
    }

    #[tokio::test]
    async fn an_event_is_success_and_a_list_that_has_begun_is_not() {
        let events = vec![broken(), Ok(Event::Init), Ok(Event::InitApply(1)), Ok(Event::InitDone)];
        assert_eq!(told(events, 5).await, ["deaf", "Init", "InitApply(1)", "again", "InitDone"]);
        assert_eq!(told(vec![broken(), Ok(Event::Init)], 3).await, ["deaf", "Init", "again"]);
    }
}
