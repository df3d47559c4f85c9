//! What has happened and has not been told yet: seconds in which telling is not allowed are told with a later one.

use std::time::{Duration, Instant};

use super::account::Account;

/// What an account counts that is to be told.
type Count = fn(&Account) -> u64;

/// The sum of some seconds, from the first that had something to tell.
#[derive(Debug)]
pub(super) struct Untold {
    count: Count,
    account: Account,
    /// The beginning of the first of these seconds; `None`: nothing is to be told.
    since: Option<Instant>,
}

impl Untold {
    pub(super) fn new(count: Count) -> Self {
        Self { count, account: Account::default(), since: None }
    }

    /// Adds a second that ends now.
    pub(super) fn add(&mut self, second: &Account, now: Instant) {
        if self.since.is_none() && (self.count)(second) > 0 {
            // The clock of a machine that has just booted may not go back as far.
            self.since = Some(now.checked_sub(Duration::from_secs(1)).unwrap_or(now));
        }
        if self.since.is_some() {
            self.account.add(second);
        }
    }

    /// What there is to tell, and for how long.
    pub(super) fn get(&self, now: Instant) -> Option<(&Account, Duration)> {
        self.since.map(|since| (&self.account, now.saturating_duration_since(since)))
    }

    /// It has been told.
    pub(super) fn clear(&mut self) {
        self.account = Account::default();
        self.since = None;
    }
}

/// `last second`, `last 31 seconds`.
pub(super) fn last(time: Duration) -> String {
    match time.as_secs() {
        0 | 1 => "last second".to_owned(),
        seconds => format!("last {seconds} seconds"),
    }
}
