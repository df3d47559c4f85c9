//! What container runtimes tell: names, images, mounts and labels of containers, and their pods.
//!
//! The Container Runtime Interface of containerd and CRI-O is asked over its unix socket ([`client`], by gRPC, with
//! [`messages`] written by hand) on a thread of its own ([`lookup`]); [`metadata`] is what fields are answered from.
//! An event never waits for an answer: its fields are missing until there is one, as Falco's are.

mod client;
mod image;
mod lookup;
mod messages;
mod metadata;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) use lookup::Lookup;
pub(crate) use metadata::{Container, Metadata, Mount, Pod};

#[cfg(test)]
pub(crate) use metadata::Labels;

pub(crate) use image::Image;

use crate::log::Log;

/// Which runtimes are asked, and what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Sockets, as the host has them; the first that knows a container tells it.
    pub sockets: Vec<PathBuf>,
    /// Labels with longer values are left out.
    pub label_max: usize,
}

impl Default for Settings {
    /// Falco's.
    fn default() -> Self {
        let sockets =
            ["/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock"];
        Self { sockets: sockets.map(PathBuf::from).to_vec(), label_max: 100 }
    }
}

/// The pod that a sidecar is in. All that it sees is of this pod, so nobody need be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnPod {
    /// Its name; empty where it was not told.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
}

/// Containers that are kept without having been met: those that runtimes told of unasked.
pub(crate) const CONTAINERS_MAX: usize = 4096;
/// How long the start waits for the containers that are there already.
const LIST_PATIENCE: Duration = Duration::from_secs(2);

/// How many containers runtimes told, did not know, and failed to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupTally {
    /// Told.
    pub found: u64,
    /// Given up.
    pub unknown: u64,
    /// Calls without an answer.
    pub failed: u64,
}

/// Every container that was met, with what is known of it.
#[derive(Default)]
pub(crate) struct Containers {
    known: HashMap<Box<str>, Option<Arc<Metadata>>>,
    source: Source,
}

/// Who tells.
#[derive(Default)]
enum Source {
    #[default]
    Nobody,
    Runtimes(Lookup),
    OwnPod(Box<Metadata>),
}

impl Containers {
    /// Asks the runtimes whose sockets lie below `host_root`, and waits a moment for the containers that are there.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn ask(settings: &Settings, host_root: &Path, log: Option<Log>) -> io::Result<Self> {
        let settings = Settings { sockets: lookup::below(host_root, &settings.sockets), ..settings.clone() };
        let lookup = Lookup::start(&settings, log)?;
        let known = lookup.listed(LIST_PATIENCE).into_iter().map(|(id, told)| (id, Some(told))).collect();
        Ok(Self { known, source: Source::Runtimes(lookup) })
    }

    /// All containers are of one pod.
    pub(crate) fn of_pod(pod: &OwnPod) -> Self {
        let OwnPod { name, namespace, uid } = pod;
        Self {
            known: HashMap::new(),
            source: Source::OwnPod(Box::new(Metadata::of_pod(name, namespace, uid))),
        }
    }

    /// There is no such container any more.
    pub(crate) fn forget(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// A container was seen. `false`: it must be met again, too many are being asked for.
    pub(crate) fn meet(&mut self, id: &str) -> bool {
        let Source::Runtimes(lookup) = &self.source else { return true };
        if !self.known.contains_key(id) {
            if !lookup.ask(id) {
                return false;
            }
            self.known.insert(id.into(), None);
        }
        true
    }

    /// Takes in the answers that have come.
    pub(crate) fn take_answers(&mut self) {
        let Source::Runtimes(lookup) = &self.source else { return };
        for (id, told) in lookup.answers() {
            // One that was forgotten meanwhile is kept as one that was never met.
            if self.known.contains_key(&id) || self.known.len() < CONTAINERS_MAX {
                self.known.insert(id, Some(told));
            }
        }
    }

    /// What is known of a container.
    pub(crate) fn get(&self, id: &str) -> Option<&Metadata> {
        match &self.source {
            Source::OwnPod(pod) => Some(pod),
            _ => self.known.get(id)?.as_deref(),
        }
    }

    /// What became of questions; zeros where nobody is asked.
    pub(crate) fn tally(&self) -> LookupTally {
        let Source::Runtimes(lookup) = &self.source else { return LookupTally::default() };
        let counters = lookup.counters();
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        LookupTally {
            found: of(&counters.found),
            unknown: of(&counters.unknown),
            failed: of(&counters.failed),
        }
    }
}
