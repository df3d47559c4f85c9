//! Watching the apiserver of this very node, without the kubelet's or the runtime's help.
//!
//! Data in: manifests. Data out: whether the apiserver of a manifest runs, is ready, and logs.
//!
//! # What proves what
//! - *Restarted with the new flags*: a process in `/proc` whose arguments are the manifest's, all of them, and
//!   which started after the manifest was put in place.
//! - *Ready*: that process's `/readyz`, asked at the address and port of its flags. As nobody first; where the
//!   apiserver does not let strangers in (`--anonymous-auth=false`), with the client certificates that kubeadm
//!   leaves on the node. Where none of them is let in, the container's own readiness probe is carried out as the
//!   kubelet does. The server is believed by the cluster's authority or by the file of `--tls-cert-file`.
//! - *Logs*: an event in the audit log that was recorded after that process started. A request that the policy
//!   logs is sent for the purpose; where the policy logs none, ready is enough, and the report says so.
//! - *Ready to stay*: the same process, ready at two looks a second apart.
//!
//! An apiserver that exits three times with the new manifest is given up before the time is over: each further
//! attempt of the kubelet waits twice as long, and the node is without an apiserver meanwhile.

mod audit_log;
mod canary;
mod http;
mod identity;
mod pod_log;
mod processes;
mod readiness;
mod target;
mod tls;
mod watch;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::health::{Expectation, Health, Healthy, Unhealthy};
use readiness::{Asker, Readiness};
use target::Target;
use watch::{Before, Watch};

/// Long enough for a restart on a busy machine: measured 15 to 46 s, of which up to 30 s are the grace period
/// that the kubelet gives to the old apiserver.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(3);

/// Where things are on a node.
#[derive(Clone, Debug)]
pub struct Places {
    /// The process file system.
    pub proc: PathBuf,
    /// The containers' logs.
    pub pod_logs: PathBuf,
    /// kubeadm's kubeconfigs.
    pub kubernetes: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            proc: PathBuf::from("/proc"),
            pod_logs: PathBuf::from("/var/log/pods"),
            kubernetes: PathBuf::from("/etc/kubernetes"),
        }
    }
}

/// How far the waiting is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Since it began.
    pub elapsed: Duration,
    /// At most.
    pub timeout: Duration,
    /// What is waited for.
    pub phase: Phase,
    /// What is seen of it.
    pub detail: String,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The kubelet stops the old apiserver.
    Stopping,
    /// The kubelet starts the new one.
    Starting,
    /// It is ready.
    Readying,
    /// It writes an audit event.
    Logging,
    /// It is still ready a second later.
    Settling,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopping => "waiting for the kubelet to stop the old kube-apiserver",
            Self::Starting => "waiting for the kubelet to start the kube-apiserver",
            Self::Readying => "waiting for the kube-apiserver to be ready",
            Self::Logging => "waiting for the first audit event",
            Self::Settling => "making sure that the kube-apiserver stays up",
        })
    }
}

/// The apiserver of this node.
pub struct Node<'p> {
    places: Places,
    timeout: Duration,
    progress: &'p mut dyn FnMut(&Progress),
    before: Option<Before>,
}

impl<'p> Node<'p> {
    /// `progress` is called at every look, four times a second.
    pub fn new(places: Places, timeout: Duration, progress: &'p mut dyn FnMut(&Progress)) -> Self {
        Self { places, timeout, progress, before: None }
    }

    /// Whether a kubelet or an apiserver is seen here at all: elsewhere nobody will act on a manifest.
    pub fn is_control_plane(places: &Places) -> bool {
        processes::all(&places.proc).iter().any(|process| process.is_kubelet() || process.is_apiserver())
    }

    /// When the apiserver of this manifest started; `None` where none is seen to run.
    pub fn started(places: &Places, manifest: &[u8]) -> Option<SystemTime> {
        let target = Target::of(manifest, &places.kubernetes).ok()?;
        let processes = processes::all(&places.proc);
        processes
            .iter()
            .filter(|process| process.runs(&target.arguments))
            .map(processes::Process::started)
            .min()
    }
}

impl Health for Node<'_> {
    fn before_change(&mut self, manifest: &[u8]) {
        self.before = Target::of(manifest, &self.places.kubernetes)
            .ok()
            .map(|target| Before::now(&target, &self.places));
    }

    fn is_ready(&mut self, manifest: &[u8]) -> bool {
        let Ok(target) = Target::of(manifest, &self.places.kubernetes) else { return false };
        matches!(Asker::new(&target).ask(), Readiness::Ready(_))
    }

    fn wait(&mut self, manifest: &[u8], expectation: &Expectation) -> Result<Healthy, Unhealthy> {
        let target = Target::of(manifest, &self.places.kubernetes)
            .map_err(|reason| Unhealthy { reason, ..Unhealthy::default() })?;
        let before = self.before.take();
        Watch::new(&target, &self.places, expectation, before, self.timeout).run(self.progress)
    }
}

#[cfg(test)]
mod tests;
