//! A container that runs one script: runc, a root of busybox under overlayfs, the machine's /usr as a volume.
//!
//! Mounts are made in a mount namespace of the container's caller, so that nothing of them is left however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;

/// What a script needs beyond Docker's defaults.
#[derive(Clone, Copy, Default)]
pub(crate) struct Needs {
    /// Capabilities beside the usual ones.
    pub(crate) capabilities: &'static [&'static str],
    /// A terminal.
    pub(crate) terminal: bool,
}

/// Docker's default capabilities, as far as scripts need them.
const USUAL: &[&str] =
    &["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID", "CAP_NET_RAW", "CAP_KILL"];

/// Where images are made and containers run from.
pub(crate) struct Engine {
    directory: PathBuf,
    /// Mounts beside the usual ones.
    pub(crate) mounts: Vec<serde_json::Value>,
    /// Whether roots are read-only.
    pub(crate) is_read_only: bool,
    /// The cgroup above all containers of this test.
    cgroup: String,
}

impl Engine {
    /// Makes the image that all containers share.
    pub(crate) fn new(directory: &Path) -> Self {
        let root = directory.join("image");
        for name in ["bin", "dev", "proc", "sys", "tmp", "etc", "var/log", "usr", "root/.ssh", "scripts"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        let list = Command::new("/bin/busybox").arg("--list").output().unwrap();
        for applet in String::from_utf8(list.stdout).unwrap().lines().filter(|applet| *applet != "busybox") {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        for library in ["lib", "lib64"] {
            std::os::unix::fs::symlink(format!("usr/{library}"), root.join(library)).unwrap();
        }
        for (name, text) in [
            // Not the host's name of this user, which is daemon.
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ngames:x:1:1:games:/:/bin/sh\n"),
            ("etc/group", "root:x:0:\ngames:x:1:\n"),
            ("etc/shadow", "root:*:1::::::\n"),
            ("var/log/syslog", "a line\n"),
            ("root/.ssh/id_rsa", "no key\n"),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        Self {
            directory: directory.to_owned(),
            mounts: Vec::new(),
            is_read_only: false,
            cgroup: format!("lithify-provoke-{}", std::process::id()),
        }
    }

    /// Runs a script in a container of this id to its end.
    pub(crate) fn run(&self, id: &str, script: &Path, needs: Needs) -> Output {
        let bundle = self.directory.join(id);
        fs::create_dir(&bundle).unwrap();
        // A tmpfs will hide the bundle, which is why its configuration waits beside it.
        let config = self.config(id, &bundle, script, needs);
        fs::write(bundle.with_extension("json"), config.to_string()).unwrap();
        let state = self.directory.join("state");
        let runc = format!("runc --root {} run --bundle {} {id}", state.display(), bundle.display());
        let runc = if needs.terminal { format!("script -qec '{runc}' /dev/null") } else { runc };
        let mounts = format!(
            "mount -t tmpfs tmpfs {bundle} && mkdir {bundle}/upper {bundle}/work {bundle}/root && \
             cp {bundle}.json {bundle}/config.json && \
             mount -t overlay -o lowerdir={image},upperdir={bundle}/upper,workdir={bundle}/work overlay {bundle}/root",
            bundle = bundle.display(),
            image = self.directory.join("image").display(),
        );
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &format!("{mounts} && {runc}")])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn config(&self, id: &str, bundle: &Path, script: &Path, needs: Needs) -> serde_json::Value {
        let capabilities: Vec<_> = USUAL.iter().chain(needs.capabilities).collect();
        let volume = |from: &Path, to: &str| json!({"destination": to, "type": "bind", "source": from, "options": ["rbind", "ro"]});
        let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({"type": kind}));
        let own = |kind: &str, to: &str, options: &[&str]| json!({"destination": to, "type": kind, "source": kind, "options": options});
        let mut mounts = vec![
            own("proc", "/proc", &[]),
            own("tmpfs", "/dev", &["nosuid", "mode=755"]),
            own("devpts", "/dev/pts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            own("tmpfs", "/dev/shm", &["nosuid", "nodev", "mode=1777"]),
            volume(Path::new("/usr"), "/usr"),
            volume(script, "/scripts/act.sh"),
        ];
        mounts.extend(self.mounts.iter().cloned());
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": needs.terminal,
                "user": {"uid": 0, "gid": 0},
                "args": ["/bin/sh", "/scripts/act.sh"],
                "env": ["PATH=/bin:/usr/bin"],
                "cwd": "/",
                "capabilities": {
                    "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
                },
            },
            "root": {"path": bundle.join("root"), "readonly": self.is_read_only},
            "hostname": "provoke",
            "mounts": mounts,
            "linux": {
                "cgroupsPath": format!("/{}/docker-{id}.scope", self.cgroup),
                // No cgroup namespace: in one of its own, root of the container mounts no hierarchy.
                "namespaces": namespaces,
            },
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // One in each hierarchy; containers have removed what was below.
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        for hierarchy in hierarchies {
            let _ = fs::remove_dir(hierarchy.path().join(&self.cgroup));
        }
        let _ = fs::remove_dir(Path::new("/sys/fs/cgroup").join(&self.cgroup));
    }
}
