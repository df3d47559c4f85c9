//! Settings of the receivers.

use std::path::PathBuf;
use std::time::Duration;

use crate::http::ServerTls;

/// Where audit events come from; several at once are fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Endpoints for the apiserver's webhook backend.
    pub http: Vec<Http>,
    /// Logs of apiservers.
    pub files: Vec<File>,
    /// Events on standard input, until it ends.
    pub stdin: bool,
    /// `init_config.maxEventSize`: larger events are counted, reported and left out.
    pub max_event_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { http: Vec::new(), files: Vec::new(), stdin: false, max_event_bytes: 262_144 }
    }
}

/// An endpoint: `http://host:port/k8s-audit` in a k8saudit plugin's `open_params`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: String,
    /// The path that takes events.
    pub path: String,
    /// For `https://`.
    pub tls: Option<ServerTls>,
    /// `init_config.webhookMaxBatchSize`: larger bodies are refused.
    pub max_body_bytes: usize,
    /// Connections at once; more wait to be accepted. Their bodies together may have four times
    /// `max_body_bytes`.
    pub max_connections: usize,
    /// How long a client may take over its handshake, the head or the body of a request, or between requests.
    pub timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:9765".to_owned(),
            path: "/k8s-audit".to_owned(),
            tls: None,
            max_body_bytes: 12_582_912,
            max_connections: 64,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A log that an apiserver writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The log.
    pub path: PathBuf,
    /// Whether it is followed as it grows and rotates, or read once.
    pub follow: bool,
    /// Where to begin if `state` knows nothing of it.
    pub start: Start,
    /// The file that keeps what has been read across restarts.
    pub state: Option<PathBuf>,
}

/// Where to begin in a log that has not been read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first event.
    Beginning,
    /// Behind its last event: only what happens from now on.
    End,
}
