//! The way up, step by step; each step needs what the one before has made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::config::{Config, Webserver};
use crate::engine::RuleCounters;
use crate::http::{Limits, Server, ServerError};
use crate::log::Log;
use crate::output::Outputs;

use super::control::Control;
use super::in_force::{InForce, Slot, rules_in_force};
use super::logger::Logger;
use super::metrics::Registry;
use super::pid_file::PidFile;
use super::reload::{self, Fingerprint, Loaded};
use super::sources::{Around, Sources, plan};
use super::watcher::{Watched, Watcher};
use super::web::Web;
use super::{Host, HostError, Start};

/// Clients of the webserver at once, and the time that each may take.
const LIMITS: Limits = Limits { connections: 32, timeout: Duration::from_secs(10), body_bytes: 64 << 10 };

impl Host {
    /// Starts every part; `None` after a dry run.
    pub(super) fn start(start: Start, control: Sender<Control>) -> Result<Option<Self>, HostError> {
        let fail = |what: &str, error: &dyn std::fmt::Display| HostError(format!("{what}: {error}"));
        let counters = Arc::new(RuleCounters::default());
        let loaded = reload::load(&start, &counters).map_err(HostError)?;
        let logger = Logger::new(loaded.config.log.clone());
        let log = logger.log();
        let mut said = BTreeSet::new();
        loaded.say(&log, start.verbose, &mut said);
        let in_force = Fingerprint::of(&loaded);
        let watched = watched(&loaded);
        let plan = plan(&loaded.config, &loaded.compiled, &start.left_out);
        let Loaded { config, compiled, .. } = loaded;
        let outputs = Outputs::start(&config.outputs, Arc::clone(&start.hostname), log.clone())
            .map_err(|error| fail("outputs", &error))?;
        if start.dry_run {
            log.info("dry run: everything loads; nothing is watched");
            return Ok(None);
        }
        let pid_file = pid_file(&start, &log)?;
        let registry = Arc::new(Registry::new(counters, Arc::clone(&start.hostname)));
        let rules = compiled.verdicts.count();
        let slot = Slot::new(InForce { verdicts: compiled.verdicts, outputs: Arc::new(outputs) });
        registry.set_slot(Arc::clone(&slot));
        let webserver = webserver(config.webserver.as_ref(), &registry, &log);
        let webserver = webserver.map_err(|error| fail("webserver", &error))?;
        let around = start.around(&slot, &control, &registry, &log);
        let sources = Sources::start(&config, plan, around).map_err(|error| HostError(error.to_string()))?;
        if sources.names().is_empty() {
            return Err(HostError(
                "nothing to watch: no rule is about system calls, and no k8saudit plugin is loaded"
                    .to_owned(),
            ));
        }
        registry.set_loaded(config.metrics.clone(), rules, &in_force, sources.names());
        let mut host = Self {
            start,
            config,
            log,
            logger,
            slot,
            registry,
            sources,
            webserver,
            watcher: None,
            control,
            retired: Vec::new(),
            in_force,
            failure: None,
            said,
            next_snapshot: None,
            _pid_file: pid_file,
        };
        host.watch_files(&watched);
        host.schedule_snapshot();
        host.start.systemd.ready(&rules_in_force(rules));
        crate::memory::give_back();
        host.log.info(&rules_in_force(rules));
        Ok(Some(host))
    }

    /// Watches files, where the configuration asks for it.
    pub(super) fn watch_files(&mut self, watched: &Watched) {
        self.watcher = None;
        if !self.config.watch {
            return;
        }
        match Watcher::start(watched, self.control.clone()) {
            Ok(started) => self.watcher = Some(started),
            Err(error) => {
                self.log.error(&format!("files are not watched, SIGHUP reloads: inotify: {error}"));
            }
        }
    }

    /// The first snapshot comes after one interval.
    pub(super) fn schedule_snapshot(&mut self) {
        self.next_snapshot = self.config.metrics.as_ref().map(|metrics| Instant::now() + metrics.interval);
    }
}

impl Start {
    /// What sources need beside the configuration.
    fn around(
        &self,
        slot: &Arc<Slot>,
        control: &Sender<Control>,
        registry: &Arc<Registry>,
        log: &Log,
    ) -> Around {
        Around {
            slot: Arc::clone(slot),
            control: control.clone(),
            registry: Arc::clone(registry),
            hostname: Arc::clone(&self.hostname),
            log: log.clone(),
            attach: self.attach,
            sidecar: self.sidecar.clone(),
            host_root: self.host_root.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

/// The file with our process id. The default place is root's: others do without.
fn pid_file(start: &Start, log: &Log) -> Result<Option<PidFile>, HostError> {
    let Some((path, is_required)) = &start.pid_file else { return Ok(None) };
    match PidFile::write(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if *is_required => Err(HostError(format!("pid file {}: {error}", path.display()))),
        Err(error) => {
            log.info(&format!("no pid file {}: {error}; -P names another", path.display()));
            Ok(None)
        }
    }
}

/// The webserver, where it is enabled.
pub(super) fn webserver(
    settings: Option<&Webserver>,
    registry: &Arc<Registry>,
    log: &Log,
) -> Result<Option<Server>, ServerError> {
    let Some(settings) = settings else { return Ok(None) };
    let web = Arc::new(Web { settings: settings.clone(), registry: Arc::clone(registry) });
    let server = Server::start(&settings.listen, settings.tls.as_ref(), LIMITS, web, log.clone())?;
    log.info(&format!("webserver: listening on {}", server.address()));
    Ok(Some(server))
}

/// The files and directories whose change is a reason to reload.
pub(super) fn watched(loaded: &Loaded) -> Watched {
    let Config { files, directories, rules_files, .. } = &loaded.config;
    let in_directories = &loaded.compiled.directories;
    let rules = rules_files.iter().filter(|path| !in_directories.contains(path));
    Watched {
        files: files.iter().map(|(path, _)| path.clone()).chain(rules.cloned()).collect(),
        directories: directories.iter().chain(in_directories).cloned().collect(),
    }
}
