//! Containers that are being made: their runtime sets their mounts up, and their own program has not begun.
//!
//! A program that ends within milliseconds is gone before its exec is read. Its mounts were there before it: what the
//! runtime's process sees is taken hold of again and again, and counts if the kernel says at the exec that the program
//! lies on just that root. Before the runtime changes to it, the root is still the host's, and is thrown away then.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::layers::Layers;
use super::observed::Host;
use super::tree::Tree;

/// The mounts of a container, as a process of it saw them.
#[derive(Debug)]
pub(super) struct Mounts {
    pub(super) namespace: u32,
    pub(super) tree: Tree,
    pub(super) layers: Option<Layers>,
}

/// Containers that are being made, by id.
#[derive(Debug, Default)]
pub(super) struct Making(HashMap<Box<str>, Candidate>);

#[derive(Debug)]
struct Candidate {
    pid: u32,
    namespace: u32,
    since: Instant,
    /// What was seen so far, the latest last: one of them is the container's.
    mounts: Vec<Mounts>,
}

/// One that takes longer is none: its runtime gave up.
const PATIENCE: Duration = Duration::from_mins(2);
/// Roots that are kept of each.
const KEPT: usize = 3;
/// More are not followed at once.
const MAX: usize = 1024;

impl Making {
    /// A process is in a container of which no program was seen.
    pub(super) fn meet(&mut self, id: &str, pid: u32, namespace: u32, host: &Host) {
        if self.0.len() >= MAX && !self.0.contains_key(id) {
            return;
        }
        let since = Instant::now();
        let fresh = || Candidate { pid, namespace, since, mounts: Vec::new() };
        let candidate = self.0.entry(id.into()).or_insert_with(fresh);
        if candidate.namespace != namespace {
            *candidate = fresh();
        }
        // The runtime's first processes hand over to others.
        candidate.pid = pid;
        candidate.look(host);
    }

    /// Looks again at all.
    pub(super) fn look(&mut self, host: &Host) {
        self.0.retain(|_, candidate| candidate.since.elapsed() < PATIENCE);
        self.0.values_mut().for_each(|candidate| candidate.look(host));
    }

    /// Whether there is any, so that looking again soon may help.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The container's program has begun: what was seen whose root is that mount, as the kernel numbers it.
    pub(super) fn done(&mut self, id: &str, root: Option<u64>) -> Option<Mounts> {
        let candidate = self.0.remove(id)?;
        candidate.mounts.into_iter().rfind(|mounts| Some(mounts.tree.root_mount()) == root)
    }
}

impl Candidate {
    fn look(&mut self, host: &Host) {
        let (pid, namespace) = (self.pid, self.namespace);
        let found = [Tree::to_be(&host.proc, pid, namespace), Tree::of(&host.proc, pid, namespace)];
        for tree in found.into_iter().flatten() {
            if self.mounts.iter().all(|known| known.tree.root_mount() != tree.root_mount()) {
                self.mounts.push(Mounts::new(host, pid, namespace, tree));
                // The host's own root, then the container's before and after it became one.
                if self.mounts.len() > KEPT {
                    self.mounts.remove(0);
                }
            }
        }
    }
}

impl Mounts {
    /// What a process sees; `None` if it is gone.
    pub(super) fn of(host: &Host, pid: u32, namespace: u32) -> Option<Self> {
        Some(Self::new(host, pid, namespace, Tree::of(&host.proc, pid, namespace)?))
    }

    fn new(host: &Host, pid: u32, namespace: u32, tree: Tree) -> Self {
        let layers = layers_of(host, pid, &tree);
        Self { namespace, tree, layers }
    }
}

/// The layers of the root that a process sees; `None` if it is gone, or they are out of reach.
pub(super) fn layers_of(host: &Host, pid: u32, tree: &Tree) -> Option<Layers> {
    let process = host.proc.join(pid.to_string());
    let mut roots = host.roots.clone();
    // A runtime may have mounts of its own, as in a node that is a container: the parent is of the runtime.
    roots.extend(parent_of(&process).map(|parent| host.proc.join(parent).join("root")));
    let mountinfo = std::fs::read_to_string(process.join("mountinfo")).ok()?;
    Layers::of(&mountinfo, tree.root_mount(), &roots)
}

fn parent_of(process: &Path) -> Option<String> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")).map(|parent| parent.trim().to_owned())
}
