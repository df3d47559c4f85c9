//! From writes to mounts.

use super::model::{Contents, WriteProfile, WrittenPath};
use super::path::ContainerPath;

/// A directory to mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPoint {
    /// The directory.
    pub path: ContainerPath,
    /// The image has files there, which must be copied first.
    pub copy_up: bool,
    /// The most that was seen in it; `None` where that is not known of all of it.
    pub max_bytes: Option<u64>,
    /// Its mode in the image, where it is known.
    pub mode: Option<u32>,
    /// That the image has no files there is assumed, not seen.
    pub assumed_empty: bool,
}

/// A directory that is not mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmountable {
    /// The directory.
    pub path: ContainerPath,
    /// Why not.
    pub why: Why,
}

/// Why a directory is not mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// An emptyDir there would hide the system that the container consists of.
    System,
    /// The container runtime mounts it itself: a read-only root does not reach there.
    NotOnRoot,
}

/// Directories that are never mounted as a whole; a `*` stands for any ending.
const SYSTEM: [&str; 9] =
    ["/", "/bin", "/sbin", "/lib*", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib*", "/etc"];

/// What the runtime mounts, with all below it.
const OF_THE_RUNTIME: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Emptied at every boot of a machine, so that no image counts on files there. Source: Filesystem Hierarchy
/// Standard 3.0, §3.15 and §3.18.
const VOLATILE: [&str; 3] = ["/run", "/tmp", "/var/tmp"];

impl WriteProfile {
    /// The directories that must be writable: those that were written in, and those of writes that a root that
    /// was read-only already has refused.
    pub fn wanted(&self) -> Vec<(WrittenPath, bool)> {
        let mut wanted: Vec<_> = self.paths.iter().map(|path| (path.clone(), false)).collect();
        for blocked in self.blocked.iter().filter(|blocked| blocked.errno == "EROFS") {
            let directory = blocked.path.parent();
            if !wanted.iter().any(|(known, _)| known.path.holds(&directory)) {
                let is_volatile = VOLATILE.iter().any(|root| ContainerPath::of_mount(root).holds(&directory));
                wanted.push((WrittenPath::new(directory), !is_volatile));
            }
        }
        wanted
    }
}

/// Smallest set of directories to mount so that every write into `wanted` succeeds.
///
/// `wanted`: directories in any order, each with whether its emptiness is only assumed. Returns the directories
/// sorted, none inside another, and those that are not mounted. `O(n log n)`.
///
/// A directory inside another that holds files of the image makes the outer one hold some too.
///
/// Source: Kubernetes "Volumes › emptyDir".
pub fn mount_points(
    wanted: impl IntoIterator<Item = (WrittenPath, bool)>,
) -> (Vec<MountPoint>, Vec<Unmountable>) {
    let mut sorted: Vec<_> = wanted.into_iter().collect();
    // Whatever is inside a directory comes right behind it.
    sorted.sort_by_cached_key(|(written, _)| written.path.resolved().replace('/', "\0"));
    let (mut points, mut unmountable): (Vec<MountPoint>, Vec<Unmountable>) = (Vec::new(), Vec::new());
    for (written, assumed_empty) in sorted {
        if let Some(why) = why_not(&written.path) {
            if unmountable.last().is_none_or(|last| last.path != written.path) {
                unmountable.push(Unmountable { path: written.path, why });
            }
            continue;
        }
        match points.last_mut().filter(|last| last.path.holds(&written.path)) {
            Some(outer) => {
                outer.copy_up |= written.contents == Contents::Populated;
                outer.max_bytes = outer.max_bytes.zip(written.max_bytes).map(|(a, b)| a.saturating_add(b));
                outer.assumed_empty |= assumed_empty;
            }
            None => points.push(MountPoint {
                copy_up: written.contents == Contents::Populated,
                max_bytes: written.max_bytes,
                mode: written.mode,
                path: written.path,
                assumed_empty,
            }),
        }
    }
    (points, unmountable)
}

/// Why a directory is never mounted; `None` where it may be.
pub fn why_not(path: &ContainerPath) -> Option<Why> {
    if OF_THE_RUNTIME.iter().any(|root| ContainerPath::of_mount(root).holds(path)) {
        return Some(Why::NotOnRoot);
    }
    let is_system = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => path.as_str().strip_prefix(start).is_some_and(|rest| !rest.contains('/')),
        None => path.as_str() == pattern,
    };
    SYSTEM.iter().any(|pattern| is_system(pattern)).then_some(Why::System)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::model::BlockedPath;
    use super::*;

    fn path(text: &str) -> ContainerPath {
        ContainerPath::parse(text).unwrap()
    }

    fn written(text: &str, contents: Contents) -> (WrittenPath, bool) {
        (WrittenPath { contents, ..WrittenPath::new(path(text)) }, false)
    }

    fn mounted(wanted: Vec<(WrittenPath, bool)>) -> Vec<(String, bool)> {
        mount_points(wanted).0.into_iter().map(|point| (point.path.to_string(), point.copy_up)).collect()
    }

    #[test]
    fn keeps_the_outermost_directories() {
        let wanted = ["/var/cache/nginx/temp", "/var/cache/nginx", "/var/cache-2", "/run", "/var/run/lock"];
        let points = mounted(wanted.map(|text| written(text, Contents::Empty)).to_vec());
        let expected = ["/run", "/var/cache/nginx", "/var/cache-2"].map(|text| (text.to_owned(), false));
        assert_eq!(points, expected);
    }

    #[test]
    fn an_inner_directory_with_files_makes_the_outer_one_have_some() {
        let points = mounted(vec![written("/a", Contents::Empty), written("/a/b", Contents::Populated)]);
        assert_eq!(points, [("/a".to_owned(), true)]);
    }

    #[test]
    fn never_mounts_the_system() {
        let wanted = [
            "/",
            "/etc",
            "/etc/nginx",
            "/usr/lib64",
            "/libexec-not",
            "/lib",
            "/dev/shm",
            "/proc",
            "/usr/lib/x",
        ];
        let (points, unmountable) = mount_points(wanted.map(|text| written(text, Contents::Empty)));
        let points: Vec<_> = points.iter().map(|point| point.path.as_str()).collect();
        assert_eq!(points, ["/etc/nginx", "/usr/lib/x"]);
        let not_on_root: Vec<_> =
            unmountable.iter().filter(|u| u.why == Why::NotOnRoot).map(|u| u.path.as_str()).collect();
        assert_eq!(not_on_root, ["/dev/shm", "/proc"]);
    }

    #[test]
    fn a_blocked_write_wants_its_directory() {
        let blocked =
            |text: &str, errno: &str| BlockedPath { path: path(text), errno: errno.into(), count: 1 };
        let profile = WriteProfile {
            paths: vec![WrittenPath::new(path("/var/lib/app"))],
            blocked: vec![
                blocked("/run/nginx.pid", "EROFS"),
                blocked("/var/lib/app/x/y", "EROFS"),
                blocked("/opt/app/cache", "EROFS"),
                blocked("/root/secret", "EACCES"),
            ],
            ..WriteProfile::default()
        };
        let wanted: Vec<_> =
            profile.wanted().into_iter().map(|(w, assumed)| (w.path.to_string(), assumed)).collect();
        let expected = [("/var/lib/app", false), ("/run", false), ("/opt/app", true)];
        assert_eq!(wanted, expected.map(|(text, assumed)| (text.to_owned(), assumed)));
    }

    proptest! {
        #[test]
        fn every_wanted_directory_is_in_exactly_one_mount_or_named(
            paths in prop::collection::vec(prop::collection::vec("[a-c.]{1,3}|var|run|lib|etc", 0..5), 0..20)
        ) {
            let paths: Vec<_> = paths.iter().filter_map(|parts| ContainerPath::parse(&format!("/{}", parts.join("/"))).ok()).collect();
            let (points, unmountable) = mount_points(paths.iter().map(|path| (WrittenPath::new(path.clone()), false)));
            for path in &paths {
                let mounts = points.iter().filter(|point| point.path.holds(path)).count();
                let named = unmountable.iter().any(|other| other.path == *path);
                prop_assert_eq!(mounts, usize::from(!named), "{}", path);
            }
            for point in &points {
                prop_assert!(paths.contains(&point.path));
                prop_assert!(why_not(&point.path).is_none());
            }
        }
    }
}
