//! A log of any length, in constant memory, on all cores.
//!
//! One thread reads blocks of whole lines, the others count their events. Blocks are handed back to be filled
//! again, so memory is a few blocks, whatever the log has.

use std::io::{self, Read};
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::audit::{Policy, Sizing};

/// Large enough that handing over costs nothing, small enough for a cache.
const BLOCK_BYTES: usize = 1 << 20;

/// A longer line is no event: the apiserver accepts requests of some megabytes, and etcd less.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Unreadable lines that are told one by one.
const TOLD: usize = 5;

/// More threads than these do not make a disk faster.
const MAX_THREADS: usize = 8;

/// What a log holds.
#[derive(Debug)]
pub(super) struct Scan<'p> {
    pub(super) sizing: Sizing<'p>,
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Lines that are no events.
    pub(super) unreadable: u64,
    /// The first of them, with their numbers from 1.
    pub(super) first_unreadable: Vec<(u64, String)>,
}

impl<'p> Scan<'p> {
    fn new(policy: &'p Policy) -> Self {
        Self { sizing: Sizing::new(policy), lines: 0, bytes: 0, unreadable: 0, first_unreadable: Vec::new() }
    }

    fn add(&mut self, block: &Block) {
        for (line, text) in (block.first_line..).zip(block.bytes.split(|byte| *byte == b'\n')) {
            if let Err(error) = self.sizing.add(text) {
                self.refuse(line, error.to_string());
            }
        }
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.unreadable += 1;
        if self.first_unreadable.len() < TOLD {
            self.first_unreadable.push((line, reason));
        }
    }

    fn merge(&mut self, other: Self) {
        self.sizing.merge(&other.sizing);
        self.unreadable += other.unreadable;
        self.first_unreadable.extend(other.first_unreadable);
        self.first_unreadable.sort_by_key(|(line, _)| *line);
        self.first_unreadable.truncate(TOLD);
    }
}

/// Whole lines, without the last newline.
struct Block {
    bytes: Vec<u8>,
    first_line: u64,
}

/// Reads a log to its end; `progress` is told how many bytes have been read so far, block by block.
///
/// # Errors
/// The log cannot be read.
pub(super) fn scan(policy: &Policy, log: impl Read, progress: impl FnMut(u64)) -> io::Result<Scan<'_>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let (full, blocks) = mpsc::sync_channel::<Block>(threads);
    let (empty, emptied) = mpsc::channel::<Vec<u8>>();
    let blocks = Mutex::new(blocks);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (blocks, empty) = (&blocks, empty.clone());
                scope.spawn(move || work(policy, blocks, &empty))
            })
            .collect();
        let mut total = Scan::new(policy);
        let read = read_blocks(log, progress, &full, &emptied, &mut total);
        // Without a sender the workers end.
        drop(full);
        for worker in workers {
            total.merge(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        read.map(|()| total)
    })
}

fn work<'p>(policy: &'p Policy, blocks: &Mutex<Receiver<Block>>, empty: &Sender<Vec<u8>>) -> Scan<'p> {
    let mut scan = Scan::new(policy);
    loop {
        let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = next else { return scan };
        scan.add(&block);
        // Nobody takes it where the reading has ended.
        let _ = empty.send(block.bytes);
    }
}

fn read_blocks(
    mut log: impl Read,
    mut progress: impl FnMut(u64),
    full: &SyncSender<Block>,
    emptied: &Receiver<Vec<u8>>,
    total: &mut Scan<'_>,
) -> io::Result<()> {
    let mut rest = Vec::new();
    let mut is_inside_long_line = false;
    loop {
        let mut bytes = emptied.try_recv().unwrap_or_default();
        bytes.clear();
        bytes.append(&mut rest);
        let read = log.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
        total.bytes += read as u64;
        progress(total.bytes);
        if is_inside_long_line {
            // Its end, if that is here, ends a line that has been told already.
            let end = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |end| end + 1);
            is_inside_long_line = end == bytes.len() && bytes.last() != Some(&b'\n');
            bytes.drain(..end);
        }
        if read == 0 {
            if !bytes.is_empty() {
                send(full, bytes, total);
            }
            return Ok(());
        }
        match memchr::memrchr(b'\n', &bytes) {
            Some(end) => {
                rest.extend_from_slice(&bytes[end + 1..]);
                bytes.truncate(end);
                send(full, bytes, total);
            }
            None if bytes.len() > MAX_LINE_BYTES => {
                total.lines += 1;
                total.refuse(total.lines, format!("longer than {} MiB: no event", MAX_LINE_BYTES >> 20));
                is_inside_long_line = true;
            }
            None => rest = bytes,
        }
    }
}

fn send(full: &SyncSender<Block>, bytes: Vec<u8>, total: &mut Scan<'_>) {
    let first_line = total.lines + 1;
    total.lines += memchr::memchr_iter(b'\n', &bytes).count() as u64 + 1;
    // The workers hear to the end, so this fails only where one of them has panicked: joining it tells.
    let _ = full.send(Block { bytes, first_line });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Level, PolicyRule};

    const EVENT: &str =
        r#"{"level":"Metadata","stage":"ResponseComplete","verb":"get","requestURI":"/healthz"}"#;

    fn policy() -> Policy {
        let rules = vec![PolicyRule { level: Level::Metadata, ..PolicyRule::default() }];
        Policy { rules, ..Policy::default() }
    }

    /// Hands out a few bytes at a time, as a pipe does.
    struct Trickle<'t>(&'t [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.0.len().min(buffer.len()).min(7));
            buffer[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    #[test]
    fn counts_every_line_once_whatever_the_blocks() {
        let policy = policy();
        let lines = 3 * BLOCK_BYTES / EVENT.len();
        let log = format!("{EVENT}\n").repeat(lines);
        let counted = scan(&policy, log.as_bytes(), |_| {}).unwrap();
        assert_eq!((counted.lines, counted.bytes), (lines as u64, log.len() as u64));
        assert_eq!(counted.sizing.total().events, lines as u64);
        assert_eq!(counted.sizing.total().log_bytes, log.len() as u64);
    }

    #[test]
    fn names_the_lines_that_are_no_events() {
        let policy = policy();
        let log = format!("{EVENT}\nnonsense\n\n{EVENT}\n{{\"level\":");
        let counted = scan(&policy, Trickle(log.as_bytes()), |_| {}).unwrap();
        let lines: Vec<_> = counted.first_unreadable.iter().map(|(line, _)| *line).collect();
        assert_eq!((counted.unreadable, lines), (2, vec![2, 5]));
        assert_eq!((counted.lines, counted.sizing.total().events), (5, 2));
    }

    #[test]
    fn passes_over_a_line_without_end() {
        let policy = policy();
        let endless = "x".repeat(MAX_LINE_BYTES + 2 * BLOCK_BYTES);
        let log = format!("{EVENT}\n{endless}\n{EVENT}\n");
        let counted = scan(&policy, log.as_bytes(), |_| {}).unwrap();
        assert_eq!((counted.unreadable, counted.first_unreadable[0].0), (1, 2));
        assert_eq!((counted.lines, counted.sizing.total().events), (3, 2));
    }

    #[test]
    fn an_empty_log_has_no_lines() {
        let policy = policy();
        assert_eq!(scan(&policy, io::empty(), |_| {}).unwrap().lines, 0);
    }
}
