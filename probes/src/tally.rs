//! What became of events: sent, lost, left out, by type and by CPU; and what could not become one.

use lithify::event::EventType;

use crate::kernel::layout::{COUNT_32_BIT, COUNT_EXEC, COUNT_EXIT, COUNT_FORK, Counts};
use crate::kernel::loader::{AttachKind, Kernel, LoadError};

/// How many events were sent, lost, and left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Given to this process.
    pub sent: u64,
    /// Lost: no room in the ring buffer, or another event of the same CPU was being written down.
    pub dropped: u64,
    /// Left out by the filter.
    pub filtered: u64,
}

/// What became of the events of one type, since the start: each is in exactly one count of one CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The type; `None` for forks, which are no events but keep the table of processes.
    pub event: Option<EventType>,
    /// By CPU.
    pub cpus: Vec<Counted>,
}

impl Tally {
    fn of(event: Option<EventType>, counts: &[Counts]) -> Self {
        let counted = |one: &Counts| Counted { sent: one.sent, dropped: one.dropped, filtered: one.filtered };
        Self { event, cpus: counts.iter().map(counted).collect() }
    }

    /// All CPUs together.
    pub fn total(&self) -> Counted {
        self.cpus.iter().fold(Counted::default(), |sum, one| Counted {
            sent: sum.sent + one.sent,
            dropped: sum.dropped + one.dropped,
            filtered: sum.filtered + one.filtered,
        })
    }

    /// The type's name.
    pub fn name(&self) -> &'static str {
        self.event.map_or("fork", EventType::name)
    }
}

/// What happened and cannot have become an event, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// How often the kernel did not run a program, by its name; without those of which the kernel does not tell.
    pub missed: Vec<(&'static str, u64)>,
    /// Calls of the 32-bit convention, which are not looked at; `None` where they are not even seen, as with a
    /// tracepoint per call.
    pub calls_32_bit: Option<u64>,
    /// 32-bit programs that were executed.
    pub programs_32_bit: u64,
}

/// The tallies of the given calls, and of processes.
pub(crate) fn tally(kernel: &Kernel, numbers: &[(u16, EventType)]) -> Result<Vec<Tally>, LoadError> {
    let calls = numbers.iter().map(|(number, event)| (Some(*event), u32::from(*number)));
    let processes = [("execve", COUNT_EXEC), ("procexit", COUNT_EXIT)];
    let processes = processes.map(|(name, index)| (EventType::from_name(name), index));
    let all = calls.chain(processes).chain([(None, COUNT_FORK)]);
    all.map(|(event, index)| Ok(Tally::of(event, &kernel.counts(index)?))).collect()
}

/// What was not seen by programs that are attached so.
pub(crate) fn unseen(kernel: &Kernel, attach: AttachKind) -> Result<Unseen, LoadError> {
    let counts = Tally::of(None, &kernel.counts(COUNT_32_BIT)?).total();
    Ok(Unseen {
        missed: kernel.missed(),
        calls_32_bit: (attach == AttachKind::EverySyscall).then_some(counts.filtered),
        programs_32_bit: counts.sent,
    })
}
