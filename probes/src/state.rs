//! What the probe knows beside the event at hand: processes, containers, users, the time of boot.

use std::path::PathBuf;

use crate::container::ContainerId;
use crate::domains::Domains;
use crate::kernel::layout::{
    CLASS_CONTAINER, CLASS_HOST, PIECE_CGROUP, RECORD_EXEC, RECORD_EXIT, RECORD_FORK, SLOT_NONE,
};
use crate::kernel::record::Record;
use crate::process::{NumberMap, ProcessTable, TICK_NS};
use crate::procfs;
use crate::runtime::Containers;
use crate::users::Users;

/// What a cgroup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroup {
    /// Its path in the hierarchy.
    pub(crate) path: Box<str>,
    /// Its container; `None` on the host.
    pub(crate) container: Option<ContainerId>,
}

/// Cgroups whose meaning is kept; more, and all are learned again.
const CGROUPS_MAX: usize = 16_384;

/// Everything that fields of events are answered from.
pub(crate) struct State {
    pub(crate) processes: ProcessTable,
    pub(crate) users: Users,
    /// What runtimes told.
    pub(crate) containers: Containers,
    /// Names of addresses.
    pub(crate) domains: Domains,
    cgroups: NumberMap<u64, Cgroup>,
    /// Nanoseconds since the epoch when the machine booted.
    pub(crate) boot_ns: u64,
    /// Where /proc is.
    pub(crate) proc: PathBuf,
    /// Whether /proc numbers processes as the kernel's half does. A sidecar's does not: it knows only processes that
    /// it saw start, and no users' names.
    sees_processes: bool,
    pub(crate) hostname: Box<str>,
    keep_environment: bool,
}

/// What the kernel must be told after a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// The class of a cgroup that it did not know.
    pub(crate) cgroup: Option<(u64, u32)>,
    /// Forget all classes first: so have we, there were too many.
    pub(crate) reset: bool,
}

impl State {
    /// A state that knows nothing yet.
    pub(crate) fn new(
        proc: PathBuf,
        host_root: &std::path::Path,
        processes_max: usize,
        keep_environment: bool,
        containers: Containers,
    ) -> Self {
        Self {
            processes: ProcessTable::new(processes_max, keep_environment),
            users: Users::new(host_root),
            containers,
            domains: Domains::default(),
            cgroups: NumberMap::default(),
            boot_ns: boot_time_ns(),
            hostname: std::fs::read_to_string(proc.join("sys/kernel/hostname"))
                .unwrap_or_default()
                .trim()
                .into(),
            proc,
            sees_processes: true,
            keep_environment,
        }
    }

    /// /proc is of another pid namespace, and so are the files that have users' names.
    pub(crate) fn hide_processes(&mut self) {
        self.sees_processes = false;
        self.users = Users::none();
    }

    /// Takes in the processes that are there already. Attach first: what starts meanwhile is told twice, not never.
    ///
    /// # Errors
    /// /proc cannot be listed.
    pub(crate) fn scan(&mut self) -> std::io::Result<()> {
        if !self.sees_processes {
            return Ok(());
        }
        for pid in procfs::numbers(&self.proc)? {
            if let Some(process) = procfs::read(&self.proc, pid, self.keep_environment) {
                self.processes.add(process);
            }
        }
        Ok(())
    }

    /// Takes in what a record tells, before its event is shown to anybody.
    pub(crate) fn before(&mut self, record: &Record<'_>) -> Learned {
        let header = &record.header;
        let reset = self.cgroups.len() >= CGROUPS_MAX || self.containers.is_full();
        if reset {
            self.cgroups.clear();
            self.containers.clear();
        }
        let class =
            record.text(PIECE_CGROUP, SLOT_NONE).and_then(|path| self.learn_cgroup(header.cgroup, path));
        match header.kind {
            RECORD_EXEC => self.processes.executed(record),
            RECORD_FORK => self.processes.forked(record),
            _ => self.processes.observe(header),
        }
        if header.kind != RECORD_EXIT && !self.processes.has(header) {
            self.fetch(record);
        }
        if header.kind == RECORD_EXEC
            && self.sees_processes
            && let Some(container) =
                self.cgroups.get(&header.cgroup).and_then(|cgroup| cgroup.container.as_ref())
        {
            self.users.learn(&container.full, &self.proc, header.pid);
        }
        Learned { cgroup: class.map(|class| (header.cgroup, class)), reset }
    }

    /// Takes in what a record tells, after its event was shown.
    pub(crate) fn after(&mut self, record: &Record<'_>) {
        if record.header.kind == RECORD_EXIT {
            self.processes.exited(&record.header);
        }
    }

    /// A process that is missing, because its fork was dropped or it is older than the probe: /proc may know it.
    fn fetch(&mut self, record: &Record<'_>) {
        let header = &record.header;
        // A number may have been given to another process meanwhile: the start tells.
        if self.sees_processes
            && let Some(process) = procfs::read(&self.proc, header.pid, self.keep_environment)
            && process.start_ns / TICK_NS == header.start_ns / TICK_NS
        {
            self.processes.add(process);
            self.processes.observe(header);
        }
    }

    /// The class that the kernel should know; `None`: it should show the cgroup again.
    fn learn_cgroup(&mut self, number: u64, path: &[u8]) -> Option<u32> {
        let path = String::from_utf8_lossy(path);
        let container = ContainerId::from_cgroup(&path);
        let class = if container.is_some() { CLASS_CONTAINER } else { CLASS_HOST };
        let is_met = container.as_ref().is_none_or(|container| self.containers.meet(&container.full));
        self.cgroups.insert(number, Cgroup { path: path.into(), container });
        is_met.then_some(class)
    }

    /// What is known of a cgroup.
    pub(crate) fn cgroup(&self, number: u64) -> Option<&Cgroup> {
        self.cgroups.get(&number)
    }

    /// The clock may have been set meanwhile.
    pub(crate) fn refresh_boot_time(&mut self) {
        self.boot_ns = boot_time_ns();
    }
}

fn boot_time_ns() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    u64::try_from(nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Boottime)).unwrap_or(0)
}
