//! Processes that are not known and are asked for.

use std::collections::HashSet;

use crate::number_map::NumberMap;

/// How long a process that was asked for is not asked for again.
const PAUSE_NS: u64 = 1_000_000_000;
/// Processes that are asked for in that time: where more are unknown, each of their calls would ask.
const ASKED_MAX: usize = 1024;

/// Which processes were asked for.
#[derive(Default)]
pub(crate) struct Missing {
    /// Lately, by number and start.
    asked: NumberMap<u32, u64>,
    since_ns: u64,
    /// Those whose answers are welcome: they have not ended meanwhile.
    expected: HashSet<u32>,
}

impl Missing {
    /// Whether to ask for a process now, `now_ns` since boot.
    pub(crate) fn wants(&mut self, pid: u32, start_ns: u64, now_ns: u64) -> bool {
        if now_ns.saturating_sub(self.since_ns) > PAUSE_NS {
            self.asked.clear();
            self.since_ns = now_ns;
        }
        if self.asked.get(&pid) == Some(&start_ns) || self.asked.len() >= ASKED_MAX {
            return false;
        }
        self.asked.insert(pid, start_ns);
        true
    }

    /// It was asked for.
    pub(crate) fn expect(&mut self, pid: u32) {
        self.expected.insert(pid);
    }

    /// It ended: an answer would be about nobody.
    pub(crate) fn ended(&mut self, pid: u32) {
        self.expected.remove(&pid);
    }

    /// An answer came; whether it is about somebody who is there.
    pub(crate) fn take(&mut self, pid: u32) -> bool {
        self.expected.remove(&pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_process_is_asked_for_once_a_second() {
        let mut missing = Missing::default();
        assert!(missing.wants(7, 100, 5));
        assert!(!missing.wants(7, 100, SECOND));
        assert!(missing.wants(7, 900, SECOND), "another of the same number");
        assert!(missing.wants(7, 100, 2 * SECOND));
    }

    #[test]
    fn a_crowd_of_unknown_processes_asks_no_more_than_it_may() {
        let mut missing = Missing::default();
        let asked = (0..100_000).filter(|pid| missing.wants(*pid, 1, 5)).count();
        assert_eq!(asked, ASKED_MAX);
    }

    #[test]
    fn an_answer_about_one_that_ended_is_not_taken() {
        let mut missing = Missing::default();
        for pid in [7, 8] {
            missing.expect(pid);
        }
        missing.ended(7);
        assert!(!missing.take(7));
        assert!(missing.take(8) && !missing.take(8));
    }
}
