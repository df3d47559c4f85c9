//! The source of system calls: one thread that reads the probe and judges what it shows.
//!
//! Other rules may need another probe. It is attached beside the old one, and a moment after that parts the
//! events: those before it come from the old probe and are judged by the old rules, the rest from the new one
//! by the new rules. None is seen twice, none is missed.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::account::Account;
use super::control::Control;
use super::drops::{DropWatch, KernelStats, Verdict};
use super::in_force::{Judge, Slot};
use super::plan::Plan;
use super::seam::Seam;
use crate::config::Drops;
use crate::ending::since_boot_ns;
use crate::log::Log;
use crate::probe::{Probe, ProbeError};

/// The name of the source, in messages.
pub(super) const NAME: &str = "syscall";

/// What the thread is told.
enum Command {
    /// Another probe, and what to do when the events of the old one have been judged.
    Replace(Box<Probe>, Box<dyn FnOnce() + Send>),
    /// Other settings.
    Drops(Drops),
    /// Judge what is there, and end.
    Stop,
}

/// The thread's handle.
pub(super) struct KernelSource {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
    plan: Plan,
}

/// What the thread works with.
pub(super) struct Surroundings {
    pub(super) slot: Arc<Slot>,
    pub(super) stats: Arc<KernelStats>,
    pub(super) control: Sender<Control>,
    pub(super) hostname: Arc<str>,
    pub(super) log: Log,
}

impl KernelSource {
    /// Reads a probe from now on.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn start(
        probe: Probe,
        plan: Plan,
        drops: Drops,
        around: Surroundings,
    ) -> std::io::Result<Self> {
        let (commands, received) = mpsc::channel();
        let watch = DropWatch::new(drops, Arc::clone(&around.hostname), Instant::now());
        let judge = Judge::new(Arc::clone(&around.slot));
        let mut worker = Worker {
            probe,
            judge,
            watch,
            around,
            commands: received,
            accounted: Instant::now(),
            seam: Seam::default(),
        };
        let thread = std::thread::Builder::new().name("syscalls".to_owned()).spawn(move || worker.run())?;
        Ok(Self { commands, thread, plan })
    }

    /// What is asked of the kernel.
    pub(super) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes another probe; `swap` is called between the events of both.
    pub(super) fn replace(&mut self, probe: Probe, plan: Plan, swap: impl FnOnce() + Send + 'static) {
        self.plan = plan;
        self.tell(Command::Replace(Box::new(probe), Box::new(swap)));
    }

    pub(super) fn set_drops(&self, drops: Drops) {
        self.tell(Command::Drops(drops));
    }

    /// Judges what has happened until now, and detaches.
    pub(super) fn stop(self) {
        self.tell(Command::Stop);
        // A panic of the thread has been printed; there is nothing to add.
        let _ = self.thread.join();
    }

    fn tell(&self, command: Command) {
        // A thread that has ended said why.
        let _ = self.commands.send(command);
    }
}

struct Worker {
    probe: Probe,
    judge: Judge,
    watch: DropWatch,
    around: Surroundings,
    commands: Receiver<Command>,
    accounted: Instant,
    /// Where the events of the probe before this one ended.
    seam: Seam,
}

impl Worker {
    fn run(&mut self) {
        if let Err(error) = self.work() {
            // The host ends then, and says it.
            let _ = self.around.control.send(Control::SourceFailed(NAME, error.to_string()));
        }
    }

    fn work(&mut self) -> Result<(), ProbeError> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Replace(probe, swap)) => self.replace(*probe, swap)?,
                Ok(Command::Drops(drops)) => self.watch.set(drops),
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {}
            }
            self.poll()?;
            self.judge.refresh();
            if self.accounted.elapsed() >= Duration::from_secs(1) {
                self.account(Account::of(&self.probe)?);
            }
        }
        self.finish(since_boot_ns())?;
        let verdict = self.watch.end(&self.around.stats, Instant::now());
        self.tell(verdict);
        Ok(())
    }

    /// Judges a batch of events.
    fn poll(&mut self) -> Result<(), ProbeError> {
        let (judge, seam) = (&mut self.judge, &mut self.seam);
        self.probe.poll(&mut |event| {
            if seam.is_behind(event) {
                judge.judge(event);
            }
        })?;
        Ok(())
    }

    /// Judges what happened before a moment that is just over, to the last event, and counts what was lost of it.
    ///
    /// Returns the seam at which another probe's events may begin.
    fn finish(&mut self, end_ns: u64) -> Result<Seam, ProbeError> {
        let mut end = Seam::at(end_ns);
        let (judge, seam) = (&mut self.judge, &mut self.seam);
        let counted = self.probe.finish(end_ns, &mut |event| {
            if seam.is_behind(event) && end.is_before(event) {
                judge.judge(event);
            }
        })?;
        self.account(Account::from_parts(&counted.tally, counted.unseen));
        Ok(end)
    }

    fn replace(&mut self, probe: Probe, swap: Box<dyn FnOnce() + Send>) -> Result<(), ProbeError> {
        // The new probe is attached: from here on it sees what happens.
        let seam = self.finish(since_boot_ns())?;
        swap();
        // Detaching the old one takes its time, and the new one's ring fills meanwhile.
        let old = std::mem::replace(&mut self.probe, probe);
        let _ = std::thread::Builder::new().name("detach".to_owned()).spawn(move || drop(old));
        self.seam = seam;
        self.watch.restart();
        Ok(())
    }

    fn account(&mut self, account: Account) {
        self.accounted = Instant::now();
        let stats = &self.around.stats;
        let (processes, refused) = self.probe.processes();
        stats.processes.store(processes as u64, Relaxed);
        stats.processes_refused.store(refused, Relaxed);
        let verdict = self.watch.take(account, stats, self.accounted);
        self.tell(verdict);
    }

    fn tell(&self, verdict: Verdict) {
        for text in verdict.log {
            self.around.log.critical(&text);
        }
        for alert in verdict.alerts {
            self.around.slot.get().outputs.send(alert);
        }
        if let Some(text) = verdict.exit {
            let _ = self.around.control.send(Control::Lost(text));
        }
    }
}
