//! How many Events there are: one an owner in a while, and no more owners than fit.
//!
//! A controller whose pods are denied tries again and again, and whoever may create pods may name any owner: neither
//! may flood the cluster's store or our memory.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// How long an owner hears nothing more. Controllers back off to minutes; Events live for an hour.
const QUIET: Duration = Duration::from_mins(5);
/// Owners that are told within that time: some three Events a second at most.
const OWNERS: usize = 1024;

/// Who has been told lately.
#[derive(Debug, Default)]
pub(super) struct Limit {
    /// Oldest first.
    told: VecDeque<(Instant, String)>,
    uids: HashSet<String>,
}

impl Limit {
    /// Whether the owner is to be told now; it counts as told then. Times never go back.
    pub(super) fn admits(&mut self, uid: &str, now: Instant) -> bool {
        while let Some((since, _)) = self.told.front()
            && now.duration_since(*since) >= QUIET
        {
            if let Some((_, uid)) = self.told.pop_front() {
                self.uids.remove(&uid);
            }
        }
        if self.told.len() >= OWNERS || self.uids.contains(uid) {
            return false;
        }
        self.told.push_back((now, uid.to_owned()));
        self.uids.insert(uid.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_told_once_in_a_while() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        assert!(limit.admits("a", start));
        assert!(!limit.admits("a", start + QUIET / 2));
        assert!(limit.admits("b", start + QUIET / 2));
        assert!(limit.admits("a", start + QUIET));
        assert!(!limit.admits("b", start + QUIET));
    }

    #[test]
    fn holds_so_many_owners_and_no_more() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        let admitted = (0..10_000).filter(|uid| limit.admits(&uid.to_string(), start)).count();
        assert_eq!((admitted, limit.told.len(), limit.uids.len()), (OWNERS, OWNERS, OWNERS));
        assert!(limit.admits("later", start + QUIET));
        assert_eq!((limit.told.len(), limit.uids.len()), (1, 1));
    }
}
