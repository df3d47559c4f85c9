//! Which cgroup hierarchy tells containers.

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

#[cfg(test)]
mod tests {
    use super::*;

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
