//! Events from what ends: standard input, and logs that are read once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::queue::Refused;

use super::batch::Batch;
use super::lines::Lines;
use super::stop::Stop;

const CHUNK: usize = 64 << 10;
/// How often a reader that waits looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Why reading ended before the end.
#[derive(Debug)]
pub(super) enum Ended {
    Stopped,
    Failed(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refused> for Ended {
    fn from(_: Refused) -> Self {
        Self::Stopped
    }
}

/// Standard input until it ends.
pub(super) fn read_stdin(batch: &mut Batch, stop: &Stop) -> Result<(), Ended> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    read_lines(&input, batch, stop)
}

/// A log, or every log in a directory in the order of their names.
pub(super) fn read_once(path: &Path, batch: &mut Batch, stop: &Stop) -> Result<(), Ended> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
        files.retain(|file| file.is_file());
        files.sort();
    }
    files.iter().try_for_each(|file| read_lines(&File::open(file)?, batch, stop))
}

fn read_lines(mut input: &File, batch: &mut Batch, stop: &Stop) -> Result<(), Ended> {
    let mut lines = Lines::new(batch.max_event_bytes, 0);
    let mut chunk = vec![0; CHUNK];
    let patience = Timespec::try_from(LOOK_EVERY).map_err(io::Error::other)?;
    loop {
        if stop.is_asked() {
            return Err(Ended::Stopped);
        }
        // A pipe may stay silent for ever; files are always ready.
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut ready, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        let count = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        lines.feed(&chunk[..count], &mut |line| batch.add(&line));
        batch.send(None)?;
    }
    lines.end(&mut |line| batch.add(&line));
    Ok(batch.send(None)?)
}
