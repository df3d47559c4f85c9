//! Why a kubeadm configuration cannot carry the settings.

use super::super::plan_error::PlanError;
use super::super::shape::WrongType;
use crate::edit::ApplyError;
use crate::yaml::Pointer;

/// Why a kubeadm configuration cannot carry the settings. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeadmError {
    /// No document of kubeadm's API group.
    #[error("the file has no document of kubeadm.k8s.io, expected a ClusterConfiguration")]
    NotKubeadm,
    /// Documents of kubeadm, but not the one that has the control plane's settings.
    #[error(
        "the file has {}, and no ClusterConfiguration, where the apiserver's flags are; add such a document, or take \
         the cluster's own: kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{{.data.ClusterConfiguration}}'",
        .kinds.join(", ")
    )]
    NoCluster {
        /// Their kinds.
        kinds: Vec<String>,
    },
    /// Two ClusterConfigurations.
    #[error("the file has more than one ClusterConfiguration: which one is meant?")]
    SeveralClusters,
    /// A version that kubeadm has left behind.
    #[error(
        "kubeadm.k8s.io/{version} is read by no supported kubeadm; migrate it first: kubeadm config migrate \
         --old-config OLD --new-config NEW (for v1beta2, of kubeadm 1.22 to 1.26)"
    )]
    OldApi {
        /// The version.
        version: String,
    },
    /// A version that is not known here.
    #[error("kubeadm.k8s.io/{version} is not known here, expected v1beta3 or v1beta4")]
    UnknownApi {
        /// The version.
        version: String,
    },
    /// A field of another type than the API has.
    #[error(transparent)]
    WrongType(#[from] WrongType),
    /// The settings do not fit what the configuration has.
    #[error("{}", in_config(.0))]
    Plan(#[from] PlanError),
    /// The plan's own operations do not fit the model that they were made for: a defect of this program.
    #[error("internal: {0}")]
    Apply(#[from] ApplyError),
}

impl KubeadmError {
    /// The place in the ClusterConfiguration, where it is one.
    pub fn pointer(&self) -> Option<&Pointer> {
        match self {
            Self::WrongType(error) => Some(&error.at),
            _ => None,
        }
    }
}

/// The plan was made for the Pod that kubeadm will write: its places are none of the configuration's.
fn in_config(error: &PlanError) -> String {
    format!("in the manifest that kubeadm would write: {error}")
}
