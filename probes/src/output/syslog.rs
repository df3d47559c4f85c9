//! `syslog_output`: RFC 3164 datagrams to the local syslog socket, as glibc's `syslog` sends them.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use lithify::rules::Priority;

use super::message::Message;
use super::settings;
use super::sink::{DeliveryError, Retry, Sink};

/// LOG_USER, as Falco.
const FACILITY: usize = 1;

/// Longest message that is sent where the socket refuses a longer one.
const SHORT: usize = 8192;

pub(super) struct SyslogSink {
    socket: PathBuf,
    ident: String,
    zone: TimeZone,
    connection: Option<UnixDatagram>,
}

impl SyslogSink {
    pub(super) fn new(settings: &settings::Syslog, zone: TimeZone) -> Self {
        Self { socket: settings.socket.clone(), ident: settings.ident.clone(), zone, connection: None }
    }

    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let connection = UnixDatagram::unbound()?;
            connection.connect(&self.socket)?;
            connection
        };
        connection.send(datagram)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Once more on a new connection: syslog daemons restart.
    fn send_again(&mut self, datagram: &[u8]) -> io::Result<()> {
        let is_old = self.connection.is_some();
        match self.send(datagram) {
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) && datagram.len() > SHORT => {
                self.send(&datagram[..SHORT])
            }
            Err(_) if is_old => self.send(datagram),
            other => other,
        }
    }
}

impl Sink for SyslogSink {
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError> {
        for (done, message) in batch.iter().enumerate() {
            let now = jiff::Timestamp::now();
            let datagram = datagram(message.alert.priority, now, &self.zone, &self.ident, message.line());
            self.send_again(datagram.as_bytes()).map_err(|error| {
                let reason = format!("send to {}: {error}", self.socket.display());
                // A machine without a syslog daemon must not make alerts wait for one.
                DeliveryError { reason, retry: Retry::Never, lost: Some(batch.len() - done) }
            })?;
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), DeliveryError> {
        self.connection = None;
        Ok(())
    }
}

/// `<12>Nov  1 10:00:00 falco[42]: …`.
fn datagram(priority: Priority, time: jiff::Timestamp, zone: &TimeZone, ident: &str, line: &str) -> String {
    let severity = Priority::ALL.iter().position(|one| *one == priority).unwrap_or_default();
    let time = time.to_zoned(zone.clone()).strftime("%b %e %H:%M:%S");
    format!("<{}>{time} {ident}[{}]: {line}", FACILITY * 8 + severity, std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_rfc_3164_asks() {
        let time: jiff::Timestamp = "2026-11-01T09:05:03Z".parse().unwrap();
        let written = datagram(Priority::Warning, time, &TimeZone::UTC, "falco", "Warning x");
        assert_eq!(written, format!("<12>Nov  1 09:05:03 falco[{}]: Warning x", std::process::id()));
        let debug = datagram(Priority::Debug, time, &TimeZone::UTC, "falco", "x");
        assert!(debug.starts_with("<15>"));
    }
}
