//! What the watched programs do: children of the benchmark, each told by an environment variable.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::jobs;

/// Tells a child what to do.
const LOAD: &str = "LITHIFY_LOAD";

/// Does what this process was started for, if it is a child; prints the figure that is asked for.
pub(crate) fn run_if_child() -> bool {
    let Ok(load) = std::env::var(LOAD) else { return false };
    let words: Vec<&str> = load.split(' ').collect();
    match words[..] {
        ["cost", "compile", files] => println!("{}", jobs::compile(files.parse().unwrap())),
        ["cost", "http", seconds] => println!("{}", jobs::http(seconds.parse().unwrap())),
        ["cost", name, times] => println!("{}", cost(name, times.parse().unwrap())),
        ["flood", name, cpu, seconds] => {
            let time = Duration::from_secs(seconds.parse().unwrap());
            println!("{}", flood(name, cpu.parse().unwrap(), time));
        }
        _ => unreachable!("the parent names a load"),
    }
    true
}

/// A child that prints the nanoseconds of CPU time that one operation costs it.
pub(crate) fn start_cost(name: &str, times: u64) -> Child {
    start(&format!("cost {name} {times}"))
}

/// A child on one CPU that makes as many operations as it can, and prints how many.
pub(crate) fn start_flood(name: &str, cpu: usize, seconds: u64) -> Child {
    start(&format!("flood {name} {cpu} {seconds}"))
}

fn start(load: &str) -> Child {
    Command::new(std::env::current_exe().unwrap()).env(LOAD, load).stdout(Stdio::piped()).spawn().unwrap()
}

/// CPU time of this process and, if asked, of its children that have ended.
pub(crate) fn cpu_ns(who: libc::c_int) -> f64 {
    // SAFETY: getrusage fills the structure that it is given.
    let usage = unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    };
    let of = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// The calls of loads, with what they need.
struct Caller {
    zero: u64,
    byte: u8,
}

/// Nobody's rules watch it.
const FILE: &std::ffi::CStr = c"/usr/lib/os-release";
const AT_FDCWD: u64 = (-100_i64).cast_unsigned();

/// A system call by number.
fn call(number: libc::c_long, a: u64, b: u64, c: u64) -> i64 {
    // SAFETY: each caller passes numbers, and texts and bytes that live through the call.
    unsafe { libc::syscall(number, a, b, c, 0_u64) }
}

impl Caller {
    fn new() -> Self {
        let zero = call(libc::SYS_openat, AT_FDCWD, c"/dev/zero".as_ptr() as u64, 0).cast_unsigned();
        Self { zero, byte: 0 }
    }

    /// One operation.
    fn make(&mut self, name: &str) {
        match name {
            "getppid" => {
                call(libc::SYS_getppid, 0, 0, 0);
            }
            "read" => {
                call(libc::SYS_read, self.zero, &raw mut self.byte as u64, 1);
            }
            "dup+close" => {
                let new = call(libc::SYS_dup, self.zero, 0, 0);
                call(libc::SYS_close, new.cast_unsigned(), 0, 0);
            }
            "open+close" => {
                let new = call(libc::SYS_openat, AT_FDCWD, FILE.as_ptr() as u64, 0);
                call(libc::SYS_close, new.cast_unsigned(), 0, 0);
            }
            // Fails at once, and is an event of rules.
            "unshare" => {
                call(libc::SYS_unshare, 1, 0, 0);
            }
            // A process of an instant.
            "fork" => {
                // SAFETY: this process has one thread; the child ends at once.
                unsafe {
                    let child = libc::fork();
                    if child == 0 {
                        libc::_exit(0);
                    }
                    libc::waitpid(child, std::ptr::null_mut(), 0);
                }
            }
            "mix" => {
                for name in ["open+close", "dup+close", "dup+close", "unshare"] {
                    self.make(name);
                }
            }
            _ => assert!(Command::new("/bin/true").status().unwrap().success()),
        }
    }
}

fn cost(name: &str, times: u64) -> f64 {
    let mut caller = Caller::new();
    let before = cpu_ns(libc::RUSAGE_SELF) + cpu_ns(libc::RUSAGE_CHILDREN);
    for _ in 0..times {
        caller.make(name);
    }
    (cpu_ns(libc::RUSAGE_SELF) + cpu_ns(libc::RUSAGE_CHILDREN) - before) / times as f64
}

/// Operations between two looks at the clock.
const BATCH: u64 = 64;

fn flood(name: &str, cpu: usize, time: Duration) -> u64 {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set).unwrap();
    let mut caller = Caller::new();
    let (start, mut made) = (Instant::now(), 0);
    while start.elapsed() < time {
        for _ in 0..BATCH {
            caller.make(name);
        }
        made += BATCH;
    }
    made
}
