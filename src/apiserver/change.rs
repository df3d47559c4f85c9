//! What a plan does, in sentences.

use std::fmt;

use super::path::AbsolutePath;

/// One change of the manifest or the kubeadm configuration, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A flag that was not given.
    FlagAdded {
        /// Without dashes.
        name: String,
        /// Its value.
        value: String,
    },
    /// A flag that had another value.
    FlagChanged {
        /// Without dashes.
        name: String,
        /// The value that was in force; as written, where a variable hides it.
        from: String,
        /// The new one.
        to: String,
    },
    /// A flag that was given more than once.
    FlagFolded {
        /// Without dashes.
        name: String,
        /// The values that the apiserver already ignored, in order.
        dropped: Vec<String>,
    },
    /// A new hostPath volume with its mount.
    VolumeAdded {
        /// Its name.
        name: String,
        /// On the host.
        host_path: AbsolutePath,
        /// In the container.
        mount_path: AbsolutePath,
        /// Whether the container cannot write to it.
        read_only: bool,
    },
    /// A mount of a volume that the pod had.
    MountAdded {
        /// The volume's name.
        volume: String,
        /// In the container.
        mount_path: AbsolutePath,
        /// Whether the container cannot write to it.
        read_only: bool,
    },
    /// A log file's mount that becomes its directory's.
    FileMountWidened {
        /// The volume's name.
        volume: String,
        /// The log file that was mounted.
        file: AbsolutePath,
        /// The directory on the host that is mounted now.
        host_path: AbsolutePath,
    },
    /// A log file's mount that is not needed, since its directory is mounted too.
    FileMountRemoved {
        /// The volume's name.
        volume: String,
        /// The log file that was mounted.
        file: AbsolutePath,
    },
    /// An annotation with a hash, which makes the kubelet restart the apiserver when it changes.
    HashSet {
        /// The annotation's key.
        annotation: &'static str,
    },
}

impl Change {
    /// Whether the change does nothing but force a restart.
    pub fn only_restarts(&self) -> bool {
        matches!(self, Self::HashSet { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlagAdded { name, value } => write!(f, "add flag --{name}={value}"),
            Self::FlagChanged { name, from, to } if from.is_empty() => {
                write!(f, "change flag --{name} from no value to `{to}`")
            }
            Self::FlagChanged { name, from, to } => write!(f, "change flag --{name} from `{from}` to `{to}`"),
            Self::FlagFolded { name, dropped } => {
                let dropped: Vec<_> = dropped.iter().map(|value| format!("`{value}`")).collect();
                write!(
                    f,
                    "fold flag --{name}, given {} times: the last one wins, so {} had no effect",
                    dropped.len() + 1,
                    dropped.join(", ")
                )
            }
            Self::VolumeAdded { name, host_path, mount_path, read_only } => {
                write!(f, "add hostPath volume `{name}` {host_path}, mounted {}", access(*read_only))?;
                if host_path == mount_path { Ok(()) } else { write!(f, " at {mount_path}") }
            }
            Self::MountAdded { volume, mount_path, read_only } => {
                write!(f, "mount the existing volume `{volume}` {} at {mount_path}", access(*read_only))
            }
            Self::FileMountWidened { volume, file, host_path } => write!(
                f,
                "mount the directory {host_path} instead of the file {file} (volume `{volume}`): a mounted file \
                 cannot be rotated"
            ),
            Self::FileMountRemoved { volume, file } => write!(
                f,
                "remove the mount of the file {file} (volume `{volume}`): its directory is mounted, and a mounted \
                 file cannot be rotated"
            ),
            Self::HashSet { annotation } => {
                write!(f, "set annotation {annotation}, so that the kubelet restarts it")
            }
        }
    }
}

fn access(read_only: bool) -> &'static str {
    if read_only { "read-only" } else { "writable" }
}

/// Something that the plan does as asked, and that a security engineer would not have asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The log lies directly in a directory that others use.
    SharedLogDirectory {
        /// The directory, which becomes writable to the container.
        directory: AbsolutePath,
        /// A path in a directory of its own.
        better: AbsolutePath,
    },
    /// The policy is where the container can change it.
    WritablePolicy {
        /// The policy.
        path: AbsolutePath,
        /// The volume's name.
        volume: String,
    },
    /// A file among the cluster's keys, which `kubeadm` renews and backups copy.
    AmongCertificates {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: AbsolutePath,
    },
    /// An extra flag of a backend that is not on.
    NoEffect {
        /// The flag.
        flag: String,
        /// The flag that turns the backend on.
        needs: &'static str,
    },
    /// kubeadm's rootless control plane, whose user is made at init.
    Rootless {
        /// The log's directory, which that user must own.
        log: Option<AbsolutePath>,
    },
    /// Events as text lines, which no consumer of audit.k8s.io reads.
    LegacyFormat,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedLogDirectory { directory, better } => write!(
                f,
                "all of {directory} becomes writable to the apiserver's container; a directory of its own is \
                 better: --audit-log-path {better}"
            ),
            Self::WritablePolicy { path, volume } => {
                write!(f, "the policy {path} is on the volume `{volume}`, which is mounted writable")
            }
            Self::AmongCertificates { flag, path } => {
                write!(f, "--{flag} is {path}, among the cluster's keys; a place of its own is better")
            }
            Self::NoEffect { flag, needs } => write!(f, "--{flag} has no effect without --{needs}"),
            Self::Rootless { log } => {
                f.write_str("the apiserver runs as the user kubeadm-kas (RootlessControlPlane): let it read the policy")?;
                log.as_ref().map_or(Ok(()), |log| write!(f, ", and give it {log} on each control-plane node"))
            }
            Self::LegacyFormat => f.write_str(
                "--audit-log-format=legacy writes text lines that no reader of audit.k8s.io events takes",
            ),
        }
    }
}
