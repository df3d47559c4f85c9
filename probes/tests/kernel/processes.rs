//! Processes as they come and go in unusual ways.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use lithify::event::{Event as _, Value};
use lithify_probe::{Probe, ProbeOptions};

use super::crowd::field;
use super::{ACT, drain, options, start};

/// What the child does: a thread of it executes this program.
pub(super) fn execute_in_a_thread() {
    let execute = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("executed-by-a-thread").env(ACT, "userfaultfd 1").exec()
    };
    let error = std::thread::spawn(execute).join().unwrap();
    unreachable!("{error}");
}

pub(super) fn what_a_second_thread_executes_is_the_process() {
    for field in ["proc.args", "thread.tid"] {
        let mut probe = Probe::start(&options("userfaultfd")).unwrap();
        let mut child = start("execute-in-a-thread");
        let expected = match field {
            "proc.args" => "executed-by-a-thread".to_owned(),
            _ => child.id().to_string(),
        };
        // Up to its end: the threads that the exec ended are none.
        let found = drain(&mut probe, "userfaultfd", child.id(), field);
        assert_eq!(found, [(expected, false)], "{field}");
        assert!(child.wait().unwrap().success());
    }
}

pub(super) fn processes_without_room_are_seen_all_the_same() {
    let mut probe = Probe::start(&ProbeOptions { processes_max: 1, ..options("userfaultfd") }).unwrap();
    let mut child = start("userfaultfd 3");
    let name = std::fs::read_to_string("/proc/self/comm").unwrap().trim().to_owned();
    let found = drain(&mut probe, "userfaultfd", child.id(), "proc.name");
    assert_eq!(found, vec![(name, false); 3]);
    assert!(child.wait().unwrap().success());
    let (known, refused) = probe.processes();
    assert_eq!(known, 1);
    assert!(refused > 0);
}

/// Processes whose last two threads end at once.
const ENDING: usize = 2000;

/// What the child does.
pub(super) fn end_in_pairs() {
    static GO: AtomicBool = AtomicBool::new(false);
    for _ in 0..ENDING {
        // SAFETY: this process has one thread; its child leaves by itself, each thread alone.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                std::thread::spawn(|| {
                    GO.store(true, Ordering::Release);
                    libc::syscall(libc::SYS_exit, 0);
                });
                while !GO.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
                libc::syscall(libc::SYS_exit, 0);
            }
            assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
        }
    }
}

pub(super) fn a_process_ends_once_though_its_last_threads_end_together() {
    let mut probe = Probe::start(&options("userfaultfd")).unwrap();
    let mut child = start("end-in-pairs");
    let (pid, parent) = (field("proc.pid"), field("proc.ppid"));
    let (mut ends, mut ended) = (Vec::new(), false);
    while !ended {
        probe
            .poll(&mut |event| {
                let number = |field| event.value(field).and_then(Value::integer);
                if event.event_type().name() == "procexit" {
                    ended |= number(&pid) == Some(child.id().into());
                    if number(&parent) == Some(child.id().into()) {
                        ends.push(number(&pid));
                    }
                }
            })
            .unwrap();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(ends.len(), ENDING);
}
