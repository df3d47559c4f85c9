//! Every call that is made is sent or counted as lost, on the CPU where it was made, whatever the reader does.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command};
use std::time::Duration;

use lithify::event::{Event as _, EventType, Field, Source};
use lithify_probe::{AttachKind, Counted, Probe, ProbeOptions, Recorder};

use super::{drain, options, run, start, tally};

/// CPUs that a child can be put on; a machine with one has one.
fn cpus() -> Vec<usize> {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (0..count.min(2)).collect()
}

/// Runs the calling thread there and nowhere else.
pub(super) fn stay_on(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set).unwrap();
}

fn small() -> Probe {
    Probe::start(&ProbeOptions { ring_bytes: 1 << 20, ..options("userfaultfd") }).unwrap()
}

fn by_cpu(probe: &Probe) -> Vec<Counted> {
    let event = EventType::from_name("userfaultfd");
    probe.tally().unwrap().into_iter().find(|tally| tally.event == event).unwrap().cpus
}

/// Nobody reads until all calls are made.
pub(super) fn every_event_is_counted_as_sent_or_lost_on_its_cpu() {
    const MADE: u64 = 30_000;
    let mut probe = small();
    let mut children: Vec<_> = cpus().iter().map(|cpu| start(&format!("userfaultfd {MADE} {cpu}"))).collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let cpus = cpus();
    let counted = by_cpu(&probe);
    for cpu in &cpus {
        let Counted { sent, dropped, filtered } = counted[*cpu];
        assert_eq!((sent + dropped, filtered), (MADE, 0), "on CPU {cpu}");
        assert!(dropped > 0, "a ring of 1 MiB does not hold {MADE} events");
    }
    let sent: u64 = counted.iter().map(|cpu| cpu.sent).sum();
    assert_eq!(read_to_end(&mut probe, &children, |_| {}), sent, "all that were sent can be read");
    // The flood has ended: what is made now is there.
    let pid = run("userfaultfd 3");
    assert_eq!(drain(&mut probe, "userfaultfd", pid, "evt.type").len(), 3);
}

/// The reader does for each event what `--record` does, which takes far longer than making one.
pub(super) fn nothing_is_lost_uncounted_to_a_slow_reader() {
    const MADE: u64 = 60_000;
    let mut probe = small();
    let children: Vec<_> = cpus().iter().map(|cpu| start(&format!("userfaultfd {MADE} {cpu}"))).collect();
    let recorder = Recorder::new();
    let mut bytes = 0;
    let seen = read_to_end(&mut probe, &children, |event| bytes += recorder.line(event).len());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let total = tally(&probe, "userfaultfd");
    assert_eq!(total.sent + total.dropped, MADE * cpus().len() as u64);
    assert_eq!(total.sent, seen);
    assert!(bytes > 0);
}

/// Reads until the ends of all children have been seen; how many of their calls were there.
fn read_to_end(
    probe: &mut Probe,
    children: &[Child],
    mut also: impl FnMut(&lithify_probe::SyscallEvent<'_>),
) -> u64 {
    let number = Field::resolve("proc.pid", None, Source::Syscall).unwrap();
    let (mut seen, mut ended) = (0, 0);
    while ended < children.len() {
        probe
            .poll(&mut |event| {
                also(event);
                seen += u64::from(event.event_type().name() == "userfaultfd");
                let pid = event.value(&number).and_then(lithify::event::Value::integer);
                let is_ours = children.iter().any(|child| pid == Some(child.id().into()));
                ended += usize::from(is_ours && event.event_type().name() == "procexit");
            })
            .unwrap();
    }
    seen
}

pub(super) fn a_flood_leaves_room_for_processes() {
    let mut probe = small();
    run("userfaultfd 20000");
    let pid = run("userfaultfd 1");
    // The second child was born, executed and ended while the ring held no more calls: its end is there.
    drain(&mut probe, "userfaultfd", pid, "evt.type");
    for event in ["execve", "procexit"] {
        assert_eq!(tally(&probe, event).dropped, 0, "{event}");
    }
}

pub(super) fn runs_that_the_kernel_withholds_are_asked_for() {
    const PROCESSES: [&str; 3] = ["process_exec", "process_fork", "process_exit"];
    for (attach, program) in
        [(AttachKind::PerSyscall, "syscall_exit"), (AttachKind::EverySyscall, "every_exit")]
    {
        let probe = Probe::start(&ProbeOptions { attach: Some(attach), ..options("userfaultfd") }).unwrap();
        let missed = probe.unseen().unwrap().missed;
        let names: Vec<_> = missed.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [&[program], &PROCESSES[..]].concat(), "each attached program is asked");
    }
}

/// Makes 32-bit calls from a 64-bit program, as whoever hides does: 20 is getpid.
#[cfg(target_arch = "x86_64")]
pub(super) fn call_32_bit(times: u64) {
    let own = i32::try_from(std::process::id()).unwrap();
    for _ in 0..times {
        let mut number = 20;
        // SAFETY: the call takes no argument, and the registers that it may change are named.
        unsafe {
            std::arch::asm!("int 0x80", inout("eax") number, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
        }
        assert_eq!(number, own);
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn call_32_bit(_times: u64) {
    unreachable!("nobody asks for it");
}

/// Whether this kernel takes 32-bit calls.
fn has_32_bit_calls() -> bool {
    let takes = cfg!(target_arch = "x86_64") && start("int80 1").wait().unwrap().success();
    if !takes {
        println!("skipped: this kernel takes no 32-bit calls");
    }
    takes
}

pub(super) fn calls_of_the_32_bit_convention_are_counted() {
    const MADE: u64 = 1000;
    if !has_32_bit_calls() {
        return;
    }
    let options = |attach| ProbeOptions { attach: Some(attach), ..options("userfaultfd") };
    let every = Probe::start(&options(AttachKind::EverySyscall)).unwrap();
    let each = Probe::start(&options(AttachKind::PerSyscall)).unwrap();
    run(&format!("int80 {MADE}"));
    // Another 32-bit program may run on this machine.
    let made = every.unseen().unwrap().calls_32_bit;
    assert!(made >= Some(MADE));
    run(&format!("x32 {MADE}"));
    assert!(every.unseen().unwrap().calls_32_bit >= made.map(|made| made + MADE));
    assert_eq!(each.unseen().unwrap().calls_32_bit, None, "a tracepoint per call says that it cannot tell");
}

/// The smallest 32-bit program: it ends. ELF header, program header, code.
fn program_32_bit() -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const HEADERS: u16 = 52 + 32;
    const CODE: &[u8] = b"\xb8\x01\0\0\0\x31\xdb\xcd\x80";
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |value: u16, file: &mut Vec<u8>| file.extend(value.to_le_bytes());
    let word = |value: u32, file: &mut Vec<u8>| file.extend(value.to_le_bytes());
    // ET_EXEC, EM_386
    half(2, &mut file);
    half(3, &mut file);
    for value in [1, BASE + u32::from(HEADERS), 52, 0, 0] {
        word(value, &mut file);
    }
    for value in [52, 32, 1, 0, 0, 0] {
        half(value, &mut file);
    }
    let size = u32::from(HEADERS) + u32::try_from(CODE.len()).unwrap();
    // PT_LOAD, all of it, readable and executable
    for value in [1, 0, BASE, BASE, size, size, 5, 0x1000] {
        word(value, &mut file);
    }
    file.extend(CODE);
    file
}

pub(super) fn a_32_bit_program_is_counted() {
    if !has_32_bit_calls() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("narrow");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path).unwrap();
    file.write_all(&program_32_bit()).unwrap();
    drop(file);
    let probe =
        Probe::start(&ProbeOptions { interval: Duration::from_millis(1), ..options("userfaultfd") }).unwrap();
    let before = probe.unseen().unwrap().programs_32_bit;
    assert!(Command::new(&path).status().unwrap().success());
    assert!(probe.unseen().unwrap().programs_32_bit > before);
}
