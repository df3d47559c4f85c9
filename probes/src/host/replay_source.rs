//! The source of recorded events: `engine.kind: replay`. A FIFO or a file, judged as it comes.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Sender;

use super::control::Control;
use super::in_force::{Judge, Slot};
use crate::log::Log;
use crate::replay::{Events, ReplayError};

/// The name of the source, in messages.
pub(super) const NAME: &str = "replay";

/// Reads events on a thread of its own, to their end.
///
/// # Errors
/// There is no such file, or no thread.
pub(super) fn start(
    path: &Path,
    slot: Arc<Slot>,
    control: Sender<Control>,
    judged: Arc<AtomicU64>,
    log: Log,
) -> io::Result<()> {
    if !path.exists() {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    let path = path.to_owned();
    std::thread::Builder::new().name("replay".to_owned()).spawn(move || {
        let mut judge = Judge::new(slot);
        let name = path.display().to_string();
        // A FIFO opens when somebody writes: on this thread, so that nobody waits for it.
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => {
                let _ = control.send(Control::SourceFailed(NAME, format!("{name}: {error}")));
                return;
            }
        };
        for event in Events::new(name, BufReader::new(file), None) {
            match event {
                Ok(event) => {
                    judge.judge_any(&event);
                    judged.fetch_add(1, Relaxed);
                }
                Err(error @ ReplayError::Value { .. }) => log.error(&error.to_string()),
                Err(error) => {
                    let _ = control.send(Control::SourceFailed(NAME, error.to_string()));
                    return;
                }
            }
        }
        let _ = control.send(Control::SourceEnded(NAME));
    })?;
    Ok(())
}
