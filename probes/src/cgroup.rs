//! Which cgroup hierarchy tells containers, and which cgroup is a pod's.

use crate::container::ContainerId;
use crate::kernel::layout::{
    SUBSYSTEM_CPU, SUBSYSTEM_DEVICES, SUBSYSTEM_MEMORY, SUBSYSTEM_PIDS, SUBSYSTEM_UNIFIED,
};

/// Controllers that every container runtime puts its containers into, the most reliable first.
const CONTROLLERS: &[(&str, u32)] = &[
    ("pids", SUBSYSTEM_PIDS),
    ("memory", SUBSYSTEM_MEMORY),
    ("devices", SUBSYSTEM_DEVICES),
    ("cpu", SUBSYSTEM_CPU),
];

/// The hierarchy to ask: of the first version where it has one of these controllers (also in a hybrid set-up, whose
/// second version holds none), else of the second.
///
/// `text`: /proc/PID/cgroup of any process, lines `number:controllers:path`.
pub(crate) fn choose_hierarchy(text: &str) -> u32 {
    let mounted: Vec<_> =
        text.lines().filter_map(|line| line.split(':').nth(1)).flat_map(|names| names.split(',')).collect();
    let found = CONTROLLERS.iter().find(|(name, _)| mounted.contains(name));
    found.map_or(SUBSYSTEM_UNIFIED, |(_, subsystem)| *subsystem)
}

/// How many levels above a container's cgroup its pod's is, at least one; `None` if it is no container of a pod.
///
/// A runtime may have made cgroups of its own below the one that is named after the container, as crun does.
pub(crate) fn levels_to_pod(path: &str) -> Option<usize> {
    let (_, levels) = ContainerId::innermost(path)?;
    let mut above = path.rsplit('/').filter(|part| !part.is_empty()).skip(levels + 1);
    let name = above.next()?;
    let is_pod = name.starts_with("pod") || name.contains("-pod");
    is_pod.then_some(levels + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_above_its_containers() {
        let id = "0".repeat(64);
        for (path, levels) in [
            ("/kubepods/burstable/pod6f3c/ID", Some(1)),
            ("/kubepods.slice/kubepods-pod6f3c.slice/cri-containerd-ID.scope", Some(1)),
            // crun with systemd's cgroups of the second version.
            ("/kubepods.slice/kubepods-pod6f3c.slice/crio-ID.scope/container", Some(2)),
            ("/kubepods/pod6f3c/ID/init.scope", Some(2)),
            // Above is the machine, or every container of it.
            ("/docker/ID", None),
            ("/system.slice/docker-ID.scope", None),
            ("/kubepods/burstable/pod6f3c", None),
            // Above is a container of the pod, which runs others.
            ("/kubepods/pod6f3c/ID/docker/ID", None),
            ("/ID", None),
            ("/", None),
        ] {
            assert_eq!(levels_to_pod(&path.replace("ID", &id)), levels, "{path}");
        }
    }

    #[test]
    fn the_second_version_alone_is_asked_where_it_is_alone() {
        assert_eq!(choose_hierarchy("0::/system.slice/sshd.service\n"), SUBSYSTEM_UNIFIED);
    }

    #[test]
    fn a_hybrid_is_asked_by_its_controllers() {
        assert_eq!(choose_hierarchy("9:name=systemd:/\n8:pids:/\n4:memory:/x\n0::/\n"), SUBSYSTEM_PIDS);
        assert_eq!(choose_hierarchy("3:cpu,cpuacct:/\n2:memory:/\n1:name=systemd:/\n"), SUBSYSTEM_MEMORY);
        assert_eq!(choose_hierarchy("1:name=systemd:/\n0::/\n"), SUBSYSTEM_UNIFIED);
    }
}
