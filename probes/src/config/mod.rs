//! falco.yaml: files and options in, settings out, with everything that is wrong and where.
//!
//! `merge` reads the file, those that it names and the `-o` options into one `tree` in which every node knows
//! its place; `check` holds it against the table of `keys`; `read` makes settings of it. What fails says file,
//! line and column; what is only odd is a warning, which `strict` makes an error.

mod check;
mod containers;
mod files;
mod keys;
mod merge;
mod outputs;
mod plugins;
mod problem;
mod read;
mod rule_files;
mod table;
mod tree;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lithify::event::EventType;
use lithify::rules::{Extra, Priority, Selection};

use crate::{audit, http, output, runtime};

pub use problem::{ConfigError, Problem};
pub use read::{Request, load, load_text, printed};
pub use rule_files::{RuleFiles, read_rule_files};
pub use table::markdown;

/// What falco.yaml says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Rule files and directories in order.
    pub rules_files: Vec<PathBuf>,
    /// `rules` and `priority`.
    pub selection: Selection,
    /// `append_output` and `-p`.
    pub extras: Vec<Extra>,
    /// `rule_matching`.
    pub matching: Matching,
    /// `static_fields`.
    pub static_fields: BTreeMap<String, String>,
    /// Where alerts go.
    pub outputs: output::Settings,
    /// Where audit events come from, if k8saudit is loaded.
    pub audit: Option<audit::Settings>,
    /// Which container runtimes are asked, if any.
    pub containers: Option<runtime::Settings>,
    /// Where events of system calls come from.
    pub engine: Engine,
    /// `syscall_event_drops`.
    pub drops: Drops,
    /// `webserver`, if it is enabled.
    pub webserver: Option<Webserver>,
    /// `metrics`, if they are enabled.
    pub metrics: Option<Metrics>,
    /// Our own log.
    pub log: Log,
    /// `watch_config_files`.
    pub watch: bool,
    /// Every file of the configuration with its SHA-256, in order.
    pub files: Vec<(PathBuf, String)>,
    /// Directories that `config_files` names.
    pub directories: Vec<PathBuf>,
}

/// How many rules an event raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// The first in order.
    First,
    /// Every one.
    All,
}

/// Where events of system calls come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// From this machine's kernel.
    Kernel(Kernel),
    /// From nowhere.
    Nothing,
    /// From a file of recorded events.
    Replay(PathBuf),
}

/// How this machine's kernel is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Size of the ring buffer.
    pub ring_bytes: u32,
    /// Bytes kept of buffers that calls read and write.
    pub snap_bytes: u32,
    /// Processes that are kept in mind.
    pub processes_max: usize,
    /// Calls that are watched beside those that rules need.
    pub also: Vec<EventType>,
    /// Calls that are not watched.
    pub not: Vec<EventType>,
    /// Rules without event types also see reads, writes and the like.
    pub all: bool,
}

/// What is done when events are lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Drops {
    /// The share of a second's events below which nothing is done.
    pub threshold: f64,
    /// A line in the log.
    pub log: bool,
    /// An alert.
    pub alert: bool,
    /// The end.
    pub exit: bool,
    /// How often, per second.
    pub rate: f64,
    /// How often at once.
    pub max_burst: f64,
    /// Pretend that events are lost.
    pub simulate: bool,
}

/// Health, versions and metrics over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webserver {
    /// Address and port.
    pub listen: String,
    /// The path of the health check.
    pub health: String,
    /// For HTTPS.
    pub tls: Option<http::ServerTls>,
    /// Serve /metrics.
    pub metrics: bool,
}

/// What is counted, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Time between snapshots.
    pub interval: Duration,
    /// As alerts.
    pub output_rule: bool,
    /// At the end of a file.
    pub output_file: Option<PathBuf>,
    /// Alerts by rule.
    pub rules: bool,
    /// CPU time and memory.
    pub resources: bool,
    /// Processes that are known.
    pub state: bool,
    /// Events sent, lost and left out.
    pub kernel: bool,
    /// The same by CPU.
    pub kernel_per_cpu: bool,
    /// Memory in MB instead of bytes.
    pub megabytes: bool,
    /// Also what is zero.
    pub include_empty: bool,
}

/// Our own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// On standard error.
    pub stderr: bool,
    /// To syslog.
    pub syslog: bool,
    /// The least urgent lines that are logged.
    pub level: Priority,
    /// ISO 8601 in UTC instead of local time.
    pub time_iso_8601: bool,
}
