//! What is known of cgroups.
//!
//! The kernel sends a cgroup's path with each event until it is told the cgroup's class, and then no more. So what is
//! forgotten here must first be forgotten there, and stay known until the last event that was sent without the path
//! has been seen. The oldest goes first, one for each that comes: nothing is ever forgotten all at once.
//!
//! In: number and path, as the kernel tells them. Out: what a cgroup is, which the kernel is to forget, and the
//! containers of which no cgroup is known any more.

use std::collections::{HashMap, VecDeque};

use crate::container::ContainerId;
use crate::number_map::NumberMap;

/// What a cgroup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroup {
    /// Its path in the hierarchy.
    pub(crate) path: Box<str>,
    /// Its container; `None` on the host.
    pub(crate) container: Option<ContainerId>,
    /// Whether its users need not be asked for.
    pub(crate) has_names: bool,
}

/// Cgroups that the kernel is let know at one time: half of what its own table holds, which forgets in an order of its
/// own once it is full.
pub(crate) const CGROUPS_MAX: usize = 8192;
/// How long after the kernel was told to forget a cgroup an event of it may still come without the path: it takes its
/// time first, and a virtual CPU may be held up before it sends.
const GRACE_NS: u64 = 1_000_000_000;

struct Known {
    cgroup: Cgroup,
    /// The kernel has forgotten it since.
    is_leaving: bool,
    /// Tells an entry from an earlier one of the same cgroup.
    round: u64,
}

/// Every cgroup that was met.
pub(crate) struct Cgroups {
    known: NumberMap<u64, Known>,
    /// Those that the kernel may know, the oldest first.
    order: VecDeque<u64>,
    /// When the kernel was told to forget which, and the entry's round.
    leaving: VecDeque<(u64, u64, u64)>,
    /// How many cgroups of a container are known.
    containers: HashMap<Box<str>, usize>,
    limit: usize,
    rounds: u64,
}

impl Cgroups {
    /// None yet; of more than `limit` the kernel forgets the oldest.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            known: NumberMap::default(),
            order: VecDeque::new(),
            leaving: VecDeque::new(),
            containers: HashMap::new(),
            limit,
            rounds: 0,
        }
    }

    /// What is known of a cgroup.
    pub(crate) fn get(&self, number: u64) -> Option<&Cgroup> {
        self.known.get(&number).map(|known| &known.cgroup)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Cgroup> {
        self.known.get_mut(&number).map(|known| &mut known.cgroup)
    }

    /// Takes a cgroup in. Returns the one that the kernel must be told to forget, at the time `now_ns` since boot.
    pub(crate) fn learn(&mut self, number: u64, cgroup: Cgroup, now_ns: u64) -> Option<u64> {
        if let Some(container) = &cgroup.container {
            *self.containers.entry(container.full.clone()).or_default() += 1;
        }
        let is_in_order = self.known.get(&number).is_some_and(|known| !known.is_leaving);
        self.rounds += 1;
        let known = Known { cgroup, is_leaving: false, round: self.rounds };
        if let Some(before) = self.known.insert(number, known) {
            self.let_go(&before.cgroup);
        }
        if is_in_order {
            return None;
        }
        self.order.push_back(number);
        let oldest = if self.order.len() > self.limit { self.order.pop_front() } else { None }?;
        let known = self.known.get_mut(&oldest)?;
        known.is_leaving = true;
        self.leaving.push_back((now_ns, oldest, known.round));
        Some(oldest)
    }

    /// Forgets what no event can be about any more that is sent without a path, `time_ns` being an event's; returns the
    /// containers of which nothing is known then.
    pub(crate) fn retire(&mut self, time_ns: u64) -> Vec<Box<str>> {
        let mut gone = Vec::new();
        while let Some((told_ns, number, round)) = self.leaving.front().copied()
            && told_ns.saturating_add(GRACE_NS) < time_ns
        {
            self.leaving.pop_front();
            if self.known.get(&number).is_some_and(|known| known.round == round)
                && let Some(known) = self.known.remove(&number)
            {
                gone.extend(self.let_go(&known.cgroup));
            }
        }
        gone
    }

    /// One cgroup less; its container, if that was the last one.
    fn let_go(&mut self, cgroup: &Cgroup) -> Option<Box<str>> {
        let container = cgroup.container.as_ref()?;
        let count = self.containers.get_mut(&container.full)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        self.containers.remove(&container.full);
        Some(container.full.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn cgroup(number: u64) -> Cgroup {
        let path = format!("/docker/{number:064x}");
        Cgroup { container: ContainerId::from_cgroup(&path), path: path.into(), has_names: false }
    }

    /// Cgroups 0 to `count`, one each nanosecond; those that the kernel was told to forget.
    fn filled(count: u64) -> (Cgroups, Vec<u64>) {
        let mut cgroups = Cgroups::new(4);
        let told = (0..count).filter_map(|number| cgroups.learn(number, cgroup(number), number)).collect();
        (cgroups, told)
    }

    #[test]
    fn the_kernel_forgets_the_oldest_one_by_one() {
        let (_, told) = filled(7);
        assert_eq!(told, [0, 1, 2]);
    }

    #[test]
    fn what_was_sent_before_the_kernel_forgot_still_has_its_container() {
        let (mut cgroups, _) = filled(7);
        // A reader that is behind: the events are older than what the kernel was told.
        assert_eq!(cgroups.retire(3), [] as [Box<str>; 0]);
        for number in 0..7 {
            assert!(cgroups.get(number).is_some_and(|cgroup| cgroup.container.is_some()), "{number}");
        }
        // Told at 4, 5 and 6.
        assert_eq!(cgroups.retire(SECOND + 6).len(), 2);
        assert!(cgroups.get(1).is_none());
        assert!(cgroups.get(2).is_some());
    }

    #[test]
    fn one_that_comes_again_stays() {
        let (mut cgroups, _) = filled(5);
        // The kernel sends the path again, and is told the class again.
        assert_eq!(cgroups.learn(0, cgroup(0), 5), Some(1));
        assert_eq!(cgroups.retire(2 * SECOND), [cgroup(1).container.unwrap().full]);
        assert!(cgroups.get(0).is_some());
    }

    #[test]
    fn one_that_the_kernel_shows_again_and_again_takes_no_more_room() {
        let mut cgroups = Cgroups::new(4);
        for time in 0..100 {
            assert_eq!(cgroups.learn(1, cgroup(1), time), None);
        }
        assert_eq!((cgroups.order.len(), cgroups.known.len(), cgroups.containers.len()), (1, 1, 1));
    }

    #[test]
    fn a_container_is_gone_with_its_last_cgroup() {
        let mut cgroups = Cgroups::new(2);
        let inner = Cgroup { path: format!("{}/init.scope", cgroup(1).path).into(), ..cgroup(1) };
        cgroups.learn(1, cgroup(1), 0);
        cgroups.learn(2, inner, 0);
        cgroups.learn(3, cgroup(3), 1);
        assert!(cgroups.retire(2 * SECOND).is_empty(), "its inner cgroup is known");
        cgroups.learn(4, cgroup(4), 2);
        assert_eq!(cgroups.retire(2 * SECOND), [cgroup(1).container.unwrap().full]);
    }

    #[test]
    fn all_that_is_kept_is_bounded() {
        let mut cgroups = Cgroups::new(4);
        for number in 0..1000 {
            let time = number * SECOND;
            cgroups.learn(number, cgroup(number), time);
            cgroups.retire(time);
        }
        assert!(cgroups.known.len() <= 8, "{}", cgroups.known.len());
        assert_eq!(cgroups.known.len(), cgroups.containers.len());
        assert!(cgroups.leaving.len() <= 4);
    }
}
