//! Who may stay connected.
//!
//! A connection that asks nothing costs memory and a descriptor. There is room for so many; when another one
//! comes, the connection that has been idle longest goes. A client that sends its request at once is never the
//! oldest, so that thousands of slow ones cannot keep it out; they only push out each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The open connections.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the next event.
    stamp: u64,
    /// Without those that have been told to leave.
    open: usize,
    /// Idle connections by when they became so.
    idle: BTreeMap<u64, Arc<Notify>>,
}

/// One open connection; dropped when it closes.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    own: Mutex<Own>,
    leave: Arc<Notify>,
    /// Its client has shown no certificate where one was wanted.
    is_unknown: AtomicBool,
}

#[derive(Debug)]
struct Own {
    /// Its place among the idle, while it is.
    idle_since: Option<u64>,
    /// Requests that are being answered.
    busy: usize,
    /// It has been told to leave, and no longer counts.
    is_leaving: bool,
}

/// A request that is being answered; its connection stays meanwhile.
#[derive(Debug)]
pub struct Busy(Option<Arc<Connection>>);

impl Connections {
    /// Room for so many connections.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, state: Mutex::default() }))
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.0.lock().open
    }

    /// Admits a connection. Where there is no room, the one that has been idle longest is told to leave, and
    /// `true` comes back with the new one; `None` where all are busy.
    pub fn admit(&self) -> Option<(Arc<Connection>, bool)> {
        let mut state = self.0.lock();
        let mut evicted = false;
        if state.open >= self.0.most {
            let (_, oldest) = state.idle.pop_first()?;
            oldest.notify_one();
            state.open -= 1;
            evicted = true;
        }
        state.open += 1;
        let leave = Arc::new(Notify::new());
        let stamp = state.push(&leave);
        let own = Mutex::new(Own { idle_since: Some(stamp), busy: 0, is_leaving: false });
        let is_unknown = AtomicBool::new(false);
        Some((Arc::new(Connection { shared: self.0.clone(), own, leave, is_unknown }), evicted))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, leave: &Arc<Notify>) -> u64 {
        self.stamp += 1;
        self.idle.insert(self.stamp, leave.clone());
        self.stamp
    }
}

impl Connection {
    /// Whether its client may ask for reviews, as far as certificates go.
    pub fn is_known(&self) -> bool {
        !self.is_unknown.load(Ordering::Relaxed)
    }

    /// Notes that its client has shown no certificate where one was wanted.
    pub fn set_unknown(&self) {
        self.is_unknown.store(true, Ordering::Relaxed);
    }

    /// Resolves when the connection is to make room.
    pub async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether a request is being answered.
    pub fn is_busy(&self) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).busy > 0
    }

    /// Marks it as busy until the guard is dropped. To be called once a request has wholly arrived: one that
    /// trickles in is idle.
    pub fn busy(connection: Option<&Arc<Self>>) -> Busy {
        if let Some(connection) = connection {
            let mut own = connection.own.lock().unwrap_or_else(PoisonError::into_inner);
            own.busy += 1;
            if let Some(stamp) = own.idle_since.take() {
                own.is_leaving = connection.shared.lock().idle.remove(&stamp).is_none();
            }
        }
        Busy(connection.cloned())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Some(connection) = &self.0 else { return };
        let mut own = connection.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.busy -= 1;
        if own.busy == 0 && !own.is_leaving {
            own.idle_since = Some(connection.shared.lock().push(&connection.leave));
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.shared.lock();
        let was_told = own.idle_since.is_some_and(|stamp| state.idle.remove(&stamp).is_none());
        if !was_told && !own.is_leaving {
            state.open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told(connection: &Connection) -> bool {
        let told = std::pin::pin!(connection.told_to_leave());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        told.poll(&mut context).is_ready()
    }

    #[test]
    fn the_longest_idle_makes_room() {
        let all = Connections::new(2);
        let (first, _) = all.admit().unwrap();
        let (second, evicted) = all.admit().unwrap();
        assert!(!evicted);
        drop(Connection::busy(Some(&first)));
        let (_third, evicted) = all.admit().unwrap();
        assert!(evicted);
        assert!(is_told(&second) && !is_told(&first), "the first has asked something since");
    }

    #[test]
    fn one_that_leaves_counts_no_more_however_it_ends() {
        let all = Connections::new(2);
        let [first, second, third, _fourth] = [(); 4].map(|()| all.admit().unwrap().0);
        assert_eq!(all.open(), 2);
        // Its request became whole a moment too late: it is answered all the same.
        let busy = Connection::busy(Some(&first));
        assert!(first.is_busy() && !second.is_busy());
        drop((busy, first, second));
        assert_eq!((all.open(), all.0.lock().idle.len()), (2, 2));
        drop(third);
        assert_eq!(all.open(), 1);
    }

    #[test]
    fn the_busy_stay() {
        let all = Connections::new(1);
        let (first, _) = all.admit().unwrap();
        let (one, two) = (Connection::busy(Some(&first)), Connection::busy(Some(&first)));
        assert!(all.admit().is_none());
        drop(one);
        assert!(all.admit().is_none());
        drop(two);
        assert!(all.admit().is_some());
        assert!(is_told(&first));
    }

    #[test]
    fn a_closed_connection_leaves_nothing_behind() {
        let all = Connections::new(1);
        let (first, _) = all.admit().unwrap();
        drop(first);
        assert_eq!((all.open(), all.0.lock().idle.len()), (0, 0));
    }
}
