use super::*;
use crate::kernel::layout::{Bytes as _, PIECE_ARGS, RECORD_SYSCALL};
use crate::kernel::record::bytes_of;
use crate::syscall::event::SyscallEvent;

const PROC: &str = "/proc";
const SECOND: u64 = 1_000_000_000;

/// A state that may look at processes, if `looks`, and knows none.
fn state(looks: bool, processes_max: usize) -> State {
    let proc = Path::new(PROC);
    let inspectors = looks.then(|| Inspectors::start(proc, false, None).unwrap());
    let processes = ProcessTable::new(processes_max, false);
    State::new(proc, processes, Users::none(), Containers::default(), inspectors)
}

fn header(kind: u16, pid: u32, start_ns: u64, time_ns: u64) -> Header {
    let mut header = Header::zeroed();
    (header.kind, header.pid, header.tid) = (kind, pid, pid);
    (header.start_ns, header.time_ns, header.cgroup) = (start_ns, time_ns, 1);
    header
}

fn born(pid: u32, start_ns: u64, parent: (u32, u64)) -> Header {
    let mut header = header(RECORD_FORK, pid, start_ns, start_ns);
    (header.args[0], header.args[1]) = (parent.0.into(), parent.1);
    header
}

/// Takes a record in; what the kernel is told.
fn take(state: &mut State, header: Header, pieces: &[(u8, u8, &[u8])]) -> Option<Learned> {
    let bytes = bytes_of(header, pieces);
    let record = Record::parse(&bytes).unwrap();
    let learned = state.before(&record);
    state.after(&record);
    learned
}

fn exe(state: &State, pid: u32) -> Option<String> {
    let process = state.processes.by_number(pid)?;
    Some(String::from_utf8_lossy(process.image.exe()).into_owned())
}

fn executed(state: &mut State, pid: u32, start_ns: u64, name: &[u8]) {
    take(state, header(RECORD_EXEC, pid, start_ns, start_ns + 1), &[(PIECE_ARGS, SLOT_NONE, name)]);
}

/// This test's process and when it started.
fn me() -> (u32, u64) {
    let me = std::process::id();
    (me, procfs::Held::of(Path::new(PROC), me).unwrap().start_ns())
}

/// Answers may take longer on a busy machine than the state waits.
fn wait_for(state: &mut State, is_there: impl Fn(&State) -> bool) {
    while !is_there(state) {
        std::thread::yield_now();
        state.take_answers();
    }
}

#[test]
fn an_end_is_told_once_though_two_threads_tell_it() {
    let mut state = state(false, 10);
    executed(&mut state, 7, SECOND, b"app\0");
    let end = header(RECORD_EXIT, 7, SECOND, 2 * SECOND);
    assert!(take(&mut state, end, &[]).is_some());
    assert!(take(&mut state, end, &[]).is_none());
    // Of one that is not known, say because the table was full, the end is told too.
    assert!(take(&mut state, header(RECORD_EXIT, 8, SECOND, 2 * SECOND), &[]).is_some());
}

#[test]
fn a_birth_that_comes_late_changes_nothing() {
    let mut state = state(false, 10);
    executed(&mut state, 5, SECOND, b"shell\0");
    executed(&mut state, 7, 2 * SECOND, b"app\0");
    take(&mut state, born(7, 2 * SECOND, (5, SECOND)), &[]);
    assert_eq!(exe(&state, 7).as_deref(), Some("app"), "not its parent's again");
    take(&mut state, header(RECORD_EXIT, 7, 2 * SECOND, 3 * SECOND), &[]);
    take(&mut state, born(7, 2 * SECOND, (5, SECOND)), &[]);
    executed(&mut state, 7, 2 * SECOND, b"app\0");
    assert_eq!(exe(&state, 7), None, "and does not raise it");
}

#[test]
fn a_child_of_an_unknown_parent_is_looked_up() {
    let mut state = state(true, 10);
    let (me, start_ns) = me();
    take(&mut state, born(me, start_ns, (1, 0)), &[]);
    wait_for(&mut state, |state| state.processes.is_complete(me, start_ns));
    assert!(!exe(&state, me).unwrap().is_empty());
}

#[test]
fn an_unknown_process_takes_the_place_of_one_whose_end_was_lost() {
    let mut state = state(true, 10);
    let (me, start_ns) = me();
    // Of the same number, and a second older.
    executed(&mut state, me, start_ns - SECOND, b"gone\0");
    take(&mut state, header(RECORD_SYSCALL, me, start_ns, start_ns + 1), &[]);
    wait_for(&mut state, |state| state.processes.is_complete(me, start_ns));
    assert_ne!(exe(&state, me).as_deref(), Some("gone"));
}

#[test]
fn a_full_table_makes_room_by_looking_who_is_gone() {
    let mut state = state(true, 2);
    let (me, start_ns) = me();
    // Numbers that no process can have.
    for pid in [u32::MAX, u32::MAX - 1] {
        executed(&mut state, pid, SECOND, b"gone\0");
    }
    take(&mut state, born(me, start_ns, (u32::MAX, SECOND)), &[]);
    assert!(state.processes.by_number(me).is_none(), "there is no room yet");
    // The sweep was asked for at the first event with a full table. It counts from when it was made.
    wait_for(&mut state, |state| state.sweep.is_some());
    let (since_ns, _) = state.sweep.as_ref().unwrap();
    let later = since_ns + 2 * ON_THE_WAY_NS;
    take(&mut state, header(RECORD_SYSCALL, me, start_ns, later), &[]);
    take(&mut state, header(RECORD_SYSCALL, me, start_ns, later + 2 * SECOND), &[]);
    wait_for(&mut state, |state| state.processes.is_complete(me, start_ns));
    assert!(state.processes.by_number(u32::MAX).is_none());
}

#[test]
fn events_of_more_cgroups_than_are_kept_have_their_container() {
    let mut state = state(false, 10);
    let count = u64::try_from(CGROUPS_MAX).unwrap() + 3000;
    let (mut told, mut forgotten) = (HashSet::new(), 0);
    let path = |number: u64| format!("/docker/{number:064x}\0").into_bytes();
    let of = |state: &State, number: u64| {
        let bytes = bytes_of(Header { cgroup: number, ..header(RECORD_SYSCALL, 7, 1, 1) }, &[]);
        let event = SyscallEvent::new(Record::parse(&bytes).unwrap(), state, 1).expect("read is a call");
        event.container().flatten().map(|container| container.full.to_string())
    };
    for number in 1..=count {
        let header = Header { cgroup: number, ..header(RECORD_SYSCALL, 7, 1, number) };
        let learned = take(&mut state, header, &[(PIECE_CGROUP, SLOT_NONE, &path(number))]).unwrap();
        told.extend(learned.cgroup.map(|(number, _)| number));
        forgotten += usize::from(learned.forget.is_some_and(|oldest| told.remove(&oldest)));
    }
    assert_eq!(forgotten, 3000, "the kernel shows these again");
    // All of these may still be in the ring without their paths.
    for number in 1..=count {
        assert_eq!(of(&state, number), Some(format!("{number:064x}")));
    }
}
