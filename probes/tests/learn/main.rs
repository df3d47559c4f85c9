//! The loop in a real container: learned while it writes, run again read-only with just the mounts that its profile
//! asks for, and watched there.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../provoke/container.rs"]
#[allow(dead_code, reason = "this target uses a part of it")]
mod container;
mod learning;
#[path = "../run/probe.rs"]
#[allow(dead_code, reason = "this target uses a part of it")]
mod probe;
#[path = "../../../fixtures/testbed/require.rs"]
mod require;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use container::{Engine, Needs};
use learning::Learning;
use lithify::profile::{Contents, WriteProfile, mount_points};
use probe::Probe;
use require::skip;
use rustix::process::Signal;
use serde_json::{Value, json};

/// What the container does: it reads here and there, and writes in four places of its root and on a volume.
const APP: &str = "\
set -e
cat /etc/passwd /srv/pages/index > /dev/null
test -e /usr/bin/env
mkdir -p /var/cache/x/deep
echo page > /var/cache/x/deep/page
mv /var/cache/x/deep/page /var/cache/x/page
chmod 600 /var/cache/x/page
echo $$ > /var/run/x.pid
echo more >> /srv/pages/index
ln -s index /srv/pages/link
rm /srv/pages/link
cd /var/lib/app
touch relative
echo volume > /dev/shm/file
";

/// The same, and what it was not seen to do.
const INTRUDER: &str = "
! echo x 2> /dev/null > /opt/foothold
! rm -f /etc/passwd 2> /dev/null
";

fn cannot_run() -> Option<(&'static str, String)> {
    if !rustix::process::geteuid().is_root() {
        return Some(("root", "not root".to_owned()));
    }
    for program in ["/usr/sbin/runc", "/bin/busybox", "/usr/bin/unshare"] {
        if !Path::new(program).exists() {
            return Some(("bpf", format!("no {program}")));
        }
    }
    let options = lithify_probe::ProbeOptions::default();
    lithify_probe::Probe::start(&options).err().map(|error| ("bpf", error.to_string()))
}

/// Files of the image beside the engine's own.
fn image(directory: &Path) {
    let root = directory.join("image");
    for name in ["run", "var/cache", "var/lib/app", "var/lib/other", "srv/pages", "opt"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("srv/pages/index"), "hello\n").unwrap();
    std::os::unix::fs::symlink("/run", root.join("var/run")).unwrap();
    std::os::unix::fs::chown(root.join("var/lib/app"), Some(33), Some(7)).unwrap();
}

/// An id whose first twelve digits are this run's own.
fn id(number: u32) -> String {
    format!("{:08x}{number:04x}{:052x}", std::process::id(), 1)
}

/// How often a container is run until the machine was fast enough: what ended before it could be looked at, or was lost in
/// a full ring, is said to be incomplete, and that is all that may be wrong with it.
const TRIES: u32 = 20;

/// Runs a script in a container that is learned, on top of an earlier profile; the container's id, and the profile.
fn learn(
    engine: &Engine,
    directory: &Path,
    script: &str,
    stored: Option<&WriteProfile>,
) -> (String, WriteProfile) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for _ in 0..TRIES {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let place = directory.join(format!("try-{number}"));
        fs::create_dir_all(place.join("profiles")).unwrap();
        if let Some(stored) = stored {
            fs::write(place.join("profiles").join(learning::FILE), stored.to_yaml().unwrap()).unwrap();
        }
        let file = place.join("act.sh");
        fs::write(&file, script).unwrap();
        let id = id(number);
        let learning = Learning::start(&place, &id);
        let needs = Needs { capabilities: &["CAP_SYS_CHROOT"], ..Needs::default() };
        let output = engine.run(&id, &file, needs);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
        let profile = learning.end();
        let is_ours =
            |reason: &String| reason.contains("were gone before") || reason.contains("events were lost");
        let was_missed = profile.unresolved.iter().any(is_ours);
        assert!(!(was_missed && profile.complete), "{profile:?}");
        if !was_missed {
            return (id, profile);
        }
    }
    panic!("a container was not seen whole, {TRIES} times");
}

fn paths(profile: &WriteProfile) -> Vec<(&str, Contents)> {
    profile.paths.iter().map(|path| (path.path.as_str(), path.contents)).collect()
}

/// What the fixer would mount: a tmpfs, or a copy of the image's files.
fn mounts(profile: &WriteProfile, directory: &Path) -> Vec<Value> {
    let (points, unmountable) = mount_points(profile.wanted());
    assert_eq!(unmountable, []);
    let mount = |point: &lithify::profile::MountPoint| {
        let path = point.path.as_str();
        if !point.copy_up {
            return json!({"destination": path, "type": "tmpfs", "source": "tmpfs"});
        }
        let copy = directory.join(path.replace('/', "-"));
        let from = directory.join("image").join(path.trim_start_matches('/'));
        assert!(Command::new("cp").arg("-a").args([&from, &copy]).status().unwrap().success());
        json!({"destination": path, "type": "bind", "source": copy, "options": ["rbind", "rw"]})
    };
    points.iter().map(mount).collect()
}

#[test]
fn what_is_learned_is_all_that_a_read_only_root_needs() {
    if let Some((need, reason)) = cannot_run() {
        return skip(need, &reason);
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut engine = Engine::new(directory);
    image(directory);

    let (_, profile) = learn(&engine, directory, APP, None);
    assert_eq!(
        paths(&profile),
        [
            ("/run", Contents::Empty),
            ("/srv/pages", Contents::Populated),
            ("/var/cache", Contents::Empty),
            ("/var/lib/app", Contents::Empty),
        ],
        "{profile:?}"
    );
    assert_eq!((profile.unresolved.len(), profile.blocked.len(), profile.complete), (0, 0, true));
    let app = &profile.paths[3];
    assert_eq!(
        (app.uid, app.gid, app.mode, app.first_writer.as_str()),
        (Some(33), Some(7), Some(0o755), "touch")
    );
    let cache = &profile.paths[2];
    assert_eq!((cache.first_writer.as_str(), cache.max_bytes), ("mkdir", Some(4096)));
    // The image's file grew in a copy of its own.
    assert_eq!(profile.paths[1].max_bytes, Some(4096));
    let observed = profile.observed.unwrap();
    assert_eq!((observed.containers, observed.starts, observed.stops), (1, 1, 1));

    engine.is_read_only = true;
    engine.mounts = mounts(&profile, directory);
    let mut watcher = watcher();
    let (id, again) = learn(&engine, directory, &format!("{APP}{INTRUDER}"), Some(&profile));
    let mut blocked = again.blocked.iter().map(|one| (one.path.as_str(), one.errno.as_str(), one.count));
    assert_eq!(blocked.next(), Some(("/etc/passwd", "EROFS", 1)));
    assert_eq!((blocked.next(), blocked.next()), (Some(("/opt/foothold", "EROFS", 1)), None));
    assert_eq!((paths(&again), again.complete), (paths(&profile), true));
    let refused = refusals(&mut watcher, &id);
    let expected = [("openat", "/opt/foothold"), ("unlink", "/etc/passwd")];
    assert_eq!(refused, expected.map(|(call, path)| (call.to_owned(), path.to_owned())));
}

/// The probe with our own rules.
fn watcher() -> Probe {
    let rules = include_str!("../../../manifests/rules/lithify_rules.yaml");
    let config = "rules_files: [rules.yaml]\njson_output: true\nlog_stderr: true\nlog_syslog: false\n\
        stdout_output: {enabled: true}\nappend_output: [{suggested_output: true, extra_fields: [container.id]}]\n";
    Probe::start(probe::prepare(config, rules), &[])
}

/// Call and path of each refused write of the second container, as alerts tell them.
fn refusals(watcher: &mut Probe, id: &str) -> Vec<(String, String)> {
    watcher.signal(Signal::TERM);
    let (status, alerts, log) = watcher.end();
    assert!(status.success(), "{log:?}");
    let alerts: Vec<Value> = alerts.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is_ours = |alert: &&Value| {
        alert["rule"] == "Write refused by a read-only root filesystem"
            && alert["output_fields"]["container.id"] == id[..12]
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |alert: &Value| {
        let fields = &alert["output_fields"];
        (text(&fields["evt.type"]), text(&fields["fs.path.name"]))
    };
    alerts.iter().filter(is_ours).map(told).collect()
}

#[test]
fn a_container_that_ends_at_once_is_learned_whole() {
    if let Some((need, reason)) = cannot_run() {
        return skip(need, &reason);
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let engine = Engine::new(directory);
    image(directory);
    let act = "echo a > /srv/pages/index; mkdir /var/lib/new; mkdir /var/lib/new/deep";
    let (_, profile) = learn(&engine, directory, act, None);
    // A directory in one that the image populates is listed itself.
    assert_eq!(paths(&profile), [("/srv/pages", Contents::Populated), ("/var/lib/new", Contents::Empty)]);
    assert!(profile.complete, "{profile:?}");
}

#[test]
fn what_cannot_be_seen_makes_no_evidence() {
    if let Some((need, reason)) = cannot_run() {
        return skip(need, &reason);
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let engine = Engine::new(directory);
    image(directory);
    for (act, reason) in [
        (
            "mv /srv/pages/index /var/cache/index",
            "rename or link from /srv/pages to /var/cache: they would be two mounts",
        ),
        ("chroot /usr/.. true", "chroot by chroot"),
    ] {
        let (_, profile) = learn(&engine, directory, act, None);
        assert_eq!(profile.unresolved, [reason], "{act}");
        assert!(!profile.complete);
    }
}
