//! `user.*` and `group.*`: on whose behalf.

use lithify::event::{Field, Value};

use super::super::event::SyscallEvent;
use super::Getter;

pub(super) const FIELDS: &[(&str, Getter)] = &[
    ("user.uid", |event, _| Some(Value::Unsigned(event.record.header.uid.into()))),
    ("user.name", |event, _| event.names().user(event.record.header.uid).map(|user| Value::text(&user.name))),
    ("user.homedir", |event, _| {
        event.names().user(event.record.header.uid).map(|user| Value::text(&user.home))
    }),
    ("user.shell", |event, _| {
        event.names().user(event.record.header.uid).map(|user| Value::text(&user.shell))
    }),
    ("user.loginuid", |event, _| Some(Value::Signed(login(event)))),
    ("user.loginname", login_name),
    ("group.gid", |event, _| Some(Value::Unsigned(event.record.header.gid.into()))),
    ("group.name", |event, _| event.names().group(event.record.header.gid).map(Value::text)),
];

/// Nobody logged in: the kernel has all ones.
fn login(event: &SyscallEvent<'_>) -> i64 {
    match event.record.header.loginuid {
        u32::MAX => -1,
        uid => uid.into(),
    }
}

/// Who logged in did so on the host.
fn login_name<'v>(event: &'v SyscallEvent<'_>, _field: &Field) -> Option<Value<'v>> {
    let uid = event.record.header.loginuid;
    event.state.users.host().user(uid).map(|user| Value::text(&user.name))
}
