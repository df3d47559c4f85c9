//! Our own log: lines on standard error and datagrams to syslog, by `log_level`.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Zoned;
use lithify::rules::{Priority, one_line};

use crate::config;
use crate::log::Log;

/// Where syslog listens.
const SYSLOG: &str = "/dev/log";
/// LOG_DAEMON.
const FACILITY: usize = 3;

/// Writes the log as the configuration says, which a reload may change.
#[derive(Clone, Debug)]
pub struct Logger {
    settings: Arc<RwLock<config::Log>>,
}

impl Logger {
    /// A logger with these settings.
    pub fn new(settings: config::Log) -> Self {
        Self { settings: Arc::new(RwLock::new(settings)) }
    }

    /// Other settings.
    pub fn set(&self, settings: config::Log) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// A handle for parts that log.
    pub fn log(&self) -> Log {
        let logger = self.clone();
        Log::new(move |priority, text| logger.write(priority, text))
    }

    fn write(&self, priority: Priority, text: &str) {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
        if priority > settings.level {
            return;
        }
        if settings.stderr {
            let line = format!("{}: {text}\n", now(settings.time_iso_8601));
            // There is nobody to tell that standard error is closed.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        if settings.syslog {
            to_syslog(priority, text, Path::new(SYSLOG));
        }
    }
}

/// `Tue Nov 24 10:39:18 2026`, local, as Falco's log; or ISO 8601.
fn now(iso_8601: bool) -> String {
    let now = Zoned::now();
    if iso_8601 {
        return now.with_time_zone(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S+0000").to_string();
    }
    now.strftime("%a %b %e %H:%M:%S %Y").to_string()
}

fn to_syslog(priority: Priority, text: &str, socket: &Path) {
    // RFC 3164: facility and severity, time, tag. A line each, so that no text forges another.
    let severity = priority as usize;
    let time = Zoned::now().strftime("%b %e %H:%M:%S").to_string();
    let pid = std::process::id();
    let Ok(sender) = UnixDatagram::unbound() else { return };
    let _ = sender.set_nonblocking(true);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line = one_line(line);
        let datagram = format!("<{}>{time} lithify-probe[{pid}]: {line}", FACILITY * 8 + severity);
        // A machine without syslog has none.
        let _ = sender.send_to(datagram.as_bytes(), socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syslog_takes_each_line_with_its_severity() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("log");
        let listener = UnixDatagram::bind(&socket).unwrap();
        to_syslog(Priority::Error, "first\nsecond", &socket);
        let received = || {
            let mut buffer = [0; 200];
            let length = listener.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let (first, second) = (received(), received());
        assert!(first.starts_with("<27>") && first.ends_with("]: first"), "{first}");
        assert!(second.ends_with("]: second"), "{second}");
    }
}
