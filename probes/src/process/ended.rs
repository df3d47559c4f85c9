//! The processes that ended last: what comes late of them is told from what is new.

/// How many are remembered. Two ends of one process are microseconds apart, and a CPU that was held up between lets no
/// more than some dozens of others end.
const KEPT: usize = 256;

/// Processes by number and start.
#[derive(Default)]
pub(super) struct Ended {
    last: Vec<(u32, u64)>,
    next: usize,
}

impl Ended {
    /// Whether this one has ended.
    pub(super) fn has(&self, pid: u32, start_ns: u64) -> bool {
        self.last.contains(&(pid, start_ns))
    }

    /// It ends; `false` if that was noted before.
    pub(super) fn note(&mut self, pid: u32, start_ns: u64) -> bool {
        if self.has(pid, start_ns) {
            return false;
        }
        if self.last.len() < KEPT {
            self.last.push((pid, start_ns));
        } else {
            self.last[self.next] = (pid, start_ns);
            self.next = (self.next + 1) % KEPT;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_new_once() {
        let mut ended = Ended::default();
        assert!(ended.note(7, 100));
        assert!(!ended.note(7, 100));
        assert!(ended.note(7, 900), "another process of the same number");
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut ended = Ended::default();
        for pid in 0..u32::try_from(KEPT).unwrap() {
            assert!(ended.note(pid, 1));
        }
        ended.note(1000, 1);
        ended.note(1001, 1);
        assert!(!ended.has(0, 1) && !ended.has(1, 1));
        assert!(ended.has(2, 1) && ended.has(1001, 1));
    }
}
