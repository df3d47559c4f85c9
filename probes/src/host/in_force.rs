//! The rules in force, shared by everything that judges events, and swapped in one step.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lithify::event::Event;
use lithify::rules::Scratch;

use crate::alert::Alert;
use crate::engine::Verdicts;
use crate::output::Outputs;
use crate::replay::AnyEvent;

/// Rules, and where their alerts go: one is never used without the other.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) verdicts: Verdicts,
    pub(super) outputs: Arc<Outputs>,
}

/// Where those that are in force are found.
#[derive(Debug)]
pub(super) struct Slot {
    current: Mutex<Arc<InForce>>,
    /// Goes up with every swap, so that a judge need not lock for each event.
    generation: AtomicU64,
}

impl Slot {
    pub(super) fn new(first: InForce) -> Arc<Self> {
        Arc::new(Self { current: Mutex::new(Arc::new(first)), generation: AtomicU64::new(1) })
    }

    pub(super) fn get(&self) -> Arc<InForce> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in force; returns those that were.
    pub(super) fn swap(&self, next: InForce) -> Arc<InForce> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, Arc::new(next));
        self.generation.fetch_add(1, Ordering::Release);
        old
    }
}

/// Judges events on one thread. Each event is judged by what is in force when it comes, and by that alone.
pub(super) struct Judge {
    slot: Arc<Slot>,
    current: Arc<InForce>,
    generation: u64,
    scratch: Scratch,
}

impl Judge {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        // The generation first: a swap in between is noticed with the first event.
        let generation = slot.generation.load(Ordering::Acquire);
        let current = slot.get();
        let scratch = current.verdicts.scratch();
        Self { slot, current, generation, scratch }
    }

    /// Takes what has come into force since, and lets go of what is no more.
    pub(super) fn refresh(&mut self) {
        let generation = self.slot.generation.load(Ordering::Acquire);
        if generation != self.generation {
            self.generation = generation;
            self.current = self.slot.get();
            self.scratch = self.current.verdicts.scratch();
        }
    }

    /// Judges an event and sends the alerts it raises.
    pub(super) fn judge<E: Event + ?Sized>(&mut self, event: &E) {
        self.refresh();
        let outputs = &self.current.outputs;
        self.current
            .verdicts
            .judge(event, &mut self.scratch, &mut |alert: Alert| outputs.send(Arc::new(alert)));
    }

    /// Judges an event of either source.
    pub(super) fn judge_any(&mut self, event: &AnyEvent) {
        match event {
            AnyEvent::Recorded(event) => self.judge(&**event),
            AnyEvent::Audit(event) => self.judge(&**event),
        }
    }
}

/// `1 rule in force`.
pub(super) fn rules_in_force(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} rule{plural} in force")
}
