//! One container while it is watched: its files, and what was seen of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lithify::profile::{ContainerPath, Contents, why_not};

use super::changes::{Change, Place, What};
use super::layers::Layers;
use super::making::{Mounts, layers_of};
use super::seen::{About, Seen};
use super::tree::{Resolved, Tree};
use super::workload::Identity;
use crate::path;

/// How often the layers are looked for again, which happens at events.
const LAYER_TRIES: u32 = 16;
/// File systems take the time of a change from a clock that lags behind by some milliseconds.
const LAG_NS: u64 = 100_000_000;

/// One container.
#[derive(Debug)]
pub(super) struct Observed {
    /// By the inode of their mount namespace: a container may make more.
    trees: Vec<(u32, Tree)>,
    /// Mount namespaces in which it executed something: another may be its runtime's, on the way into it.
    entered: Vec<u32>,
    layers: Option<Layers>,
    /// How often the layers were looked for in vain.
    tries: u32,
    pub(super) seen: Seen,
    /// Its first process: number and start.
    pub(super) init: Option<(u32, u64)>,
    /// `None` while the runtime has not told.
    pub(super) identity: Option<Identity>,
    /// Its cgroup, as the kernel numbers it; 0 until an event told.
    pub(super) cgroup: u64,
    /// When its first process ended.
    pub(super) stopped: Option<Instant>,
}

/// Who did it, by which call, and whether a read-only root refused it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'e> {
    pub(super) name: &'static str,
    pub(super) writer: &'e [u8],
    pub(super) namespace: u32,
    pub(super) was_refused: bool,
}

/// Where processes and files of the host are.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) proc: PathBuf,
    /// The host's files, in the order of trying.
    pub(super) roots: Vec<PathBuf>,
    /// The mount namespace of the host: what happens there happens to no container's files.
    pub(super) namespace: Option<u32>,
}

/// A change, located on the container's root.
struct Located {
    /// The file or directory.
    path: Vec<u8>,
    /// The directory that must be writable.
    directory: ContainerPath,
}

impl Observed {
    /// A container of which nothing was seen, at a moment (nanoseconds since the epoch).
    pub(super) fn new(from_ns: u64) -> Self {
        Self {
            trees: Vec::new(),
            entered: Vec::new(),
            layers: None,
            tries: 0,
            seen: Seen::of_one(from_ns),
            init: None,
            identity: None,
            cgroup: 0,
            stopped: None,
        }
    }

    /// Whether the files of a mount namespace are held.
    pub(super) fn holds(&self, namespace: u32) -> bool {
        self.trees.iter().any(|(known, _)| *known == namespace)
    }

    /// Whether any files are held.
    pub(super) fn is_held(&self) -> bool {
        !self.trees.is_empty()
    }

    /// A program of the container runs in a mount namespace.
    pub(super) fn enter(&mut self, namespace: u32) {
        if !self.entered.contains(&namespace) {
            self.entered.push(namespace);
        }
    }

    /// Whether a program of the container was executed in a mount namespace.
    pub(super) fn has_entered(&self, namespace: u32) -> bool {
        self.entered.contains(&namespace)
    }

    /// Takes hold of the files that a process sees, if that is a place of the container's.
    pub(super) fn hold(&mut self, host: &Host, pid: u32, namespace: u32) {
        if !self.has_entered(namespace) {
            return;
        }
        if !self.holds(namespace) {
            self.keep(Mounts::of(host, pid, namespace));
        } else if self.layers.is_none() && self.tries < LAYER_TRIES {
            // Its parent may have been on its way out: the next one is the runtime's too.
            self.tries += 1;
            self.layers = self.tree(namespace).and_then(|tree| layers_of(host, pid, tree));
        }
    }

    /// Keeps mounts that somebody took hold of.
    pub(super) fn keep(&mut self, mounts: Option<Mounts>) {
        if let Some(mounts) = mounts.filter(|mounts| !self.holds(mounts.namespace)) {
            self.trees.push((mounts.namespace, mounts.tree));
            self.layers = self.layers.take().or(mounts.layers);
        }
    }

    fn tree(&self, namespace: u32) -> Option<&Tree> {
        self.trees.iter().find(|(known, _)| *known == namespace).map(|(_, tree)| tree)
    }

    /// A program was executed: one of the 32-bit convention writes unseen.
    pub(super) fn executed(&mut self, namespace: u32, file: &[u8]) {
        let shown = || String::from_utf8_lossy(file).into_owned();
        let reason = match self.tree(namespace).map(|tree| tree.is_32_bit(file)) {
            Some(Some(false)) => return,
            Some(Some(true)) => format!("{} is of the 32-bit convention, whose calls are not seen", shown()),
            // A memfd, a file that is gone: it could be.
            Some(None) | None => format!("whether {} is of the 32-bit convention is not known", shown()),
        };
        self.seen.unresolved(reason);
    }

    /// Changes of one call.
    pub(super) fn changed(&mut self, changes: &[Change], call: Call<'_>) {
        let mut directories = Vec::new();
        for change in changes {
            match self.locate(change, call.namespace) {
                Ok(None) => {}
                Ok(Some(located)) if call.was_refused => self.refused(&located),
                Ok(Some(located)) => {
                    let directory = self.mount_for(&located, change.what);
                    let about = self.about(&directory);
                    self.seen.wrote(&directory, call.writer, || about);
                    directories.push(directory);
                }
                Err(reason) => {
                    let writer = String::from_utf8_lossy(call.writer).into_owned();
                    self.seen.unresolved(format!("{} by {writer}: {reason}", call.name));
                }
            }
        }
        if let [from, to] = &directories[..] {
            self.seen.moved(from.clone(), to.clone());
        }
    }

    /// Where a change is; `None` for one that is not on the container's root.
    fn locate(&self, change: &Change, namespace: u32) -> Result<Option<Located>, String> {
        let found = match &change.place {
            Place::Untold => return Err("its path could not be read".to_owned()),
            Place::Known { on_root: false, .. } => return Ok(None),
            Place::Known { .. } if !self.has_entered(namespace) => {
                return Err("in a mount namespace in which nothing was executed".to_owned());
            }
            Place::Known { path, .. } => {
                let is_directory = matches!(change.what, What::Object { is_directory: true, .. });
                Resolved { path: path.clone(), on_root: true, is_directory }
            }
            Place::Given(path) => {
                let Some(tree) = self.tree(namespace) else {
                    if is_of_the_runtime(path) {
                        return Ok(None);
                    }
                    return Err("its mounts were gone before they could be looked at".to_owned());
                };
                match change.what {
                    What::Object { follows, .. } => tree.resolve(path, follows),
                    What::Entry | What::NewDirectory => tree.resolve_entry(path),
                }
                .map_err(|error| format!("{}: {error}", String::from_utf8_lossy(path)))?
            }
        };
        if !found.on_root {
            return Ok(None);
        }
        let holder =
            if found.is_directory { &found.path[..] } else { path::directory(&found.path).unwrap_or(b"/") };
        let text = std::str::from_utf8(holder).map_err(|_| "its directory's name is no UTF-8".to_owned())?;
        let directory = ContainerPath::parse(text).map_err(|error| error.to_string())?;
        Ok(Some(Located { path: found.path, directory }))
    }

    fn refused(&mut self, located: &Located) {
        // Names may hold what no mount path may; the directory is what counts.
        let text = String::from_utf8_lossy(&located.path).replace(|c: char| c == ':' || c.is_control(), "?");
        match ContainerPath::parse(&text) {
            Ok(path) => self.seen.refused(path),
            Err(error) => self.seen.unresolved(error.to_string()),
        }
    }

    /// The directory to mount so that the change succeeds.
    ///
    /// A new directory in one that is the system's or holds files of the image is mounted itself: else the system, or a
    /// copy of those files, would have to be.
    fn mount_for(&mut self, located: &Located, what: What) -> ContainerPath {
        let directory = &located.directory;
        if what != What::NewDirectory
            || self.seen.covering(directory).is_some() && why_not(directory).is_none()
        {
            return directory.clone();
        }
        let own = std::str::from_utf8(&located.path).ok().and_then(|path| ContainerPath::parse(path).ok());
        let needs_copy =
            why_not(directory).is_some() || self.about(directory).contents == Contents::Populated;
        own.filter(|_| needs_copy).unwrap_or_else(|| directory.clone())
    }

    /// What the image has in a directory.
    fn about(&self, directory: &ContainerPath) -> About {
        let path = directory.as_str();
        let trees = || self.trees.iter().map(|(_, tree)| tree);
        if let Some(found) = self.layers.as_ref().and_then(|layers| layers.directory(path)) {
            let live = || trees().find_map(|tree| tree.owner(path));
            let contents = match found {
                Some(found) if found.is_populated => Contents::Populated,
                _ => Contents::Empty,
            };
            return About { contents, owner: found.map(|found| found.owner).or_else(live) };
        }
        // No layers to look at: what is older than the container is the image's. What cannot be told may be there.
        let is_older =
            trees().find_map(|tree| tree.has_older(path, self.seen.from_ns.saturating_sub(LAG_NS)));
        let contents = if is_older == Some(false) { Contents::Empty } else { Contents::Populated };
        About { contents, owner: trees().find_map(|tree| tree.owner(path)) }
    }

    /// Looks how much its directories hold.
    pub(super) fn measure(&mut self) {
        let Some((_, tree)) = self.trees.first() else { return };
        self.seen.measure(|directory| tree.bytes_in(directory));
    }
}

/// Whether a path as given is surely on what the runtime mounts.
fn is_of_the_runtime(path: &[u8]) -> bool {
    let roots: [&[u8]; 3] = [b"/proc/", b"/sys/", b"/dev/"];
    roots.iter().any(|root| path.starts_with(root))
        && !path.split(|byte| *byte == b'/').any(|part| part == b"..")
}

/// The mount namespace and the first process of a container that runs already, and whether any of its processes has a
/// root of its own.
pub(super) fn has_own_root(proc: &Path, pid: u32) -> bool {
    std::fs::read_link(proc.join(pid.to_string()).join("root")).is_ok_and(|root| root != Path::new("/"))
}
