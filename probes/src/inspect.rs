//! Looks at processes through /proc, on threads of its own.
//!
//! In: questions, through a bounded channel. Out: answers, in no order. What a process is read from is its own to
//! choose: its program, its memory and its root may lie on a file system that never answers (FUSE, NFS). The reader of
//! events therefore waits for an answer a moment at most, and not at all while all threads are being made to wait.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::log::Log;
use crate::process::{Process, TICK_NS};
use crate::procfs::{self, Held};
use crate::users::{Names, names_of};

/// So many file systems must be made to hang before nobody is looked at any more.
const THREADS: usize = 4;
/// Questions that wait.
const QUESTIONS_MAX: usize = 1024;
/// How long the reader of events waits for an answer; usually it takes a tenth of a millisecond.
const PATIENCE: Duration = Duration::from_millis(100);

/// A process and when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) pid: u32,
    /// `None`: whoever has the number.
    pub(crate) start_ns: Option<u64>,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// Who a process is.
    Process(Who),
    /// The names of a container's users, through one of its processes.
    Names(Box<str>, Who),
    /// Who is there.
    Alive,
}

/// What was found.
pub(crate) enum Answer {
    /// A process; `None` if it is gone.
    Process(u32, Option<Box<Process>>),
    /// Users' names; `None` if that process cannot tell them.
    Names(Box<str>, Option<Names>),
    /// Numbers of the processes that there were at some moment after this one; `None` if they cannot be listed.
    Alive(u64, Option<HashSet<u32>>),
}

/// The reader's end.
pub(crate) struct Inspectors {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
    /// Questions without an answer.
    open: usize,
    log: Option<Log>,
}

/// How to look.
#[derive(Clone, Debug)]
struct Means {
    proc: PathBuf,
    keep_environment: bool,
}

impl Inspectors {
    /// Starts the threads; they end soon after this value.
    ///
    /// # Errors
    /// There can be no threads.
    pub(crate) fn start(proc: &Path, keep_environment: bool, log: Option<Log>) -> io::Result<Self> {
        let means = Means { proc: proc.to_owned(), keep_environment };
        Self::start_with(log, move |question| means.answer(question))
    }

    /// The same, by whoever answers.
    fn start_with(
        log: Option<Log>,
        answer: impl Fn(Question) -> Answer + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (questions, asked) = mpsc::sync_channel(QUESTIONS_MAX);
        let (tell, answers) = mpsc::channel();
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..THREADS {
            let (asked, tell, answer) = (Arc::clone(&asked), tell.clone(), answer.clone());
            let next = move || asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
            std::thread::Builder::new().name("processes".to_owned()).spawn(move || {
                while let Ok(question) = next() {
                    if tell.send(answer(question)).is_err() {
                        return;
                    }
                }
            })?;
        }
        Ok(Self { questions, answers, open: 0, log })
    }

    /// Asks; `false` if too many questions wait already.
    pub(crate) fn ask(&mut self, question: Question) -> bool {
        let is_asked = match self.questions.try_send(question) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        };
        self.open += usize::from(is_asked);
        is_asked
    }

    /// An answer that is there.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let answer = self.answers.try_recv().ok()?;
        self.open -= 1;
        Some(answer)
    }

    /// The next answer, within `patience`.
    pub(crate) fn next_within(&mut self, patience: Duration) -> Option<Answer> {
        if self.open == 0 {
            return None;
        }
        match self.answers.recv_timeout(patience) {
            Ok(answer) => {
                self.open -= 1;
                Some(answer)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Asks and takes in every answer until the one to this question has come, or for a moment.
    ///
    /// `take` takes an answer and tells whether it was that one.
    pub(crate) fn ask_and_wait(&mut self, question: Question, mut take: impl FnMut(Answer) -> bool) -> bool {
        let is_somebody_free = self.open < THREADS;
        if !self.ask(question) {
            return false;
        }
        if !is_somebody_free {
            return true;
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let Some(answer) = self.next_within(end.saturating_duration_since(Instant::now())) else {
                self.say_that_it_hangs();
                return true;
            };
            if take(answer) {
                return true;
            }
        }
    }

    fn say_that_it_hangs(&mut self) {
        // Once: whoever makes it hang would make us fill the log.
        if let Some(log) = self.log.take() {
            log.warning(
                "look at a process: no answer from /proc in 100 ms (its files may lie on a file system that hangs); \
                 what it executes and the names of its container's users are missing until there is one",
            );
        }
    }
}

impl Means {
    fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Process(who) => {
                let process = self.held(who).and_then(|held| held.read(self.keep_environment));
                Answer::Process(who.pid, process.map(Box::new))
            }
            Question::Names(container, who) => {
                let names = self.held(who).and_then(|held| names_of(&held, &container, &self.proc));
                Answer::Names(container, names)
            }
            Question::Alive => {
                let now_ns = since_boot_ns();
                Answer::Alive(now_ns, procfs::numbers(&self.proc).map(HashSet::from_iter).ok())
            }
        }
    }

    fn held(&self, who: Who) -> Option<Held> {
        let held = Held::of(&self.proc, who.pid)?;
        let is_it = who.start_ns.is_none_or(|start_ns| start_ns / TICK_NS == held.start_ns() / TICK_NS);
        is_it.then_some(held)
    }
}

/// As the kernel's half takes the time of events.
pub(crate) fn since_boot_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let ns = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(pid: u32) -> Who {
        Who { pid, start_ns: None }
    }

    /// Threads that never answer about process 0.
    fn hanging() -> Inspectors {
        Inspectors::start_with(None, |question| match question {
            Question::Process(Who { pid: 0, .. }) => loop {
                std::thread::park();
            },
            Question::Process(who) => Answer::Process(who.pid, None),
            _ => unreachable!("the test asks for processes"),
        })
        .unwrap()
    }

    fn is_about(pid: u32) -> impl Fn(Answer) -> bool {
        move |answer| matches!(answer, Answer::Process(found, _) if found == pid)
    }

    #[test]
    fn others_are_looked_at_while_one_hangs() {
        let mut inspectors = hanging();
        for _ in 1..THREADS {
            assert!(inspectors.ask(Question::Process(who(0))));
        }
        let mut found = false;
        inspectors.ask_and_wait(Question::Process(who(7)), |answer| {
            found |= is_about(7)(answer);
            found
        });
        // The thread that is left may be slow: its answer comes all the same.
        while !found {
            found = inspectors.next_within(Duration::from_mins(1)).is_some_and(is_about(7));
        }
    }

    #[test]
    fn nobody_waits_while_every_thread_hangs() {
        let mut inspectors = hanging();
        for _ in 0..THREADS {
            inspectors.ask(Question::Process(who(0)));
        }
        for pid in 0..2 * u32::try_from(QUESTIONS_MAX).unwrap() {
            inspectors.ask_and_wait(Question::Process(who(pid)), |_| panic!("who should answer?"));
        }
        assert!(!inspectors.ask(Question::Process(who(0))), "questions are bounded");
    }

    #[test]
    fn a_process_is_told_by_number_and_start() {
        let mut inspectors = Inspectors::start(Path::new("/proc"), false, None).unwrap();
        let me = std::process::id();
        let start_ns = Held::of(Path::new("/proc"), me).unwrap().start_ns();
        let mut ask = |start_ns| {
            inspectors.ask(Question::Process(Who { pid: me, start_ns }));
            match inspectors.next_within(Duration::from_mins(1)) {
                Some(Answer::Process(pid, process)) if pid == me => process.map(|process| process.start_ns),
                _ => panic!("expected an answer about this process"),
            }
        };
        assert_eq!(ask(Some(start_ns + TICK_NS / 2)), Some(start_ns));
        assert_eq!(ask(Some(start_ns + 2 * TICK_NS)), None);
        assert_eq!(ask(None), Some(start_ns));
    }
}
