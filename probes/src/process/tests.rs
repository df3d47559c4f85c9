use super::*;
use crate::kernel::layout::{Bytes as _, RECORD_EXEC};

fn header(pid: u32, start_ns: u64, parent: u32, parent_start_ns: u64) -> Header {
    let mut header = Header::zeroed();
    header.kind = RECORD_EXEC;
    header.pid = pid;
    header.start_ns = start_ns;
    header.ppid = parent;
    header.parent_start_ns = parent_start_ns;
    header
}

fn table() -> ProcessTable {
    let mut table = ProcessTable::new(3, false);
    for (pid, start, ppid, parent_start) in [(1, 100, 0, 0), (10, 200, 1, 100), (20, 300, 10, 200)] {
        table.insert(&header(pid, start, ppid, parent_start), Arc::default(), None);
    }
    table
}

#[test]
fn follows_ancestors_to_the_first() {
    let table = table();
    let pids: Vec<_> = table.ancestors(20, 300).map(|process| process.pid).collect();
    assert_eq!(pids, [20, 10, 1]);
}

#[test]
fn a_number_used_again_is_another_process() {
    let mut table = table();
    table.exited(&header(10, 200, 1, 100));
    table.insert(&header(10, 900, 1, 100), Arc::default(), None);
    assert!(table.get(10, 200).is_none());
    assert_eq!(table.ancestors(10, 200).count(), 0);
    // An exit that comes late for the old one does not end the new one.
    table.exited(&header(10, 200, 1, 100));
    assert!(table.get(10, 900).is_some());
}

#[test]
fn a_start_read_from_proc_is_known_to_a_hundredth_of_a_second() {
    let mut told = ProcessTable::new(3, false);
    told.insert(&header(7, 12_340_000_000, 1, 0), Arc::default(), None);
    let process = Process { start_is_exact: false, ..told.by_number(7).unwrap().clone() };
    let mut table = ProcessTable::new(3, false);
    table.add(process);
    table.observe(&header(7, 12_345_678_901, 1, 0));
    assert_eq!(table.get(7, 12_345_678_901).unwrap().start_ns, 12_345_678_901);
    assert!(table.get(7, 12_399_678_901).is_none());
}

/// As /proc tells it.
fn told(pid: u32, start_ns: u64, path: &[u8]) -> Process {
    let mut table = ProcessTable::new(1, false);
    let image = Image { is_known: true, path: path.into(), ..Image::default() };
    table.insert(&header(pid, start_ns / TICK_NS * TICK_NS, 1, 0), Arc::new(image), None);
    Process { start_is_exact: false, ..table.by_number(pid).unwrap().clone() }
}

const SECOND: u64 = 100 * TICK_NS;

#[test]
fn what_proc_tells_takes_the_place_of_an_older_process_and_of_no_younger_one() {
    let mut table = ProcessTable::new(3, false);
    // Its end was lost, and so was the birth of the next one of its number.
    table.insert(&header(7, SECOND, 1, 0), Arc::default(), None);
    table.add(told(7, 3 * SECOND, b"/bin/new"));
    assert!(table.get(7, SECOND).is_none());
    assert_eq!(&*table.get(7, 3 * SECOND).unwrap().image.path, b"/bin/new");
    table.add(told(7, 2 * SECOND, b"/bin/old"));
    assert_eq!(&*table.by_number(7).unwrap().image.path, b"/bin/new");
}

#[test]
fn proc_completes_a_process_of_which_only_the_birth_was_seen() {
    let mut table = ProcessTable::new(3, false);
    let born = SECOND + 123;
    table.insert(&header(7, born, 1, 0), Arc::default(), None);
    assert!(!table.is_complete(7, born));
    table.add(told(7, born, b"/bin/app"));
    assert!(table.is_complete(7, born));
    assert_eq!(table.by_number(7).unwrap().start_ns, born, "to the nanosecond, as the event told it");
    table.add(told(7, born, b"/bin/older"));
    assert_eq!(&*table.by_number(7).unwrap().image.path, b"/bin/app");
}

#[test]
fn a_sweep_forgets_who_is_gone_and_nobody_who_came_since() {
    let mut table = ProcessTable::new(3, false);
    for (pid, start_ns) in [(1, SECOND), (10, 2 * SECOND), (20, 3 * SECOND)] {
        table.insert(&header(pid, start_ns, 1, 0), Arc::default(), None);
    }
    table.sweep(&HashSet::from([1]), 3 * SECOND);
    let mut pids: Vec<_> = table.processes.keys().copied().collect();
    pids.sort_unstable();
    assert_eq!(pids, [1, 20]);
}

#[test]
fn a_full_table_refuses_and_counts() {
    let mut table = table();
    table.insert(&header(30, 400, 1, 100), Arc::default(), None);
    assert_eq!((table.len(), table.refused), (3, 1));
    table.insert(&header(20, 300, 1, 100), Arc::default(), None);
    assert_eq!(table.by_number(20).unwrap().ppid, 1);
}

#[test]
fn splits_arguments() {
    let split = |bytes: &'static [u8]| zero_ended(bytes).collect::<Vec<_>>();
    assert_eq!(split(b"sh\0-c\0\0"), [&b"sh"[..], b"-c", b""]);
    assert_eq!(split(b""), [] as [&[u8]; 0]);
    assert_eq!(split(b"cut"), [b"cut"]);
}
