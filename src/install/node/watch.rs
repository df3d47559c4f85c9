//! The waiting itself: looks, four a second, until all is seen or the time is over.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::audit_log::AuditLog;
use super::pod_log::PodLogs;
use super::processes::{self, Process};
use super::readiness::{Asker, Readiness};
use super::target::Target;
use super::{Phase, Places, Progress};
use crate::install::health::{Expectation, Healthy, Unhealthy};

const INTERVAL: Duration = Duration::from_millis(250);
const SETTLING: Duration = Duration::from_secs(1);
/// For an event where the policy logs no request that can be sent.
const EVENT_GRACE: Duration = Duration::from_secs(3);
/// Exits with the new manifest after which it is given up: the kubelet's back-off is at 20 s by then.
const EXITS: u32 = 3;

/// What was there before the manifest was put in place.
#[derive(Debug)]
pub(super) struct Before {
    pod_logs: BTreeSet<PathBuf>,
    audit_log: Option<AuditLog>,
    /// Whether the old apiserver was seen in `/proc`.
    saw_apiserver: bool,
}

impl Before {
    /// `target`: of the manifest that is put in place.
    pub(super) fn now(target: &Target, places: &Places) -> Self {
        Self {
            pod_logs: pod_logs(target, places).directories(),
            audit_log: target.audit_log.as_deref().map(AuditLog::at_end),
            saw_apiserver: processes::all(&places.proc).iter().any(Process::is_apiserver),
        }
    }
}

fn pod_logs(target: &Target, places: &Places) -> PodLogs {
    PodLogs::new(&places.pod_logs, &target.namespace, &target.name, &target.container)
}

/// One wait.
pub(super) struct Watch<'t> {
    target: &'t Target,
    places: &'t Places,
    expectation: &'t Expectation,
    before: Option<Before>,
    audit_log: Option<AuditLog>,
    asker: Asker<'t>,
    timeout: Duration,
    begun: Instant,
    /// The process that is looked at, and when it was first seen ready.
    current: Option<Process>,
    ready_since: Option<Instant>,
    ready_as: String,
    exits: u32,
    event: Option<String>,
    traced: bool,
}

/// What a look comes to.
enum Look {
    Waiting(Phase, String),
    Done,
    Failed(String),
}

impl<'t> Watch<'t> {
    pub(super) fn new(
        target: &'t Target,
        places: &'t Places,
        expectation: &'t Expectation,
        mut before: Option<Before>,
        timeout: Duration,
    ) -> Self {
        let seen = before.as_mut().and_then(|before| before.audit_log.take());
        let audit_log = seen.or_else(|| target.audit_log.as_deref().map(AuditLog::at_end));
        Self {
            target,
            places,
            expectation,
            before,
            audit_log,
            asker: Asker::new(target),
            timeout,
            begun: Instant::now(),
            current: None,
            ready_since: None,
            ready_as: String::new(),
            exits: 0,
            event: None,
            traced: false,
        }
    }

    pub(super) fn run(mut self, progress: &mut dyn FnMut(&Progress)) -> Result<Healthy, Unhealthy> {
        loop {
            let look = self.look();
            let elapsed = self.begun.elapsed();
            match look {
                Look::Done => return Ok(self.healthy(elapsed)),
                Look::Failed(reason) => return Err(self.unhealthy(elapsed, reason)),
                Look::Waiting(phase, detail) if elapsed >= self.timeout => {
                    return Err(self.unhealthy(elapsed, overdue(phase, &detail)));
                }
                Look::Waiting(phase, detail) => {
                    progress(&Progress { elapsed, timeout: self.timeout, phase, detail });
                }
            }
            thread::sleep(INTERVAL);
        }
    }

    fn look(&mut self) -> Look {
        let processes = processes::all(&self.places.proc);
        let found = processes.iter().find(|process| self.is_expected(process)).cloned();
        let found = found.or_else(|| self.ask_unseen(&processes));
        if found != self.current {
            // It is another one than at the last look, or none.
            self.exits += u32::from(self.current.is_some());
            self.ready_since = None;
            self.current = found;
        }
        let known = self.before.as_ref().map(|before| &before.pod_logs);
        let restarts = known.map_or(0, |known| pod_logs(self.target, self.places).restarts(known));
        if self.exits.max(restarts) >= EXITS && self.ready_since.is_none() {
            return Look::Failed(format!("it was started {EXITS} times and exited each time"));
        }
        match self.current.clone() {
            Some(process) => self.look_at(&process),
            None => self.look_for(&processes),
        }
    }

    fn is_expected(&self, process: &Process) -> bool {
        let is_recent = match self.expectation {
            Expectation::Restarted { since } => since.precedes(process.since_boot),
            Expectation::Running => true,
        };
        is_recent && process.runs(&self.target.arguments)
    }

    /// Where no apiserver is in sight (a container of its own, `hidepid`), the one that answers tells when it
    /// started; the same one as at the last look, unless it started again.
    fn ask_unseen(&mut self, processes: &[Process]) -> Option<Process> {
        if processes.iter().any(Process::is_apiserver) || !matches!(self.asker.ask(), Readiness::Ready(_)) {
            return None;
        }
        let process = Process::unseen(self.asker.started()?);
        let is_same = |last: &&Process| last.since_boot.abs_diff(process.since_boot) < SETTLING;
        let process = self.current.as_ref().filter(is_same).cloned().unwrap_or(process);
        let Expectation::Restarted { since } = self.expectation else { return Some(process) };
        since.precedes(process.since_boot).then_some(process)
    }

    fn look_for(&self, processes: &[Process]) -> Look {
        if let Some(old) = processes.iter().find(|process| process.is_apiserver()) {
            return Look::Waiting(Phase::Stopping, format!("{old} still runs"));
        }
        let missing = self.target.missing_path();
        Look::Waiting(Phase::Starting, missing.unwrap_or_else(|| self.unseen(processes)))
    }

    fn unseen(&self, processes: &[Process]) -> String {
        let was_seen = self.before.as_ref().is_some_and(|before| before.saw_apiserver);
        if processes.iter().any(Process::is_kubelet) {
            "no such process yet".to_owned()
        } else if was_seen {
            "no kubelet runs on this machine; is it a service that has stopped?".to_owned()
        } else {
            format!(
                "neither kubelet nor kube-apiserver is seen in {}; is this a container of its own?",
                self.places.proc.display()
            )
        }
    }

    fn look_at(&mut self, process: &Process) -> Look {
        match self.asker.ask() {
            Readiness::NotReady(said) => {
                self.ready_since = None;
                return Look::Waiting(Phase::Readying, format!("{process}: {said}"));
            }
            Readiness::Ready(how) => self.ready_as = how,
        }
        let since = *self.ready_since.get_or_insert_with(Instant::now);
        if let Some(waiting) = self.look_at_log(process, since) {
            return waiting;
        }
        if since.elapsed() < SETTLING {
            return Look::Waiting(Phase::Settling, process.to_string());
        }
        Look::Done
    }

    /// What the log still lacks; `None` where nothing more is expected of it.
    fn look_at_log(&mut self, process: &Process, ready_since: Instant) -> Option<Look> {
        if self.event.is_some() || *self.expectation == Expectation::Running {
            return None;
        }
        let log = self.audit_log.as_mut()?;
        self.event = log.first_event(process.started());
        if self.event.is_some() {
            return None;
        }
        let canary = self.target.canary(self.asker.is_known());
        if canary.is_none() && ready_since.elapsed() > EVENT_GRACE {
            return None;
        }
        if let (Some(path), false) = (canary, self.traced) {
            self.asker.leave_trace(path);
            self.traced = true;
        }
        let detail = format!("{process} is ready, {} has no event of it", log.path().display());
        Some(Look::Waiting(Phase::Logging, detail))
    }

    fn healthy(self, waited: Duration) -> Healthy {
        let mut evidence = Vec::new();
        if let Some(process) = &self.current {
            evidence.push(if process.is_seen() {
                format!("{process} runs with the manifest's flags")
            } else {
                "the kube-apiserver that answers was started after the change".to_owned()
            });
        }
        evidence.push(self.ready_as);
        match (&self.event, &self.audit_log) {
            (Some(_), Some(log)) => evidence.push(format!("{} has its first event", log.path().display())),
            (None, Some(log)) if *self.expectation != Expectation::Running => evidence.push(format!(
                "{} has no event yet: the policy logs none of the requests that could be sent as a trial",
                log.path().display()
            )),
            _ => {}
        }
        Healthy { waited, evidence, first_event: self.event }
    }

    fn unhealthy(&self, waited: Duration, reason: String) -> Unhealthy {
        let known = self.before.as_ref().map(|before| &before.pod_logs);
        let log = pod_logs(self.target, self.places).last_words(known);
        Unhealthy { waited, reason, log }
    }
}

fn overdue(phase: Phase, detail: &str) -> String {
    let missing = match phase {
        Phase::Stopping => "the kubelet had not stopped the old one (is the kubelet running?)",
        Phase::Starting => "the kubelet had not started it (`journalctl -u kubelet` tells why)",
        Phase::Readying => "it was not ready",
        Phase::Logging => "it was ready and had written no audit event",
        Phase::Settling => "it did not stay ready",
    };
    format!("{missing}: {detail}")
}
