//! The same cases on other kernels: each is booted in QEMU, with this program as its first process.
//!
//! In: Debian's kernels, as `scripts/guest-kernels.sh` left them in the cache, and this program with what it runs.
//! Out: the guest's lines from its serial port; the last says how many cases passed. Without hardware's help (TCG), so
//! that it runs in a virtual machine too; there a guest takes a minute.

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lithify_probe::AttachKind;
use rustix::mount::{MountFlags, mount};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use serde_json::json;

use crate::call::Trace;
use crate::initramfs::Initramfs;
use crate::suite::{self, Outcome};
use crate::{Case, FAMILIES, call, cases, races};

/// Series of kernels; the cache has one of each.
const KERNELS: [&str; 2] = ["6.1", "5.10"];
const QEMU: &str = "qemu-system-x86_64";
/// On the kernel's command line; what it does not know itself it hands to its first process as environment.
const INSIDE: &str = "LITHIFY_GUEST";
/// The guest's last line begins so.
const VERDICT: &str = "guest: ";

/// A container of Docker's with systemd's cgroups, which is there before the probe.
macro_rules! container {
    () => {
        "00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee"
    };
}
const CGROUP: &str = concat!("/sys/fs/cgroup/docker-", container!(), ".scope");

/// What only guests have: one hierarchy of cgroups for all controllers (v2).
pub(crate) const CASES: &[Case] = &[("in_a_container", in_a_container)];

fn in_a_container(t: &mut Trace) {
    std::fs::write(Path::new(CGROUP).join("cgroup.procs"), "0").expect("root may move");
    let result = call!(libc::SYS_unshare, -1);
    let id = container!();
    t.expect(
        "unshare",
        result,
        json!({"container.id": &id[..12], "container.full_id": id, "container.type": "docker"}),
    );
}

/// Whether this process is a guest's first.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some() && std::process::id() == 1
}

/// Boots each kernel and takes over what its guest says, all at once.
pub(crate) fn run(is_wanted: impl Fn(&str) -> bool) -> Outcome {
    let mut outcome = Outcome::default();
    let names = KERNELS.map(|series| (series, format!("guest {series}")));
    let wanted = names.iter().filter(|(_, name)| is_wanted(name));
    let mut guests = Vec::new();
    for (series, name) in wanted {
        match image(series) {
            Ok(image) => guests.push((name, image)),
            Err(reason) => outcome.skip("guest", &format!("{name}: {reason}")),
        }
    }
    if guests.is_empty() {
        return outcome;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let initramfs = directory.path().join("initramfs");
    std::fs::write(&initramfs, archive().expect("our own files")).expect("write the guest's files");
    std::thread::scope(|scope| {
        let running: Vec<_> =
            guests.iter().map(|(name, image)| scope.spawn(|| boot(name, image, &initramfs))).collect();
        for guest in running {
            outcome.add(guest.join().expect("a guest's thread does not panic"));
        }
    });
    outcome
}

/// The kernel of a series.
fn image(series: &str) -> Result<PathBuf, String> {
    let is_there = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
    is_there.map_err(|_| format!("{QEMU} is missing (apt-get install qemu-system-x86)"))?;
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let image = cache.ok_or("HOME is not set")?.join("lithify/kernels").join(series).join("vmlinuz");
    let missing = || format!("{} is missing (scripts/guest-kernels.sh)", image.display());
    image.exists().then_some(()).ok_or_else(missing)?;
    Ok(image)
}

/// This program, and what its cases execute.
fn archive() -> std::io::Result<Vec<u8>> {
    let mut archive = Initramfs::default();
    for directory in ["/dev", "/proc", "/sys", "/tmp"] {
        archive.directory(Path::new(directory));
    }
    archive.program(Path::new("/init"), &std::env::current_exe()?)?;
    for program in ["/bin/sh", "/bin/true"] {
        archive.program(Path::new(program), Path::new(program))?;
    }
    for names in ["/etc/passwd", "/etc/group"] {
        archive.file(Path::new(names), Path::new(names))?;
    }
    Ok(archive.finish())
}

/// Runs a guest to its end.
fn boot(name: &str, image: &Path, initramfs: &Path) -> Outcome {
    // no_timer_check: emulated interrupts come too late for the kernel's test of them now and then.
    let command_line = format!("console=ttyS0 quiet panic=-1 no_timer_check mitigations=off {INSIDE}=1");
    let mut qemu = Command::new(QEMU)
        .args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "512", "-nodefaults", "-no-reboot"])
        .args(["-display", "none", "-serial", "stdio", "-append", &command_line])
        .arg("-kernel")
        .arg(image)
        .arg("-initrd")
        .arg(initramfs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it ran before");
    let lines = BufReader::new(qemu.stdout.take().expect("piped")).split(b'\n');
    let mut outcome = Outcome::default();
    let mut concluded = false;
    for line in lines.map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        println!("{name}: {line}");
        concluded |= line.starts_with(VERDICT);
        match line.strip_prefix("test ").and_then(|test| test.rsplit_once(" ... ")) {
            Some((_, "ok")) => outcome.passed += 1,
            Some((test, _)) => outcome.failed.push(format!("{name}: {test}")),
            None => {}
        }
    }
    let status = qemu.wait().expect("our child");
    if !concluded {
        outcome.failed.push(format!("{name} ended before its tests did; {QEMU}: {status}"));
    }
    outcome
}

/// The guest's first process: makes itself a system, runs the cases, switches off.
pub(crate) fn init() -> ! {
    prepare().expect("mount and bring up what every system has");
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("mounted");
    println!("Linux {}", release.trim());
    let all = [cases(), races::ANYWHERE.to_vec(), CASES.to_vec()].concat().into_iter().map(|(name, _)| name);
    let mut outcome = suite::run(AttachKind::PerSyscall, all);
    for one in suite::optional() {
        if one.refused.is_none() {
            outcome.passed += 1;
            println!("test {one} ... ok");
        } else {
            println!("test {one} ... FAILED");
            outcome.failed.push(one.hook.to_owned());
        }
    }
    // What is captured is the same; how it is called differs.
    let some = FAMILIES.iter().flat_map(|family| family.iter().take(3)).map(|(name, _)| *name);
    let races = races::CASES.iter().chain(CASES).map(|(name, _)| *name);
    outcome.add(suite::run(AttachKind::EverySyscall, some.chain(races)));
    // Nor can it be mounted any more, so the kernel's own list tells the tracepoints.
    give_up_mounting().expect("a process may drop its capabilities");
    let some = FAMILIES.iter().filter_map(|family| family.first()).map(|(name, _)| *name);
    outcome.add(perf_events_for(2, || suite::run(AttachKind::PerSyscall, some)));
    // Debian's own restriction, its default: without CAP_SYS_ADMIN nobody has perf events.
    outcome.add(perf_events_for(3, || {
        let test = "where perf events are refused one program sees every call";
        let found = suite::attached_as();
        let is_right = found == AttachKind::EverySyscall;
        println!("test {test} ... {}", if is_right { "ok" } else { "FAILED" });
        Outcome::of(test, is_right)
    }));
    println!("{VERDICT}{} passed, {} failed", outcome.passed, outcome.failed.len());
    // SAFETY: takes no pointer.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
    unreachable!("the first process may switch off: {}", std::io::Error::last_os_error())
}

/// With `kernel.perf_event_paranoid` as given.
fn perf_events_for(paranoid: u32, run: impl FnOnce() -> Outcome) -> Outcome {
    std::fs::write("/proc/sys/kernel/perf_event_paranoid", paranoid.to_string()).expect("ours to set");
    run()
}

fn give_up_mounting() -> rustix::io::Result<()> {
    let mut sets = capabilities(None)?;
    for set in [&mut sets.effective, &mut sets.permitted] {
        set.remove(CapabilitySet::SYS_ADMIN);
    }
    set_capabilities(None, sets)
}

fn prepare() -> rustix::io::Result<()> {
    for (kind, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp")] {
        mount(kind, target, kind, MountFlags::empty(), None)?;
    }
    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MountFlags::empty(), None)?;
    std::fs::create_dir(CGROUP).expect("a new cgroup");
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("any port");
    // SAFETY: integers and arrays of them.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP).expect("a low bit");
    // SAFETY: SIOCSIFFLAGS takes an ifreq.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    Ok(())
}
