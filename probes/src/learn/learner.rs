//! Watches containers and makes their profiles.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use lithify::event::{Event as _, EventType};
use lithify::profile::WriteProfile;
use rustix::time::{ClockId, clock_gettime};

use super::calls::{Effect, effect_of, watched};
use super::changes::changes;
use super::layers::host_roots;
use super::making::{Making, Mounts};
use super::observed::{Call, Host, Observed, has_own_root};
use super::profile::{Criterion, profile};
use super::seen::Seen;
use super::selection::Selection;
use super::store::{Store, file_name};
use super::tree::namespace_of;
use super::workload::{Subject, Told, told};
use crate::container::ContainerId;
use crate::ending::since_boot_ns;
use crate::kernel::layout::{FileInfo, PIECE_FILE, PIECE_PATH, SLOT_EXE};
use crate::probe::{Probe, ProbeError, ProbeOptions};
use crate::procfs;
use crate::syscall::event::SyscallEvent;

/// How to learn.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which containers.
    pub selection: Selection,
    /// When a profile is complete.
    pub criterion: Criterion,
    /// The image of containers of which no runtime tells one.
    pub image: Option<String>,
}

/// Learns from events.
#[derive(Debug)]
pub struct Learner {
    settings: Settings,
    host: Host,
    containers: HashMap<Box<str>, Observed>,
    making: Making,
    /// Containers that are not watched.
    left_out: HashSet<Box<str>>,
    /// Cgroups whose events the kernel need not send any more.
    to_leave_out: Vec<u64>,
    /// What was seen of containers that are gone.
    gone: BTreeMap<Subject, Seen>,
    /// Containers that ended before a runtime told whose they were.
    unnamed: Vec<Box<str>>,
    /// Containers that were there before us: their start was not seen.
    adopted_ns: u64,
    measured: Instant,
}

/// Types of events that learning needs.
pub fn events() -> impl Iterator<Item = EventType> {
    watched().into_iter().map(|(event, _)| event)
}

/// What learning needs of the probe, in place of what `options` says of it.
pub fn options(options: ProbeOptions) -> ProbeOptions {
    ProbeOptions { events: events().collect(), filters: watched(), needs_places: true, ..options }
}

/// A read-only file system.
const EROFS: i64 = -30;
/// How long after its end a container may still have events on the way, and its runtime an answer.
const GRACE: Duration = Duration::from_secs(2);
/// How often the kernel is asked for events: by then, what a container's first program sees must be held.
const INTERVAL: Duration = Duration::from_millis(5);
/// The same while a container is being made, whose program may end at once.
const MAKING_INTERVAL: Duration = Duration::from_millis(1);
/// How often directories are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// Containers of which is remembered that they are not watched.
const LEFT_OUT_MAX: usize = 65_536;

impl Learner {
    /// Takes in the containers that run already. The probe must be attached, so that none that starts meanwhile is missed.
    pub fn new(settings: Settings, proc: &Path, host_root: &Path) -> Self {
        let host = Host {
            proc: proc.to_owned(),
            roots: host_roots(proc, host_root),
            namespace: namespace_of(proc, "1").or_else(|| namespace_of(proc, "self")),
        };
        let mut learner = Self {
            settings,
            host,
            containers: HashMap::new(),
            making: Making::default(),
            left_out: HashSet::new(),
            to_leave_out: Vec::new(),
            gone: BTreeMap::new(),
            unnamed: Vec::new(),
            adopted_ns: since_boot_ns(),
            measured: Instant::now(),
        };
        learner.adopt();
        learner
    }

    fn adopt(&mut self) {
        let now = epoch_ns();
        for pid in procfs::numbers(&self.host.proc).unwrap_or_default() {
            let directory = self.host.proc.join(pid.to_string());
            let cgroups = std::fs::read_to_string(directory.join("cgroup")).unwrap_or_default();
            let mut paths = cgroups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
            let Some(id) = paths.find_map(ContainerId::from_cgroup) else { continue };
            let name = std::fs::read_to_string(directory.join("comm")).unwrap_or_default();
            let Some(namespace) = namespace_of(&self.host.proc, &pid.to_string()) else { continue };
            if self.host.namespace == Some(namespace) {
                continue;
            }
            // A container that is being made: its start is still to come.
            if name.starts_with("runc:[") {
                self.making.meet(&id.full, pid, namespace, &self.host);
                continue;
            }
            let observed = self.containers.entry(id.full).or_insert_with(|| Observed::new(now));
            observed.enter(namespace);
            observed.hold(&self.host, pid, namespace);
            let process = procfs::read(&self.host.proc, pid, false);
            if let Some(first) = process.filter(|process| process.info.vpid == 1) {
                observed.init = Some((pid, first.start_ns));
            }
            if has_own_root(&self.host.proc, pid) {
                observed.seen.unresolved(format!("{} has a root of its own", name.trim()));
            }
        }
    }

    /// Takes in one event.
    pub fn take(&mut self, event: &SyscallEvent<'_>) {
        let Some(Some(id)) = event.container() else { return };
        if self.left_out.contains(&id.full) {
            self.to_leave_out.push(event.record.header.cgroup);
            return;
        }
        let header = &event.record.header;
        if self.host.namespace == Some(header.mnt_ns) {
            return;
        }
        if event.is_exec() && !self.is_of_the_runtime(event, &id.full) {
            self.executed(event, &id.full);
        }
        // What happens before the container's first program is its runtime's doing.
        let Some(observed) = self.containers.get_mut(&id.full) else {
            self.making.meet(&id.full, header.pid, header.mnt_ns, &self.host);
            return;
        };
        observed.cgroup = header.cgroup;
        observed.seen.to_ns = observed.seen.to_ns.max(event.time().0);
        if observed.identity.is_none() {
            let metadata = event.state.containers.get(&id.full);
            let answer = metadata.and_then(told);
            self.identify(&id.full, answer);
        }
        let Some(observed) = self.containers.get_mut(&id.full) else { return };
        if event.event_type().name() == "procexit" {
            let is_first = observed.init.is_some_and(|(pid, start_ns)| {
                // A start that /proc told is known to a hundredth of a second.
                pid == header.pid
                    && start_ns / crate::process::TICK_NS == header.start_ns / crate::process::TICK_NS
            });
            if is_first && observed.stopped.is_none() {
                observed.stopped = Some(Instant::now());
                observed.seen.stops += 1;
            }
            return;
        }
        let Some(effect) = effect_of(event.event_type()) else { return };
        let result = event.result();
        if result < 0 && result != EROFS {
            return;
        }
        let writer = event.record.comm();
        if let Effect::MovesRoot | Effect::Hides = effect {
            if result >= 0 {
                let name = event.event_type().name();
                observed.seen.unresolved(format!("{name} by {}", String::from_utf8_lossy(writer)));
            }
            return;
        }
        if !observed.has_entered(header.mnt_ns) && !is_of_the_container(event, observed.init) {
            return;
        }
        observed.hold(&self.host, header.pid, header.mnt_ns);
        let call = Call {
            name: event.event_type().name(),
            writer,
            namespace: header.mnt_ns,
            was_refused: result == EROFS,
        };
        observed.changed(&changes(event, effect), call);
    }

    /// Whether a program that was executed is the runtime's, which joins a container's cgroup before its namespaces.
    fn is_of_the_runtime(&self, event: &SyscallEvent<'_>, id: &str) -> bool {
        let header = &event.record.header;
        if self.containers.get(id).is_some_and(|observed| observed.has_entered(header.mnt_ns)) {
            return false;
        }
        // Runtimes execute copies of themselves that lie nowhere; no container begins so.
        let is_nowhere = event.record.text(PIECE_PATH, SLOT_EXE) == Some(b"/");
        // What is where its parent is, and that is nowhere that the container was seen.
        is_nowhere || namespace_of(&self.host.proc, &header.ppid.to_string()) == Some(header.mnt_ns)
    }

    fn executed(&mut self, event: &SyscallEvent<'_>, id: &str) {
        let header = &event.record.header;
        let started = !self.containers.contains_key(id);
        let observed = self.containers.entry(id.into()).or_insert_with(|| Observed::new(event.time().0));
        let is_first = event.process.is_some_and(|process| process.info.vpid == 1);
        // It was being made when we looked for those that run.
        let was_adopted = observed.seen.starts == 0 && is_first && header.time_ns < self.adopted_ns;
        if started || was_adopted {
            observed.seen.starts = 1;
            observed.init = Some((header.pid, header.start_ns));
        }
        observed.enter(header.mnt_ns);
        let mounts = Mounts::of(&self.host, header.pid, header.mnt_ns);
        let file: Option<FileInfo> = event.record.structure(PIECE_FILE, SLOT_EXE);
        let root = file.filter(|file| file.root_mount == 1).map(|file| u64::from(file.mnt_id));
        // The kernel has the last word on which mount is the root.
        let fits = |mounts: &Mounts| root.is_none_or(|root| root == mounts.tree.root_mount());
        let made = self.making.done(id, root).filter(|made| made.namespace == header.mnt_ns);
        match (mounts.filter(fits), made) {
            (Some(mounts), made) => {
                let layers = mounts.layers.or_else(|| made?.layers);
                observed.keep(Some(Mounts { layers, ..mounts }));
            }
            (None, made) => observed.keep(made),
        }
        if let Some(process) = event.process {
            observed.executed(header.mnt_ns, &process.image.path);
        }
    }

    /// What a runtime told of a container: watched or left out, from now on.
    fn identify(&mut self, id: &str, answer: Option<Told>) {
        let selection = &self.settings.selection;
        match answer {
            None => {}
            Some(Told::Container(identity)) if selection.wants(id, &identity) => {
                if let Some(observed) = self.containers.get_mut(id) {
                    observed.identity = Some(identity);
                }
            }
            Some(_) => self.leave_out(id),
        }
    }

    fn leave_out(&mut self, id: &str) {
        if self.left_out.len() >= LEFT_OUT_MAX {
            self.left_out.clear();
        }
        self.left_out.insert(id.into());
        if let Some(observed) = self.containers.remove(id)
            && observed.cgroup != 0
        {
            self.to_leave_out.push(observed.cgroup);
        }
    }

    /// Takes in what has happened until now and is still on its way.
    ///
    /// # Errors
    /// [`ProbeError`].
    pub fn drain(&mut self, probe: &mut Probe) -> Result<(), ProbeError> {
        probe.finish(since_boot_ns(), &mut |event| self.take(event))?;
        self.tick(probe);
        Ok(())
    }

    /// What is to be done between events: measures, asks whose containers are, lets go of those that are gone.
    pub fn tick(&mut self, probe: &mut Probe) {
        self.making.look(&self.host);
        probe.set_interval(if self.making.is_empty() { INTERVAL } else { MAKING_INTERVAL });
        probe.leave_out(&self.to_leave_out);
        self.to_leave_out.clear();
        let unknown: Vec<_> = self
            .containers
            .iter()
            .filter(|(_, one)| one.identity.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in unknown {
            let answer = probe.metadata(&id).and_then(told);
            self.identify(&id, answer);
        }
        if self.measured.elapsed() >= MEASURE_EVERY {
            self.measured = Instant::now();
            self.containers.values_mut().for_each(Observed::measure);
        }
        let is_over = |one: &Observed| one.stopped.is_some_and(|stopped| stopped.elapsed() >= GRACE);
        let over: Vec<_> =
            self.containers.iter().filter(|(_, one)| is_over(one)).map(|(id, _)| id.clone()).collect();
        for id in over {
            if let Some(mut observed) = self.containers.remove(&id) {
                observed.measure();
                self.let_go(id, observed);
            }
        }
    }

    fn let_go(&mut self, id: Box<str>, observed: Observed) {
        match self.subject(&id, &observed) {
            Some(subject) => add(&mut self.gone, subject, observed.seen),
            None if self.settings.selection.may_want(&id) && self.unnamed.len() < LEFT_OUT_MAX => {
                self.unnamed.push(id);
            }
            None => {}
        }
    }

    fn subject(&self, id: &str, observed: &Observed) -> Option<Subject> {
        if let Some(identity) = &observed.identity {
            return Some(identity.subject.clone());
        }
        let image = self.settings.image.as_deref()?;
        self.settings.selection.may_want(id).then(|| Subject::of_image(image))
    }

    /// Containers of which no runtime told the image, so that there can be no profile.
    pub fn unnamed(&self) -> impl Iterator<Item = &str> {
        let running = self
            .containers
            .iter()
            .filter(|(id, one)| self.subject(id, one).is_none() && self.settings.selection.may_want(id));
        self.unnamed.iter().chain(running.map(|(id, _)| id)).map(|id| &**id)
    }

    /// How many containers are watched now.
    pub fn watching(&self) -> usize {
        self.containers.len()
    }

    /// All profiles as of now, each with the file that it belongs into.
    ///
    /// `lost`: what was lost, from [`lost`](super::lost). `store`: profiles of earlier runs.
    pub fn profiles(&mut self, lost: Option<&str>, store: Option<&Store>) -> Vec<(String, WriteProfile)> {
        let now = epoch_ns();
        let mut all = self.gone.clone();
        self.containers.values_mut().for_each(Observed::measure);
        for (id, observed) in &self.containers {
            if let Some(subject) = self.subject(id, observed) {
                let mut seen = observed.seen.clone();
                if observed.stopped.is_none() {
                    seen.to_ns = seen.to_ns.max(now);
                }
                if !observed.is_held() && seen.starts == 0 {
                    seen.unresolved("its mounts could not be looked at".to_owned());
                }
                add(&mut all, subject, seen);
            }
        }
        let made = all.iter().map(|(subject, seen)| {
            let file = file_name(subject);
            let stored = store.and_then(|store| store.stored(&file));
            let profile = profile(subject, seen, lost, stored, &self.settings.criterion);
            (file, profile)
        });
        made.collect()
    }
}

/// Whether a process is the container's own, and not its runtime's on the way into it: the first one, or one that
/// descends from another of the container.
fn is_of_the_container(event: &SyscallEvent<'_>, init: Option<(u32, u64)>) -> bool {
    let header = &event.record.header;
    let mut above = event.state.processes.ancestors(header.ppid, header.parent_start_ns);
    init.is_some_and(|(pid, _)| pid == header.pid) || above.any(|process| process.cgroup == header.cgroup)
}

fn add(all: &mut BTreeMap<Subject, Seen>, subject: Subject, seen: Seen) {
    match all.entry(subject) {
        std::collections::btree_map::Entry::Vacant(entry) => _ = entry.insert(seen),
        std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().add_all(seen),
    }
}

fn epoch_ns() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    let ns = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}
