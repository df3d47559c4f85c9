//! The processes of the machine: who they are, what they execute, whose children they are.
//!
//! Filled from /proc at start and kept by the kernel's exec, fork and exit events. A process is its number and the
//! moment it started, so a number that is used again is another process. What can change without an exec (user,
//! parent, session) is taken from each event's header, never remembered from an older one for too long.

mod ended;

use std::collections::HashSet;
use std::sync::Arc;

use self::ended::Ended;
use crate::kernel::layout::{
    self, CLASS_HOST, FileInfo, Header, LAYER_LOWER, LAYER_UPPER, PIECE_ARGS, PIECE_CWD, PIECE_ENV,
    PIECE_FILE, PIECE_PATH, PIECE_PROCESS, ProcessInfo, SLOT_EXE, SLOT_NONE,
};
use crate::kernel::record::{Record, until_zero};
use crate::number_map::NumberMap;
use crate::syscall::names::{EXE_FROM_MEMFD, EXE_LOWER_LAYER, EXE_UPPER_LAYER, EXE_WRITABLE};

const _: () = assert!(CLASS_HOST != 0, "0 says that the kernel does not know");

/// What a process executes. Children share it with their parent until they execute something else.
#[derive(Debug, Default)]
pub(crate) struct Image {
    /// `false`: nobody told, and the rest is empty.
    pub(crate) is_known: bool,
    /// Arguments, each ended by a zero; the first is `proc.exe`.
    pub(crate) args: Box<[u8]>,
    /// Environment, each variable ended by a zero.
    pub(crate) env: Box<[u8]>,
    /// The executed file.
    pub(crate) path: Box<[u8]>,
    /// Working directory when it was executed.
    pub(crate) cwd: Box<[u8]>,
    /// The file's inode.
    pub(crate) ino: u64,
    /// Last change of the file's status, nanoseconds since the epoch.
    pub(crate) ctime_ns: u64,
    /// Last change of the file's contents.
    pub(crate) mtime_ns: u64,
    /// `EXE_*`.
    pub(crate) flags: u64,
}

impl Image {
    /// The arguments one by one.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        zero_ended(&self.args)
    }

    /// `argv[0]`.
    pub(crate) fn exe(&self) -> &[u8] {
        until_zero(&self.args)
    }
}

/// Texts that each end with a zero; the last may lack it where it was cut.
pub(crate) fn zero_ended(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let any = !bytes.is_empty();
    bytes.split(|byte| *byte == 0).filter(move |_| any)
}

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) start_ns: u64,
    /// Whether `start_ns` is to the nanosecond; /proc tells only hundredths of a second.
    pub(crate) start_is_exact: bool,
    pub(crate) ppid: u32,
    /// 0: not known.
    pub(crate) parent_start_ns: u64,
    pub(crate) comm: [u8; 16],
    pub(crate) image: Arc<Image>,
    pub(crate) info: ProcessInfo,
    pub(crate) sid: u32,
    pub(crate) pgid: u32,
    pub(crate) tty: u32,
    pub(crate) uid: u32,
    pub(crate) cgroup: u64,
}

impl Process {
    /// Its name.
    pub(crate) fn comm(&self) -> &[u8] {
        until_zero(&self.comm)
    }
}

/// Granularity of the start times of /proc: a hundredth of a second.
pub(crate) const TICK_NS: u64 = 10_000_000;

/// Every process that is known.
#[derive(Default)]
pub(crate) struct ProcessTable {
    processes: NumberMap<u32, Process>,
    limit: usize,
    keep_environment: bool,
    ended: Ended,
    /// Processes that had to be left out, the table being full.
    pub(crate) refused: u64,
}

/// As far as ancestors are followed: deeper chains are loops or attacks.
pub(crate) const ANCESTORS_MAX: usize = 64;

impl ProcessTable {
    /// A table of at most `limit` processes; the environment is kept only where rules ask for it.
    pub(crate) fn new(limit: usize, keep_environment: bool) -> Self {
        Self { limit, keep_environment, ..Self::default() }
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// The process of this number, if it started then.
    pub(crate) fn get(&self, pid: u32, start_ns: u64) -> Option<&Process> {
        self.processes.get(&pid).filter(|process| is_same_start(process, start_ns))
    }

    /// The process that has this number now.
    pub(crate) fn by_number(&self, pid: u32) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// Adds one that /proc told. What an event has told already is better; of two starts the later counts.
    pub(crate) fn add(&mut self, process: Process) {
        match self.processes.get_mut(&process.pid) {
            Some(known)
                if is_same_start(known, process.start_ns) || is_same_start(&process, known.start_ns) =>
            {
                if !known.image.is_known {
                    known.image = process.image;
                }
            }
            Some(known) if known.start_ns > process.start_ns => {}
            _ => self.put(process),
        }
    }

    /// Whether this process is known, with what it executes.
    pub(crate) fn is_complete(&self, pid: u32, start_ns: u64) -> bool {
        self.get(pid, start_ns).is_some_and(|process| process.image.is_known)
    }

    /// Whether there is no room for another.
    pub(crate) fn is_full(&self) -> bool {
        self.processes.len() >= self.limit
    }

    /// Forgets processes that are not there any more, their ends having been lost.
    ///
    /// `alive`: all that there were at some time after `since_ns`; what started later is not judged by it.
    pub(crate) fn sweep(&mut self, alive: &HashSet<u32>, since_ns: u64) {
        self.processes.retain(|pid, process| process.start_ns + TICK_NS > since_ns || alive.contains(pid));
    }

    /// Takes what the header of any event tells of its process.
    pub(crate) fn observe(&mut self, header: &Header) {
        let Some(process) = self.processes.get_mut(&header.pid) else { return };
        if !is_same_start(process, header.start_ns) {
            return;
        }
        process.start_ns = header.start_ns;
        process.start_is_exact = true;
        process.ppid = header.ppid;
        process.parent_start_ns = header.parent_start_ns;
        process.sid = header.sid;
        process.pgid = header.pgid;
        process.tty = header.tty;
        process.uid = header.uid;
        process.cgroup = header.cgroup;
    }

    /// A process executed a file: it is the same process with another image.
    pub(crate) fn executed(&mut self, record: &Record<'_>) {
        let header = &record.header;
        let image = Arc::new(self.image(record));
        let info = record.structure(PIECE_PROCESS, SLOT_NONE);
        if !self.ended.has(header.pid, header.start_ns) {
            self.insert(header, image, info);
        }
    }

    /// A process was born: it has its parent's image.
    pub(crate) fn forked(&mut self, record: &Record<'_>) {
        let header = &record.header;
        // A CPU's record may come late: what the process has become since is better, and its end is its end.
        if self.is_complete(header.pid, header.start_ns) || self.ended.has(header.pid, header.start_ns) {
            return;
        }
        let (parent, parent_start) = parent_of(header);
        let parent = self.get(parent, parent_start);
        let image = parent.map(|parent| Arc::clone(&parent.image)).unwrap_or_default();
        let info = record.structure(PIECE_PROCESS, SLOT_NONE);
        self.insert(header, image, info);
    }

    /// Whether a process ends now: of two threads that are the last ones at the same time, both say so.
    pub(crate) fn ends(&mut self, header: &Header) -> bool {
        self.ended.note(header.pid, header.start_ns)
    }

    /// A process ended.
    pub(crate) fn exited(&mut self, header: &Header) {
        if self.get(header.pid, header.start_ns).is_some() {
            self.processes.remove(&header.pid);
        }
    }

    fn put(&mut self, process: Process) {
        if self.is_full() && !self.processes.contains_key(&process.pid) {
            self.refused += 1;
            return;
        }
        self.processes.insert(process.pid, process);
    }

    fn insert(&mut self, header: &Header, image: Arc<Image>, info: Option<ProcessInfo>) {
        let known = self.get(header.pid, header.start_ns).map(|process| process.info);
        self.put(Process {
            pid: header.pid,
            start_ns: header.start_ns,
            start_is_exact: true,
            ppid: header.ppid,
            parent_start_ns: header.parent_start_ns,
            comm: header.comm,
            image,
            info: info.or(known).unwrap_or_else(crate::kernel::layout::Bytes::zeroed),
            sid: header.sid,
            pgid: header.pgid,
            tty: header.tty,
            uid: header.uid,
            cgroup: header.cgroup,
        });
    }

    fn image(&self, record: &Record<'_>) -> Image {
        let file: Option<FileInfo> = record.structure(PIECE_FILE, SLOT_EXE);
        let path = record.text(PIECE_PATH, SLOT_EXE).unwrap_or_default();
        let bytes = |kind| record.piece(kind, SLOT_NONE).unwrap_or_default();
        Image {
            is_known: true,
            args: bytes(PIECE_ARGS).into(),
            env: if self.keep_environment { bytes(PIECE_ENV).into() } else { Box::default() },
            path: path.into(),
            cwd: record.text(PIECE_CWD, SLOT_NONE).unwrap_or_default().into(),
            ino: file.map_or(0, |file| file.ino),
            ctime_ns: file.map_or(0, |file| file.ctime_ns),
            mtime_ns: file.map_or(0, |file| file.mtime_ns),
            flags: file.map_or(0, |file| exe_flags(&file, path)),
        }
    }

    /// A process's parent, its parent and so on, the nearest first.
    pub(crate) fn ancestors(&self, ppid: u32, parent_start_ns: u64) -> impl Iterator<Item = &Process> {
        let find = move |pid: u32, start_ns: u64| match start_ns {
            0 => self.by_number(pid),
            _ => self.get(pid, start_ns),
        };
        std::iter::successors(find(ppid, parent_start_ns), move |process| {
            if process.ppid == 0 { None } else { find(process.ppid, process.parent_start_ns) }
        })
        .take(ANCESTORS_MAX)
    }
}

/// Number and start of the parent, as a fork tells them.
pub(crate) fn parent_of(fork: &Header) -> (u32, u64) {
    let [parent, start_ns, ..] = fork.args;
    (u32::try_from(parent).unwrap_or(0), start_ns)
}

fn is_same_start(process: &Process, start_ns: u64) -> bool {
    process.start_ns == start_ns
        || !process.start_is_exact && process.start_ns / TICK_NS == start_ns / TICK_NS
}

/// What is known of an executed file.
pub(crate) fn exe_flags(file: &FileInfo, path: &[u8]) -> u64 {
    let layer = match file.layer {
        LAYER_UPPER => EXE_UPPER_LAYER,
        LAYER_LOWER => EXE_LOWER_LAYER,
        _ => 0,
    };
    let memfd = if path.starts_with(b"memfd:") { EXE_FROM_MEMFD } else { 0 };
    let writable = if file.flags & layout::EXE_WRITABLE == 0 { 0 } else { EXE_WRITABLE };
    layer | memfd | writable
}

#[cfg(test)]
mod tests;
