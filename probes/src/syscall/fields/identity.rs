//! `user.*`, `group.*`, `container.*`: on whose behalf and where.

use lithify::event::{Field, Value};

use super::super::event::SyscallEvent;
use super::Getter;
use crate::kernel::layout::{PIECE_PROCESS, ProcessInfo, SLOT_NONE};

/// Value of `container.id` and `container.name` outside containers.
const HOST: &str = "host";

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
    ("container.id", |event, _| event.container_id().map(Value::text)),
    ("container.full_id", |event, _| {
        Some(Value::text(event.container()?.map_or(HOST, |container| &container.full)))
    }),
    ("container.name", |event, _| match event.container()? {
        None => Some(Value::text(HOST)),
        Some(_) => None,
    }),
    ("container.type", |event, _| {
        Some(Value::text(event.container()?.map_or(HOST, |container| container.runtime.name())))
    }),
    ("container.start_ts", |event, _| container_start(event).map(Value::Unsigned)),
    ("container.duration", |event, _| {
        let now = event.state.boot_ns + event.record.header.time_ns;
        Some(Value::Unsigned(now.saturating_sub(container_start(event)?)))
    }),
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

fn container_start(event: &SyscallEvent<'_>) -> Option<u64> {
    event.container()??;
    let told = event.record.structure::<ProcessInfo>(PIECE_PROCESS, SLOT_NONE);
    let info = told.or_else(|| Some(event.process?.info))?;
    (info.pidns_start_ns != 0).then(|| event.state.boot_ns + info.pidns_start_ns)
}
