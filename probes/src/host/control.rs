//! What reaches the host from its parts.

use std::sync::mpsc::{self, Receiver, Sender};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

/// Something for the host to do.
#[derive(Debug)]
pub(super) enum Control {
    /// SIGHUP.
    Reload,
    /// A file of the configuration or the rules changed.
    FilesChanged,
    /// SIGUSR1.
    Reopen,
    /// SIGINT, SIGTERM.
    Stop,
    /// A source has no more events.
    SourceEnded(&'static str),
    /// A source cannot go on.
    SourceFailed(&'static str, String),
    /// Events were lost, and the configuration asks to end then.
    Lost(String),
}

/// The ends of the channel; signals arrive in it from now on.
///
/// # Errors
/// Signals cannot be taken over.
pub(super) fn channel() -> std::io::Result<(Sender<Control>, Receiver<Control>)> {
    let (sender, receiver) = mpsc::channel();
    let mut signals = Signals::new([SIGHUP, SIGUSR1, SIGINT, SIGTERM])?;
    let to_host = sender.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let control = match signal {
                SIGHUP => Control::Reload,
                SIGUSR1 => Control::Reopen,
                _ => Control::Stop,
            };
            if to_host.send(control).is_err() {
                return;
            }
        }
    })?;
    Ok((sender, receiver))
}
