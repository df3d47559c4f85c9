//! Tens of thousands of what a machine usually has a few hundred of: processes that live for an instant, and containers.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use lithify::event::{Event as _, EventType, Field, Source, Value};
use lithify_probe::{Alternative, Probe, ProbeOptions, SyscallEvent};

use super::{command, options, start, tally};

const MANY: usize = 10_000;

pub(super) fn field(name: &str) -> Field {
    Field::resolve(name, None, Source::Syscall).unwrap()
}

/// Shows the calls of children, of their children too, until all of them have ended.
fn until_end(probe: &mut Probe, children: &[Child], visit: &mut dyn FnMut(&SyscallEvent<'_>)) {
    let pid = field("proc.pid");
    let mut running: HashSet<i128> = children.iter().map(|child| child.id().into()).collect();
    while !running.is_empty() {
        probe
            .poll(&mut |event| match event.event_type().name() {
                "userfaultfd" => visit(event),
                "procexit" => {
                    event.value(&pid).and_then(Value::integer).map(|pid| running.remove(&pid));
                }
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

/// Two parents, so that ten thousand and more come a second where the machine can.
pub(super) fn processes_of_an_instant_are_seen_with_their_parents() {
    let mut probe = Probe::start(&options("userfaultfd")).unwrap();
    let (before, _) = probe.processes();
    let begin = Instant::now();
    let mut children = [(); 2].map(|()| start(&format!("fork {MANY}")));
    let parents: HashSet<i128> = children.iter().map(|child| child.id().into()).collect();
    let (parent, parents_name) = (field("proc.ppid"), field("proc.pname"));
    let mut seen = 0;
    until_end(&mut probe, &children, &mut |event| {
        assert!(event.value(&parent).and_then(Value::integer).is_some_and(|pid| parents.contains(&pid)));
        assert!(event.value(&parents_name).is_some());
        seen += 1;
    });
    let made = MANY * children.len();
    println!("{made} processes in {:.1?}", begin.elapsed());
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(seen, made);
    for event in ["userfaultfd", "procexit"] {
        assert_eq!(tally(&probe, event).dropped, 0, "{event}");
    }
    let (after, refused) = probe.processes();
    assert!(after < before + MANY / 10, "{before} processes before, {after} after: ended ones are forgotten");
    assert_eq!(refused, 0);
}

/// Containers at once: more than the probe keeps in mind.
const CROWD: usize = 20_000;
/// So many are visited before the reader sleeps: the kernel knows them, and sends their paths no more.
const KNOWN: usize = 16_000;

/// The cgroups that the child visits, one after the other: first those that the reader follows, then, while it sleeps,
/// others that it cannot keep as well and some that it knows, then all.
fn tour() -> [Vec<usize>; 3] {
    [(0..KNOWN).collect(), (KNOWN..CROWD).chain(KNOWN - 9000..KNOWN).collect(), (0..CROWD).collect()]
}

/// Where a cgroup can be made that the probe takes for a container's.
pub(super) fn cgroup_root() -> &'static Path {
    ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .into_iter()
        .map(Path::new)
        .find(|root| root.join("cgroup.procs").exists())
        .expect("cgroups are mounted")
}

/// The id of a container that is not there; each number another.
fn id(number: usize) -> String {
    format!("{:012x}{}", number * 0x9e37 + 1, "5".repeat(52))
}

/// What the child does: makes all cgroups, then enters one after the other and makes a call in each. Between the parts
/// of the tour it says so, and waits for a line.
pub(super) fn wander() {
    let above = cgroup_root().join(format!("lithify-crowd-{}", std::process::id()));
    fs::create_dir(&above).unwrap();
    let all: Vec<_> = (0..CROWD).map(|number| above.join(format!("docker-{}.scope", id(number)))).collect();
    for path in &all {
        fs::create_dir(path).unwrap();
    }
    for part in tour() {
        for number in part {
            fs::write(all[number].join("cgroup.procs"), "0").unwrap();
            // SAFETY: no pointers; the flags are refused.
            unsafe { libc::syscall(libc::SYS_userfaultfd, -1) };
        }
        // A parent that has failed is gone; what was made is removed all the same.
        let _ = writeln!(std::io::stdout(), "there");
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    fs::write(cgroup_root().join("cgroup.procs"), "0").unwrap();
    for path in all.iter().chain([&above]) {
        fs::remove_dir(path).unwrap();
    }
}

/// The kernel leaves out what it knows to be the host's: nothing of a container may be among that, whether it is new,
/// known or forgotten.
pub(super) fn more_containers_than_are_kept_in_mind_are_told_apart() {
    let event = EventType::from_name("userfaultfd").unwrap();
    let in_containers = Alternative { container: Some(true), ..Alternative::default() };
    let filters = vec![(event, vec![in_containers])];
    // All that happens while the reader sleeps has room.
    let options = ProbeOptions { filters, ring_bytes: 32 << 20, ..options("userfaultfd") };
    let mut probe = Probe::start(&options).unwrap();
    let mut command = command("wander");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut says = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = child.stdin.take().unwrap();
    let container = field("container.id");
    for (part, number) in tour().iter().zip(0..) {
        let sleeps = number == 1;
        if sleeps {
            assert_eq!(says.next().unwrap().unwrap(), "there");
        }
        let (mut seen, mut wrong) = (0, Vec::new());
        while seen < part.len() {
            probe
                .poll(&mut |event| {
                    if event.event_type().name() != "userfaultfd" {
                        return;
                    }
                    let found = event.value(&container).map(|value| value.display().into_owned());
                    if found.as_deref() != Some(&id(part[seen])[..12]) {
                        wrong.push((part[seen], found));
                    }
                    seen += 1;
                })
                .unwrap();
        }
        assert!(wrong.is_empty(), "part {number}: {} wrong, first {:?}", wrong.len(), wrong[0]);
        if !sleeps {
            assert_eq!(says.next().unwrap().unwrap(), "there");
        }
        writeln!(told).unwrap();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(tally(&probe, "userfaultfd").dropped, 0);
}
