//! Why no plan can be made.

use super::audit_flags::FlagType;
use super::locate::LocateError;
use super::mounts::{Mount, Node, Source};
use super::path::{AbsolutePath, PathProblem};
use super::shape::WrongType;
use crate::yaml::Pointer;

/// Why the settings do not fit the manifest. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The object is no apiserver's static pod.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// A field of another type than the Pod API has.
    #[error(transparent)]
    WrongType(#[from] WrongType),
    /// A path that no manifest can carry.
    #[error("`--{flag}` cannot be `{path}`: {problem}")]
    Path {
        /// The flag.
        flag: &'static str,
        /// The path as given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// A path where it would do harm.
    #[error("`--{flag}` cannot be `{path}`: {reason}")]
    Forbidden {
        /// The flag.
        flag: &'static str,
        /// The path.
        path: AbsolutePath,
        /// Why not.
        reason: String,
    },
    /// A flag that would be kept, and whose value a variable hides.
    #[error(
        "the value of `--{flag}` depends on the environment variable `{variable}`, which the manifest does not tell; \
         give the value that is wanted by the option `--{flag}`"
    )]
    UnknownValue {
        /// The flag.
        flag: &'static str,
        /// The variable.
        variable: String,
    },
    /// A flag whose value makes the apiserver refuse to start.
    #[error("the apiserver refuses `--{flag}={value}`: it takes {expected}")]
    InvalidValue {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What it takes.
        expected: FlagType,
        /// Where the manifest has it; `None` if the settings do.
        at: Option<Pointer>,
    },
    /// Flags that the apiserver refuses together.
    #[error("the apiserver refuses these flags together: {0}")]
    Contradiction(String),
    /// The log directory is mounted read-only.
    #[error(
        "`--{flag}` cannot be `{path}`: the volume `{volume}` is mounted read-only over it (at `{at}`); choose a \
         directory outside, such as /var/log/kubernetes/audit",
        flag = .0.flag, path = .0.path, volume = .0.mount.volume, at = .0.mount.path
    )]
    ReadOnlyLog(Box<Covered>),
    /// The path is on a volume that is no directory of the host.
    #[error(
        "`--{flag}` cannot be `{path}`: it is on the volume `{volume}`, mounted at `{at}`, {reason}; choose a path \
         outside `{at}`",
        flag = .0.flag, path = .0.path, volume = .0.mount.volume, at = .0.mount.path, reason = why_not(&.0.mount.source)
    )]
    NotOnHost(Box<Covered>),
    /// The path is below one that is mounted as a file, or is itself a mounted directory.
    #[error(
        "`--{flag}` cannot be `{path}`: `{at}` is mounted as a {found} from the volume `{volume}`",
        flag = .covered.flag, path = .covered.path, volume = .covered.mount.volume, at = .covered.mount.path
    )]
    WrongKindOfMount {
        /// The path and its mount.
        covered: Box<Covered>,
        /// What is mounted.
        found: Node,
    },
}

/// A path of ours, and the mount that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The flag that names the path.
    pub flag: &'static str,
    /// The path.
    pub path: AbsolutePath,
    /// The mount.
    pub mount: Mount,
}

impl PlanError {
    /// The place in the manifest, where it is one.
    pub fn pointer(&self) -> Option<&Pointer> {
        match self {
            Self::Locate(error) => error.pointer(),
            Self::WrongType(error) => Some(&error.at),
            Self::InvalidValue { at, .. } => at.as_ref(),
            Self::ReadOnlyLog(covered)
            | Self::NotOnHost(covered)
            | Self::WrongKindOfMount { covered, .. } => Some(&covered.mount.at),
            Self::Path { .. }
            | Self::Forbidden { .. }
            | Self::UnknownValue { .. }
            | Self::Contradiction(_) => None,
        }
    }
}

/// A relative clause about the volume.
fn why_not(source: &Source) -> String {
    match source {
        Source::Missing => "which does not exist, so that the kubelet refuses the pod".to_owned(),
        Source::UnknownHostPath { variable } => {
            format!(
                "whose subPathExpr depends on the variable `{variable}`, which the manifest does not tell"
            )
        }
        Source::Other { kind } if kind == "emptyDir" => {
            "an emptyDir, which begins empty and ends with the pod".to_owned()
        }
        Source::Other { kind } => format!("a {kind}, which a static pod cannot have or the host cannot see"),
        Source::Host { path, .. } => format!("which is {path} on the host"),
    }
}
