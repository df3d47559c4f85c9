//! Which container a cgroup is, told by its path.
//!
//! Runtimes write the container's id into the path: `docker-<id>.scope` and `/docker/<id>` (systemd and cgroupfs
//! driver), `cri-containerd-<id>.scope`, `…:cri-containerd:<id>`, `crio-<id>.scope`, `/kubepods/…/<id>`,
//! `libpod-<id>.scope[/container]`, `libpod-payload-<id>` in a unit's own cgroup (`--cgroups=split`, as Quadlet has it),
//! `nerdctl-<id>.scope`. The innermost id wins: a container in a container is what did it. Like Falco's, the test is
//! textual and asks no runtime.

use crate::kernel::layout::TEXT_MAX;

/// What runs a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Runtime {
    /// Docker.
    Docker,
    /// containerd through the Container Runtime Interface.
    Containerd,
    /// CRI-O.
    Crio,
    /// Podman.
    Podman,
    /// containerd through nerdctl.
    Nerdctl,
    /// A cgroup below a pod's that names no runtime.
    Cri,
}

impl Runtime {
    /// The value of `container.type`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd | Self::Nerdctl => "containerd",
            Self::Crio => "cri-o",
            Self::Podman => "podman",
            Self::Cri => "cri",
        }
    }
}

/// A container as its cgroup tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainerId {
    /// The whole id.
    pub(crate) full: Box<str>,
    /// What runs it.
    pub(crate) runtime: Runtime,
}

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 64;
/// Digits that rules and people see.
const SHORT_DIGITS: usize = 12;
/// Longest name of a directory.
const NAME_MAX: usize = 255;
/// Names that the kernel's half tells of a path, `DEPTH_MAX` of `walk.h`.
const DEPTH_MAX: usize = 512;

impl ContainerId {
    /// The first twelve digits: the value of `container.id`.
    pub(crate) fn short(&self) -> &str {
        self.full.get(..SHORT_DIGITS).unwrap_or(&self.full)
    }

    /// A container that cannot be told from others.
    pub(crate) fn unknown() -> Self {
        Self { full: "unknown".into(), runtime: Runtime::Cri }
    }

    /// Whether the beginning of a path may be missing: the kernel's half tells the innermost names as far as there is
    /// room, so the container's may be above.
    pub(crate) fn may_be_above(path: &str) -> bool {
        path.len() + NAME_MAX + 2 > TEXT_MAX as usize
            || path.bytes().filter(|byte| *byte == b'/').count() >= DEPTH_MAX
    }

    /// The container of a cgroup; `None` for a cgroup of the host.
    pub(crate) fn from_cgroup(path: &str) -> Option<Self> {
        Self::innermost(path).map(|(container, _)| container)
    }

    /// The same, and how many levels up the container's own cgroup is.
    pub(crate) fn innermost(path: &str) -> Option<(Self, usize)> {
        let mut inner = path.rsplit('/').filter(|part| !part.is_empty()).peekable();
        let mut levels = 0;
        while let Some(part) = inner.next() {
            let above = inner.peek().copied();
            if let Some((id, runtime)) = id_of(part, above, path) {
                return Some((Self { full: id.into(), runtime }, levels));
            }
            levels += 1;
        }
        None
    }
}

const SCOPES: &[(&str, Runtime)] = &[
    ("docker-", Runtime::Docker),
    ("cri-containerd-", Runtime::Containerd),
    ("crio-", Runtime::Crio),
    ("libpod-", Runtime::Podman),
    ("libpod-payload-", Runtime::Podman),
    ("nerdctl-", Runtime::Nerdctl),
];

fn id_of<'p>(part: &'p str, above: Option<&str>, path: &str) -> Option<(&'p str, Runtime)> {
    let named = part.strip_suffix(".scope").unwrap_or(part);
    for (prefix, runtime) in SCOPES {
        if let Some(id) = named.strip_prefix(prefix)
            && is_id(id)
        {
            return Some((id, *runtime));
        }
    }
    // systemd's name for a unit, when runc is told the systemd driver and is not: `slice:prefix:id`.
    if let Some((front, id)) = part.rsplit_once(':')
        && is_id(id)
    {
        let prefix = front.rsplit(':').next().unwrap_or(front);
        let runtime = SCOPES.iter().find(|(name, _)| name.trim_end_matches('-') == prefix);
        return Some((id, runtime.map_or(Runtime::Cri, |(_, runtime)| *runtime)));
    }
    if !is_id(part) {
        return None;
    }
    Some((
        part,
        match above {
            Some("docker") => Runtime::Docker,
            Some("libpod_parent") => Runtime::Podman,
            Some("default" | "nerdctl") => Runtime::Nerdctl,
            _ if path.contains("/kubepods") => Runtime::Cri,
            // Docker in a cgroup namespace of its own, or with --cgroup-parent.
            _ => Runtime::Docker,
        },
    ))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2a9bb4c6d1e8f7a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566aa";

    fn runtime_of(path: &str) -> Option<Runtime> {
        let container = ContainerId::from_cgroup(&path.replace("ID", ID))?;
        assert_eq!(&*container.full, ID, "{path}");
        assert_eq!(container.short(), &ID[..12]);
        Some(container.runtime)
    }

    #[test]
    fn knows_every_runtime_by_both_drivers() {
        for (path, runtime) in [
            ("/docker/ID", Runtime::Docker),
            ("/system.slice/docker-ID.scope", Runtime::Docker),
            ("/kubepods/burstable/pod6f3c/ID", Runtime::Cri),
            ("/kubepods.slice/kubepods-pod6f3c.slice/cri-containerd-ID.scope", Runtime::Containerd),
            (
                "/system.slice/containerd.service/kubepods-pod6f3c.slice:cri-containerd:ID",
                Runtime::Containerd,
            ),
            ("/kubepods.slice/kubepods-pod6f3c.slice/crio-ID.scope", Runtime::Crio),
            ("/kubepods/pod6f3c/crio-ID", Runtime::Crio),
            ("/machine.slice/libpod-ID.scope", Runtime::Podman),
            ("/machine.slice/libpod-ID.scope/container", Runtime::Podman),
            ("/libpod_parent/libpod-ID", Runtime::Podman),
            ("/system.slice/web.service/libpod-payload-ID", Runtime::Podman),
            ("/system.slice/web.service/libpod-payload-ID/container", Runtime::Podman),
            ("/system.slice/nerdctl-ID.scope", Runtime::Nerdctl),
            ("/default/ID", Runtime::Nerdctl),
        ] {
            assert_eq!(runtime_of(path), Some(runtime), "{path}");
        }
    }

    #[test]
    fn the_innermost_container_wins() {
        let outer = "0".repeat(64);
        assert_eq!(runtime_of(&format!("/docker/{outer}/kubepods/pod1/ID")), Some(Runtime::Cri));
        assert_eq!(runtime_of("/docker/ID/init.scope"), Some(Runtime::Docker));
    }

    #[test]
    fn the_host_has_no_container() {
        for path in [
            "/",
            "/init.scope",
            "/system.slice/docker.service",
            "/user.slice/user-0.slice/session-1.scope",
            "/kubepods/burstable/pod6f3c",
        ] {
            assert_eq!(runtime_of(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_cut_off_may_be_the_container() {
        assert!(ContainerId::may_be_above(&format!("/{}", "n".repeat(250)).repeat(16)));
        assert!(ContainerId::may_be_above(&"/n".repeat(DEPTH_MAX)));
        assert!(!ContainerId::may_be_above(&format!("/{}", "n".repeat(250)).repeat(14)));
        assert!(!ContainerId::may_be_above(&"/n".repeat(DEPTH_MAX - 1)));
    }

    #[test]
    fn a_monitor_beside_the_container_is_of_the_host() {
        assert_eq!(runtime_of("/machine.slice/libpod-conmon-ID.scope"), None);
        assert_eq!(runtime_of("/kubepods.slice/crio-conmon-ID.scope"), None);
    }
}
