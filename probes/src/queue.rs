//! A queue between two threads, bounded in number and in bytes.
//!
//! Who pushes chooses between being refused (`try_push`) and waiting (`push`); who pops waits. Closing it
//! refuses what comes later and lets out what is inside; abandoning it throws that away.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// Why an item was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// What came of waiting for items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Popped {
    /// At least one item.
    Items,
    /// Nothing, but [`Queue::nudge`] was called.
    Nudged,
    /// Nothing came in time.
    Nothing,
    /// Nothing, and nothing will ever come.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Queue<T> {
    bounds: Bounds,
    inner: Mutex<Inner<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    is_closed: bool,
    is_abandoned: bool,
    is_nudged: bool,
}

impl<T> Inner<T> {
    /// One item always fits, however large: it could never be delivered otherwise.
    fn has_room(&self, bytes: usize, bounds: Bounds) -> bool {
        self.items.is_empty()
            || (self.items.len() < bounds.items && self.bytes.saturating_add(bytes) <= bounds.bytes)
    }

    fn add(&mut self, item: T, bytes: usize) {
        self.items.push_back((item, bytes));
        self.bytes += bytes;
    }
}

impl<T> Queue<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let inner = Inner {
            items: VecDeque::new(),
            bytes: 0,
            is_closed: false,
            is_abandoned: false,
            is_nudged: false,
        };
        Self { bounds, inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// No thread panics while it holds the lock, and the state is whole between any two statements anyway.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item if there is room.
    pub(crate) fn try_push(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Err(Refused::Closed);
        }
        if !inner.has_room(bytes, self.bounds) {
            return Err(Refused::Full);
        }
        inner.add(item, bytes);
        drop(inner);
        self.changed.notify_all();
        Ok(())
    }

    /// Adds an item as soon as there is room.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let mut inner = self.lock();
        while !inner.is_closed && !inner.has_room(bytes, self.bounds) {
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        if inner.is_closed {
            return Err(Refused::Closed);
        }
        inner.add(item, bytes);
        drop(inner);
        self.changed.notify_all();
        Ok(())
    }

    /// Moves up to `max` items behind those in `into`, and waits for the first of them.
    pub(crate) fn pop(&self, into: &mut Vec<T>, max: usize, patience: Option<Duration>) -> Popped {
        let end = patience.map(|patience| Instant::now() + patience);
        let mut inner = self.lock();
        loop {
            if std::mem::take(&mut inner.is_nudged) {
                return Popped::Nudged;
            }
            if !inner.items.is_empty() {
                let count = inner.items.len().min(max.max(1));
                let taken: Vec<(T, usize)> = inner.items.drain(..count).collect();
                inner.bytes -= taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
                into.extend(taken.into_iter().map(|(item, _)| item));
                drop(inner);
                self.changed.notify_all();
                return Popped::Items;
            }
            if inner.is_closed {
                return Popped::Closed;
            }
            match self.wait(inner, end) {
                Some(again) => inner = again,
                None => return Popped::Nothing,
            }
        }
    }

    /// `None` when the time has come.
    fn wait<'q>(
        &'q self,
        inner: MutexGuard<'q, Inner<T>>,
        end: Option<Instant>,
    ) -> Option<MutexGuard<'q, Inner<T>>> {
        let Some(end) = end else {
            return Some(self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner));
        };
        let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Wakes who waits for items, once.
    pub(crate) fn nudge(&self) {
        self.lock().is_nudged = true;
        self.changed.notify_all();
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Takes nothing more and throws away what waits; returns how many items that were.
    pub(crate) fn abandon(&self) -> usize {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.is_abandoned = true;
        inner.bytes = 0;
        let thrown = std::mem::take(&mut inner.items).len();
        drop(inner);
        self.changed.notify_all();
        thrown
    }

    /// Waits, unless it is abandoned before; returns whether it was.
    pub(crate) fn sleep_unless_abandoned(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut inner = self.lock();
        loop {
            if inner.is_abandoned {
                return true;
            }
            match self.wait(inner, Some(end)) {
                Some(again) => inner = again,
                None => return false,
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn queue(items: usize, bytes: usize) -> Queue<u32> {
        Queue::new(Bounds { items, bytes })
    }

    #[test]
    fn refuses_what_is_over_either_bound() {
        let few = queue(2, 100);
        assert_eq!([1, 2, 3].map(|item| few.try_push(item, 1)), [Ok(()), Ok(()), Err(Refused::Full)]);
        let small = queue(10, 10);
        assert_eq!(small.try_push(1, 8), Ok(()));
        assert_eq!(small.try_push(2, 3), Err(Refused::Full));
        assert_eq!(small.try_push(3, 2), Ok(()));
    }

    #[test]
    fn takes_one_item_of_any_size() {
        let small = queue(10, 10);
        assert_eq!(small.try_push(1, 1000), Ok(()));
        assert_eq!(small.try_push(2, 1), Err(Refused::Full));
        let mut items = Vec::new();
        small.pop(&mut items, 10, None);
        assert_eq!(small.try_push(2, 1), Ok(()));
    }

    #[test]
    fn lets_out_what_is_inside_when_closed() {
        let closed = queue(10, 10);
        closed.try_push(1, 1).unwrap();
        closed.close();
        assert_eq!(closed.try_push(2, 1), Err(Refused::Closed));
        assert_eq!(closed.push(2, 1), Err(Refused::Closed));
        let mut items = Vec::new();
        assert_eq!(closed.pop(&mut items, 10, None), Popped::Items);
        assert_eq!(closed.pop(&mut items, 10, None), Popped::Closed);
        assert_eq!(items, [1]);
    }

    #[test]
    fn throws_away_what_is_inside_when_abandoned() {
        let abandoned = queue(10, 10);
        abandoned.try_push(1, 1).unwrap();
        assert_eq!(abandoned.abandon(), 1);
        assert!(abandoned.sleep_unless_abandoned(Duration::from_hours(1)));
        assert_eq!(abandoned.pop(&mut Vec::new(), 1, None), Popped::Closed);
    }

    #[test]
    fn who_pushes_waits_for_room_and_loses_nothing() {
        let narrow = Arc::new(queue(1, 100));
        let pusher = std::thread::spawn({
            let narrow = Arc::clone(&narrow);
            move || (0..1000).try_for_each(|item| narrow.push(item, 1)).map(|()| narrow.close())
        });
        let mut items = Vec::new();
        while narrow.pop(&mut items, 3, None) != Popped::Closed {}
        assert_eq!(pusher.join().unwrap(), Ok(()));
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_nudge_wakes_once() {
        let quiet = queue(1, 1);
        quiet.nudge();
        assert_eq!(quiet.pop(&mut Vec::new(), 1, None), Popped::Nudged);
        assert_eq!(quiet.pop(&mut Vec::new(), 1, Some(Duration::ZERO)), Popped::Nothing);
    }
}
