//! Ten thousand of what a machine usually has a few hundred of: processes that live for an instant, and containers.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use lithify::event::{Event as _, Field, Source, Value};
use lithify_probe::{Probe, SyscallEvent};

use super::{options, start, tally};

const MANY: usize = 10_000;

pub(super) fn field(name: &str) -> Field {
    Field::resolve(name, None, Source::Syscall).unwrap()
}

/// Shows the calls of a child, its children's among them, until it ends.
fn until_end(probe: &mut Probe, child: u32, visit: &mut dyn FnMut(&SyscallEvent<'_>)) {
    let pid = field("proc.pid");
    let mut ended = false;
    while !ended {
        probe
            .poll(&mut |event| match event.event_type().name() {
                "userfaultfd" => visit(event),
                "procexit" => ended |= event.value(&pid).and_then(Value::integer) == Some(child.into()),
                _ => {}
            })
            .unwrap();
    }
}

/// What the child does: processes that make one call and end, one after the other.
pub(super) fn fork(times: usize) {
    for _ in 0..times {
        // SAFETY: this process has one thread; its child makes two calls, which take no pointers.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::syscall(libc::SYS_userfaultfd, -1);
                libc::_exit(0);
            }
            assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
        }
    }
}

pub(super) fn ten_thousand_processes_of_an_instant_are_seen_with_their_parent() {
    let mut probe = Probe::start(&options("userfaultfd")).unwrap();
    let (before, _) = probe.processes();
    let mut child = start(&format!("fork {MANY}"));
    let (parent, parents_name) = (field("proc.ppid"), field("proc.pname"));
    let mut seen = 0;
    until_end(&mut probe, child.id(), &mut |event| {
        assert_eq!(event.value(&parent).and_then(Value::integer), Some(child.id().into()));
        assert!(event.value(&parents_name).is_some());
        seen += 1;
    });
    assert!(child.wait().unwrap().success());
    assert_eq!(seen, MANY);
    for event in ["userfaultfd", "procexit"] {
        assert_eq!(tally(&probe, event).dropped, 0, "{event}");
    }
    let (after, refused) = probe.processes();
    assert!(after < before + MANY / 10, "{before} processes before, {after} after: ended ones are forgotten");
    assert_eq!(refused, 0);
}

/// Where a cgroup can be made that the probe takes for a container's.
pub(super) fn cgroup_root() -> &'static Path {
    ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .into_iter()
        .map(Path::new)
        .find(|root| root.join("cgroup.procs").exists())
        .expect("cgroups are mounted")
}

/// The cgroup of a container that is not there; each number another.
fn container(number: usize) -> (String, PathBuf) {
    let id = format!("{:012x}{}", number * 0x9e37 + 1, "5".repeat(52));
    let path = cgroup_root().join(format!("docker-{id}.scope"));
    (id[..12].to_owned(), path)
}

/// What the child does: enters cgroup after cgroup and makes a call in each.
pub(super) fn wander(times: usize) {
    for number in 0..times {
        let (_, path) = container(number);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("cgroup.procs"), "0").unwrap();
        // SAFETY: no pointers; the flags are refused.
        unsafe { libc::syscall(libc::SYS_userfaultfd, -1) };
        fs::write(cgroup_root().join("cgroup.procs"), "0").unwrap();
        fs::remove_dir(&path).unwrap();
    }
}

pub(super) fn ten_thousand_containers_are_told_apart() {
    let mut probe = Probe::start(&options("userfaultfd")).unwrap();
    let mut child = start(&format!("wander {MANY}"));
    let id = field("container.id");
    let mut number = 0;
    until_end(&mut probe, child.id(), &mut |event| {
        let (expected, _) = container(number);
        let found = event.value(&id).map(|value| value.display().into_owned());
        assert_eq!(found.as_deref(), Some(&*expected), "container {number}");
        number += 1;
    });
    assert!(child.wait().unwrap().success());
    assert_eq!(number, MANY);
    let seen: HashSet<String> = (0..MANY).map(|number| container(number).0).collect();
    assert_eq!(seen.len(), MANY, "each has a name of its own");
    assert_eq!(tally(&probe, "userfaultfd").dropped, 0);
}
