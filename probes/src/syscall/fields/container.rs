//! `container.*` and `k8s.*`: what the container's runtime told.

use lithify::event::{Argument, Field, Value};
use lithify::rules::glob_matches;

use super::super::event::SyscallEvent;
use super::Getter;
use crate::container::Runtime;
use crate::kernel::layout::{PIECE_PROCESS, ProcessInfo, SLOT_NONE};
use crate::runtime::{Container, Image, Metadata, Mount, Pod};

/// Value of `container.id`, `container.name` and the like outside containers.
const HOST: &str = "host";
/// Characters of an id that rules and people see.
const SHORT: usize = 12;

pub(super) const FIELDS: &[(&str, Getter)] = &[
    ("container.id", |event, _| event.container_id().map(Value::text)),
    ("container.full_id", |event, _| {
        Some(Value::text(event.container()?.map_or(HOST, |container| &container.full)))
    }),
    ("container.name", |event, _| match event.container()? {
        None => Some(Value::text(HOST)),
        Some(_) => container(event).and_then(|container| text(&container.name)),
    }),
    ("container.type", |event, _| {
        // The cgroup of a pod's container names no runtime where the kubelet does without systemd.
        Some(Value::text(match event.container()? {
            None => HOST,
            Some(id) if id.runtime == Runtime::Cri => {
                metadata(event).and_then(|told| told.runtime.as_deref()).unwrap_or(id.runtime.name())
            }
            Some(id) => id.runtime.name(),
        }))
    }),
    ("container.start_ts", |event, _| start(event).map(Value::Unsigned)),
    ("container.duration", |event, _| {
        let now = event.state.boot_ns + event.record.header.time_ns;
        Some(Value::Unsigned(now.saturating_sub(start(event)?)))
    }),
    ("container.image", |event, _| image(event).and_then(|image| text(&image.name))),
    ("container.image.id", |event, _| image(event).and_then(|image| text(&image.id))),
    ("container.image.repository", |event, _| image(event).and_then(|image| text(&image.repository))),
    ("container.image.tag", |event, _| image(event).and_then(|image| text(&image.tag))),
    ("container.image.digest", |event, _| image(event).and_then(|image| text(&image.digest))),
    ("container.privileged", |event, _| container(event)?.privileged.map(Value::Bool)),
    ("container.mounts", |event, _| Some(Value::text(&container(event)?.mounts_text))),
    ("container.mount", |event, field| Some(Value::text(&by_source(event, field)?.text))),
    ("container.mount.source", |event, field| {
        Some(Value::text(&mount(event, field, |mount| &mount.destination)?.source))
    }),
    ("container.mount.dest", |event, field| Some(Value::text(&by_source(event, field)?.destination))),
    ("container.mount.mode", |event, field| by_source(event, field).map(|_| Value::text(""))),
    ("container.mount.rdwr", |event, field| {
        Some(Value::text(if by_source(event, field)?.is_writable { "true" } else { "false" }))
    }),
    ("container.mount.propagation", |event, field| Some(Value::text(by_source(event, field)?.propagation))),
    ("container.label", |event, field| container(event)?.labels.get(field.key()?).map(Value::text)),
    ("container.labels", |event, _| Some(Value::text(&container(event)?.labels.text))),
    ("container.ip", |event, _| pod(event)?.ip.as_deref().map(Value::text)),
    ("container.cni.json", |event, _| pod(event)?.cni.as_deref().map(Value::text)),
    ("container.host_pid", |event, _| pod(event)?.host_pid.map(Value::Bool)),
    ("container.host_network", |event, _| pod(event)?.host_network.map(Value::Bool)),
    ("container.host_ipc", |event, _| pod(event)?.host_ipc.map(Value::Bool)),
    ("k8s.ns.name", |event, _| text(&pod(event)?.namespace)),
    ("k8s.pod.name", |event, _| text(&pod(event)?.name)),
    ("k8s.pod.id", |event, _| text(&pod(event)?.uid)),
    ("k8s.pod.uid", |event, _| text(&pod(event)?.uid)),
    ("k8s.pod.sandbox_id", |event, _| {
        let id = &pod(event)?.sandbox;
        text(id.get(..SHORT).unwrap_or(id))
    }),
    ("k8s.pod.full_sandbox_id", |event, _| text(&pod(event)?.sandbox)),
    ("k8s.pod.label", |event, field| pod(event)?.labels.get(field.key()?).map(Value::text)),
    ("k8s.pod.labels", |event, _| text(&pod(event)?.labels.text)),
    ("k8s.pod.ip", |event, _| pod(event)?.ip.as_deref().map(Value::text)),
    ("k8s.pod.cni.json", |event, _| pod(event)?.cni.as_deref().map(Value::text)),
];

/// What a runtime left empty, it did not tell.
fn text(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then(|| Value::text(text))
}

fn metadata<'v>(event: &'v SyscallEvent<'_>) -> Option<&'v Metadata> {
    event.state.containers.get(&event.container()??.full)
}

fn container<'v>(event: &'v SyscallEvent<'_>) -> Option<&'v Container> {
    metadata(event)?.container.as_ref()
}

fn image<'v>(event: &'v SyscallEvent<'_>) -> Option<&'v Image> {
    container(event).map(|container| &container.image)
}

fn pod<'v>(event: &'v SyscallEvent<'_>) -> Option<&'v Pod> {
    metadata(event)?.pod.as_ref()
}

/// The mount of a number, or the first whose side `of` matches a pattern.
fn mount<'v>(event: &'v SyscallEvent<'_>, field: &Field, of: fn(&Mount) -> &str) -> Option<&'v Mount> {
    let mounts = &container(event)?.mounts;
    match field.argument() {
        Argument::Index(number) => mounts.get(*number as usize),
        Argument::Key(pattern) => {
            mounts.iter().find(|mount| glob_matches(pattern.as_bytes(), false, of(mount).as_bytes()))
        }
        Argument::None => None,
    }
}

fn by_source<'v>(event: &'v SyscallEvent<'_>, field: &Field) -> Option<&'v Mount> {
    mount(event, field, |mount| &mount.source)
}

fn start(event: &SyscallEvent<'_>) -> Option<u64> {
    event.container()??;
    let told = event.record.structure::<ProcessInfo>(PIECE_PROCESS, SLOT_NONE);
    let info = told.or_else(|| Some(event.process?.info))?;
    (info.pidns_start_ns != 0).then(|| event.state.boot_ns + info.pidns_start_ns)
}
