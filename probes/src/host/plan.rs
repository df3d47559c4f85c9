//! What the kernel is asked for, by the rules in force and the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lithify::event::EventType;

use crate::config::Kernel;
use crate::engine::Compiled;
use crate::kernel::alternative::Alternative;
use crate::kernel::derive::filters_of;
use crate::probe::ProbeOptions;
use crate::runtime;

/// A rule that holds for more types names none: it asks for whatever happens.
const NAMES_NONE: usize = 100;

/// Calls that happen so often that only a rule that names them sees them, unless `base_syscalls.all`.
const BUSY: &[&str] = &[
    "read",
    "pread64",
    "readv",
    "preadv",
    "preadv2",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "sendfile",
    "splice",
    "tee",
    "vmsplice",
    "futex",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_wait",
    "epoll_pwait",
    "nanosleep",
    "clock_nanosleep",
    "sched_yield",
    "gettimeofday",
    "clock_gettime",
    "getpid",
];

/// What is asked for. Two plans that are equal need no other probe.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    kernel: Kernel,
    events: Vec<EventType>,
    filters: Vec<(EventType, Vec<Alternative>)>,
    needs_cwd: bool,
    needs_environment: bool,
    runtimes: Option<runtime::Settings>,
    domains: Vec<String>,
}

impl Plan {
    /// What rules ask for.
    pub(super) fn new(kernel: &Kernel, runtimes: Option<&runtime::Settings>, compiled: &Compiled) -> Self {
        let rules = compiled.verdicts.rules();
        let mut named = BTreeSet::new();
        for rule in rules.rules() {
            let types = compiled.load.event_types(&rule.name).unwrap_or_default();
            if types.len() <= NAMES_NONE {
                named.extend(types.iter().copied());
            }
        }
        let is_quiet =
            |event: &EventType| kernel.all || named.contains(event) || !BUSY.contains(&event.name());
        let mut events: Vec<EventType> = rules.event_types().into_iter().filter(is_quiet).collect();
        events.extend(&kernel.also);
        events.sort_unstable();
        events.dedup();
        events.retain(|event| !kernel.not.contains(event));
        let filters =
            filters_of(rules).into_iter().filter(|(event, _)| !kernel.also.contains(event)).collect();
        let asks = |names: &[&str]| names.iter().any(|name| compiled.fields.contains(*name));
        Self {
            kernel: kernel.clone(),
            events,
            filters,
            needs_cwd: asks(&["proc.cwd", "evt.args", "evt.arg.cwd", "evt.rawarg.cwd"]),
            needs_environment: asks(&["proc.env", "proc.aenv", "evt.args", "evt.arg.env", "evt.rawarg.env"]),
            runtimes: runtimes.cloned(),
            domains: rules.domains().iter().cloned().collect(),
        }
    }

    /// How many types of events are watched.
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    /// The probe's options; `host_root`: where the host's files are, as falco.yaml's users know `HOST_ROOT`.
    pub(super) fn options(&self, host_root: Option<PathBuf>) -> ProbeOptions {
        let mut options = ProbeOptions {
            events: self.events.clone(),
            filters: self.filters.clone(),
            needs_cwd: self.needs_cwd,
            needs_environment: self.needs_environment,
            ring_bytes: self.kernel.ring_bytes,
            snap_bytes: self.kernel.snap_bytes,
            processes_max: self.kernel.processes_max,
            runtimes: self.runtimes.clone(),
            domains: self.domains.clone(),
            ..ProbeOptions::default()
        };
        if let Some(root) = host_root {
            options.proc = root.join("proc");
            options.host_root = root;
        }
        options
    }
}
