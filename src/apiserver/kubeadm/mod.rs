//! The same settings as input of kubeadm, so that they survive `kubeadm upgrade`, which writes the manifest anew.
//!
//! [`plan`] edits a ClusterConfiguration; [`patches`] makes a file for `--patches`.

mod arguments;
mod error;
mod model;
pub mod patches;

use serde_json::{Value, json};

pub use error::KubeadmError;

use super::change::{Change, Warning};
use super::locate::Apiserver;
use super::plan::{self, HostFile, HostLog};
use super::settings::Settings;
use super::shape;
use super::volumes::Sharing;
use crate::edit::{self, FieldOp};
use crate::yaml::Pointer;

/// The API group of kubeadm's configuration.
const GROUP: &str = "kubeadm.k8s.io/";
/// The kind that has the control plane's settings.
const CLUSTER_CONFIGURATION: &str = "ClusterConfiguration";

/// A version of kubeadm's configuration that it reads today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigApi {
    /// `extraArgs` is a mapping; read by kubeadm 1.22 to 1.36.
    V1Beta3,
    /// `extraArgs` is a list of name and value; read since kubeadm 1.31.
    V1Beta4,
}

/// What makes a ClusterConfiguration carry the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigPlan {
    /// Which document of the stream it is, from 0.
    pub document: usize,
    /// Its version.
    pub api: ConfigApi,
    /// The operations on that document, in order; none if it carries them already.
    pub ops: Vec<FieldOp>,
    /// The same, for people.
    pub changes: Vec<Change>,
    /// What is done as asked, and deserves a second thought.
    pub warnings: Vec<Warning>,
    /// The policy file, which must be on every control-plane node.
    pub policy: HostFile,
    /// The receiver's kubeconfig, likewise.
    pub webhook_config: Option<HostFile>,
    /// The log; `None` where the settings leave the log backend alone, or it writes to standard output.
    pub log: Option<HostLog>,
}

/// Plans the changes of a kubeadm configuration. Planned again on its result, there are none.
///
/// `documents`: the file's documents; the ClusterConfiguration may be any of them. Hashes of files are not
/// written: a ClusterConfiguration has no place for annotations.
///
/// # Errors
/// [`KubeadmError`] where there is no ClusterConfiguration of a version that kubeadm reads, or it cannot carry
/// the settings.
pub fn plan(documents: &[Value], settings: &Settings) -> Result<ConfigPlan, KubeadmError> {
    let (document, api) = find(documents)?;
    let config = &documents[document];
    let root = Pointer::root();
    let at = root.join("apiServer");
    let api_server = shape::mapping(config, &root, "apiServer")?;
    let empty = json!({});
    let arguments = arguments::read(api_server.unwrap_or(&empty), &at, api)?;
    let extra_volumes = shape::items(api_server.unwrap_or(&empty), &at, "extraVolumes")?;

    let pod = model::pod(config, &arguments, extra_volumes)?;
    let modelled = Apiserver::locate(&pod).map_err(super::PlanError::from)?;
    let draft = plan::draft(&modelled, settings, Sharing::Forbidden)?;
    let mut edited = pod.clone();
    edit::apply(&draft.volume_ops, &mut edited)?;

    let (argument_ops, mut changes) = arguments::set(&arguments, &draft.wanted.flags, &at, api);
    let volume_ops = model::extra_volume_ops(extra_volumes, &edited, &at.join("extraVolumes"));
    changes.extend(draft.volume_changes);
    let ops = with_parents(api_server, &at, api, argument_ops, volume_ops);
    let mut warnings = draft.warnings;
    if config["featureGates"]["RootlessControlPlane"] == true {
        warnings.push(Warning::Rootless { log: draft.log.as_ref().map(|log| log.host_directory.clone()) });
    }
    let plan::Draft { policy, webhook_config, log, .. } = draft;
    Ok(ConfigPlan { document, api, ops, changes, warnings, policy, webhook_config, log })
}

/// Puts the mappings and lists first that the operations need and the document lacks: written whole, so that
/// they come out in block style.
fn with_parents(
    api_server: Option<&Value>,
    at: &Pointer,
    api: ConfigApi,
    argument_ops: Vec<FieldOp>,
    volume_ops: Vec<FieldOp>,
) -> Vec<FieldOp> {
    let has =
        |key: &str| api_server.is_some_and(|object| object.get(key).is_some_and(|value| !value.is_null()));
    let empty = |api: ConfigApi| if api == ConfigApi::V1Beta3 { json!({}) } else { json!([]) };
    let parts = [("extraArgs", empty(api), argument_ops), ("extraVolumes", json!([]), volume_ops)];
    let mut whole = json!({"apiServer": {}});
    let mut ops = Vec::new();
    for (key, empty, part) in parts {
        if has(key) {
            ops.extend(part);
        } else if !part.is_empty() {
            whole["apiServer"][key] = empty;
            edit::apply(&part, &mut whole).expect("operations on an empty list or mapping only add to it");
            ops.push(FieldOp::Set { at: at.join(key), value: whole["apiServer"][key].clone() });
        }
    }
    if api_server.is_some() || ops.is_empty() {
        return ops;
    }
    vec![FieldOp::Set { at: at.clone(), value: whole["apiServer"].clone() }]
}

/// Which document is the ClusterConfiguration, if there is one that can be edited.
pub fn cluster_configuration(documents: &[Value]) -> Option<usize> {
    find(documents).ok().map(|(index, _)| index)
}

/// The document that is a ClusterConfiguration, and its version.
fn find(documents: &[Value]) -> Result<(usize, ConfigApi), KubeadmError> {
    let of_kubeadm =
        |document: &&Value| document["apiVersion"].as_str().is_some_and(|v| v.starts_with(GROUP));
    let is_cluster = |document: &Value| document["kind"] == CLUSTER_CONFIGURATION;
    let mut found = documents.iter().enumerate().filter(|(_, d)| of_kubeadm(d) && is_cluster(d));
    let Some((index, document)) = found.next() else {
        let kinds = documents.iter().filter(of_kubeadm).filter_map(|document| document["kind"].as_str());
        let kinds: Vec<_> = kinds.map(str::to_owned).collect();
        return Err(if kinds.is_empty() {
            KubeadmError::NotKubeadm
        } else {
            KubeadmError::NoCluster { kinds }
        });
    };
    if found.next().is_some() {
        return Err(KubeadmError::SeveralClusters);
    }
    let version =
        document["apiVersion"].as_str().and_then(|version| version.strip_prefix(GROUP)).unwrap_or_default();
    match version {
        "v1beta3" => Ok((index, ConfigApi::V1Beta3)),
        "v1beta4" => Ok((index, ConfigApi::V1Beta4)),
        "v1alpha1" | "v1alpha2" | "v1alpha3" | "v1beta1" | "v1beta2" => {
            Err(KubeadmError::OldApi { version: version.to_owned() })
        }
        other => Err(KubeadmError::UnknownApi { version: other.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
