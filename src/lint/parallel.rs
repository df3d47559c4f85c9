//! Work on all cores, results in order, memory bounded: what is finished early waits for what is slow, and the
//! workers wait with it once they are too far ahead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Most jobs that a worker takes at once: handing over costs as much as judging a small file.
const LARGEST_BATCH: usize = 32;

/// How many batches the workers may run ahead of what has been handed over, each.
const AHEAD: usize = 4;

/// Does every job on one of the cores' threads, and hands the results over in the order of the jobs.
///
/// `worker` is made once a thread, with what it keeps between jobs.
///
/// # Errors
/// The first of `emit`, after which no more jobs are begun.
pub(super) fn in_order<J: Sync, R: Send, E, W: FnMut(&J) -> R>(
    jobs: &[J],
    worker: impl Fn() -> W + Sync,
    mut emit: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len().max(1));
    let batch = (jobs.len() / (threads * AHEAD)).clamp(1, LARGEST_BATCH);
    let batches: Vec<&[J]> = jobs.chunks(batch).collect();
    let (next, line) = (AtomicUsize::new(0), Line::new(AHEAD * threads));
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads {
            let (sender, next, line, batches, worker) = (sender.clone(), &next, &line, &batches, &worker);
            scope.spawn(move || {
                let _leaving = Leaving(line);
                let mut work = worker();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(batch) = batches.get(index).filter(|_| line.wait_for(index)) else { return };
                    let done: Vec<R> = batch.iter().map(&mut work).collect();
                    if sender.send((index, done)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let outcome = hand_over(&results, &line, &mut emit);
        line.close();
        outcome
    })
}

fn hand_over<R, E>(
    results: &mpsc::Receiver<(usize, Vec<R>)>,
    line: &Line,
    emit: &mut impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = HashMap::new();
    let mut expected = 0;
    for (index, done) in results {
        early.insert(index, done);
        while let Some(done) = early.remove(&expected) {
            for result in done {
                emit(result)?;
            }
            expected += 1;
            line.move_to(expected);
        }
    }
    Ok(())
}

/// How far what was handed over has come, for workers to wait on. The one with the lowest batch never waits.
struct Line {
    /// The batches that are handed over; `None` once nobody takes results any more.
    done: Mutex<Option<usize>>,
    moved: Condvar,
    ahead: usize,
}

impl Line {
    fn new(ahead: usize) -> Self {
        Self { done: Mutex::new(Some(0)), moved: Condvar::new(), ahead }
    }

    fn lock(&self) -> MutexGuard<'_, Option<usize>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the batch may begin; `false` where nobody wants it any more.
    fn wait_for(&self, index: usize) -> bool {
        let is_far = |done: &mut Option<usize>| done.is_some_and(|done| index >= done + self.ahead);
        self.moved.wait_while(self.lock(), is_far).unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn move_to(&self, done: usize) {
        *self.lock() = Some(done);
        self.moved.notify_all();
    }

    fn close(&self) {
        *self.lock() = None;
        self.moved.notify_all();
    }
}

/// A worker that panics must not leave the others waiting for its batch.
struct Leaving<'l>(&'l Line);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn hands_over_in_order_whoever_is_first() {
        let jobs: Vec<usize> = (0..1000).collect();
        let mut seen = Vec::new();
        let slow_first = || |job: &usize| (*job, (0..1000_usize.saturating_sub(*job)).sum::<usize>());
        let done = in_order(&jobs, slow_first, |(job, _)| {
            seen.push(job);
            Ok::<_, Infallible>(())
        });
        assert_eq!((done, seen), (Ok(()), jobs));
    }

    #[test]
    fn runs_only_so_far_ahead_of_what_is_taken() {
        let jobs: Vec<usize> = (0..10_000).collect();
        let (begun, mut taken, mut farthest) = (AtomicUsize::new(0), 0, 0);
        let work = || |_: &usize| begun.fetch_add(1, Ordering::SeqCst);
        let done = in_order(&jobs, work, |_| {
            taken += 1;
            farthest = farthest.max(begun.load(Ordering::SeqCst) - taken);
            Ok::<_, Infallible>(())
        });
        let threads = thread::available_parallelism().map_or(1, usize::from);
        assert_eq!((done, taken), (Ok(()), 10_000));
        assert!(farthest <= (AHEAD * threads + threads) * LARGEST_BATCH, "{farthest} jobs ahead");
    }

    #[test]
    fn begins_no_more_after_an_error() {
        let jobs: Vec<usize> = (0..100_000).collect();
        let begun = AtomicUsize::new(0);
        let work = || |_: &usize| begun.fetch_add(1, Ordering::SeqCst);
        assert_eq!(in_order(&jobs, work, |_| Err("full")), Err("full"));
        assert!(begun.load(Ordering::SeqCst) < 50_000);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_leaves_nobody_waiting() {
        let jobs: Vec<usize> = (0..10_000).collect();
        let work = || |job: &usize| assert_ne!(*job, 3);
        let _ = in_order(&jobs, work, |()| Ok::<_, Infallible>(()));
    }
}
