//! Settings of the outputs: one plain structure each, named after falco.yaml's key.
//!
//! Where nothing else is said, the defaults are those that Falco has for a missing key.

use std::path::PathBuf;
use std::time::Duration;

use crate::alert::Format;
use crate::http::ClientTls;

/// Every output, and what holds for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How alerts are written.
    pub format: Format,
    /// `outputs_queue.capacity`: alerts that may wait for one output; 0 stands for
    /// [`Settings::DEFAULT_QUEUE`], since a queue without bound would end in the machine's memory.
    pub queue_capacity: usize,
    /// `output_timeout`: an output that is busy with one alert for longer is reported as blocked.
    pub timeout: Duration,
    /// `buffered_outputs`: write alerts out when nothing more is waiting, instead of one by one.
    pub buffered: bool,
    /// `stdout_output`.
    pub stdout: Stdout,
    /// `file_output`.
    pub file: File,
    /// `syslog_output`.
    pub syslog: Syslog,
    /// `program_output`.
    pub program: Program,
    /// `http_output`.
    pub http: Http,
    /// `otlp_output`: not in Falco.
    pub otlp: Otlp,
}

impl Settings {
    /// Alerts that may wait for one output where nothing is configured.
    pub const DEFAULT_QUEUE: usize = 16_384;
    /// Bytes that may wait for one output, whatever their number: alerts can quote whole objects.
    pub const QUEUE_BYTES: usize = 64 << 20;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::default(),
            queue_capacity: 0,
            timeout: Duration::from_secs(2),
            buffered: false,
            stdout: Stdout::default(),
            file: File::default(),
            syslog: Syslog::default(),
            program: Program::default(),
            http: Http::default(),
            otlp: Otlp::default(),
        }
    }
}

/// `stdout_output`: a line an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stdout {
    /// Whether it is used.
    pub enabled: bool,
}

/// `file_output`: a line an alert, at the file's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Whether it is used.
    pub enabled: bool,
    /// The file; it is created where it is missing.
    pub filename: PathBuf,
    /// Keep it open instead of opening it for every alert.
    pub keep_alive: bool,
}

/// `syslog_output`: RFC 3164 datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// Whether it is used.
    pub enabled: bool,
    /// The socket.
    pub socket: PathBuf,
    /// The name before the message.
    pub ident: String,
}

impl Default for Syslog {
    fn default() -> Self {
        Self { enabled: false, socket: PathBuf::from("/dev/log"), ident: "falco".to_owned() }
    }
}

/// `program_output`: a line an alert, to the standard input of a shell command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Whether it is used.
    pub enabled: bool,
    /// The command, for `/bin/sh -c`.
    pub program: String,
    /// Start it once instead of for every alert.
    pub keep_alive: bool,
}

/// `http_output`: a POST request an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Whether it is used.
    pub enabled: bool,
    /// `http://` or `https://`.
    pub url: String,
    /// `user_agent`.
    pub user_agent: String,
    /// `insecure`, `ca_cert`, `ca_bundle`, `ca_path`, `mtls`, `client_cert`, `client_key`.
    pub tls: ClientTls,
    /// `echo`: print what the server answers to standard output. Off where nothing is configured.
    pub echo: bool,
    /// `compress_uploads`: gzip.
    pub compress_uploads: bool,
    /// `keep_alive`: TCP keep-alive probes. The connection itself is always used again.
    pub keep_alive: bool,
    /// `max_consecutive_timeouts`: how often one alert is tried again after a timeout.
    pub max_consecutive_timeouts: u8,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            enabled: false,
            url: String::new(),
            user_agent: "falcosecurity/falco".to_owned(),
            tls: ClientTls::default(),
            echo: false,
            compress_uploads: false,
            keep_alive: false,
            max_consecutive_timeouts: 5,
            timeout: Duration::from_secs(5),
        }
    }
}

/// `otlp_output`: logs for an OpenTelemetry collector, by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// Whether it is used.
    pub enabled: bool,
    /// `endpoint`: the collector; `/v1/logs` is added where the URL has no path.
    pub endpoint: String,
    /// `headers`: sent with every request, e.g. for authentication.
    pub headers: Vec<(String, String)>,
    /// `service_name`: the resource's `service.name`.
    pub service_name: String,
    /// `resource_attributes`: more attributes of the resource, e.g. `k8s.cluster.name`.
    pub resource_attributes: Vec<(String, String)>,
    /// As in [`Http::tls`].
    pub tls: ClientTls,
    /// `compress_uploads`: gzip.
    pub compress_uploads: bool,
    /// `timeout`: how long one request may take.
    pub timeout: Duration,
    /// `max_batch`: alerts in one request.
    pub max_batch: usize,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            enabled: false,
            endpoint: "http://localhost:4318".to_owned(),
            headers: Vec::new(),
            service_name: "lithify-probe".to_owned(),
            resource_attributes: Vec::new(),
            tls: ClientTls::default(),
            compress_uploads: false,
            timeout: Duration::from_secs(10),
            max_batch: 512,
        }
    }
}
