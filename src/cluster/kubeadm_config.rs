//! `kube-system/kubeadm-config`, from which `kubeadm upgrade` and `kubeadm join` take the cluster's settings.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Cluster, ClusterError};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "kubeadm-config";
const KEY: &str = "ClusterConfiguration";

/// The live ClusterConfiguration, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeadmConfig {
    /// The YAML document.
    pub text: String,
    /// The version of the ConfigMap that it was read from.
    resource_version: String,
}

#[cfg(test)]
impl KubeadmConfig {
    pub(super) fn for_test(text: &str, resource_version: &str) -> Self {
        Self { text: text.to_owned(), resource_version: resource_version.to_owned() }
    }
}

impl Cluster {
    /// Reads the live configuration.
    ///
    /// # Errors
    /// [`ClusterError`] where it is not there or cannot be read.
    pub fn kubeadm_config(&self) -> Result<KubeadmConfig, ClusterError> {
        let maps = self.config_maps();
        let map = self.run("read the ConfigMap kube-system/kubeadm-config", maps.get_opt(NAME))?;
        let map = map.ok_or(ClusterError::NotKubeadm)?;
        let text =
            map.data.and_then(|mut data| data.remove(KEY)).ok_or(ClusterError::NoClusterConfiguration)?;
        Ok(KubeadmConfig { text, resource_version: map.metadata.resource_version.unwrap_or_default() })
    }

    /// Replaces the live configuration by `text`, if it is still the one that was read. Nothing else of the
    /// ConfigMap is touched.
    ///
    /// # Errors
    /// [`ClusterError::Changed`] where somebody else was faster; others where it cannot be written.
    pub fn replace_kubeadm_config(&self, read: &KubeadmConfig, text: &str) -> Result<(), ClusterError> {
        let patch = json!({
            "metadata": {"resourceVersion": read.resource_version},
            "data": {KEY: text},
        });
        let maps = self.config_maps();
        let parameters = PatchParams { field_manager: Some("lithify".to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        let patched = self.runtime.block_on(maps.patch(NAME, &parameters, &patch));
        match patched {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => Err(ClusterError::Changed),
            Err(error) => Err(ClusterError::of("change the ConfigMap kube-system/kubeadm-config", error)),
        }
    }

    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}
