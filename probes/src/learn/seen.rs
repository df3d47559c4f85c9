//! What was seen of containers: directories, refused writes, what could not be told.

use std::collections::{BTreeMap, BTreeSet};

use lithify::profile::{ContainerPath, Contents, why_not};

use super::tree::Owner;

/// What was seen of one container, or of several that are one workload's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Directories that were written in. Of those that can be mounted none is inside another.
    pub(super) directories: BTreeMap<ContainerPath, Directory>,
    /// Files and directories whose change a read-only root refused, and how often.
    pub(super) blocked: BTreeMap<ContainerPath, u64>,
    /// What could not be told.
    pub(super) unresolved: BTreeSet<String>,
    /// Directories between which something was renamed or linked.
    pub(super) moves: BTreeSet<(ContainerPath, ContainerPath)>,
    /// When watching began and ended, nanoseconds since the epoch.
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    pub(super) containers: u64,
    pub(super) starts: u64,
    pub(super) stops: u64,
}

/// A directory that was written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) writes: u64,
    pub(super) first_writer: String,
    pub(super) about: About,
    /// The most that it held; `None` where that is not known.
    pub(super) max_bytes: Option<u64>,
}

/// What the image has in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) contents: Contents,
    pub(super) owner: Option<Owner>,
}

/// Directories, refused writes and moves that are kept of one container: more, and it is none that mounts can help.
const KEPT_MAX: usize = 1024;
/// Reasons that are kept.
const REASONS_MAX: usize = 32;

impl Seen {
    /// One container, watched from a moment on.
    pub(super) fn of_one(from_ns: u64) -> Self {
        Self { from_ns, to_ns: from_ns, containers: 1, ..Self::default() }
    }

    /// The known directory that a write there counts for.
    pub(super) fn covering(&mut self, directory: &ContainerPath) -> Option<&mut Directory> {
        let covers =
            |known: &ContainerPath| known == directory || why_not(known).is_none() && known.holds(directory);
        self.directories.iter_mut().find(|(known, _)| covers(known)).map(|(_, found)| found)
    }

    /// A write in a directory; `about` is asked where the directory is new.
    pub(super) fn wrote(&mut self, directory: &ContainerPath, writer: &[u8], about: impl FnOnce() -> About) {
        if let Some(known) = self.covering(directory) {
            known.writes += 1;
            return;
        }
        if self.directories.len() >= KEPT_MAX {
            self.unresolved(format!("writes in more than {KEPT_MAX} directories"));
            return;
        }
        let first_writer = String::from_utf8_lossy(writer).into_owned();
        self.add(
            directory.clone(),
            Directory { writes: 1, first_writer, about: about(), max_bytes: Some(0) },
        );
    }

    /// Adds a directory and takes those inside it in.
    fn add(&mut self, path: ContainerPath, mut directory: Directory) {
        if why_not(&path).is_none() {
            let is_inside = |inner: &ContainerPath| path.holds(inner) && why_not(inner).is_none();
            let inner: Vec<_> = self.directories.keys().filter(|inner| is_inside(inner)).cloned().collect();
            for inner in inner {
                directory.writes += self.directories.remove(&inner).map_or(0, |inner| inner.writes);
            }
        }
        self.directories.insert(path, directory);
    }

    /// A write that a read-only root refused.
    pub(super) fn refused(&mut self, path: ContainerPath) {
        if self.blocked.len() >= KEPT_MAX && !self.blocked.contains_key(&path) {
            self.unresolved(format!("more than {KEPT_MAX} different writes were refused"));
            return;
        }
        *self.blocked.entry(path).or_default() += 1;
    }

    /// Something was renamed or linked from one directory to another.
    pub(super) fn moved(&mut self, from: ContainerPath, to: ContainerPath) {
        if from != to && self.moves.len() < KEPT_MAX {
            self.moves.insert((from, to));
        }
    }

    /// Something could not be told.
    pub(super) fn unresolved(&mut self, reason: String) {
        if self.unresolved.len() < REASONS_MAX {
            self.unresolved.insert(reason);
        }
    }

    /// How much the directories hold now.
    pub(super) fn measure(&mut self, bytes: impl Fn(&str) -> Option<u64>) {
        for (path, directory) in &mut self.directories {
            if why_not(path).is_none() {
                let now = bytes(path.as_str());
                directory.max_bytes = directory.max_bytes.zip(now).map(|(most, now)| most.max(now));
            }
        }
    }

    /// Takes in what was seen of other containers.
    pub(super) fn add_all(&mut self, other: Self) {
        for (path, directory) in other.directories {
            match self.covering(&path) {
                Some(known) => {
                    known.writes += directory.writes;
                    known.max_bytes =
                        known.max_bytes.zip(directory.max_bytes).map(|(one, other)| one.max(other));
                    if directory.about.contents == Contents::Populated {
                        known.about.contents = Contents::Populated;
                    }
                }
                None => self.add(path, directory),
            }
        }
        for (path, count) in other.blocked {
            *self.blocked.entry(path).or_default() += count;
        }
        self.unresolved.extend(other.unresolved);
        self.moves.extend(other.moves);
        self.from_ns = self.from_ns.min(other.from_ns);
        self.to_ns = self.to_ns.max(other.to_ns);
        self.containers += other.containers;
        self.starts += other.starts;
        self.stops += other.stops;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ContainerPath {
        ContainerPath::parse(text).unwrap()
    }

    fn seen(writes: &[&str]) -> Seen {
        let mut seen = Seen::of_one(5);
        for write in writes {
            seen.wrote(&path(write), b"app", About::default);
        }
        seen
    }

    fn directories(seen: &Seen) -> Vec<(&str, u64)> {
        seen.directories.iter().map(|(path, directory)| (path.as_str(), directory.writes)).collect()
    }

    #[test]
    fn the_outermost_directory_counts_for_those_inside() {
        let seen = seen(&["/var/cache/app/deep", "/var/cache/app", "/var/cache/app/other", "/run"]);
        assert_eq!(directories(&seen), [("/run", 1), ("/var/cache/app", 3)]);
    }

    #[test]
    fn what_is_never_mounted_takes_nothing_in() {
        let seen = seen(&["/etc/app", "/etc", "/", "/opt/app"]);
        assert_eq!(directories(&seen), [("/", 1), ("/etc", 1), ("/etc/app", 1), ("/opt/app", 1)]);
    }

    #[test]
    fn the_most_that_was_held_is_kept_until_it_is_not_known() {
        let mut seen = seen(&["/tmp"]);
        let most = |seen: &mut Seen, now| {
            seen.measure(|_| now);
            seen.directories[&path("/tmp")].max_bytes
        };
        assert_eq!(most(&mut seen, Some(7)), Some(7));
        assert_eq!(most(&mut seen, Some(3)), Some(7));
        assert_eq!(most(&mut seen, None), None);
        assert_eq!(most(&mut seen, Some(9)), None);
    }

    #[test]
    fn containers_of_one_workload_add_up() {
        let mut one = Seen { starts: 1, to_ns: 8, ..seen(&["/var/cache/app"]) };
        let mut other = Seen { from_ns: 2, stops: 1, ..seen(&["/var/cache", "/run"]) };
        other.refused(path("/x"));
        one.refused(path("/x"));
        one.add_all(other);
        assert_eq!(directories(&one), [("/run", 1), ("/var/cache", 2)]);
        assert_eq!((one.blocked[&path("/x")], one.containers, one.starts, one.stops), (2, 2, 1, 1));
        assert_eq!((one.from_ns, one.to_ns), (2, 8));
    }

    #[test]
    fn a_flood_of_directories_is_said_and_bounded() {
        let many: Vec<String> = (0..2000).map(|number| format!("/d{number}")).collect();
        let seen = seen(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((seen.directories.len(), seen.unresolved.len()), (KEPT_MAX, 1));
    }
}
