//! A running cluster, asked and changed through its API.

mod error;
mod kubeadm_config;
mod workloads;

use std::future::Future;
use std::path::Path;

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::runtime::Runtime;

pub use error::ClusterError;
pub use kubeadm_config::KubeadmConfig;
pub use workloads::{Live, NotListed};

/// Where kubeadm leaves the administrator's credentials on a control-plane node.
const ADMIN_KUBECONFIG: &str = "/etc/kubernetes/admin.conf";
/// The label that kubeadm gives to control-plane nodes.
const CONTROL_PLANE_LABEL: &str = "node-role.kubernetes.io/control-plane";

/// A connection; calls block until they are answered.
pub struct Cluster {
    runtime: Runtime,
    client: Client,
}

/// A node of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlaneNode {
    /// Its name.
    pub name: String,
    /// Its internal address, or its name where it tells none.
    pub address: String,
}

impl Cluster {
    /// Connects with the credentials of `kubeconfig`, else of kubectl's (`KUBECONFIG`, `~/.kube/config`), else of
    /// kubeadm's `admin.conf`.
    ///
    /// # Errors
    /// [`ClusterError`] where there are none, or they cannot be read.
    pub fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self, ClusterError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ClusterError::Connect(error.to_string()))?;
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let config = runtime.block_on(async {
            Config::from_custom_kubeconfig(read(kubeconfig)?, &options)
                .await
                .map_err(|error| ClusterError::Kubeconfig(error.to_string()))
        })?;
        Self::with(runtime, config)
    }

    fn with(runtime: Runtime, config: Config) -> Result<Self, ClusterError> {
        // Without a handle entered, the client cannot spawn its connection.
        let client = {
            let _entered = runtime.enter();
            Client::try_from(config).map_err(|error| ClusterError::Connect(error.to_string()))?
        };
        Ok(Self { runtime, client })
    }

    /// The nodes of the control plane, by name.
    ///
    /// # Errors
    /// [`ClusterError`] where they cannot be listed.
    pub fn control_plane_nodes(&self) -> Result<Vec<ControlPlaneNode>, ClusterError> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let parameters = ListParams::default().labels(CONTROL_PLANE_LABEL);
        let list = self.run("list nodes", nodes.list(&parameters))?;
        let mut found: Vec<_> = list.items.iter().map(control_plane_node).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn run<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        self.runtime.block_on(call).map_err(|error| ClusterError::of(doing, error))
    }
}

fn read(path: Option<&Path>) -> Result<Kubeconfig, ClusterError> {
    let failed = |error: kube::config::KubeconfigError| ClusterError::Kubeconfig(error.to_string());
    if let Some(path) = path {
        return Kubeconfig::read_from(path).map_err(failed);
    }
    match Kubeconfig::read() {
        // `Kubeconfig::read` also gives an empty one, where KUBECONFIG names no file.
        Ok(config) if !config.clusters.is_empty() => Ok(config),
        _ if Path::new(ADMIN_KUBECONFIG).exists() => Kubeconfig::read_from(ADMIN_KUBECONFIG).map_err(failed),
        Ok(_) => Err(ClusterError::NoKubeconfig),
        Err(kube::config::KubeconfigError::ReadConfig(error, _))
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            Err(ClusterError::NoKubeconfig)
        }
        Err(error) => Err(failed(error)),
    }
}

fn control_plane_node(node: &Node) -> ControlPlaneNode {
    let name = node.metadata.name.clone().unwrap_or_default();
    let addresses = node.status.iter().filter_map(|status| status.addresses.as_ref()).flatten();
    let internal = addresses.clone().find(|address| address.type_ == "InternalIP");
    let address = internal.map_or_else(|| name.clone(), |address| address.address.clone());
    ControlPlaneNode { name, address }
}

#[cfg(test)]
mod tests;
