//! Follows an apiserver's log as it grows and rotates.
//!
//! Every event goes out once, in order, also across restarts of this program: the position behind the last
//! event that was judged is kept in a file, with what tells that log from others. After a crash, events
//! that were judged since the file was last written (a second at most) are read again rather than lost.
//!
//! ```text
//! resume ─► read to its end ─► look at the path ─┬─ the same log: wait
//!    ▲                                           ├─ another log: end this one, go on with the next
//!    └────────────────── find where it went ◄────┴─ shorter, or another beginning: truncated
//! ```

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::lines::Lines;
use super::loss::Lost;
use super::position::{self, FINGERPRINT_BYTES, Fingerprint, Mark, Position, Reached, modified_ns};
use super::reader::Ended;
use super::rotated::{holds, rotated};
use super::settings::{self, Start};
use super::stop::Stop;

const CHUNK: usize = 64 << 10;
/// How often a log that has been read to its end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the position is written down.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Follows one log.
pub(super) struct Follower {
    pub(super) settings: settings::File,
    pub(super) batch: Batch,
    pub(super) reached: Reached,
    pub(super) stop: Arc<Stop>,
    /// The end of the last log, where there was no next one yet.
    behind: Option<Position>,
    /// Logs that have been read to their end, the newest last.
    done: VecDeque<Id>,
}

/// A log that is being read.
pub(super) struct OpenLog {
    file: File,
    read: u64,
    lines: Lines,
    fingerprint: Fingerprint,
}

/// Device, inode, and when it was last written: the inode of a log that was deleted is given to a new one.
type Id = (u64, u64, u64);

/// What became of the log that was read to its end.
enum Fate {
    Same,
    /// Another log stands in its place.
    Moved,
    /// It is shorter than what was read, or begins otherwise.
    Truncated,
}

/// More rotated files than that are not written within the time in which two have the same time.
const DONE: usize = 32;

impl Follower {
    pub(super) const fn new(
        settings: settings::File,
        batch: Batch,
        reached: Reached,
        stop: Arc<Stop>,
    ) -> Self {
        Self { settings, batch, reached, stop, behind: None, done: VecDeque::new() }
    }

    /// Follows until it is told to stop.
    pub(super) fn run(&mut self) {
        let mut log = None;
        let mut keeper = Keeper::new(&self.settings);
        let mut has_complained = false;
        loop {
            match self.step(&mut log, &mut keeper) {
                Ok(()) => has_complained = false,
                Err(Ended::Stopped) => return,
                Err(Ended::Failed(error)) => {
                    if !has_complained {
                        let path = self.settings.path.display();
                        self.batch.losses.log().error(&format!("{path}: {error}; trying again"));
                    }
                    has_complained = true;
                }
            }
            keeper.save_if_due(&self.reached, self.batch.losses.log());
            if self.stop.wait(LOOK_EVERY) {
                return;
            }
        }
    }

    /// Reads everything that there is now.
    pub(super) fn step(&mut self, log: &mut Option<OpenLog>, keeper: &mut Keeper) -> Result<(), Ended> {
        loop {
            let Some(open) = log else {
                *log = self.begin(keeper)?;
                if log.is_none() {
                    return Ok(());
                }
                continue;
            };
            match self.fate(open)? {
                Fate::Same => return self.read(open, keeper),
                Fate::Moved => {
                    // Whoever renames has closed it: this was its last byte.
                    self.read(open, keeper)?;
                    open.lines.end(&mut |line| self.batch.add(&line));
                    self.send(open)?;
                    let position = open.position()?;
                    self.done.push_back((position.device, position.inode, position.modified_ns));
                    self.done.drain(..self.done.len().saturating_sub(DONE));
                    *log = self.next(position)?;
                }
                Fate::Truncated => *log = self.resume(open.position()?)?,
            }
        }
    }

    /// Where to begin: where an earlier run ended, else as configured.
    fn begin(&mut self, keeper: &mut Keeper) -> Result<Option<OpenLog>, Ended> {
        if let Some(position) = self.behind.clone() {
            return self.next(position);
        }
        match keeper.load() {
            Ok(Some(position)) => return self.resume(position),
            Ok(None) => {}
            Err(error) => {
                self.batch.losses.log().error(&format!("{error}; begin at the log's first event"));
                self.batch.losses.add(Lost { missing_logs: 1, ..Lost::default() });
                keeper.forget();
                self.settings.start = Start::Beginning;
            }
        }
        let log = self.current(self.settings.start)?;
        // What does not exist yet is all new when it comes.
        self.settings.start = Start::Beginning;
        Ok(log)
    }

    /// The log at the path; `None` if there is none.
    fn current(&self, start: Start) -> Result<Option<OpenLog>, Ended> {
        let file = match File::open(&self.settings.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let size = file.metadata()?.len();
        if start == Start::Beginning || size == 0 {
            return Ok(Some(self.open(file, 0)?));
        }
        let mut last = [0];
        file.read_exact_at(&mut last, size - 1)?;
        let mut open = self.open(file, size)?;
        if last != *b"\n" {
            open.lines = Lines::inside(self.batch.max_event_bytes, size);
        }
        Ok(Some(open))
    }

    fn open(&self, file: File, offset: u64) -> io::Result<OpenLog> {
        let fingerprint = Fingerprint::of(&file, offset)?.unwrap_or_default();
        Ok(OpenLog { file, read: offset, lines: Lines::new(self.batch.max_event_bytes, offset), fingerprint })
    }

    /// Goes on at a position, wherever its log is now.
    fn resume(&mut self, position: Position) -> Result<Option<OpenLog>, Ended> {
        if let Ok(file) = File::open(&self.settings.path)
            && holds(&file, &file.metadata()?, &position)?
        {
            return Ok(Some(self.open(file, position.offset)?));
        }
        for one in rotated(&self.settings.path)?.into_iter().rev() {
            if holds(&one.file, &one.metadata, &position)? {
                return Ok(Some(self.open(one.file, position.offset)?));
            }
        }
        let path = self.settings.path.display();
        let log = self.batch.losses.log();
        log.error(&format!("{path}: the log that was read to byte {} is gone", position.offset));
        self.batch.losses.add(Lost { missing_logs: 1, ..Lost::default() });
        self.next(position)
    }

    /// The log behind the one that a position is in.
    fn next(&mut self, position: Position) -> Result<Option<OpenLog>, Ended> {
        // Opened before the others are listed: if it is rotated meanwhile, it is not missed.
        let current = self.current(Start::Beginning)?;
        let of_current = current.as_ref().map(|open| open.file.metadata()).transpose()?;
        for one in rotated(&self.settings.path)? {
            let id = (one.metadata.dev(), one.metadata.ino(), modified_ns(&one.metadata));
            let is_later = id.2 >= position.modified_ns;
            let of_position = (position.device, position.inode, position.modified_ns);
            let is_known = id == of_position || self.done.contains(&id);
            let is_current = of_current.as_ref().is_some_and(|current| same(current, &one.metadata));
            if is_later && !is_known && !is_current {
                return Ok(Some(self.open(one.file, 0)?));
            }
        }
        self.behind = Some(position);
        Ok(current)
    }

    fn fate(&self, open: &OpenLog) -> Result<Fate, Ended> {
        let ours = open.file.metadata()?;
        if ours.len() < open.read || !open.fingerprint.fits(&open.file)? {
            return Ok(Fate::Truncated);
        }
        match std::fs::metadata(&self.settings.path) {
            Ok(there) if same(&there, &ours) => Ok(Fate::Same),
            Ok(_) => Ok(Fate::Moved),
            // Renamed, and the new one is not there yet: more may still come into ours.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Fate::Same),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads to the end.
    fn read(&mut self, open: &mut OpenLog, keeper: &mut Keeper) -> Result<(), Ended> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.stop.is_asked() {
                return Err(Ended::Stopped);
            }
            let count = match open.file.read_at(&mut chunk, open.read) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            open.read += count as u64;
            let before = open.lines.begin();
            open.lines.feed(&chunk[..count], &mut |line| self.batch.add(&line));
            if open.lines.begin() != before {
                self.send(open)?;
            }
            keeper.save_if_due(&self.reached, self.batch.losses.log());
        }
    }

    fn send(&mut self, open: &mut OpenLog) -> Result<(), Ended> {
        let known = open.lines.begin().min(FINGERPRINT_BYTES);
        if open.fingerprint.bytes < known {
            open.fingerprint = Fingerprint::of(&open.file, known)?.unwrap_or_default();
        }
        let mark = Mark { position: open.position()?, reached: Arc::clone(&self.reached) };
        Ok(self.batch.send(Some(mark))?)
    }
}

impl OpenLog {
    fn position(&self) -> io::Result<Position> {
        let metadata = self.file.metadata()?;
        Ok(Position {
            device: metadata.dev(),
            inode: metadata.ino(),
            offset: self.lines.begin(),
            fingerprint: self.fingerprint.clone(),
            modified_ns: modified_ns(&metadata),
        })
    }
}

fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Writes positions down.
pub(super) struct Keeper {
    state: Option<std::path::PathBuf>,
    saved: Option<Position>,
    at: Option<Instant>,
    is_forgotten: bool,
}

impl Keeper {
    pub(super) fn new(settings: &settings::File) -> Self {
        Self { state: settings.state.clone(), saved: None, at: None, is_forgotten: false }
    }

    fn load(&mut self) -> Result<Option<Position>, position::StateError> {
        match &self.state {
            Some(file) if !self.is_forgotten => position::load(file),
            _ => Ok(None),
        }
    }

    /// What was written down is of no use.
    fn forget(&mut self) {
        self.is_forgotten = true;
    }

    fn save_if_due(&mut self, reached: &Reached, log: &crate::log::Log) {
        if self.at.is_none_or(|at| at.elapsed() >= SAVE_EVERY) {
            self.save(reached, log);
        }
    }

    pub(super) fn save(&mut self, reached: &Reached, log: &crate::log::Log) {
        let reached = reached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(file), Some(position)) = (&self.state, reached) else { return };
        if self.saved.as_ref() == Some(&position) {
            return;
        }
        self.at = Some(Instant::now());
        match position::save(file, &position) {
            Ok(()) => self.saved = Some(position),
            Err(error) => log.error(&format!("{error}; after a restart, events would be read again")),
        }
    }
}
