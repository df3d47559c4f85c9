//! The probe after it has given its privileges up: it watches as before, and can do nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use lithify::event::{Event as _, EventType};
use lithify_probe::privilege::{Keep, restrict};
use lithify_probe::{AttachKind, Probe, ProbeOptions};

use super::{ACT, options, run};

/// `CAP_DAC_READ_SEARCH`, `CAP_SYS_PTRACE`, `CAP_PERFMON`, `CAP_BPF`.
const KEPT: u64 = 1 << 2 | 1 << 19 | 1 << 38 | 1 << 39;

pub(crate) fn a_restricted_probe_watches_and_can_do_nothing_else() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(ACT, "restricted")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.next().and_then(Result::ok);
    assert_eq!(ready.as_deref(), Some("watching"));
    run("userfaultfd 1");
    let saw = lines.next().and_then(Result::ok);
    assert_eq!(saw.as_deref(), Some("seen"));
    assert!(child.wait().unwrap().success());
}

/// The child: gives its privileges up, tries what it must not do, then waits for one event.
pub(crate) fn watch() {
    let capabilities_before = status("CapPrm");
    let missing = restrict(Keep::default()).unwrap();
    assert_eq!(status("CapEff"), KEPT & capabilities_before);
    assert_eq!(missing.len(), (KEPT & !capabilities_before).count_ones() as usize, "{missing:?}");
    for (line, value) in [("CapInh", 0), ("CapAmb", 0), ("CapBnd", 0), ("NoNewPrivs", 1), ("Seccomp", 2)] {
        assert_eq!(status(line), value, "{line}");
    }
    assert_eq!(status("CapPrm"), status("CapEff"));
    forbidden();
    // Each call has a tracepoint of its own, as before: their list was opened in time. Threads can be made.
    see_one();
}

/// `CAP_SYS_ADMIN`
const MAY_MOUNT: u64 = 1 << 21;

pub(crate) fn without_tracefs_each_call_still_has_its_tracepoint() {
    // In mounts of its own, and unable to mount it again.
    let script = "umount -a -t tracefs && exec setpriv --bounding-set -sys_admin \"$0\"";
    let mut child = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(ACT, "without-tracefs")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().and_then(Result::ok);
    assert_eq!(line().as_deref(), Some("watching"));
    run("userfaultfd 1");
    assert_eq!(line().as_deref(), Some("seen"));
    assert!(child.wait().unwrap().success());
}

/// The child.
pub(crate) fn watch_without_tracefs() {
    assert!(!std::path::Path::new("/sys/kernel/tracing/events").exists());
    assert_eq!(status("CapEff") & MAY_MOUNT, 0);
    see_one();
}

/// Waits for one event, with a tracepoint on its call.
fn see_one() {
    let options = ProbeOptions { attach: Some(AttachKind::PerSyscall), ..options("userfaultfd") };
    let mut probe = std::thread::spawn(move || Probe::start(&options)).join().unwrap().unwrap();
    assert_eq!(probe.attach_kind(), AttachKind::PerSyscall);
    assert!(probe.missing().is_empty());
    let mut out = std::io::stdout();
    writeln!(out, "watching").unwrap();
    let mut seen = false;
    while !seen {
        probe
            .poll(&mut |event| seen |= Some(event.event_type()) == EventType::from_name("userfaultfd"))
            .unwrap();
    }
    writeln!(out, "seen").unwrap();
}

fn forbidden() {
    let refused = |what: &str, result: i64| {
        let error = std::io::Error::last_os_error().raw_os_error();
        assert_eq!((result, error), (-1, Some(libc::EPERM)), "{what}");
    };
    assert_eq!(
        Command::new("/bin/true").spawn().unwrap_err().raw_os_error(),
        Some(libc::EPERM),
        "no program is started"
    );
    // SAFETY: calls that fail before they look at an argument; none has memory to be valid.
    unsafe {
        refused("fork", libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0));
        refused("ptrace", libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, 1, 0, 0));
        refused("process_vm_writev", libc::syscall(libc::SYS_process_vm_writev, 1, 0, 0, 0, 0, 0));
        refused("unshare", libc::syscall(libc::SYS_unshare, libc::CLONE_NEWNS));
        refused("mount", libc::syscall(libc::SYS_mount, 0, 0, 0, 0, 0));
        refused("init_module", libc::syscall(libc::SYS_init_module, 0, 0, 0));
        refused("packet socket", libc::syscall(libc::SYS_socket, libc::AF_PACKET, libc::SOCK_RAW, 0));
        refused("setuid", libc::syscall(libc::SYS_setuid, 0));
        refused("chmod", libc::syscall(libc::SYS_fchmodat, libc::AT_FDCWD, c"/".as_ptr(), 0o755));
    }
}

/// A number of /proc/self/status; those of capabilities are hexadecimal.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
    let radix = if key.starts_with("Cap") { 16 } else { 10 };
    u64::from_str_radix(line.trim(), radix).unwrap()
}
