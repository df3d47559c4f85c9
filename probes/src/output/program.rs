//! `program_output`: a line an alert on the standard input of a shell command.

use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use super::message::{Message, lines};
use super::settings;
use super::sink::{DeliveryError, Retry, Sink};

pub(super) struct ProgramSink {
    program: String,
    keep_alive: bool,
    max_batch: usize,
    running: Option<Child>,
}

impl ProgramSink {
    pub(super) fn new(settings: &settings::Program, max_batch: usize) -> Self {
        let program = settings.program.clone();
        Self { program, keep_alive: settings.keep_alive, max_batch, running: None }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new("/bin/sh").arg("-c").arg(&self.program).stdin(Stdio::piped()).spawn()
    }

    /// A program of its own for this batch.
    fn run_once(&self, bytes: &[u8]) -> Result<(), DeliveryError> {
        let mut child = self.start().map_err(|error| self.error(&error))?;
        match child.stdin.as_mut().map(|stdin| stdin.write_all(bytes)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                end(child);
                return Err(self.error(&error));
            }
            // It may well end without having read everything.
            _ => {}
        }
        match end(child) {
            Some(status) if !status.success() => {
                // It may have done half of its work: a second time could do that half twice.
                let reason = format!("program `{}` ended with {status}", self.program);
                Err(DeliveryError::new(reason, Retry::Never))
            }
            _ => Ok(()),
        }
    }

    /// Writes to the program that runs, or to a new one.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut child = match self.running.take() {
            Some(mut child) => match child.try_wait()? {
                None => child,
                Some(_) => self.start()?,
            },
            None => self.start()?,
        };
        let written = match &mut child.stdin {
            Some(stdin) => stdin.write_all(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if written.is_ok() {
            self.running = Some(child);
        } else {
            end(child);
        }
        written
    }

    fn error(&self, error: &io::Error) -> DeliveryError {
        DeliveryError::io(&format!("program `{}`", self.program), error)
    }
}

/// Closes the program's input and waits for it, as `pclose` does.
fn end(mut child: Child) -> Option<ExitStatus> {
    drop(child.stdin.take());
    // It is our child and nobody else waits for it: nothing to be done if that fails all the same.
    child.wait().ok()
}

impl Sink for ProgramSink {
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError> {
        let bytes = lines(batch);
        if !self.keep_alive {
            return self.run_once(&bytes);
        }
        let was_running = self.running.is_some();
        let written = match self.write(&bytes) {
            // It ended between two alerts.
            Err(_) if was_running => self.write(&bytes),
            other => other,
        };
        written.map_err(|error| self.error(&error))
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn reopen(&mut self) -> Result<(), DeliveryError> {
        if let Some(child) = self.running.take() {
            end(child);
            self.running = Some(self.start().map_err(|error| self.error(&error))?);
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(child) = self.running.take() {
            end(child);
        }
    }
}
