//! systemd's notification protocol: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` for its watchdog.
//!
//! Source: sd_notify(3), sd_watchdog_enabled(3).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Tells systemd how we are; does nothing where it did not start us.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// From what the environment says; `own_pid` is ours.
    pub fn from_environment(env: &dyn Fn(&str) -> Option<String>, own_pid: u32) -> Self {
        let socket = env("NOTIFY_SOCKET").and_then(|path| {
            let address = match path.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name.as_bytes()),
                None => SocketAddr::from_pathname(&path),
            };
            Some((UnixDatagram::unbound().ok()?, address.ok()?))
        });
        let is_ours = env("WATCHDOG_PID").is_none_or(|pid| pid == own_pid.to_string());
        let interval = env("WATCHDOG_USEC").and_then(|usec| usec.parse().ok()).filter(|usec| *usec > 0);
        let watchdog = interval.filter(|_| is_ours && socket.is_some()).map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// How often [`Systemd::alive`] must be called at least; half of what systemd waits.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|interval| interval / 2)
    }

    fn send(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            // Nobody is told if systemd does not listen.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }

    /// Started, or done with reloading.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}"));
    }

    /// A reload begins.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let usec = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec / 1000);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// The end begins.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Still alive.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(socket: &str) -> impl Fn(&str) -> Option<String> {
        let socket = socket.to_owned();
        move |name| match name {
            "NOTIFY_SOCKET" => Some(socket.clone()),
            "WATCHDOG_USEC" => Some("10000000".to_owned()),
            "WATCHDOG_PID" => Some("7".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn tells_systemd_over_a_path_and_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("lithify-test-{}", std::process::id());
        let abstract_address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listeners = [
            (path.to_str().unwrap().to_owned(), UnixDatagram::bind(&path).unwrap()),
            (format!("@{name}"), UnixDatagram::bind_addr(&abstract_address).unwrap()),
        ];
        for (socket, listener) in listeners {
            let systemd = Systemd::from_environment(&environment(&socket), 7);
            systemd.ready("42 rules");
            let mut buffer = [0; 100];
            let length = listener.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1\nSTATUS=42 rules");
            systemd.reloading();
            let length = listener.recv(&mut buffer).unwrap();
            assert!(buffer[..length].starts_with(b"RELOADING=1\nMONOTONIC_USEC="));
        }
    }

    #[test]
    fn a_watchdog_for_another_process_is_not_ours() {
        let env = environment("@x");
        assert_eq!(Systemd::from_environment(&env, 7).watchdog_interval(), Some(Duration::from_secs(5)));
        assert_eq!(Systemd::from_environment(&env, 8).watchdog_interval(), None);
    }
}
