//! Processes: birth, execution, death, tracing.

use std::ffi::CString;

use serde_json::{Map, Value as Json, json};

use crate::Case;
use crate::call;
use crate::call::Trace;

pub(crate) const CASES: &[Case] = &[
    ("execve", execve),
    ("execveat", execveat),
    ("clone", clone),
    ("clone3", clone3),
    ("fork", fork),
    ("vfork", vfork),
    ("procexit", procexit),
    ("ptrace", ptrace),
    ("kill", kill),
    ("prctl", prctl),
    ("setsid", setsid),
    ("setpgid", setpgid),
    ("unshare", unshare),
    ("setns", setns),
    ("pidfd_open", pidfd_open),
    ("pidfd_getfd", pidfd_getfd),
    ("of_a_thread", of_a_thread),
];

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

fn texts(texts: &[&str]) -> Vec<CString> {
    texts.iter().map(|text| CString::new(*text).unwrap()).collect()
}

/// Runs `act` in a child and waits for it: everything is made before, a child may not allocate.
fn in_child(act: impl FnOnce()) -> i64 {
    // SAFETY: the child only makes system calls and leaves.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        act();
        // SAFETY: leaves without running anything of the parent's.
        unsafe { libc::_exit(77) };
    }
    let mut status = 0_i32;
    assert_eq!(call!(libc::SYS_wait4, pid, &raw mut status, 0, 0), i64::from(pid));
    pid.into()
}

/// Not the first thread of its process, then one that its own pid namespace numbers otherwise.
fn of_a_thread(t: &mut Trace) {
    let thread = std::thread::spawn(|| (call!(libc::SYS_gettid), call!(libc::SYS_unshare, -1)));
    let (tid, result) = thread.join().unwrap();
    t.expect(
        "unshare",
        result,
        json!({
            "thread.tid": tid, "thread.vtid": tid, "thread.ismain": false, "proc.nthreads": 2, "proc.nchilds": 1,
        }),
    );
    assert_eq!(call!(libc::SYS_unshare, libc::CLONE_NEWPID), 0);
    let pid = in_child(|| {
        call!(libc::SYS_unshare, -1);
    });
    expect_of(
        t,
        "unshare",
        pid,
        json!({
            "thread.tid": pid, "thread.vtid": 1, "thread.ismain": true, "proc.nthreads": 1, "proc.nchilds": 0,
        }),
    );
}

/// An event of a child, which has its own number.
fn expect_of(t: &Trace, event: &str, pid: i64, fields: Json) {
    let mut all = Map::new();
    all.insert("evt.type".to_owned(), json!(event));
    all.insert("proc.pid".to_owned(), json!(pid));
    all.insert("proc.ppid".to_owned(), json!(std::process::id()));
    t.expect_fields(all, fields);
}

fn execve(t: &mut Trace) {
    let (file, args, env) = (t.text("/bin/true"), texts(&["tr", "-a", "b c"]), texts(&["ONE=1", "TWO=x y"]));
    let (args, env) = (pointers(&args), pointers(&env));
    let real = std::fs::canonicalize("/bin/true").unwrap();
    let pid = in_child(|| {
        call!(libc::SYS_execve, file, args.as_ptr(), env.as_ptr());
    });
    expect_of(
        t,
        "execve",
        pid,
        json!({
            "evt.rawres": 0, "evt.res": "SUCCESS", "proc.name": "true", "proc.exe": "tr", "proc.args": "-a b c",
            "proc.cmdline": "true -a b c", "proc.exepath": real, "proc.env": "ONE=1 TWO=x y", "proc.cwd": &t.path("")[..t.path("").len() - 1],
            "evt.arg.filename": "/bin/true", "evt.arg.exe": "tr", "evt.arg.args": "-a.b c.", "evt.arg.comm": "true",
            "evt.arg.uid": "root", "evt.arg.tty": "0", "evt.arg.trusted_exepath": real, "proc.cmdnargs": 2, "proc.is_exe_from_memfd": false,
            "user.name": "root", "group.name": "root", "container.id": "host", "proc.pname": std::fs::read_to_string("/proc/self/comm").unwrap().trim(),
        }),
    );
    let absent = t.text("/absent");
    let result = call!(libc::SYS_execve, absent, args.as_ptr(), env.as_ptr());
    t.expect("execve", result, json!({"evt.res": "ENOENT", "evt.arg.filename": "/absent"}));
}

fn execveat(t: &mut Trace) {
    let memfd = call!(libc::SYS_memfd_create, t.text("payload"), 0);
    std::fs::write(format!("/proc/self/fd/{memfd}"), std::fs::read("/bin/true").unwrap()).unwrap();
    let (empty, args, env) = (t.text(""), texts(&["payload"]), texts(&[]));
    let (args, env) = (pointers(&args), pointers(&env));
    let pid = in_child(|| {
        call!(libc::SYS_execveat, memfd, empty, args.as_ptr(), env.as_ptr(), libc::AT_EMPTY_PATH);
    });
    expect_of(
        t,
        "execveat",
        pid,
        json!({
            "evt.rawres": 0, "proc.exe": "payload", "proc.exepath": "memfd:payload", "proc.is_exe_from_memfd": true,
            "evt.arg.flags": "EXE_WRITABLE|EXE_FROM_MEMFD",
        }),
    );
    let result = call!(libc::SYS_execveat, -5, t.text("x"), args.as_ptr(), env.as_ptr(), 0);
    t.expect("execveat", result, json!({"evt.res": "EBADF", "evt.arg.dirfd": "-5"}));
}

/// A call that makes a child, which leaves at once.
fn child_of(t: &mut Trace, event: &str, made: i64, flags: &str) {
    if made == 0 {
        // SAFETY: leaves without running anything of the parent's.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0_i32;
    assert_eq!(call!(libc::SYS_wait4, made, &raw mut status, 0, 0), made);
    t.expect(event, made, json!({"evt.arg.pid": std::fs::read_to_string("/proc/self/comm").unwrap().trim(), "evt.arg.flags": flags}));
}

fn clone(t: &mut Trace) {
    let made = call!(libc::SYS_clone, libc::SIGCHLD | libc::CLONE_FS, 0, 0, 0, 0);
    child_of(t, "clone", made, "CLONE_FS");
    let result = call!(libc::SYS_clone, libc::CLONE_THREAD, 0, 0, 0, 0);
    t.expect("clone", result, json!({"evt.res": "EINVAL", "evt.arg.flags": "CLONE_THREAD"}));
}

fn clone3(t: &mut Trace) {
    let mut arguments = [0_u64; 8];
    arguments[0] = libc::CLONE_FS as u64;
    arguments[4] = libc::SIGCHLD as u64;
    let made = call!(libc::SYS_clone3, arguments.as_ptr(), 64);
    child_of(t, "clone3", made, "CLONE_FS");
    let result = call!(libc::SYS_clone3, arguments.as_ptr(), 8);
    t.expect("clone3", result, json!({"evt.res": "EINVAL"}));
}

fn fork(t: &mut Trace) {
    let made = call!(libc::SYS_fork);
    child_of(t, "fork", made, "0");
}

fn vfork(t: &mut Trace) {
    // vfork shares the stack: made by a program in a child of its own, with the raw call as the shell does.
    let pid = std::process::Command::new("/bin/sh").args(["-c", "/bin/true; /bin/true"]).spawn().unwrap();
    let number = pid.id();
    let status = pid.wait_with_output().unwrap().status;
    assert!(status.success());
    let mut all = Map::new();
    all.insert("evt.type".to_owned(), json!("procexit"));
    t.expect_fields(all, json!({"proc.pid": number, "proc.name": "sh"}));
}

fn procexit(t: &mut Trace) {
    let pid = in_child(|| {});
    expect_of(t, "procexit", pid, json!({"evt.arg.ret": "77", "evt.arg.sig": "0", "evt.arg.core": "0"}));
    let me = std::process::id();
    let pid = in_child(|| {
        call!(libc::SYS_kill, call!(libc::SYS_getpid), libc::SIGKILL);
    });
    assert_ne!(u32::try_from(pid), Ok(me));
    expect_of(t, "procexit", pid, json!({"evt.arg.sig": "9", "evt.arg.ret": "0", "evt.arg.status": "9"}));
}

fn ptrace(t: &mut Trace) {
    let result = call!(libc::SYS_ptrace, libc::PTRACE_ATTACH, 0x3fff_ffff, 0, 0);
    t.expect("ptrace", result, json!({"evt.res": "ESRCH", "evt.arg.request": "PTRACE_ATTACH", "evt.arg.pid": 0x3fff_ffff.to_string()}));
    let pid = in_child(|| {
        call!(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0);
    });
    expect_of(t, "ptrace", pid, json!({"evt.rawres": 0, "evt.arg.request": "PTRACE_TRACEME"}));
}

fn kill(t: &mut Trace) {
    let result = call!(libc::SYS_kill, std::process::id(), 0);
    t.expect("kill", result, json!({"evt.arg.sig": "0"}));
    let result = call!(libc::SYS_kill, 0x3fff_ffff, 15);
    t.expect("kill", result, json!({"evt.res": "ESRCH", "evt.arg.sig": "15"}));
}

fn prctl(t: &mut Trace) {
    let before = std::fs::read_to_string("/proc/self/comm").unwrap();
    let result = call!(libc::SYS_prctl, libc::PR_SET_NAME, t.text("renamed"), 0, 0, 0);
    // The process keeps the name under which rules know it.
    t.expect(
        "prctl",
        result,
        json!({"evt.arg.option": "PR_SET_NAME", "evt.arg.arg2_str": "renamed", "proc.name": before.trim()}),
    );
    let result = call!(libc::SYS_prctl, 0x7fff_ffff, 0, 0, 0, 0);
    t.expect("prctl", result, json!({"evt.res": "EINVAL", "evt.arg.arg2_int": "0"}));
}

fn setsid(t: &mut Trace) {
    let pid = in_child(|| {
        call!(libc::SYS_setsid);
        call!(libc::SYS_setsid);
    });
    expect_of(t, "setsid", pid, json!({"evt.rawres": pid, "proc.sid": pid, "proc.is_sid_leader": true}));
    expect_of(t, "setsid", pid, json!({"evt.res": "EPERM", "proc.sid": pid}));
}

fn setpgid(t: &mut Trace) {
    let result = call!(libc::SYS_setpgid, 0, 0);
    t.expect(
        "setpgid",
        result,
        json!({"evt.arg.pgid": "0", "proc.pgid": std::process::id(), "proc.is_pgid_leader": true}),
    );
    let result = call!(libc::SYS_setpgid, 0x3fff_ffff, 0);
    t.expect("setpgid", result, json!({"evt.res": "ESRCH"}));
}

fn unshare(t: &mut Trace) {
    let result = call!(libc::SYS_unshare, libc::CLONE_NEWUTS | libc::CLONE_FS);
    t.expect("unshare", result, json!({"evt.arg.flags": "CLONE_FS|CLONE_NEWUTS"}));
    let result = call!(libc::SYS_unshare, 1);
    t.expect("unshare", result, json!({"evt.res": "EINVAL", "evt.arg.flags": "1"}));
}

fn setns(t: &mut Trace) {
    let fd = call!(libc::SYS_openat, libc::AT_FDCWD, t.text("/proc/self/ns/uts"), libc::O_RDONLY, 0);
    let result = call!(libc::SYS_setns, fd, libc::CLONE_NEWUTS);
    t.expect("setns", result, json!({"fd.num": fd, "evt.arg.nstype": "CLONE_NEWUTS"}));
    let result = call!(libc::SYS_setns, 999, 0);
    t.expect("setns", result, json!({"evt.res": "EBADF", "fd.num": 999, "evt.arg.nstype": "0"}));
}

fn pidfd_open(t: &mut Trace) {
    let fd = call!(libc::SYS_pidfd_open, std::process::id(), 0);
    t.expect("pidfd_open", fd, json!({"fd.num": fd, "fd.type": "pidfd", "evt.arg.flags": "0"}));
    let result = call!(libc::SYS_pidfd_open, -1, 0);
    t.expect("pidfd_open", result, json!({"evt.res": "EINVAL", "evt.arg.pid": "-1"}));
}

fn pidfd_getfd(t: &mut Trace) {
    let fd = t.file("f");
    let process = call!(libc::SYS_pidfd_open, std::process::id(), 0);
    let got = call!(libc::SYS_pidfd_getfd, process, fd, 0);
    t.expect("pidfd_getfd", got, json!({"fd.num": got, "fd.name": t.path("f"), "evt.arg.pid_fd": process.to_string(), "evt.arg.target_fd": fd.to_string()}));
    let result = call!(libc::SYS_pidfd_getfd, process, 999, 0);
    t.expect("pidfd_getfd", result, json!({"evt.res": "EBADF", "evt.arg.target_fd": "999"}));
}
