//! Work on all cores, results in order, memory bounded: what is finished early waits for what is slow, and the
//! workers wait with it once they are too far ahead.

use std::collections::HashMap;
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Most jobs that a worker takes at once: handing over costs as much as judging a small file.
const LARGEST_BATCH: usize = 32;

/// How many batches the workers may run ahead of what has been handed over, each.
const AHEAD: usize = 4;

/// Does every job on one of the cores' threads, and hands the results over in the order of the jobs, which are
/// asked for as they are needed.
///
/// `worker` is made once a thread, with what it keeps between jobs. `is_long` tells jobs that are not to wait for
/// one another in a batch.
///
/// # Errors
/// The first of `emit`, after which no more jobs are begun.
pub(super) fn in_order<J: Send, R: Send, E, W: FnMut(J) -> R>(
    jobs: &mut (impl Iterator<Item = J> + Send),
    is_long: impl Fn(&J) -> bool + Sync,
    worker: impl Fn() -> W + Sync,
    mut emit: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // Fewer jobs than cores need fewer threads.
    let first: Vec<J> = jobs.take(cores).collect();
    let threads = first.len().max(1);
    let batches = Mutex::new(Batches { jobs: first.into_iter().chain(jobs), threads, begun: 0 });
    let line = Line::new(AHEAD * threads);
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads {
            let (sender, batches, line, worker, is_long) =
                (sender.clone(), &batches, &line, &worker, &is_long);
            scope.spawn(move || {
                let _leaving = Leaving(line);
                let mut work = worker();
                loop {
                    let next = batches.lock().unwrap_or_else(PoisonError::into_inner).next(is_long);
                    let Some((index, batch)) = next.filter(|(index, _)| line.wait_for(*index)) else {
                        return;
                    };
                    let done: Vec<R> = batch.into_iter().map(&mut work).collect();
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

/// Jobs in batches: small ones first, so that all cores have something to do when there is little.
struct Batches<I> {
    jobs: I,
    threads: usize,
    begun: usize,
}

impl<I: Iterator> Batches<I> {
    /// The next batch with its number; `None` where no job is left.
    fn next(&mut self, is_long: impl Fn(&I::Item) -> bool) -> Option<(usize, Vec<I::Item>)> {
        let doubled = u32::try_from(self.begun / self.threads).unwrap_or(u32::MAX);
        let size = 1_usize.checked_shl(doubled).unwrap_or(LARGEST_BATCH).min(LARGEST_BATCH);
        let mut batch = Vec::with_capacity(size);
        while batch.len() < size
            && let Some(job) = self.jobs.next()
        {
            let is_last = is_long(&job);
            batch.push(job);
            if is_last {
                break;
            }
        }
        if batch.is_empty() {
            return None;
        }
        self.begun += 1;
        Some((self.begun - 1, batch))
    }
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// No job takes long.
    fn short<J>(_: &J) -> bool {
        false
    }

    #[test]
    fn hands_over_in_order_whoever_is_first() {
        let mut seen = Vec::new();
        let slow_first = || |job: usize| (job, (0..1000_usize.saturating_sub(job)).sum::<usize>());
        let done = in_order(&mut (0..1000), short, slow_first, |(job, _)| {
            seen.push(job);
            Ok::<_, Infallible>(())
        });
        assert_eq!((done, seen), (Ok(()), (0..1000).collect()));
    }

    #[test]
    fn runs_only_so_far_ahead_of_what_is_taken() {
        let (begun, mut taken, mut farthest) = (AtomicUsize::new(0), 0, 0);
        let work = || |_: usize| begun.fetch_add(1, Ordering::SeqCst);
        let done = in_order(&mut (0..10_000), short, work, |_| {
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
        let begun = AtomicUsize::new(0);
        let work = || |_: usize| begun.fetch_add(1, Ordering::SeqCst);
        assert_eq!(in_order(&mut (0..100_000), short, work, |_| Err("full")), Err("full"));
        assert!(begun.load(Ordering::SeqCst) < 50_000);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_leaves_nobody_waiting() {
        let work = || |job: usize| assert_ne!(job, 3);
        let _ = in_order(&mut (0..10_000), short, work, |()| Ok::<_, Infallible>(()));
    }

    #[test]
    fn asks_for_jobs_as_they_are_needed() {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let (asked, mut taken, mut farthest) = (AtomicUsize::new(0), 0, 0);
        let mut jobs = (0..10_000).inspect(|_| _ = asked.fetch_add(1, Ordering::SeqCst));
        let done = in_order(
            &mut jobs,
            short,
            || |job: usize| job,
            |_| {
                taken += 1;
                farthest = farthest.max(asked.load(Ordering::SeqCst) - taken);
                Ok::<_, Infallible>(())
            },
        );
        assert_eq!((done, taken), (Ok(()), 10_000));
        assert!(farthest <= (AHEAD + 2) * threads * LARGEST_BATCH, "{farthest} jobs ahead");
    }

    #[test]
    fn batches_grow_and_end_with_what_takes_long() {
        let mut batches = Batches { jobs: 0..200, threads: 1, begun: 0 };
        let sizes: Vec<usize> =
            std::iter::from_fn(|| batches.next(|job| *job == 70)).map(|(_, batch)| batch.len()).collect();
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 8, 32, 32, 32, 32, 1]);
    }
}
