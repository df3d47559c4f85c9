//! Whose an event is: the container by every form of cgroup, older and younger than the probe.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use lithify::event::{Event as _, Value};
use lithify_probe::{Probe, ProbeOptions};

use super::crowd::{cgroup_root, field};
use super::{ACT, options};

/// Runtimes and drivers: the cgroups that they make, and `container.type`.
const FORMS: &[(&str, &str)] = &[
    ("docker/ID", "docker"),
    ("system.slice/docker-ID.scope", "docker"),
    ("kubepods/burstable/podUID/ID", "cri"),
    ("kubepods.slice/kubepods-podUID.slice/cri-containerd-ID.scope", "containerd"),
    ("system.slice/containerd.service/kubepods-podUID.slice:cri-containerd:ID", "containerd"),
    ("kubepods/podUID/crio-ID", "cri-o"),
    ("kubepods.slice/kubepods-podUID.slice/crio-ID.scope", "cri-o"),
    ("kubepods.slice/kubepods-podUID.slice/crio-ID.scope/container", "cri-o"),
    ("libpod_parent/libpod-ID", "podman"),
    ("machine.slice/libpod-ID.scope/container", "podman"),
    ("system.slice/web.service/libpod-payload-ID", "podman"),
    ("default/ID", "containerd"),
    ("system.slice/nerdctl-ID.scope", "containerd"),
    ("system.slice/docker-ID.scope/system.slice/inner.service", "docker"),
];

/// Cgroups below one of this test's own; gone with this value.
struct Cgroups {
    top: PathBuf,
}

impl Cgroups {
    fn new(name: &str) -> Self {
        Self { top: cgroup_root().join(format!("lithify-{name}-{}", std::process::id())) }
    }

    fn make(&self, path: &str) -> PathBuf {
        let path = self.top.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        fn remove(directory: &Path) {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    remove(&entry.path());
                }
            }
            let _ = fs::remove_dir(directory);
        }
        remove(&self.top);
    }
}

/// A child in a cgroup, which makes a call each time that it is told to.
struct Settled(Child, BufReader<ChildStdout>);

impl Settled {
    fn new(cgroup: &Path) -> Self {
        Self::doing("settle", cgroup)
    }

    fn doing(act: &str, cgroup: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ACT, act)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Moved by us, as a runtime moves its containers.
        fs::write(cgroup.join("cgroup.procs"), child.id().to_string()).unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut settled = Self(child, output);
        assert_eq!(settled.line(), "settled");
        settled
    }

    /// The next that it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn act(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// The child.
pub(super) fn settle() {
    std::io::stdout().write_all(b"settled\n").unwrap();
    for _ in std::io::stdin().lines() {
        // SAFETY: no pointers; the flags are refused.
        unsafe { libc::syscall(libc::SYS_userfaultfd, -1) };
    }
}

/// The fields of a call of each of these children, by process.
fn fields_of(probe: &mut Probe, children: &mut [Settled], names: &[&str]) -> BTreeMap<u32, Vec<String>> {
    let (pid, fields) = (field("proc.pid"), names.iter().map(|name| field(name)).collect::<Vec<_>>());
    let mut found = BTreeMap::new();
    children.iter_mut().for_each(Settled::act);
    while found.len() < children.len() {
        probe
            .poll(&mut |event| {
                let number =
                    event.value(&pid).and_then(Value::integer).and_then(|pid| u32::try_from(pid).ok());
                let number = number.filter(|pid| children.iter().any(|child| child.0.id() == *pid));
                if let (Some(pid), "userfaultfd") = (number, event.event_type().name()) {
                    let text = |field| event.value(field).map(|value| value.display().into_owned());
                    found.insert(pid, fields.iter().map(|field| text(field).unwrap_or_default()).collect());
                }
            })
            .unwrap();
    }
    found
}

pub(super) fn containers_of_every_form_are_told_whether_older_or_younger() {
    let cgroups = Cgroups::new("forms");
    let id = |number: usize| format!("{:012x}{:052x}", std::process::id(), number);
    let place = |number: usize| {
        let (form, _) = FORMS[number % FORMS.len()];
        cgroups.make(&form.replace("UID", "6f3c").replace("ID", &id(number)))
    };
    let count = FORMS.len();
    let mut children: Vec<_> = (0..count).map(|number| Settled::new(&place(number))).collect();
    let mut probe = Probe::start(&options("userfaultfd")).unwrap();
    children.extend((count..2 * count).map(|number| Settled::new(&place(number))));
    let names = ["container.id", "container.type", "proc.exepath"];
    let exe = std::env::current_exe().unwrap().display().to_string();
    let found = fields_of(&mut probe, &mut children, &names);
    for (number, child) in children.iter().enumerate() {
        let (form, kind) = FORMS[number % count];
        let expected = [&id(number)[..12], kind, &exe];
        assert_eq!(found[&child.0.id()], expected, "{form}, number {number}");
    }
    children.into_iter().for_each(Settled::end);
}

/// The child: a sidecar, which says of which containers it sees calls.
pub(super) fn watch_own_pod() {
    let mut out = std::io::stdout();
    out.write_all(b"settled\n").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let sidecar = Some(lithify_probe::runtime::OwnPod::default());
    let options = ProbeOptions { sidecar, ..options("userfaultfd") };
    let mut probe = Probe::start(&options).unwrap();
    writeln!(out, "watching").unwrap();
    let (id, mut seen) = (field("container.id"), false);
    while !seen {
        probe
            .poll(&mut |event| {
                if event.event_type().name() == "userfaultfd" {
                    let text = event.value(&id).map(|value| value.display().into_owned());
                    writeln!(out, "{}", text.unwrap_or_default()).unwrap();
                    seen = true;
                }
            })
            .unwrap();
    }
}

pub(super) fn a_sidecar_sees_its_pod_wherever_its_own_cgroup_stands() {
    let cgroups = Cgroups::new("sidecar");
    for form in ["kubepods/podUID/ID", "kubepods.slice/kubepods-podUID.slice/crio-ID.scope/container"] {
        let id = |number: u32| format!("{:012x}{number:052x}", std::process::id() * 8 + number);
        let place = |pod: &str, number| cgroups.make(&form.replace("UID", pod).replace("ID", &id(number)));
        let mut sidecar = Settled::doing("watch-own-pod", &place("6f3c", 0));
        let (mut other, mut neighbour) = (Settled::new(&place("other", 1)), Settled::new(&place("6f3c", 2)));
        sidecar.act();
        assert_eq!(sidecar.line(), "watching", "{form}");
        other.act();
        other.end();
        neighbour.act();
        assert_eq!(sidecar.line(), &id(2)[..12], "{form}: its pod's, and nobody's of another");
        neighbour.end();
        sidecar.end();
    }
}

/// As deep as names of 250 letters reach beyond what a path can hold.
const DEPTH: usize = 20;

/// The kernel tells as much of a path as there is room for, from its end.
pub(super) fn a_container_cannot_hide_in_a_cgroup_with_a_long_path() {
    let cgroups = Cgroups::new("deep");
    let id = format!("{:012x}{:052x}", std::process::id(), 0);
    let container = cgroups.make(&format!("docker-{id}.scope"));
    let name = "n".repeat(250);
    let before = std::env::current_dir().unwrap();
    // No path leads there, so from directory to directory.
    std::env::set_current_dir(&container).unwrap();
    for _ in 0..DEPTH {
        fs::create_dir(&name).unwrap();
        std::env::set_current_dir(&name).unwrap();
    }
    let mut probe = Probe::start(&options("userfaultfd")).unwrap();
    let mut child = [Settled::new(&container)];
    let pid = child[0].0.id();
    let mut ask = || fields_of(&mut probe, &mut child, &["container.id"]).remove(&pid).unwrap();
    let outside = ask();
    fs::write("cgroup.procs", pid.to_string()).unwrap();
    let inside = ask();
    child.into_iter().for_each(Settled::end);
    for _ in 0..DEPTH {
        std::env::set_current_dir("..").unwrap();
        fs::remove_dir(&name).unwrap();
    }
    std::env::set_current_dir(before).unwrap();
    assert_eq!((&*outside[0], &*inside[0]), (&id[..12], &id[..12]));
}
