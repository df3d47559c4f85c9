//! What the probe knows beside the event at hand: processes, containers, users, the time of boot.
//!
//! In: records of the kernel's half, in order, and what [`inspect`](crate::inspect) and runtimes answer. Out: what
//! fields are answered from, and what the kernel is to be told. Nothing here waits for anybody longer than a moment.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::cgroup_table::{CGROUPS_MAX, Cgroup, Cgroups};
use crate::container::ContainerId;
use crate::domains::Domains;
use crate::inspect::{Answer, Inspectors, Question, Who, since_boot_ns};
use crate::kernel::layout::{
    CLASS_CONTAINER, CLASS_HOST, Header, PIECE_CGROUP, RECORD_EXEC, RECORD_EXIT, RECORD_FORK, SLOT_NONE,
};
use crate::kernel::record::Record;
use crate::missing::Missing;
use crate::process::{ProcessTable, parent_of};
use crate::procfs;
use crate::runtime::Containers;
use crate::users::{Occasion, Users};

/// Everything that fields of events are answered from.
pub(crate) struct State {
    pub(crate) processes: ProcessTable,
    pub(crate) users: Users,
    /// What runtimes told.
    pub(crate) containers: Containers,
    /// Names of addresses.
    pub(crate) domains: Domains,
    cgroups: Cgroups,
    /// Nanoseconds since the epoch when the machine booted.
    pub(crate) boot_ns: u64,
    /// Who looks at processes; `None` where /proc numbers them otherwise than the kernel's half does: a sidecar knows
    /// only processes that it saw start, and no users' names.
    inspectors: Option<Inspectors>,
    missing: Missing,
    /// Since when, and which processes there were: those that were not are forgotten once all that they did before has
    /// been seen.
    sweep: Option<(u64, HashSet<u32>)>,
    swept_ns: u64,
    pub(crate) hostname: Box<str>,
}

/// How long the start waits for the next process to tell about itself.
const SCAN_PATIENCE: Duration = Duration::from_secs(2);
/// How often a full table is swept.
const SWEEP_EVERY_NS: u64 = 10_000_000_000;
/// An event takes its time first and is sent some microseconds later.
const ON_THE_WAY_NS: u64 = 10_000_000;

/// What the kernel must be told after a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// The class of a cgroup that it did not know.
    pub(crate) cgroup: Option<(u64, u32)>,
    /// A cgroup whose class it is to forget, so that it shows the path again.
    pub(crate) forget: Option<u64>,
}

impl State {
    /// A state that knows nothing yet.
    pub(crate) fn new(
        proc: &Path,
        processes: ProcessTable,
        users: Users,
        containers: Containers,
        inspectors: Option<Inspectors>,
    ) -> Self {
        Self {
            processes,
            users,
            containers,
            domains: Domains::default(),
            cgroups: Cgroups::new(CGROUPS_MAX),
            boot_ns: boot_time_ns(),
            inspectors,
            missing: Missing::default(),
            sweep: None,
            swept_ns: 0,
            hostname: std::fs::read_to_string(proc.join("sys/kernel/hostname"))
                .unwrap_or_default()
                .trim()
                .into(),
        }
    }

    /// Takes in the processes that are there already. Attach first: what starts meanwhile is told twice, not never.
    ///
    /// # Errors
    /// /proc cannot be listed.
    pub(crate) fn scan(&mut self, proc: &Path) -> io::Result<()> {
        let Some(mut inspectors) = self.inspectors.take() else { return Ok(()) };
        for pid in procfs::numbers(proc)? {
            while !inspectors.ask(Question::Process(Who { pid, start_ns: None })) {
                let Some(answer) = inspectors.next_within(SCAN_PATIENCE) else { break };
                self.take(answer);
            }
            self.missing.expect(pid);
        }
        // One that hangs is told when it has answered.
        while let Some(answer) = inspectors.next_within(SCAN_PATIENCE) {
            self.take(answer);
        }
        self.inspectors = Some(inspectors);
        Ok(())
    }

    /// Takes in what a record tells, before its event is shown to anybody; `None`: it was told before.
    pub(crate) fn before(&mut self, record: &Record<'_>) -> Option<Learned> {
        let header = &record.header;
        if header.kind == RECORD_EXIT {
            self.missing.ended(header.pid);
            if !self.processes.ends(header) {
                return None;
            }
        }
        let path = record.text(PIECE_CGROUP, SLOT_NONE);
        let learned = path.map(|path| self.learn_cgroup(header, path)).unwrap_or_default();
        match header.kind {
            RECORD_EXEC => self.processes.executed(record),
            RECORD_FORK => self.processes.forked(record),
            _ => self.processes.observe(header),
        }
        if header.kind != RECORD_EXIT {
            self.complete(header);
            self.name_users(header);
        }
        self.forget_the_gone(header.time_ns);
        Some(learned)
    }

    /// Takes in what a record tells, after its event was shown.
    pub(crate) fn after(&mut self, record: &Record<'_>) {
        if record.header.kind == RECORD_EXIT {
            self.processes.exited(&record.header);
        }
    }

    /// Takes in the answers that have come.
    pub(crate) fn take_answers(&mut self) {
        self.containers.take_answers();
        self.domains.take_answers();
        while let Some(answer) = self.inspectors.as_mut().and_then(Inspectors::answer) {
            self.take(answer);
        }
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Process(pid, process) => {
                if self.missing.take(pid)
                    && let Some(process) = process
                {
                    self.processes.add(*process);
                }
            }
            Answer::Names(container, names) => {
                if let Some(names) = names {
                    self.users.told(&container, names);
                }
            }
            Answer::Alive(since_ns, alive) => self.sweep = alive.map(|alive| (since_ns, alive)),
        }
    }

    /// Asks, and waits a moment for the answer.
    fn inquire(&mut self, question: Question, is_it: impl Fn(&Answer) -> bool) -> bool {
        let Some(mut inspectors) = self.inspectors.take() else { return false };
        let is_asked = inspectors.ask_and_wait(question, |answer| {
            let is_it = is_it(&answer);
            self.take(answer);
            is_it
        });
        self.inspectors = Some(inspectors);
        is_asked
    }

    /// Processes that are missing, because their fork was lost or they are older than the probe: /proc may know them.
    fn complete(&mut self, header: &Header) {
        if !self.processes.is_complete(header.pid, header.start_ns) {
            self.fetch(header.pid, header.start_ns, header.time_ns);
            self.processes.observe(header);
        }
        if header.kind == RECORD_FORK {
            let (parent, start_ns) = parent_of(header);
            if !self.processes.is_complete(parent, start_ns) {
                self.fetch(parent, start_ns, header.time_ns);
            }
        }
    }

    fn fetch(&mut self, pid: u32, start_ns: u64, now_ns: u64) {
        // There would be no room for the answer.
        let is_hopeless = self.processes.is_full() && self.processes.by_number(pid).is_none();
        if self.inspectors.is_none() || is_hopeless || !self.missing.wants(pid, start_ns, now_ns) {
            return;
        }
        self.missing.expect(pid);
        let who = Who { pid, start_ns: Some(start_ns) };
        let is_it = |answer: &Answer| matches!(answer, Answer::Process(found, _) if *found == pid);
        if !self.inquire(Question::Process(who), is_it) {
            self.missing.ended(pid);
        }
    }

    /// Ends that were lost leave processes behind, which matters once they fill the table.
    fn forget_the_gone(&mut self, now_ns: u64) {
        if self.processes.is_full()
            && now_ns.saturating_sub(self.swept_ns) > SWEEP_EVERY_NS
            && let Some(inspectors) = &mut self.inspectors
        {
            self.swept_ns = now_ns;
            inspectors.ask(Question::Alive);
        }
        if self.sweep.as_ref().is_some_and(|(since_ns, _)| since_ns + ON_THE_WAY_NS < now_ns)
            && let Some((since_ns, alive)) = self.sweep.take()
        {
            self.processes.sweep(&alive, since_ns);
        }
    }

    /// Asks for the names of the users of the container that a process is in, if they are not known.
    fn name_users(&mut self, header: &Header) {
        let is_exec = header.kind == RECORD_EXEC;
        let occasion = if is_exec { Occasion::Exec(header.uid) } else { Occasion::Other };
        let Some(inspectors) = &mut self.inspectors else { return };
        let Some(cgroup) = self.cgroups.get_mut(header.cgroup) else { return };
        let Some(container) = cgroup.container.as_ref().filter(|_| is_exec || !cgroup.has_names) else {
            return;
        };
        cgroup.has_names = self.users.knows(&container.full);
        if !self.users.wants(&container.full, occasion, header.time_ns) {
            return;
        }
        let who = Who { pid: header.pid, start_ns: Some(header.start_ns) };
        let id = container.full.clone();
        let question = Question::Names(id.clone(), who);
        if cgroup.has_names {
            inspectors.ask(question);
        } else {
            self.inquire(question, |answer| matches!(answer, Answer::Names(of, _) if *of == id));
        }
    }

    /// What the kernel should be told; no class: it should show the cgroup again.
    fn learn_cgroup(&mut self, header: &Header, path: &[u8]) -> Learned {
        let path = String::from_utf8_lossy(path);
        let container = ContainerId::from_cgroup(&path).or_else(|| self.container_above(header, &path));
        let class = if container.is_some() { CLASS_CONTAINER } else { CLASS_HOST };
        let is_met = container.as_ref().is_none_or(|container| self.containers.meet(&container.full));
        let cgroup = Cgroup { path: path.into(), container, has_names: false };
        let forget = self.cgroups.learn(header.cgroup, cgroup, since_boot_ns());
        for gone in self.cgroups.retire(header.time_ns) {
            self.containers.forget(&gone);
            self.users.forget(&gone);
        }
        Learned { cgroup: is_met.then_some((header.cgroup, class)), forget }
    }

    /// The container of a cgroup whose path is too long to be told whole. Only what is in a container already goes
    /// there to hide, so it is the one in which the process, or its parent, was seen before.
    fn container_above(&self, header: &Header, path: &str) -> Option<ContainerId> {
        if !ContainerId::may_be_above(path) {
            return None;
        }
        let itself = self.processes.get(header.pid, header.start_ns);
        let parent = self.processes.get(header.ppid, header.parent_start_ns);
        let mut before =
            itself.into_iter().chain(parent).filter_map(|process| self.cgroups.get(process.cgroup));
        before.next().map_or_else(|| Some(ContainerId::unknown()), |cgroup| cgroup.container.clone())
    }

    /// What is known of a cgroup.
    pub(crate) fn cgroup(&self, number: u64) -> Option<&Cgroup> {
        self.cgroups.get(number)
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

#[cfg(test)]
mod tests;
