//! `file_output`: a line an alert at a file's end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use super::message::{Message, lines};
use super::settings;
use super::sink::{DeliveryError, Sink};

pub(super) struct FileSink {
    path: PathBuf,
    keep_alive: bool,
    max_batch: usize,
    open: Option<File>,
    /// Bytes of a line that went out in part, as when the disk is full: its rest comes first.
    written: usize,
    /// The file's last line has no end.
    is_torn: bool,
}

/// Alerts quote command lines and objects: nothing for everybody.
const MODE: u32 = 0o640;

impl FileSink {
    pub(super) fn open(settings: &settings::File, max_batch: usize) -> io::Result<Self> {
        let mut sink = Self {
            path: settings.filename.clone(),
            keep_alive: settings.keep_alive,
            max_batch,
            open: None,
            written: 0,
            is_torn: false,
        };
        // Even if it is opened for every alert: a path that cannot work is said at start.
        let file = sink.open_file()?;
        sink.keep(file);
        Ok(sink)
    }

    fn open_file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(MODE);
        // A named pipe opened for writing alone waits for its reader, which would keep the probe from starting.
        options.read(self.is_pipe()).open(&self.path)
    }

    fn is_pipe(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.file_type().is_fifo())
    }

    /// What a closed pipe still held is lost, so that it stays open.
    fn keep(&mut self, file: File) {
        let stays = self.keep_alive || file.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo());
        self.open = Some(file).filter(|_| stays);
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.open_file()?,
        };
        if self.is_torn {
            file.write_all(b"\n")?;
            self.is_torn = false;
        }
        while self.written < bytes.len() {
            match file.write(&bytes[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The file is closed: opening it anew may help.
                Err(error) => return Err(error),
            }
        }
        self.written = 0;
        self.keep(file);
        Ok(())
    }

    fn error(&self, error: &io::Error) -> DeliveryError {
        DeliveryError::io(&format!("write {}", self.path.display()), error)
    }
}

impl Sink for FileSink {
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError> {
        self.write(&lines(batch)).map_err(|error| self.error(&error))
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn give_up(&mut self) {
        // What comes next begins a line of its own.
        self.is_torn |= self.written > 0;
        self.written = 0;
    }

    fn reopen(&mut self) -> Result<(), DeliveryError> {
        let opened = self.open_file();
        // Only now: a pipe that nobody holds open forgets what it holds.
        self.open = None;
        self.keep(opened.map_err(|error| self.error(&error))?);
        Ok(())
    }
}
