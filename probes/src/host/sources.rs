//! Where events come from: started, changed by a reload, stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use lithify::event::Source;

use super::audit_source::{self, AuditSource};
use super::control::Control;
use super::in_force::Slot;
use super::kernel_source::{self, KernelSource, Surroundings};
use super::metrics::Registry;
use super::plan::Plan;
use super::replay_source;
use crate::audit;
use crate::config::{Config, Engine};
use crate::engine::Compiled;
use crate::log::Log;
use crate::probe::Probe;
use crate::{AttachKind, ProbeError};

/// Sources at work.
pub(super) struct Sources {
    pub(super) kernel: Option<KernelSource>,
    audit: Option<AuditSource>,
    /// A file is being read, or has been.
    replays: bool,
    around: Around,
}

/// What sources need beside the configuration.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) slot: Arc<Slot>,
    pub(super) control: Sender<Control>,
    pub(super) registry: Arc<Registry>,
    pub(super) hostname: Arc<str>,
    pub(super) log: Log,
    pub(super) attach: Option<AttachKind>,
    pub(super) sidecar: Option<crate::runtime::OwnPod>,
    pub(super) host_root: Option<PathBuf>,
    /// Sources that the command line leaves out.
    pub(super) left_out: Vec<Source>,
}

/// Why a source does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error(
        "system calls: {}; as root, or with CAP_BPF and CAP_PERFMON, they can be watched; `engine.kind: nodriver` \
         does without",
        with_causes(.0)
    )]
    Probe(ProbeError),
    #[error(transparent)]
    Audit(#[from] audit::ReceiverError),
    #[error("engine.replay.capture_file: {0}")]
    Replay(std::io::Error),
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
}

/// An error with its causes, those left out that it names already.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}

/// What is asked of the kernel; `None` where it is not watched.
pub(super) fn plan(config: &Config, compiled: &Compiled, left_out: &[Source]) -> Option<Plan> {
    let Engine::Kernel(kernel) = &config.engine else { return None };
    let is_wanted = !left_out.contains(&Source::Syscall)
        && (compiled.verdicts.are_about(Source::Syscall) || !kernel.also.is_empty());
    is_wanted.then(|| Plan::new(kernel, config.containers.as_ref(), compiled))
}

impl Sources {
    /// Starts what the configuration asks for.
    pub(super) fn start(config: &Config, plan: Option<Plan>, around: Around) -> Result<Self, SourceError> {
        let mut sources = Self { kernel: None, audit: None, replays: false, around };
        sources.start_audit(config)?;
        if let Engine::Replay(path) = &config.engine {
            let around = &sources.around;
            let judged = Arc::clone(&around.registry.replayed_events);
            replay_source::start(
                path,
                around.slot.clone(),
                around.control.clone(),
                judged,
                around.log.clone(),
            )
            .map_err(SourceError::Replay)?;
            sources.replays = true;
        }
        if let Some(plan) = plan {
            let probe = sources.probe(&plan)?;
            sources.watch(probe, plan, config)?;
        }
        Ok(sources)
    }

    /// A probe of a plan, attached.
    pub(super) fn probe(&self, plan: &Plan) -> Result<Probe, SourceError> {
        let mut options = plan.options(self.around.host_root.clone());
        options.attach = self.around.attach;
        options.sidecar.clone_from(&self.around.sidecar);
        options.log = Some(self.around.log.clone());
        let probe = Probe::start(&options).map_err(SourceError::Probe)?;
        let missing = probe.missing();
        if !missing.is_empty() {
            self.around.log.info(&format!("this kernel does not have {}", missing.join(", ")));
        }
        let kind = probe.attach_kind();
        self.around
            .log
            .info(&format!("watching {} types of system calls, attached as {kind}", plan.events()));
        for one in probe.optional() {
            self.around.log.info(&one.to_string());
        }
        Ok(probe)
    }

    /// Reads a probe from now on.
    pub(super) fn watch(&mut self, probe: Probe, plan: Plan, config: &Config) -> Result<(), SourceError> {
        let around = Surroundings {
            slot: Arc::clone(&self.around.slot),
            stats: Arc::clone(&self.around.registry.kernel),
            control: self.around.control.clone(),
            hostname: Arc::clone(&self.around.hostname),
            log: self.around.log.clone(),
        };
        let source = KernelSource::start(probe, plan, config.drops.clone(), around);
        self.kernel = Some(source.map_err(SourceError::Thread)?);
        Ok(())
    }

    fn start_audit(&mut self, config: &Config) -> Result<(), SourceError> {
        let Some(settings) = &config.audit else { return Ok(()) };
        if self.around.left_out.contains(&Source::K8sAudit) {
            return Ok(());
        }
        let around = &self.around;
        self.audit = Some(AuditSource::start(
            settings.clone(),
            &around.slot,
            around.control.clone(),
            Arc::clone(&around.registry.audit_events),
            &around.hostname,
            &around.log,
        )?);
        around.registry.set_audit(self.audit.as_ref().map(AuditSource::counters));
        Ok(())
    }

    /// Starts receivers anew where their settings have changed. A port is free again only when the old
    /// receiver has stopped; until the new one listens, an apiserver sends again.
    pub(super) fn reload_audit(&mut self, config: &Config) -> Result<(), SourceError> {
        if self.audit.as_ref().map(|audit| &audit.settings) == config.audit.as_ref() {
            return Ok(());
        }
        if let Some(audit) = self.audit.take() {
            audit.stop();
        }
        self.start_audit(config)
    }

    /// Names of the sources with those of their engines.
    pub(super) fn names(&self) -> Vec<(&'static str, &'static str)> {
        let mut names = Vec::new();
        if self.kernel.is_some() {
            names.push((kernel_source::NAME, "modern_bpf"));
        }
        if self.audit.is_some() {
            names.push((audit_source::NAME, "source_plugin"));
        }
        if self.replays {
            names.push((replay_source::NAME, "replay"));
        }
        names
    }

    /// A source has no more events; returns whether none is left.
    pub(super) fn ended(&mut self, name: &str) -> bool {
        if name == replay_source::NAME {
            self.replays = false;
        } else if name == audit_source::NAME
            && let Some(audit) = self.audit.take()
        {
            audit.stop();
        }
        self.names().is_empty()
    }

    /// Takes no more events, and judges those that are there.
    pub(super) fn stop(self) {
        if let Some(audit) = self.audit {
            audit.stop();
        }
        if let Some(kernel) = self.kernel {
            kernel.stop();
        }
    }
}
