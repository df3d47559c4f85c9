//! The filter that the kernel gets from rules, against the rules themselves: everything is sent, marked with the
//! filter's verdict, and no event that it would leave out may match.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lithify::event::{Event as _, Field, Source};
use lithify::rules::{Load, RuleFile, Selection};
use lithify_probe::{Probe, ProbeOptions, filters_of};

use super::crowd::cgroup_root;

/// Conditions that ask for all that the kernel tests, alone and mixed with what it does not.
const CONDITIONS: &[&str] = &[
    "fd.name startswith /etc/pam.d",
    "fd.name = /etc/shadow",
    "fd.name in (/etc, /usr/lib/os-release)",
    "fd.directory = /etc",
    "fd.filename in (shadow, login)",
    "fd.filename = pam.d and fd.name startswith /etc",
    "fd.name endswith /os-release",
    "fd.nameraw startswith /etc/.. and fd.name startswith /usr",
    "fd.nameraw contains ../",
    "fd.nameraw contains ./ or fd.name = /etc/passwd",
    "evt.is_open_write = true and fd.name startswith /etc",
    "evt.is_open_read = true and not fd.name startswith /etc",
    "fd.num < 0 and fd.name startswith /etc",
    "evt.res = ENOENT and fd.filename = nothing",
    "evt.res != SUCCESS",
    "container.id != host and fd.name startswith /etc",
    "container.id = host and evt.is_open_write = true",
    "fd.type in (ipv4, unix) and container.id != host",
    "fd.typechar = 6",
    "fd.type = directory",
    "evt.rawres in (0, 1, 2)",
    "user.uid = 0 and fd.name = /etc/shadow",
];

const EVENTS: &str = "open, openat, openat2, chdir, dup, dup2, dup3, connect, socket";

/// Paths as they may be given; the working directory changes among them.
const PATHS: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow/",
    "/etc//shadow",
    "/etc/./shadow",
    "/etc/../etc/shadow",
    "/etc/../usr/lib/os-release",
    "/usr/lib/os-release",
    "//usr/lib/os-release",
    "/etc/pam.d/login",
    "/etc/pam.d/",
    "/etc/pam.d",
    "/etc",
    "/etc/",
    "/",
    "shadow",
    "./shadow",
    "../etc/shadow",
    "pam.d/login",
    "",
    "/tmp",
    "/tmp/foo../shadow",
    "/etc/nothing",
    "nothing",
    "/proc/self/root/etc/shadow",
    "/dev/null",
];

/// What the child does, if it is told so in a cgroup of its own: opens, changes its directory, copies descriptors and
/// connects, in an order that is the same each time. Nothing is made, cut or written.
pub(super) fn roam(cgroup: Option<&str>) {
    const FLAGS: [libc::c_int; 6] = [
        libc::O_RDONLY,
        libc::O_WRONLY,
        libc::O_RDWR,
        libc::O_PATH,
        libc::O_RDONLY | libc::O_DIRECTORY,
        libc::O_WRONLY | libc::O_APPEND,
    ];
    if let Some(cgroup) = cgroup {
        fs::write(Path::new(cgroup).join("cgroup.procs"), "0").unwrap();
    }
    let long = format!("/etc/{}shadow", "./".repeat(200));
    let paths: Vec<_> =
        PATHS.iter().copied().chain([&*long]).map(|path| CString::new(path).unwrap()).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for _ in 0..400 {
        let (path, flags) = (&paths[random(paths.len())], FLAGS[random(FLAGS.len())] | libc::O_NOCTTY);
        let how = [u64::try_from(flags).unwrap(), 0, 0];
        // SAFETY: texts, structures and descriptors that live through each call.
        let fd = unsafe {
            match random(8) {
                0 => libc::syscall(libc::SYS_open, path.as_ptr(), flags),
                1 | 2 => libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags),
                3 => libc::syscall(
                    libc::SYS_openat2,
                    libc::AT_FDCWD,
                    path.as_ptr(),
                    &raw const how,
                    size_of_val(&how),
                ),
                4 => libc::syscall(libc::SYS_chdir, path.as_ptr()) - 1,
                5 => libc::syscall(libc::SYS_dup, random(4)),
                6 => libc::syscall(libc::SYS_dup2, 0, random(3)) - 3,
                _ => connect([libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_NETLINK][random(4)]),
            }
        };
        if fd > 2 {
            // SAFETY: opened above.
            unsafe { libc::syscall(libc::SYS_close, fd) };
        }
    }
}

/// Fails: nobody listens at an address of zeros.
fn connect(family: libc::c_int) -> libc::c_long {
    let mut address = [0_u8; 28];
    address[..2].copy_from_slice(&u16::try_from(family).unwrap().to_ne_bytes());
    address[3] = 9;
    // SAFETY: the address lives through the call.
    unsafe {
        let fd = libc::syscall(libc::SYS_socket, family, libc::SOCK_DGRAM, 0);
        libc::syscall(
            libc::SYS_connect,
            fd,
            address.as_ptr(),
            if family == libc::AF_INET6 { 28 } else { 16 },
        );
        fd
    }
}

/// A cgroup named as a container's, removed in the end.
struct Cgroup(PathBuf);

impl Cgroup {
    fn make() -> Self {
        let path = cgroup_root().join(format!("docker-{}.scope", "ab12".repeat(16)));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// How often the calls are made until enough of them arrive.
const TRIES: usize = 20;

pub(super) fn no_event_that_is_judged_out_matches_a_rule() {
    let cgroup = Cgroup::make();
    let upstream = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml");
    let mut files: Vec<_> = CONDITIONS.iter().map(|condition| (*condition, rule(condition))).collect();
    match fs::read_to_string(upstream) {
        Ok(text) => files.push(("upstream's rules", text)),
        Err(error) => super::skip(&format!("upstream's rules: {error}")),
    }
    let number = Field::resolve("proc.pid", None, Source::Syscall).unwrap();
    let path = Field::resolve("fd.nameraw", None, Source::Syscall).unwrap();
    for (name, text) in files {
        let load = Load::new(&[RuleFile::new("rules.yaml", text)], &[]);
        assert!(load.is_successful(), "{}", load.to_text());
        let rules = load.rule_set(&Selection::default());
        let mut scratch = rules.scratch();
        let filters = filters_of(&rules);
        assert!(!filters.is_empty(), "{name}: there is nothing to filter by");
        let options = ProbeOptions {
            events: rules.event_types(),
            filters,
            shadow: true,
            interval: Duration::from_millis(1),
            ..ProbeOptions::default()
        };
        let mut probe = Probe::start(&options).unwrap();
        let (mut left_out, mut matching) = (0, 0);
        // Where the machine is busy, its own events can fill the ring, and these be lost.
        for _ in 0..TRIES {
            let children = [super::run("roam"), super::run(&format!("roam {}", cgroup.0.display()))];
            let mut ended = 0;
            let end = Instant::now() + Duration::from_secs(30);
            while ended < children.len() && Instant::now() < end {
                probe
                    .poll(&mut |event| {
                        let pid = event.value(&number).and_then(lithify::event::Value::integer);
                        if !children.iter().any(|child| pid == Some((*child).into())) {
                            return;
                        }
                        ended += usize::from(event.event_type().name() == "procexit");
                        let rule = rules.first_match(event, &mut scratch);
                        left_out += usize::from(event.is_judged_out());
                        matching += usize::from(rule.is_some());
                        assert!(
                            !event.is_judged_out() || rule.is_none(),
                            "{name}: {} of {:?} would have been left out",
                            event.event_type(),
                            event.value(&path).map(|value| value.display().into_owned())
                        );
                    })
                    .unwrap();
            }
            if left_out > 0 && matching > 0 {
                break;
            }
        }
        assert!(left_out > 0 && matching > 0, "{name}: {left_out} left out, {matching} matched");
    }
}

fn rule(condition: &str) -> String {
    format!(
        "- rule: r\n  desc: d\n  condition: evt.type in ({EVENTS}) and {condition}\n  output: o\n  priority: INFO\n"
    )
}
