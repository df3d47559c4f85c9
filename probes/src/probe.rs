//! The source of system-call events.
//!
//! One ring buffer for all CPUs: events come in the order in which they were sent, which keeps parents before their
//! children, and the memory serves whichever CPU is busy. A ring for each CPU was measured beside it on two CPUs, 240
//! bytes an event and 8 MiB in all, medians of five rounds: two writers pay 635 ns a call instead of 666, one writer
//! 507 instead of 486, nothing lost by either. Five in a hundred of a flood are not worth merging by time.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aya::maps::{HashMap, MapData, RingBuf};
use lithify::event::EventType;
use rustix::event::{Timespec, epoll};

use crate::cgroup::{choose_hierarchy, levels_to_pod};
use crate::domains::Domains;
use crate::inspect::Inspectors;
use crate::kernel::alternative::Alternative;
use crate::kernel::filter::{self, Tables};
use crate::kernel::layout::{self, Bytes as _, Plan, Settings};
use crate::kernel::loader::{AttachKind, Kernel, LoadError, LoadOptions};
use crate::kernel::optional::Optional;
use crate::kernel::record::{Record, RecordError};
use crate::log::Log;
use crate::process::ProcessTable;
use crate::runtime::{self, Containers, LookupTally, Metadata, OwnPod};
use crate::state::{Learned, State};
use crate::syscall::event::SyscallEvent;
use crate::syscall::plan::{self, Needs};
use crate::tally::{self, Tally, Unseen};
use crate::users::Users;

/// What to watch, and with what means.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Types of events that are wanted. Exec and exit of processes are always seen.
    pub events: Vec<EventType>,
    /// What an event of a type must meet for any rule to match, for the types of which it is known. An empty list:
    /// no event can match.
    pub filters: Vec<(EventType, Vec<Alternative>)>,
    /// Send what the filters would leave out all the same, marked: [`SyscallEvent::is_judged_out`].
    pub shadow: bool,
    /// Whether rules ask for the working directory of every event; costs a walk each.
    pub needs_cwd: bool,
    /// Whether the files that calls are about are asked for as the kernel knows them, links followed; costs a walk each.
    pub needs_places: bool,
    /// Whether rules ask for the environment.
    pub needs_environment: bool,
    /// Bytes of the ring buffer: a power of two, at least 64 KiB. The process holds it mapped twice.
    pub ring_bytes: u32,
    /// Bytes captured of buffers that calls read and write.
    pub snap_bytes: u32,
    /// How to attach; `None`: a tracepoint per call if they can be had.
    pub attach: Option<AttachKind>,
    /// Where the host's /proc is.
    pub proc: PathBuf,
    /// Where the host's root is, for its passwd.
    pub host_root: PathBuf,
    /// Which container runtimes are asked; `None`: nobody is.
    pub runtimes: Option<runtime::Settings>,
    /// Domain names that rules compare addresses with.
    pub domains: Vec<String>,
    /// Watch the containers of the pod that this process is in, and nothing else of the machine.
    pub sidecar: Option<OwnPod>,
    /// Where it is said what is not as it should be.
    pub log: Option<Log>,
    /// Most processes that are kept in mind.
    pub processes_max: usize,
    /// How long the reader sleeps when nobody wakes it: the longest an event waits.
    pub interval: Duration,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            filters: Vec::new(),
            shadow: false,
            needs_cwd: false,
            needs_places: false,
            needs_environment: false,
            ring_bytes: 8 << 20,
            snap_bytes: 80,
            attach: None,
            proc: PathBuf::from("/proc"),
            host_root: PathBuf::from("/"),
            runtimes: None,
            domains: Vec::new(),
            sidecar: None,
            log: None,
            processes_max: 1 << 16,
            interval: Duration::from_millis(20),
        }
    }
}

/// Why the probe does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The kernel's half.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Processes that are there already cannot be listed.
    #[error("list processes in {path}: {error}")]
    Processes {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Looking at processes.
    #[error("look at processes: start threads: {0}")]
    Inspectors(#[source] io::Error),
    /// Asking container runtimes.
    #[error("ask container runtimes: {0}")]
    Runtimes(#[source] io::Error),
    /// Asking for the addresses of domain names.
    #[error("resolve domain names: {0}")]
    Domains(#[source] io::Error),
    /// A sidecar's own cgroup is not a container of a pod: there is no telling what to watch.
    #[error(
        "sidecar: expected to be in a container of a pod, found cgroup `{0}`; without --sidecar the whole machine is \
         watched"
    )]
    NoPod(String),
    /// Waiting for events.
    #[error("wait for events: {0}")]
    Wait(#[source] io::Error),
    /// The kernel's half and ours disagree: a defect, not a condition.
    #[error("read an event: {0}")]
    Record(#[from] RecordError),
}

/// What a sidecar cannot tell, and why.
pub const SIDECAR_LACKS: [&str; 4] = [
    "user.name, user.homedir, user.shell, user.loginname, group.name: the files that have them are the host's and \
     other containers'",
    "container.name, container.image*, container.privileged, container.mount*, container.label*, container.ip: no \
     runtime is asked",
    "k8s.pod.label*, k8s.pod.ip, k8s.pod.*sandbox_id: no runtime is asked",
    "proc.exe*, proc.args, proc.cmdline, proc.cwd, proc.env of processes, and ancestors, that ran before the probe, \
     until their next exec: their /proc is out of reach",
];

/// A running probe. Dropping it detaches every program.
pub struct Probe {
    kernel: Kernel,
    ring: RingBuf<MapData>,
    cgroups: HashMap<MapData, u64, u32>,
    wake: OwnedFd,
    state: State,
    attach: AttachKind,
    optional: Vec<Optional>,
    missing: Vec<&'static str>,
    numbers: Vec<(u16, EventType)>,
    interval: Duration,
    refreshed: Instant,
    seen: u64,
    /// The last batch was full: there is more, do not sleep.
    is_behind: bool,
}

/// Records that are read before the caller has its turn, however fast new ones come.
const BATCH: usize = 1024;

impl Probe {
    /// Loads and attaches the kernel's half, then takes in the processes that are there.
    ///
    /// # Errors
    /// [`ProbeError`].
    pub fn start(options: &ProbeOptions) -> Result<Self, ProbeError> {
        let mut kernel = Kernel::load(&LoadOptions { ring_bytes: options.ring_bytes })?;
        let optional = if options.events.is_empty() { Vec::new() } else { kernel.attach_optional() };
        let own_pid = kernel.configure(settings(options, &optional))?;
        let needs = Needs { cwd: options.needs_cwd, places: options.needs_places };
        let mut wanted: Vec<_> = options
            .events
            .iter()
            .filter(|event| event.is_syscall())
            .filter_map(|event| Some((*event, plan::plan(*event, needs)?)))
            .collect();
        kernel.set_filters(&filters(&mut wanted, &options.filters))?;
        kernel.set_plans(&wanted.iter().map(|(_, plan)| *plan).collect::<Vec<_>>())?;
        let names: Vec<_> = wanted.iter().map(|(event, _)| event.name()).collect();
        let mut ring = kernel.take_ring()?;
        if options.sidecar.is_some() {
            kernel.set_pod(pod_cgroup(&mut ring)?)?;
        }
        let cgroups = kernel.take_cgroups()?;
        let wake = wake_descriptor(&ring).map_err(ProbeError::Wait)?;
        let mut state = state(options, own_pid)?;
        let (attach, missing) = kernel.attach(&names, options.attach)?;
        kernel.forget_types();
        state
            .scan(&options.proc)
            .map_err(|error| ProbeError::Processes { path: options.proc.clone(), error })?;
        Ok(Self {
            kernel,
            ring,
            cgroups,
            wake,
            state,
            attach,
            optional,
            missing,
            numbers: wanted.iter().map(|(event, (number, _))| (*number, *event)).collect(),
            interval: options.interval,
            refreshed: Instant::now(),
            seen: 0,
            is_behind: false,
        })
    }

    /// How system calls are seen.
    pub const fn attach_kind(&self) -> AttachKind {
        self.attach
    }

    /// What became of the programs that only some kernels take.
    pub fn optional(&self) -> &[Optional] {
        &self.optional
    }

    /// Wanted calls that this kernel does not have.
    pub fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// Waits for events, at most the interval, and shows those that are there, at most a batch, in the order in which
    /// they happened.
    ///
    /// Returns how many were shown.
    ///
    /// # Errors
    /// [`ProbeError::Wait`]; [`ProbeError::Record`].
    pub fn poll(&mut self, visit: &mut dyn FnMut(&SyscallEvent<'_>)) -> Result<u64, ProbeError> {
        self.wait()?;
        if self.refreshed.elapsed() > Duration::from_secs(1) {
            self.state.refresh_boot_time();
            self.refreshed = Instant::now();
        }
        self.state.take_answers();
        let before = self.seen;
        self.is_behind = true;
        for _ in 0..BATCH {
            let Some(bytes) = self.ring.next() else {
                self.is_behind = false;
                break;
            };
            let record = Record::parse(&bytes)?;
            let Some(learned) = self.state.before(&record) else { continue };
            tell(&mut self.cgroups, learned);
            if let Some(event) = SyscallEvent::new(record, &self.state, self.seen + 1) {
                self.seen += 1;
                visit(&event);
            }
            self.state.after(&record);
        }
        Ok(self.seen - before)
    }

    fn wait(&self) -> Result<(), ProbeError> {
        if self.is_behind {
            return Ok(());
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(self.interval.subsec_nanos()) };
        let mut events =
            [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 1];
        match epoll::wait(&self.wake, &mut events, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(ProbeError::Wait(error.into())),
        }
    }

    /// What happened to the events of each type, since the start.
    ///
    /// # Errors
    /// [`LoadError::Map`].
    pub fn tally(&self) -> Result<Vec<Tally>, LoadError> {
        tally::tally(&self.kernel, &self.numbers)
    }

    /// Whether the last poll left events that are there.
    pub(crate) const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// How long the next polls wait when there is nothing; below a second.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// What happened and cannot have become an event, since the start.
    ///
    /// # Errors
    /// [`LoadError::Map`].
    pub fn unseen(&self) -> Result<Unseen, LoadError> {
        tally::unseen(&self.kernel, self.attach)
    }

    /// What a runtime told of a container, by its whole id.
    pub(crate) fn metadata(&self, id: &str) -> Option<&Metadata> {
        self.state.containers.get(id)
    }

    /// Tells the kernel to treat cgroups as the host's: what only containers' events are asked for does not come from
    /// there any more.
    pub(crate) fn leave_out(&mut self, cgroups: &[u64]) {
        for cgroup in cgroups {
            // If that fails, the events go on coming.
            let _ = self.cgroups.insert(cgroup, layout::CLASS_HOST, 0);
        }
    }

    /// What became of questions to container runtimes.
    pub fn lookups(&self) -> LookupTally {
        self.state.containers.tally()
    }

    /// Processes that are known, and those that found no room.
    pub fn processes(&self) -> (usize, u64) {
        (self.state.processes.len(), self.state.processes.refused)
    }
}

/// Our number in a mounted /proc, which is that of the pid namespace which it was mounted for: in a pod, the host's
/// /proc numbers us as the kernel does, our own does not.
fn own_pid_in(proc: &Path) -> Option<u32> {
    std::fs::read_link(proc.join("self")).ok()?.to_str()?.parse().ok()
}

/// What is known before the first event.
fn state(options: &ProbeOptions, own_pid: u32) -> Result<State, ProbeError> {
    let containers = containers(options)?;
    let processes = ProcessTable::new(options.processes_max, options.needs_environment);
    let (inspectors, users) = if own_pid_in(&options.proc) == Some(own_pid) {
        let inspectors = Inspectors::start(&options.proc, options.needs_environment, options.log.clone());
        (Some(inspectors.map_err(ProbeError::Inspectors)?), Users::new(&options.host_root))
    } else {
        (None, Users::none())
    };
    let mut state = State::new(&options.proc, processes, users, containers, inspectors);
    state.domains = Domains::resolve(options.domains.clone()).map_err(ProbeError::Domains)?;
    Ok(state)
}

fn containers(options: &ProbeOptions) -> Result<Containers, ProbeError> {
    match (&options.sidecar, &options.runtimes) {
        (Some(pod), _) => Ok(Containers::of_pod(pod)),
        (None, None) => Ok(Containers::default()),
        (None, Some(settings)) => {
            Containers::ask(settings, &options.host_root, options.log.clone()).map_err(ProbeError::Runtimes)
        }
    }
}

/// The tables of all filters; the plans of their calls learn that they are filtered.
fn filters(
    wanted: &mut [(EventType, (u16, Plan))],
    filters: &[(EventType, Vec<Alternative>)],
) -> Vec<(u16, u32, Tables)> {
    let mut all = Vec::new();
    for ((event, (number, plan)), group) in wanted.iter_mut().zip(0_u32..) {
        let alternatives = filters.iter().find(|(of, _)| of == event).map(|(_, alternatives)| alternatives);
        if let Some(tables) = alternatives.and_then(|alternatives| filter::tables(alternatives, group)) {
            plan.filtered = 1;
            plan.group = group;
            all.push((*number, group, tables));
        }
    }
    all
}

/// The number of our pod's cgroup, from the record in which the kernel tells our own and those above.
fn pod_cgroup(ring: &mut RingBuf<MapData>) -> Result<u64, ProbeError> {
    let Some(bytes) = ring.next() else { return Err(ProbeError::NoPod("none".to_owned())) };
    let record = Record::parse(&bytes)?;
    let path = record.text(layout::PIECE_CGROUP, layout::SLOT_NONE).unwrap_or_default();
    let path = String::from_utf8_lossy(path);
    let pod = levels_to_pod(&path).and_then(|levels| record.header.args.get(levels - 1).copied());
    match pod {
        Some(pod) if pod != 0 && record.header.kind == layout::RECORD_SELF => Ok(pod),
        _ => Err(ProbeError::NoPod(path.into_owned())),
    }
}

fn settings(options: &ProbeOptions, optional: &[Optional]) -> Settings {
    let mut settings = Settings::zeroed();
    let own = std::fs::read_to_string(options.proc.join("self/cgroup")).unwrap_or_default();
    settings.subsystem = choose_hierarchy(&own);
    settings.wake_bytes = u64::from(options.ring_bytes) / 8;
    settings.full_bytes = u64::from(options.ring_bytes) / 8 * 7;
    settings.own_only = u32::from(options.sidecar.is_some());
    settings.copies = u32::from(optional.iter().any(|one| one.refused.is_none()));
    settings.shadow = u32::from(options.shadow);
    settings.snap_bytes = options.snap_bytes.min(layout::TEXT_MAX);
    settings
}

/// A descriptor that is ready when the kernel's half wakes us, and not already when something is there: a reader that
/// is called for every event works on nothing else.
fn wake_descriptor(ring: &RingBuf<MapData>) -> io::Result<OwnedFd> {
    let wake = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(
        &wake,
        ring.as_fd(),
        epoll::EventData::new_u64(0),
        epoll::EventFlags::IN | epoll::EventFlags::ET,
    )?;
    Ok(wake)
}

/// Tells the kernel what a cgroup is. If that fails, it goes on sending the path with each event.
fn tell(cgroups: &mut HashMap<MapData, u64, u32>, learned: Learned) {
    if let Some(cgroup) = learned.forget {
        let _ = cgroups.remove(&cgroup);
    }
    if let Some((cgroup, class)) = learned.cgroup {
        let _ = cgroups.insert(cgroup, class, 0);
    }
}
