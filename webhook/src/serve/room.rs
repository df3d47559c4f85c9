//! Memory for bodies.
//!
//! All bodies that are being read or judged have so many bytes together. Where there is no room for more, the body
//! that has been arriving longest goes. One that is sent at once is never that: slow ones, however many, cannot
//! keep it waiting, they only push out each other.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The room of all bodies.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
    /// Told whenever something has been given back.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    /// Of the next body.
    stamp: u64,
    /// Bodies that are not whole yet, by when they began.
    arriving: BTreeMap<u64, Arriving>,
    /// What bodies hold that have been told to go.
    leaving: BTreeMap<u64, usize>,
}

#[derive(Debug)]
struct Arriving {
    held: usize,
    leave: Arc<Notify>,
}

/// A body's part of the room, given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    shared: Arc<Shared>,
    stamp: u64,
    held: usize,
    leave: Arc<Notify>,
}

/// The body has been told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowded;

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, state: Mutex::default(), freed: Notify::new() }))
    }

    /// The share of a body that begins to arrive.
    pub(super) fn enter(&self) -> Share {
        let leave = Arc::new(Notify::new());
        let mut state = self.0.lock();
        state.stamp += 1;
        let stamp = state.stamp;
        state.arriving.insert(stamp, Arriving { held: 0, leave: leave.clone() });
        Share { shared: self.0.clone(), stamp, held: 0, leave }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes so many bytes more, once there are.
    ///
    /// # Errors
    /// [`Crowded`] where this body is the one that has to go.
    pub(super) async fn grow(&mut self, bytes: usize) -> Result<(), Crowded> {
        let shared = self.shared.clone();
        loop {
            let mut freed = pin!(shared.freed.notified());
            freed.as_mut().enable();
            if self.take(bytes)? {
                return Ok(());
            }
            tokio::select! {
                () = freed => {}
                () = self.told_to_leave() => return Err(Crowded),
            }
        }
    }

    /// Resolves when the body is to go.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// The body is whole: it stays until it is judged.
    ///
    /// # Errors
    /// [`Crowded`] where it has been told to go before.
    pub(super) fn arrived(&self) -> Result<(), Crowded> {
        self.shared.lock().arriving.remove(&self.stamp).map(drop).ok_or(Crowded)
    }

    /// Whether the bytes have been taken; where they have not, some body has been told to go.
    fn take(&mut self, bytes: usize) -> Result<bool, Crowded> {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let own = state.arriving.get_mut(&self.stamp).ok_or(Crowded)?;
        if state.used + bytes <= self.shared.most {
            state.used += bytes;
            self.held += bytes;
            own.held = self.held;
            return Ok(true);
        }
        let leaving: usize = state.leaving.values().sum();
        // Alone among bodies that are being judged, it waits for them.
        let has_others = state.arriving.len() > 1;
        if has_others
            && state.used - leaving + bytes > self.shared.most
            && let Some((stamp, oldest)) = state.arriving.pop_first()
        {
            state.leaving.insert(stamp, oldest.held);
            if stamp == self.stamp {
                return Err(Crowded);
            }
            oldest.leave.notify_one();
        }
        Ok(false)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.arriving.remove(&self.stamp);
        state.leaving.remove(&self.stamp);
        state.used -= self.held;
        drop(state);
        self.shared.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn taken(share: &mut Share, bytes: usize) -> Option<Result<(), Crowded>> {
        let growth = pin!(share.grow(bytes));
        match growth.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    fn is_told(share: &Share) -> bool {
        let told = pin!(share.told_to_leave());
        told.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_body_that_arrives_longest_makes_room() {
        let room = Room::new(10);
        let [mut slow, mut other, mut new] = [(); 3].map(|()| room.enter());
        assert_eq!(taken(&mut slow, 4), Some(Ok(())));
        assert_eq!(taken(&mut other, 4), Some(Ok(())));
        assert_eq!(taken(&mut new, 4), None, "until the slow one is gone");
        assert!(is_told(&slow) && !is_told(&other));
        assert_eq!(taken(&mut slow, 1), Some(Err(Crowded)));
        assert_eq!(slow.arrived(), Err(Crowded), "whole too late");
        assert_eq!(taken(&mut new, 4), None);
        assert!(!is_told(&other), "what leaves already is enough");
        drop(slow);
        assert_eq!(taken(&mut new, 4), Some(Ok(())));
        assert_eq!(new.arrived(), Ok(()));
    }

    #[test]
    fn a_whole_body_stays() {
        let room = Room::new(10);
        let mut whole = room.enter();
        assert_eq!(taken(&mut whole, 9), Some(Ok(())));
        assert_eq!(whole.arrived(), Ok(()));
        let mut new = room.enter();
        assert_eq!(taken(&mut new, 4), None);
        assert!(!is_told(&whole) && !is_told(&new));
        drop(whole);
        assert_eq!(taken(&mut new, 4), Some(Ok(())));
        drop(new);
        let state = room.0.lock();
        assert_eq!((state.used, state.arriving.len(), state.leaving.len()), (0, 0, 0));
    }
}
