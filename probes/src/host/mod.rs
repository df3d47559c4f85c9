//! The probe as it runs: sources, rules in force, outputs, and whoever asks for a change of them.
//!
//! ```text
//! kernel ──► thread ─┐                       signals ─┐
//! audit ───► thread ─┼─► rules in force ─► outputs    ├─► control ─► this thread: reload, reopen, stop
//! replay ──► thread ─┘         ▲           files ─────┘                   │
//!                              └── swapped in one step ◄──────────────────┘
//! ```
//!
//! Data in: a configuration, loaded again at each reload. Data out: alerts. Where it fails: at start, for any
//! reason that keeps a part from working; at a reload never, as the old rules stay; later only if a source does.

mod account;
mod audit_source;
mod control;
mod drops;
mod in_force;
mod internal;
mod kernel_source;
mod logger;
mod metrics;
mod pid_file;
mod plan;
mod reload;
mod replay_source;
mod seam;
mod sources;
mod start;
mod systemd;
mod untold;
mod watcher;
mod web;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use lithify::event::Source;
use lithify::rules::Priority;

use crate::AttachKind;
use crate::config::{Config, ConfigError, Problem};
use crate::http::Server;
use crate::log::Log;
use control::Control;
use in_force::{InForce, Slot};
pub use logger::Logger;
use metrics::Registry;
use pid_file::PidFile;
use sources::Sources;
pub use systemd::Systemd;
use watcher::Watcher;

/// Reads the configuration, at start and at each reload.
pub type LoadConfig = dyn Fn() -> Result<(Config, Vec<Problem>), ConfigError>;

/// What the command line asks for.
pub struct Start {
    /// Reads the configuration.
    pub load: Box<LoadConfig>,
    /// The rule files were typed: each of them must exist.
    pub rules_are_typed: bool,
    /// The name that alerts give this machine.
    pub hostname: Arc<str>,
    /// Where our process id is written, and whether it must be possible.
    pub pid_file: Option<(PathBuf, bool)>,
    /// Stop after this time.
    pub time: Option<Duration>,
    /// Load everything, and end.
    pub dry_run: bool,
    /// Say all warnings of rule files.
    pub verbose: bool,
    /// How to attach, if that is chosen.
    pub attach: Option<AttachKind>,
    /// Only this pod is watched, which the process is in.
    pub sidecar: Option<crate::runtime::OwnPod>,
    /// Where the host's files are, if not at the root.
    pub host_root: Option<PathBuf>,
    /// Sources that are left out.
    pub left_out: Vec<Source>,
    /// Who wants to know how we are.
    pub systemd: Systemd,
}

/// How a run failed; the log has said it already where one was open.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HostError(String);

/// How long outputs may take to let out what waits, at the end and after a reload.
const DRAIN: Duration = Duration::from_secs(5);
/// How often what is not needed any more is looked at.
const TICK: Duration = Duration::from_millis(200);

/// The probe at work.
struct Host {
    start: Start,
    config: Config,
    log: Log,
    logger: Logger,
    slot: Arc<Slot>,
    registry: Arc<Registry>,
    sources: Sources,
    webserver: Option<Server>,
    watcher: Option<Watcher>,
    control: Sender<Control>,
    /// What was in force before, until nobody uses it any more.
    retired: Vec<Arc<InForce>>,
    /// Digests of what is in force, and why the last reload failed: a change that changes nothing is none.
    in_force: reload::Fingerprint,
    failure: Option<String>,
    /// Oddities of configurations that have been told.
    said: BTreeSet<String>,
    next_snapshot: Option<Instant>,
    _pid_file: Option<PidFile>,
}

/// Runs the probe to its end.
///
/// # Errors
/// [`HostError`] where a part cannot start, or a source cannot go on.
pub fn run(start: Start) -> Result<(), HostError> {
    let (control, received) = control::channel().map_err(|error| HostError(format!("signals: {error}")))?;
    let time = start.time.map(|time| Instant::now() + time);
    let Some(mut host) = Host::start(start, control)? else { return Ok(()) };
    let result = host.serve(&received, time);
    host.stop();
    result
}

impl Host {
    /// Does what it is told, until it is told to end.
    fn serve(&mut self, received: &Receiver<Control>, end: Option<Instant>) -> Result<(), HostError> {
        let mut alive = self.start.systemd.watchdog_interval().map(|interval| (interval, Instant::now()));
        loop {
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            if let Some((interval, last)) = &mut alive
                && last.elapsed() >= *interval
            {
                self.start.systemd.alive();
                *last = now;
            }
            if self.next_snapshot.is_some_and(|next| now >= next) {
                self.snapshot();
            }
            self.let_go();
            let deadlines = [end, self.next_snapshot, alive.map(|(interval, last)| last + interval)];
            let tick = (!self.retired.is_empty()).then(|| now + TICK);
            let next = deadlines.into_iter().flatten().chain(tick).min();
            let control = match next {
                None => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(next) => received.recv_timeout(next.saturating_duration_since(now)),
            };
            match control {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) | Ok(Control::Stop) => return Ok(()),
                Ok(Control::Reload) => self.reload(true),
                Ok(Control::FilesChanged) => self.reload(false),
                Ok(Control::Reopen) => {
                    self.log.info("SIGUSR1: opening outputs again");
                    self.slot.get().outputs.reopen();
                }
                Ok(Control::SourceEnded(name)) => {
                    self.log.info(&format!("{name}: no more events"));
                    if self.sources.ended(name) {
                        return Ok(());
                    }
                }
                Ok(Control::SourceFailed(name, reason)) => {
                    return Err(HostError(format!("{name}: {reason}")));
                }
                Ok(Control::Lost(text)) => {
                    return Err(HostError(format!("{text} (syscall_event_drops asks to exit)")));
                }
            }
        }
    }

    /// Lets go of outputs that no thread uses any more, once what waits in them is out.
    fn let_go(&mut self) {
        let mut kept = Vec::new();
        for retired in self.retired.drain(..) {
            match Arc::try_unwrap(retired) {
                Ok(InForce { outputs, .. }) => {
                    if let Ok(outputs) = Arc::try_unwrap(outputs) {
                        let log = self.log.clone();
                        // They may take their time; what they lose is counted and said.
                        let drain = std::thread::Builder::new().name("drain-outputs".to_owned());
                        let _ = drain.spawn(move || report(&outputs.stop(DRAIN), &log));
                    }
                }
                Err(shared) => kept.push(shared),
            }
        }
        self.retired = kept;
    }

    /// Takes a snapshot of the metrics, as `metrics` asks.
    fn snapshot(&mut self) {
        let Some(settings) = self.config.metrics.clone() else {
            self.next_snapshot = None;
            return;
        };
        self.next_snapshot = Some(Instant::now() + settings.interval);
        let Some((sample, fields)) = self.registry.snapshot() else { return };
        if let Some(path) = &settings.output_file {
            let line = serde_json::json!({"output_fields": fields, "sample": sample});
            if let Err(error) = append(path, &line.to_string()) {
                self.log.error(&format!("metrics.output_file {}: {error}", path.display()));
            }
        }
        if settings.output_rule {
            let text = "Falco metrics snapshot".to_owned();
            let alert = internal::alert(
                &self.start.hostname,
                internal::SNAPSHOT,
                Priority::Informational,
                text,
                fields,
            );
            self.slot.get().outputs.send(alert);
        }
    }

    /// Ends everything, in the order in which events flow.
    fn stop(self) {
        self.start.systemd.stopping();
        drop(self.watcher);
        self.sources.stop();
        drop(self.webserver);
        let retired = self.retired.into_iter().filter_map(Arc::into_inner);
        let last = self.slot.get();
        self.registry.clear_slot();
        drop(self.slot);
        for in_force in retired.chain(Arc::into_inner(last)) {
            if let Some(outputs) = Arc::into_inner(in_force.outputs) {
                report(&outputs.stop(DRAIN), &self.log);
            }
        }
        self.log.info(self.registry.rules.summary().trim_end());
    }
}

/// Says what outputs lost.
fn report(counters: &[crate::output::Counter], log: &Log) {
    for counter in counters.iter().filter(|counter| counter.dropped + counter.failed > 0) {
        let (output, dropped, failed) = (counter.output, counter.dropped, counter.failed);
        log.warning(&format!("{output}: {dropped} alerts dropped, {failed} not delivered"));
    }
}

fn append(path: &std::path::Path, line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{line}")
}
