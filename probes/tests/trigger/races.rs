//! The caller changes what it passed while the kernel works with it: rules must see what the kernel saw.
//!
//! A thread makes a call that blocks after the kernel has taken its copy; another one then writes something else of
//! the same length over it and lets the call go on. Without the optional tier the later text would be reported; what is
//! asked of the kernel's own structures ([`ANYWHERE`]) needs no such tier.

use std::sync::mpsc;

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::Trace;
use crate::files::unshare_mounts;
use crate::network::{new_socket, unix_address};

/// Named by what changes; their calls are those of other cases.
pub(crate) const CASES: &[Case] =
    &[("swapped_path", swapped_path), ("swapped_address", swapped_address), ("swapped_mount", swapped_mount)];

/// The same for what every kernel tells.
pub(crate) const ANYWHERE: &[Case] = &[("swapped_flags", swapped_flags)];

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

/// A page that does not come to be until it is asked for: a userfaultfd holds up who reads it.
struct HeldPage {
    fault: i64,
    page: u64,
}

impl HeldPage {
    const SIZE: u64 = 4096;

    fn new() -> Self {
        const API: u64 = 0xaa;
        const UFFDIO_API: u64 = 0xc018_aa3f;
        const UFFDIO_REGISTER: u64 = 0xc020_aa00;
        const MISSING: u64 = 1;
        let fault = call!(libc::SYS_userfaultfd, libc::O_CLOEXEC);
        assert!(fault >= 0, "userfaultfd: {fault}");
        let map = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page =
            call!(libc::SYS_mmap, 0, Self::SIZE, libc::PROT_READ | libc::PROT_WRITE, map, -1, 0) as u64;
        // They live through the calls, which a temporary need not.
        let (mut api, mut range) = ([API, 0, 0], [page, Self::SIZE, MISSING, 0]);
        assert_eq!(call!(libc::SYS_ioctl, fault, UFFDIO_API, api.as_mut_ptr()), 0);
        assert_eq!(call!(libc::SYS_ioctl, fault, UFFDIO_REGISTER, range.as_mut_ptr()), 0);
        Self { fault, page }
    }

    /// It is one of zeros.
    fn release(&self) {
        const UFFDIO_ZEROPAGE: u64 = 0xc020_aa04;
        let mut range = [self.page, Self::SIZE, 0, 0];
        assert_eq!(call!(libc::SYS_ioctl, self.fault, UFFDIO_ZEROPAGE, range.as_mut_ptr()), 0);
    }
}

fn swapped_mount(t: &mut Trace) {
    unshare_mounts(t);
    std::fs::create_dir(t.path("m")).unwrap();
    let directory = t.text("m") as u64;
    // Options are copied last.
    let options = HeldPage::new();
    let page = options.page;
    let mut passed = b"real\0tmpfs\0".to_vec();
    let result = swap_while_blocked(
        libc::SYS_mount,
        |texts| [texts, directory, texts + 5, 0, page, 0],
        &mut passed,
        b"mask\0ramfs\0",
        || options.release(),
    );
    t.expect(
        "mount",
        result,
        json!({"evt.rawres": 0, "evt.arg.dev": "real", "evt.arg.dir": t.path("m"), "evt.arg.type": "tmpfs"}),
    );
    assert_eq!(call!(libc::SYS_umount2, directory, 0), 0);
}

fn swapped_flags(t: &mut Trace) {
    // Who opens a pipe to write waits for a reader.
    let path = t.path("pipe");
    assert_eq!(call!(libc::SYS_mknod, t.text("pipe"), libc::S_IFIFO | 0o600, 0), 0);
    let how = |flags: i32| [flags as u64, 0, 0].map(u64::to_ne_bytes).concat();
    let text = t.text(&path) as u64;
    let mut passed = how(libc::O_WRONLY);
    let result = swap_while_blocked(
        libc::SYS_openat2,
        |how| [libc::AT_FDCWD as u64, text, how, 24, 0, 0],
        &mut passed,
        &how(libc::O_RDONLY),
        || {
            t.open("pipe", libc::O_RDONLY);
        },
    );
    t.expect(
        "openat2",
        result,
        json!({"fd.name": path, "evt.arg.flags": "O_WRONLY", "evt.is_open_write": true}),
    );
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
