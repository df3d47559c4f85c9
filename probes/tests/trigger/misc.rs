//! What fits nowhere else: bpf, io_uring, modules, pipes, userfaultfd.

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::Trace;

pub(crate) const CASES: &[Case] = &[
    ("bpf", bpf),
    ("io_uring_setup", io_uring_setup),
    ("userfaultfd", userfaultfd),
    ("init_module", init_module),
    ("finit_module", finit_module),
    ("pipe", pipe),
    ("pipe2", pipe2),
    ("eventfd2", eventfd2),
    ("epoll_create1", epoll_create1),
    ("seccomp", seccomp),
];

fn bpf(t: &mut Trace) {
    // An array of one number.
    let attributes = [2_u32, 4, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let fd = call!(libc::SYS_bpf, 0, attributes.as_ptr(), 64);
    t.expect(
        "bpf",
        fd,
        json!({"fd.num": fd, "fd.type": "bpf", "fd.typechar": "b", "evt.arg.cmd": "BPF_MAP_CREATE"}),
    );
    let result = call!(libc::SYS_bpf, 5, attributes.as_ptr(), 64);
    assert!(result < 0);
    t.expect("bpf", result, json!({"evt.arg.cmd": "BPF_PROG_LOAD", "fd.num": -1}));
}

fn io_uring_setup(t: &mut Trace) {
    let mut parameters = [0_u32; 30];
    parameters[2] = 8 | 16;
    parameters[1] = 0;
    let fd = call!(libc::SYS_io_uring_setup, 3, parameters.as_mut_ptr());
    if fd >= 0 {
        t.expect("io_uring_setup", fd, json!({"evt.arg.entries": "3"}));
    } else {
        t.expect("io_uring_setup", fd, json!({
            "evt.arg.entries": "3", "evt.arg.flags": "IORING_SETUP_CQSIZE|IORING_SETUP_CLAMP", "evt.arg.cq_entries": "0",
        }));
    }
    parameters = [0; 30];
    let fd = call!(libc::SYS_io_uring_setup, 3, parameters.as_mut_ptr());
    if fd >= 0 {
        t.expect(
            "io_uring_setup",
            fd,
            json!({"evt.arg.sq_entries": "4", "evt.arg.cq_entries": "8", "evt.arg.flags": "0"}),
        );
    } else {
        t.expect("io_uring_setup", fd, json!({"evt.arg.entries": "3"}));
    }
}

fn userfaultfd(t: &mut Trace) {
    let fd = call!(libc::SYS_userfaultfd, libc::O_CLOEXEC | libc::O_NONBLOCK);
    t.expect("userfaultfd", fd, json!({"evt.arg.flags": "O_CLOEXEC|O_NONBLOCK"}));
    let result = call!(libc::SYS_userfaultfd, 0x1000);
    t.expect("userfaultfd", result, json!({"evt.arg.flags": "4096"}));
}

fn init_module(t: &mut Trace) {
    let image = t.text("not a module");
    let result = call!(libc::SYS_init_module, image, 12, t.text("debug=1"));
    if result != -38 {
        t.expect(
            "init_module",
            result,
            json!({"evt.arg.img": "not a module", "evt.arg.length": "12", "evt.arg.uargs": "debug=1"}),
        );
    }
}

fn finit_module(t: &mut Trace) {
    let fd = t.file("m.ko");
    let result = call!(libc::SYS_finit_module, fd, t.text("debug=1"), 2);
    if result != -38 {
        t.expect("finit_module", result, json!({"fd.num": fd, "fd.name": t.path("m.ko"), "evt.arg.uargs": "debug=1", "evt.arg.flags": "MODULE_INIT_IGNORE_VERMAGIC"}));
    }
}

fn pipes(t: &mut Trace, event: &str, number: libc::c_long, flags: i32) {
    let mut pair = [0_i32; 2];
    let result = call!(number, pair.as_mut_ptr(), flags);
    t.expect(event, result, json!({"evt.arg.fd1": pair[0].to_string(), "evt.arg.fd2": pair[1].to_string()}));
    let result = call!(number, 8, flags);
    t.expect(event, result, json!({"evt.res": "EFAULT"}));
}

fn pipe(t: &mut Trace) {
    pipes(t, "pipe", libc::SYS_pipe, 0);
}

fn pipe2(t: &mut Trace) {
    pipes(t, "pipe2", libc::SYS_pipe2, libc::O_CLOEXEC);
}

fn eventfd2(t: &mut Trace) {
    let fd = call!(libc::SYS_eventfd2, 5, libc::O_CLOEXEC);
    t.expect(
        "eventfd2",
        fd,
        json!({"evt.arg.initval": "5", "evt.arg.flags": "O_CLOEXEC", "fd.type": "event", "fd.typechar": "e"}),
    );
    let result = call!(libc::SYS_eventfd2, 5, -1);
    t.expect("eventfd2", result, json!({"evt.res": "EINVAL"}));
}

fn epoll_create1(t: &mut Trace) {
    let fd = call!(libc::SYS_epoll_create1, libc::O_CLOEXEC);
    t.expect("epoll_create1", fd, json!({"evt.arg.flags": "O_CLOEXEC", "evt.arg.res": fd.to_string()}));
    let result = call!(libc::SYS_epoll_create1, -1);
    t.expect("epoll_create1", result, json!({"evt.res": "EINVAL"}));
}

fn seccomp(t: &mut Trace) {
    let action = [0x7fff_0000_u32];
    let result = call!(libc::SYS_seccomp, 2, 0, action.as_ptr());
    t.expect("seccomp", result, json!({"evt.arg.op": "SECCOMP_GET_ACTION_AVAIL", "evt.arg.flags": "0"}));
    let result = call!(libc::SYS_seccomp, 99, 0, 0);
    t.expect("seccomp", result, json!({"evt.res": "EINVAL", "evt.arg.op": "99"}));
}
