//! Where the events of one probe end and those of the next begin.
//!
//! Both are attached for a while, and the programs of both run in each call, the older first. A moment parts the
//! events: but each program takes the time of its event itself, so that one call may stand before it in the old
//! probe's eyes and behind it in the new one's. Such a call is known by what the caller passed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::SyscallEvent;
use crate::kernel::layout::{PIECE_ARGS, PIECE_BYTES, PIECE_CONTROL, PIECE_SOCKADDR, PIECE_STRING};

/// How far from the seam both looks at one call may be: a hypervisor may take the CPU away between them.
const REACH_NS: u64 = 1_000_000_000;

/// One event, as far as it tells a call from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    thread: u32,
    time_ns: u64,
    content: u64,
}

impl Look {
    fn of(event: &SyscallEvent<'_>) -> Self {
        let header = &event.record.header;
        let mut hasher = DefaultHasher::new();
        (header.kind, header.syscall, header.result, header.args, header.pid, header.start_ns)
            .hash(&mut hasher);
        let passed = [PIECE_STRING, PIECE_BYTES, PIECE_SOCKADDR, PIECE_CONTROL, PIECE_ARGS];
        for piece in event.record.pieces().filter(|piece| passed.contains(&piece.kind)) {
            (piece.kind, piece.slot, piece.bytes).hash(&mut hasher);
        }
        Self { thread: header.tid, time_ns: header.time_ns, content: hasher.finish() }
    }
}

/// The moment that parts the events of two probes.
#[derive(Debug, Default)]
pub(super) struct Seam {
    /// Since boot.
    at_ns: u64,
    /// The last event of each thread before it, as the old probe saw it.
    last: HashMap<u32, Look>,
}

impl Seam {
    pub(super) fn at(at_ns: u64) -> Self {
        Self { at_ns, last: HashMap::new() }
    }

    /// Whether the old probe's event is judged.
    pub(super) fn is_before(&mut self, event: &SyscallEvent<'_>) -> bool {
        let time_ns = event.since_boot_ns();
        if time_ns < self.at_ns && time_ns + REACH_NS > self.at_ns {
            let look = Look::of(event);
            self.last.insert(look.thread, look);
        }
        time_ns < self.at_ns
    }

    /// Whether the new probe's event is judged.
    pub(super) fn is_behind(&mut self, event: &SyscallEvent<'_>) -> bool {
        let time_ns = event.since_boot_ns();
        if !self.last.is_empty() {
            if time_ns > self.at_ns + REACH_NS {
                self.last = HashMap::new();
            } else if self.is_second(Look::of(event)) {
                return false;
            }
        }
        time_ns >= self.at_ns
    }

    /// Whether this is the call that the old probe saw last of the thread, and the new one not yet.
    fn is_second(&mut self, look: Look) -> bool {
        let Some(first) = self.last.get(&look.thread).copied() else { return false };
        // Older ones are calls before that.
        if look.time_ns < first.time_ns {
            return false;
        }
        self.last.remove(&look.thread);
        first.content == look.content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(thread: u32, time_ns: u64, content: u64) -> Look {
        Look { thread, time_ns, content }
    }

    /// Which of the new probe's looks are the second at a call, where the old probe's last is at 90.
    fn seconds(looks: &[Look]) -> Vec<bool> {
        let mut seam = Seam { at_ns: 100, last: HashMap::from([(7, look(7, 90, 1))]) };
        looks.iter().map(|look| seam.is_second(*look)).collect()
    }

    #[test]
    fn a_call_on_the_seam_is_seen_once() {
        assert_eq!(seconds(&[look(7, 80, 1), look(7, 101, 1), look(7, 110, 1)]), [false, true, false]);
    }

    #[test]
    fn the_next_call_is_no_second_look() {
        // Both looks at the last call were before the seam: the same call again is another one.
        assert_eq!(seconds(&[look(7, 91, 1), look(7, 101, 1)]), [true, false]);
        // The new rules do not ask for the last call.
        assert_eq!(seconds(&[look(7, 101, 2), look(7, 102, 1)]), [false, false]);
        assert_eq!(seconds(&[look(8, 101, 1)]), [false]);
    }
}
