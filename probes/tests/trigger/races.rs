//! The caller changes what it passed while the kernel works with it: rules must see what the kernel saw.
//!
//! A thread makes a call that blocks after the kernel has taken its copy; another one then writes something else of
//! the same length over it and lets the call go on. Without the optional tier the later text would be reported.

use std::sync::mpsc;

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::Trace;
use crate::network::{new_socket, unix_address};

/// Named by what changes; their calls are those of other cases.
pub(crate) const CASES: &[Case] = &[("swapped_path", swapped_path), ("swapped_address", swapped_address)];

/// Makes the call in a thread, with the address of `passed` among its arguments; once it blocks, `passed` becomes
/// `shown` and `release` ends its wait. Returns what it returned.
fn swap_while_blocked(
    number: libc::c_long,
    arguments: impl FnOnce(u64) -> [u64; 6],
    passed: &mut [u8],
    shown: &[u8],
    release: impl FnOnce(),
) -> i64 {
    let arguments = arguments(passed.as_mut_ptr() as u64);
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        tell.send(call!(libc::SYS_gettid)).unwrap();
        call::raw(number, arguments)
    });
    let id = told.recv().unwrap();
    // "running", or the number of the call in which it sleeps.
    let sleeps_in = format!("/proc/self/task/{id}/syscall");
    while !std::fs::read_to_string(&sleeps_in).unwrap().starts_with(&format!("{number} ")) {
        std::thread::yield_now();
    }
    passed.copy_from_slice(shown);
    release();
    thread.join().unwrap()
}

fn swapped_path(t: &mut Trace) {
    // Who opens a pipe to read waits for a writer.
    let (real, shown) = (t.path("real"), t.path("mask"));
    assert_eq!(call!(libc::SYS_mknod, t.text("real"), libc::S_IFIFO | 0o600, 0), 0);
    let mut passed = format!("{real}\0").into_bytes();
    let result = swap_while_blocked(
        libc::SYS_openat,
        |path| [libc::AT_FDCWD as u64, path, libc::O_RDONLY as u64, 0, 0, 0],
        &mut passed,
        format!("{shown}\0").as_bytes(),
        || {
            t.open("real", libc::O_WRONLY);
        },
    );
    t.expect("openat", result, json!({"fd.num": result, "fd.name": real, "evt.arg.name": real}));
}

fn swapped_address(t: &mut Trace) {
    let (real, shown) = (t.path("real"), t.path("mask"));
    let listener = new_socket(libc::AF_UNIX, libc::SOCK_STREAM);
    let mut passed = unix_address(&real);
    assert_eq!(call!(libc::SYS_bind, listener, passed.as_ptr(), passed.len()), 0);
    // One may wait to be accepted; the second waits for that.
    assert_eq!(call!(libc::SYS_listen, listener, 0), 0);
    let first = new_socket(libc::AF_UNIX, libc::SOCK_STREAM);
    assert_eq!(call!(libc::SYS_connect, first, passed.as_ptr(), passed.len()), 0);
    let second = new_socket(libc::AF_UNIX, libc::SOCK_STREAM);
    let length = passed.len() as u64;
    let result = swap_while_blocked(
        libc::SYS_connect,
        |address| [second as u64, address, length, 0, 0, 0],
        &mut passed,
        &unix_address(&shown),
        || {
            call!(libc::SYS_accept, listener, 0, 0);
        },
    );
    t.expect("connect", result, json!({"fd.num": second, "evt.arg.addr": real}));
}
