//! The last events of a probe: read to the end, and counted with nothing between.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::probe::{Probe, ProbeError};
use crate::syscall::event::SyscallEvent;
use crate::tally::{Tally, Unseen};

/// How long after the moment that ends a probe it is read: a program of the kernel takes the time of its event first
/// and sends it some microseconds later, more where a hypervisor takes the CPU away in between.
const GRACE_NS: u64 = 10_000_000;

/// What a probe has counted when its last events were on their way: those that were sent have been shown.
#[derive(Debug)]
pub struct Final {
    /// By type.
    pub tally: Vec<Tally>,
    /// What cannot have become an event.
    pub unseen: Unseen,
}

impl Probe {
    /// Shows what happened before a moment that is just over, to the last event; younger ones may be among them.
    ///
    /// `end_ns`: since boot, by [`since_boot_ns`].
    ///
    /// # Errors
    /// As [`Probe::poll`] and [`Probe::tally`].
    pub fn finish(
        &mut self,
        end_ns: u64,
        visit: &mut dyn FnMut(&SyscallEvent<'_>),
    ) -> Result<Final, ProbeError> {
        let over_ns = end_ns + GRACE_NS;
        self.set_interval(Duration::from_nanos(GRACE_NS / 10));
        while since_boot_ns() < over_ns {
            self.poll(visit)?;
        }
        let counted = Final { tally: self.tally()?, unseen: self.unseen()? };
        loop {
            let mut latest_ns = 0;
            self.poll(&mut |event| {
                latest_ns = latest_ns.max(event.since_boot_ns());
                visit(event);
            })?;
            // A flood never ends, but its events are younger.
            if !self.is_behind() || latest_ns >= over_ns {
                return Ok(counted);
            }
        }
    }
}

/// Now, as the kernel's half takes the time of events.
pub fn since_boot_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let ns = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}
