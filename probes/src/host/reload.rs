//! Reloading: everything is loaded aside, and put in force in one step or not at all.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;

use lithify::rules::Priority;

use crate::config::{Config, Engine, Problem};
use crate::engine::{Compiled, RuleCounters, compile};
use crate::log::Log;
use crate::output::Outputs;

use super::in_force::{InForce, rules_in_force};
use super::internal::{self, RELOAD_FAILED};
use super::sources::plan;
use super::start::{watched, webserver};
use super::{Host, Start};

/// A configuration with its rules, not in force yet.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) warnings: Vec<Problem>,
    pub(super) compiled: Compiled,
}

/// Tells one configuration and its rules from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) config_files: Vec<(PathBuf, String)>,
    pub(super) rules_files: Vec<(PathBuf, String)>,
}

impl Fingerprint {
    pub(super) fn of(loaded: &Loaded) -> Self {
        Self { config_files: loaded.config.files.clone(), rules_files: loaded.compiled.digests.clone() }
    }
}

/// Loads configuration and rules; what is wrong with them is the error, for people.
pub(super) fn load(start: &Start, counters: &RuleCounters) -> Result<Loaded, String> {
    let (config, warnings) = (start.load)()
        .map_err(|error| format!("the configuration has errors\n{error}").trim_end().to_owned())?;
    let compiled = compile(&config, start.rules_are_typed, &start.hostname, counters)
        .map_err(|error| format!("the rules do not load\n{error}"))?;
    Ok(Loaded { config, warnings, compiled })
}

impl Loaded {
    /// Says what is odd in it, each thing once: `said` is what has been said.
    pub(super) fn say(&self, log: &Log, verbose: bool, said: &mut BTreeSet<String>) {
        let mut once = |text: String| {
            if said.insert(text.clone()) {
                log.warning(&text);
            }
        };
        for (path, _) in &self.config.files {
            log.info(&format!("configuration: {}", path.display()));
        }
        for warning in &self.warnings {
            once(warning.one_line());
        }
        for (path, _) in &self.compiled.digests {
            log.info(&format!("rules: {}", path.display()));
        }
        for path in &self.compiled.missing {
            once(format!("rules_files: {} does not exist: skipped", path.display()));
        }
        match self.compiled.warnings() {
            Some(text) if verbose => once(format!("rules:\n{}", text.trim_end())),
            Some(_) => log.info("there are warnings about the rules; -v shows them, as does -V"),
            None => {}
        }
        if !self.compiled.unanswered.is_empty() {
            let fields = self.compiled.unanswered.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            once(format!("rules compare fields that have no value here, so that they never hold: {fields}"));
        }
        let outputs = &self.config.outputs;
        let enabled = [
            outputs.stdout.enabled,
            outputs.file.enabled,
            outputs.syslog.enabled,
            outputs.program.enabled,
            outputs.http.enabled,
            outputs.otlp.enabled,
        ];
        if !enabled.contains(&true) {
            once("no output is enabled: alerts go nowhere".to_owned());
        }
    }
}

impl Host {
    /// Loads everything again, and puts it in force. `is_forced`: also if no file has changed.
    pub(super) fn reload(&mut self, is_forced: bool) {
        self.start.systemd.reloading();
        let result = load(&self.start, &self.registry.rules).and_then(|loaded| {
            let is_same = Fingerprint::of(&loaded) == self.in_force;
            if is_same && !is_forced {
                return Ok(false);
            }
            self.put_in_force(loaded).map(|()| true)
        });
        match result {
            Ok(true) => {
                self.registry.reloads.fetch_add(1, Relaxed);
                self.failure = None;
            }
            Ok(false) => {
                if self.failure.take().is_some() {
                    self.log.info("reload: the files are again those that are in force");
                }
            }
            // A change that leaves the same error has been told.
            Err(reason) if !is_forced && self.failure.as_ref() == Some(&reason) => {}
            Err(reason) => {
                self.registry.failed_reloads.fetch_add(1, Relaxed);
                self.log.error(&format!("reload failed, what was in force stays: {reason}"));
                let alert = internal::alert(
                    &self.start.hostname,
                    RELOAD_FAILED,
                    Priority::Critical,
                    format!("{RELOAD_FAILED}: {reason}"),
                    std::collections::BTreeMap::new(),
                );
                self.slot.get().outputs.send(alert);
                self.failure = Some(reason);
            }
        }
        let rules = rules_in_force(self.slot.get().verdicts.count());
        let state = if self.failure.is_some() { ", the last reload failed" } else { "" };
        self.start.systemd.ready(&format!("{rules}{state}"));
    }

    fn put_in_force(&mut self, loaded: Loaded) -> Result<(), String> {
        loaded.say(&self.log, self.start.verbose, &mut self.said);
        let fingerprint = Fingerprint::of(&loaded);
        let watched = watched(&loaded);
        let plan = plan(&loaded.config, &loaded.compiled, &self.start.left_out);
        let Loaded { config, compiled, .. } = loaded;
        if let (Engine::Replay(old), Engine::Replay(_) | Engine::Kernel(_) | Engine::Nothing) =
            (&self.config.engine, &config.engine)
            && config.engine != self.config.engine
        {
            self.log.warning(&format!("engine.kind stays replay of {}: restart to change it", old.display()));
        }
        let outputs = if config.outputs == self.config.outputs {
            Arc::clone(&self.slot.get().outputs)
        } else {
            let started = Outputs::start(&config.outputs, Arc::clone(&self.start.hostname), self.log.clone());
            Arc::new(started.map_err(|error| format!("outputs: {error}"))?)
        };
        let rules = compiled.verdicts.count();
        let next = InForce { verdicts: compiled.verdicts, outputs };
        self.swap(next, plan, &config)?;
        // The rules are in force from here on; what follows can fail on its own.
        let audit = self.sources.reload_audit(&config).map_err(|error| error.to_string());
        let web = self.reload_webserver(&config);
        if let Some(kernel) = &self.sources.kernel {
            kernel.set_drops(config.drops.clone());
        }
        self.logger.set(config.log.clone());
        let is_rescheduled = config.metrics != self.config.metrics;
        self.config = config;
        self.registry.set_loaded(self.config.metrics.clone(), rules, &fingerprint, self.sources.names());
        self.in_force = fingerprint;
        self.watch_files(&watched);
        if is_rescheduled {
            self.schedule_snapshot();
        }
        crate::memory::give_back();
        self.log.info(&format!("reloaded: {}", rules_in_force(rules)));
        audit.and(web)
    }

    /// Swaps the rules; with another plan, at the moment that parts the events of both probes.
    fn swap(
        &mut self,
        next: InForce,
        plan: Option<super::plan::Plan>,
        config: &Config,
    ) -> Result<(), String> {
        let current = self.sources.kernel.as_ref().map(|kernel| kernel.plan().clone());
        match plan {
            Some(plan) if current.as_ref().is_some_and(|current| *current != plan) => {
                let probe = self.sources.probe(&plan).map_err(|error| error.to_string())?;
                let (done, swapped) = mpsc::channel();
                let slot = Arc::clone(&self.slot);
                if let Some(kernel) = &mut self.sources.kernel {
                    kernel.replace(probe, plan, move || {
                        let _ = done.send(slot.swap(next));
                    });
                }
                let old = swapped.recv().map_err(|_| "the reader of system calls has ended".to_owned())?;
                self.retired.push(old);
            }
            Some(plan) if current.is_none() => {
                let probe = self.sources.probe(&plan).map_err(|error| error.to_string())?;
                self.retired.push(self.slot.swap(next));
                self.sources.watch(probe, plan, config).map_err(|error| error.to_string())?;
            }
            plan => {
                self.retired.push(self.slot.swap(next));
                if plan.is_none()
                    && let Some(kernel) = self.sources.kernel.take()
                {
                    self.log.info("no rule is about system calls any more: they are not watched");
                    kernel.stop();
                }
            }
        }
        Ok(())
    }

    fn reload_webserver(&mut self, config: &Config) -> Result<(), String> {
        if config.webserver == self.config.webserver {
            return Ok(());
        }
        // The port is free only when the old one has stopped.
        self.webserver = None;
        let started = webserver(config.webserver.as_ref(), &self.registry, &self.log);
        self.webserver = started.map_err(|error| format!("webserver: {error}"))?;
        Ok(())
    }
}
