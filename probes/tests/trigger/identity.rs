//! Users, groups and capabilities.

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::Trace;

pub(crate) const CASES: &[Case] = &[
    ("setuid", setuid),
    ("setgid", setgid),
    ("setreuid", setreuid),
    ("setregid", setregid),
    ("setresuid", setresuid),
    ("setresgid", setresgid),
    ("capset", capset),
];

/// All ones leaves an id as it is.
const KEEP: i32 = -1;

fn setuid(t: &mut Trace) {
    let result = call!(libc::SYS_setuid, 33);
    t.expect("setuid", result, json!({"evt.arg.uid": "www-data", "user.uid": 33, "user.name": "www-data", "thread.cap_effective": ""}));
    let result = call!(libc::SYS_setuid, 0);
    t.expect("setuid", result, json!({"evt.res": "EPERM", "evt.arg.uid": "root", "user.uid": 33}));
}

fn setgid(t: &mut Trace) {
    let result = call!(libc::SYS_setgid, 33);
    t.expect("setgid", result, json!({"evt.arg.gid": "33", "group.gid": 33, "group.name": "www-data"}));
    let result = call!(libc::SYS_setgid, KEEP);
    t.expect("setgid", result, json!({"evt.res": "EINVAL", "evt.arg.gid": u32::MAX.to_string()}));
}

fn setreuid(t: &mut Trace) {
    let result = call!(libc::SYS_setreuid, KEEP, 33);
    t.expect(
        "setreuid",
        result,
        json!({"evt.arg.euid": "www-data", "evt.arg.ruid": u32::MAX.to_string(), "user.uid": 33}),
    );
    let result = call!(libc::SYS_setreuid, 7, 7);
    t.expect("setreuid", result, json!({"evt.res": "EPERM", "evt.arg.ruid": "lp", "user.uid": 33}));
}

fn setregid(t: &mut Trace) {
    let result = call!(libc::SYS_setregid, 33, KEEP);
    t.expect("setregid", result, json!({"evt.arg.rgid": "33", "evt.arg.egid": u32::MAX.to_string()}));
}

fn setresuid(t: &mut Trace) {
    let result = call!(libc::SYS_setresuid, KEEP, 33, KEEP);
    t.expect("setresuid", result, json!({"evt.arg.ruid": u32::MAX.to_string(), "evt.arg.euid": "www-data", "evt.arg.suid": u32::MAX.to_string(), "user.uid": 33}));
    let result = call!(libc::SYS_setresuid, 7, 7, 7);
    t.expect("setresuid", result, json!({"evt.res": "EPERM", "evt.arg.suid": "lp", "user.uid": 33}));
}

fn setresgid(t: &mut Trace) {
    let result = call!(libc::SYS_setresgid, KEEP, 33, KEEP);
    t.expect("setresgid", result, json!({"evt.arg.egid": "33", "group.gid": 33}));
}

fn capset(t: &mut Trace) {
    // Version 3, this process; chown only.
    let header = [0x2008_0522_u32, 0];
    let data = [1_u32, 1, 0, 0, 0, 0];
    let result = call!(libc::SYS_capset, header.as_ptr(), data.as_ptr());
    t.expect(
        "capset",
        result,
        json!({
            "evt.arg.cap_effective": "1", "evt.arg.cap_permitted": "1", "evt.arg.cap_inheritable": "0",
            "thread.cap_effective": "CAP_CHOWN", "thread.cap_permitted": "CAP_CHOWN",
        }),
    );
    let more = [3_u32, 3, 0, 0, 0, 0];
    let result = call!(libc::SYS_capset, header.as_ptr(), more.as_ptr());
    t.expect("capset", result, json!({"evt.res": "EPERM", "thread.cap_effective": "CAP_CHOWN"}));
}
