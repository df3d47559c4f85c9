//! What the kernel's half has done, as one sum: of a probe, of a second, of all probes since the start.

use std::collections::BTreeMap;

use crate::LoadError;
use crate::probe::Probe;
use crate::tally::{Counted, Tally, Unseen};

/// Events and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// By CPU.
    pub(super) cpus: Vec<Counted>,
    /// Lost ones, by type.
    pub(super) dropped: BTreeMap<&'static str, u64>,
    /// How often the kernel did not run a program, by its name.
    pub(super) missed: BTreeMap<&'static str, u64>,
    /// 32-bit calls that were not looked at.
    pub(super) calls_32_bit: u64,
    /// 32-bit programs that were executed.
    pub(super) programs_32_bit: u64,
}

impl Account {
    /// A probe's, since it was attached.
    ///
    /// # Errors
    /// [`LoadError::Map`].
    pub(super) fn of(probe: &Probe) -> Result<Self, LoadError> {
        Ok(Self::from_parts(&probe.tally()?, probe.unseen()?))
    }

    pub(super) fn from_parts(tally: &[Tally], unseen: Unseen) -> Self {
        let mut account = Self {
            missed: unseen.missed.into_iter().collect(),
            calls_32_bit: unseen.calls_32_bit.unwrap_or(0),
            programs_32_bit: unseen.programs_32_bit,
            ..Self::default()
        };
        for one in tally {
            account.dropped.insert(one.name(), one.total().dropped);
            pair(&mut account.cpus, &one.cpus, |sum, more| sum + more);
        }
        account
    }

    /// What has come since an earlier account of the same probe.
    pub(super) fn since(mut self, before: &Self) -> Self {
        self.combine(before, u64::saturating_sub);
        self
    }

    /// Adds what has come since.
    pub(super) fn add(&mut self, more: &Self) {
        self.combine(more, |sum, more| sum + more);
    }

    fn combine(&mut self, other: &Self, by: fn(u64, u64) -> u64) {
        pair(&mut self.cpus, &other.cpus, by);
        for (mine, others) in [(&mut self.dropped, &other.dropped), (&mut self.missed, &other.missed)] {
            for (name, value) in others {
                let mine = mine.entry(name).or_default();
                *mine = by(*mine, *value);
            }
        }
        self.calls_32_bit = by(self.calls_32_bit, other.calls_32_bit);
        self.programs_32_bit = by(self.programs_32_bit, other.programs_32_bit);
    }

    /// All CPUs together.
    pub(super) fn total(&self) -> Counted {
        let mut total = Counted::default();
        for cpu in &self.cpus {
            pair_one(&mut total, *cpu, |sum, more| sum + more);
        }
        total
    }

    /// Events that rules did not see although they asked for them.
    pub(super) fn lost(&self) -> u64 {
        self.total().dropped + self.missed_total()
    }

    /// Events that rules asked for: those that were sent, and those that were lost.
    pub(super) fn made(&self) -> u64 {
        self.total().sent + self.lost()
    }

    /// Programs and calls of the 32-bit convention.
    pub(super) fn narrow(&self) -> u64 {
        self.programs_32_bit + self.calls_32_bit
    }

    /// Which events were lost: `openat 12, close 3, not run 1`.
    pub(super) fn places(&self) -> String {
        let calls = self.dropped.iter().map(|(name, lost)| (*name, *lost));
        let all = calls.chain([("not run", self.missed_total())]).filter(|(_, lost)| *lost > 0);
        all.map(|(name, lost)| format!("{name} {lost}")).collect::<Vec<_>>().join(", ")
    }

    /// Runs that the kernel withheld from all programs.
    pub(super) fn missed_total(&self) -> u64 {
        self.missed.values().sum()
    }
}

/// Each CPU's counts with the other's.
fn pair(mine: &mut Vec<Counted>, others: &[Counted], by: fn(u64, u64) -> u64) {
    mine.resize(mine.len().max(others.len()), Counted::default());
    for (mine, other) in mine.iter_mut().zip(others) {
        pair_one(mine, *other, by);
    }
}

fn pair_one(mine: &mut Counted, other: Counted, by: fn(u64, u64) -> u64) {
    mine.sent = by(mine.sent, other.sent);
    mine.dropped = by(mine.dropped, other.dropped);
    mine.filtered = by(mine.filtered, other.filtered);
}
