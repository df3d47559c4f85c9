//! Times: names for backup sets, and instants that survive a restart of the process.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, DynamicClockId};
use serde::{Deserialize, Serialize};

/// An instant on this machine, comparable with the start time of a process, also after a reboot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    boot_id: String,
    since_boot: Duration,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { boot_id: boot_id.trim().to_owned(), since_boot: since_boot() }
    }

    /// Whether a process of this boot that started at `since_boot` started after this instant.
    ///
    /// Start times are counted in ticks of 10 ms, rounded down: the tick of the instant itself counts.
    pub fn precedes(&self, since_boot: Duration) -> bool {
        let now = Self::now();
        self.boot_id != now.boot_id || since_boot + TICK > self.since_boot
    }
}

/// The kernel's unit of start times, `sysconf(_SC_CLK_TCK)`, is 100 Hz on every architecture of Linux that
/// Kubernetes runs on.
const TICK: Duration = Duration::from_millis(10);

/// Time since the machine started, sleep included: the clock of process start times.
pub(super) fn since_boot() -> Duration {
    // Known since Linux 2.6.39; where it is refused all the same, the monotonic clock differs by the sleep.
    let time = rustix::time::clock_gettime_dynamic(DynamicClockId::Boottime)
        .unwrap_or_else(|_| rustix::time::clock_gettime(ClockId::Monotonic));
    Duration::try_from(time).unwrap_or_default()
}

/// The time of day as `20261124T065607Z`.
pub(super) fn compact_now() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The time of day as RFC 3339, in seconds.
pub(super) fn rfc3339_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_of_another_boot_precedes_everything() {
        let moment = Moment { boot_id: "another".to_owned(), since_boot: Duration::MAX };
        assert!(moment.precedes(Duration::ZERO));
    }

    #[test]
    fn an_instant_precedes_what_starts_later() {
        let moment = Moment::now();
        assert!(moment.precedes(since_boot() + Duration::from_secs(1)));
        assert!(!moment.precedes(Duration::ZERO));
    }
}
