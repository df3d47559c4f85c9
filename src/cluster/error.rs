//! What goes wrong between here and a cluster.

/// Why a cluster could not be asked or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No credentials anywhere.
    #[error(
        "no kubeconfig: neither KUBECONFIG nor ~/.kube/config nor /etc/kubernetes/admin.conf has a cluster; name one \
         with --kubeconfig"
    )]
    NoKubeconfig,
    /// Credentials that cannot be read.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    /// No connection.
    #[error("no connection to the cluster: {0}")]
    Connect(String),
    /// The credentials do not suffice.
    #[error("not allowed to {doing}: {message}")]
    Forbidden {
        /// What was asked for.
        doing: &'static str,
        /// The API server's words.
        message: String,
    },
    /// The ConfigMap of kubeadm is not there.
    #[error("the cluster has no ConfigMap kube-system/kubeadm-config: it was not made by kubeadm")]
    NotKubeadm,
    /// The ConfigMap lacks its key.
    #[error("the ConfigMap kube-system/kubeadm-config has no `ClusterConfiguration`")]
    NoClusterConfiguration,
    /// Somebody else changed it in between.
    #[error(
        "the ConfigMap kube-system/kubeadm-config was changed by somebody else meanwhile; run this again"
    )]
    Changed,
    /// The API server's refusal.
    #[error("cannot {doing}: {message}")]
    Refused {
        /// What was asked for.
        doing: &'static str,
        /// The API server's words.
        message: String,
    },
}

impl ClusterError {
    pub(super) fn of(doing: &'static str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                Self::Forbidden { doing, message: status.message.clone() }
            }
            kube::Error::Api(status) => Self::Refused { doing, message: status.message.clone() },
            error => Self::Connect(causes(&error)),
        }
    }
}

/// An error with its causes, as far as they say something new.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
