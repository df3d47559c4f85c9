//! Times and extended attributes of files.

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::Trace;

pub(crate) const CASES: &[Case] = &[
    ("utime", utime),
    ("utimes", utimes),
    ("futimesat", futimesat),
    ("utimensat", utimensat),
    ("setxattr", setxattr),
    ("lsetxattr", lsetxattr),
    ("fsetxattr", fsetxattr),
    ("removexattr", removexattr),
    ("lremovexattr", lremovexattr),
    ("fremovexattr", fremovexattr),
];

/// The time of an existing file, and of an absent one: now.
fn touch(t: &mut Trace, event: &str, number: libc::c_long) {
    t.file("f");
    let result = call!(number, t.text("f"), 0);
    t.expect(event, result, json!({"evt.arg.path": t.path("f")}));
    let result = call!(number, t.text("absent"), 0);
    t.expect(event, result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent")}));
}

fn utime(t: &mut Trace) {
    touch(t, "utime", libc::SYS_utime);
}

fn utimes(t: &mut Trace) {
    touch(t, "utimes", libc::SYS_utimes);
}

fn futimesat(t: &mut Trace) {
    t.file("f");
    let dir = t.open(".", libc::O_RDONLY);
    let result = call!(libc::SYS_futimesat, dir, t.text("f"), 0);
    t.expect("futimesat", result, json!({"evt.arg.dirfd": dir.to_string(), "evt.arg.path": t.path("f")}));
    let result = call!(libc::SYS_futimesat, dir, t.text("absent"), 0);
    t.expect("futimesat", result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent")}));
}

fn utimensat(t: &mut Trace) {
    let fd = t.file("f");
    let dir = t.open(".", libc::O_RDONLY);
    let result = call!(libc::SYS_utimensat, dir, t.text("f"), 0, libc::AT_SYMLINK_NOFOLLOW);
    t.expect(
        "utimensat",
        result,
        json!({"fd.num": dir, "evt.arg.path": t.path("f"), "evt.arg.flags": "AT_SYMLINK_NOFOLLOW"}),
    );
    // Without a path it is about the descriptor.
    let result = call!(libc::SYS_utimensat, fd, 0, 0, 0);
    t.expect("utimensat", result, json!({"fd.num": fd, "fd.name": t.path("f")}));
    let result = call!(libc::SYS_utimensat, dir, t.text("absent"), 0, 0);
    t.expect("utimensat", result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent")}));
}

/// Sets an attribute in a name space that there is not: no file system takes it.
fn set(t: &mut Trace, event: &str, number: libc::c_long) {
    t.file("f");
    let (name, value) = (t.text("none.of.these"), t.text("v"));
    let result = call!(number, t.text("f"), name, value, 1, 0);
    t.expect(
        event,
        result,
        json!({"evt.res": "EOPNOTSUPP", "evt.arg.path": t.path("f"), "evt.arg.name": "none.of.these"}),
    );
    let result = call!(number, t.text("absent"), name, value, 1, 0);
    t.expect(event, result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent")}));
    // Where the file system has attributes of users, it succeeds.
    let result = call!(number, t.text("f"), t.text("user.a"), value, 1, 0);
    t.expect(event, result, json!({"evt.arg.path": t.path("f"), "evt.arg.name": "user.a"}));
}

fn setxattr(t: &mut Trace) {
    set(t, "setxattr", libc::SYS_setxattr);
}

fn lsetxattr(t: &mut Trace) {
    set(t, "lsetxattr", libc::SYS_lsetxattr);
}

fn fsetxattr(t: &mut Trace) {
    let fd = t.file("f");
    let (name, value) = (t.text("user.a"), t.text("v"));
    let result = call!(libc::SYS_fsetxattr, fd, name, value, 1, 0);
    t.expect("fsetxattr", result, json!({"fd.num": fd, "fd.name": t.path("f"), "evt.arg.name": "user.a"}));
    let result = call!(libc::SYS_fsetxattr, 999, name, value, 1, 0);
    t.expect("fsetxattr", result, json!({"evt.res": "EBADF", "fd.num": 999, "evt.arg.name": "user.a"}));
}

fn remove(t: &mut Trace, event: &str, number: libc::c_long) {
    t.file("f");
    let name = t.text("user.a");
    call!(libc::SYS_setxattr, t.text("f"), name, t.text("v"), 1, 0);
    let result = call!(number, t.text("f"), name);
    t.expect(event, result, json!({"evt.arg.path": t.path("f"), "evt.arg.name": "user.a"}));
    let result = call!(number, t.text("absent"), name);
    t.expect(event, result, json!({"evt.res": "ENOENT", "evt.arg.path": t.path("absent")}));
}

fn removexattr(t: &mut Trace) {
    remove(t, "removexattr", libc::SYS_removexattr);
}

fn lremovexattr(t: &mut Trace) {
    remove(t, "lremovexattr", libc::SYS_lremovexattr);
}

fn fremovexattr(t: &mut Trace) {
    let fd = t.file("f");
    let name = t.text("user.a");
    let result = call!(libc::SYS_fremovexattr, fd, name);
    t.expect("fremovexattr", result, json!({"fd.num": fd, "fd.name": t.path("f"), "evt.arg.name": "user.a"}));
    let result = call!(libc::SYS_fremovexattr, 999, name);
    t.expect("fremovexattr", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}
