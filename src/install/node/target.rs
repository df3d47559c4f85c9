//! What a manifest says about the apiserver that it starts: how to recognise it, where to ask it, where it logs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::canary;
use super::identity::{self, Kubeconfigs};
use super::processes::Arguments;
use super::tls::{Identity, Trust};
use crate::apiserver::{AbsolutePath, Apiserver, Mount, Serving, audit_flags, mounts};
use crate::audit::{self, Policy};
use crate::install::read;

/// The apiserver of one manifest.
pub(super) struct Target {
    pub(super) arguments: Arguments,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) container: String,
    pub(super) serving: Serving,
    /// The container's `readinessProbe`.
    pub(super) readiness_probe: Value,
    pub(super) trust: Trust,
    pub(super) identities: Vec<Identity>,
    /// The audit log on the host, where one is written to a file.
    pub(super) audit_log: Option<PathBuf>,
    /// The policy in force, where it can be read.
    pub(super) policy: Option<Policy>,
    /// hostPath volumes that must exist, with their type.
    pub(super) required: Vec<(PathBuf, String)>,
}

impl Target {
    /// Reads a manifest, and the files on this node that it names.
    ///
    /// `kubernetes`: the directory of kubeadm's kubeconfigs.
    ///
    /// # Errors
    /// Why it is no apiserver's manifest.
    pub(super) fn of(manifest: &[u8], kubernetes: &Path) -> Result<Self, String> {
        let pod = read::yaml(manifest)?;
        let apiserver = Apiserver::locate(&pod).map_err(|error| error.to_string())?;
        let mounts = mounts(&apiserver).map_err(|error| error.to_string())?;
        let flag = |name: &str| apiserver.flags().value(name).filter(|value| *value != "-");
        let host = |name: &str| flag(name).and_then(|path| host_path(&mounts, path));
        let serving = Serving::of(&apiserver);
        let kubeconfigs = Kubeconfigs::of(kubernetes);
        let trust = trust(&serving, &kubeconfigs, &host);
        let mut identities = kubeconfigs.identities;
        identities.extend(kubelet_client(&host));
        let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
        Ok(Self {
            arguments: Arguments::of(apiserver.container()),
            namespace: text(&pod["metadata"]["namespace"], "default"),
            name: text(&pod["metadata"]["name"], apiserver.name()),
            container: apiserver.name().to_owned(),
            readiness_probe: apiserver.container()["readinessProbe"].clone(),
            trust,
            identities,
            audit_log: host(audit_flags::LOG_PATH),
            policy: host(audit_flags::POLICY_FILE).and_then(|path| policy(&path)),
            required: required_paths(&pod),
            serving,
        })
    }

    /// A request that the policy logs.
    pub(super) fn canary(&self, is_known: bool) -> Option<&'static str> {
        canary::logged_by(self.policy.as_ref()?, is_known)
    }

    /// A file or directory that the kubelet insists on and does not find: why no container starts.
    pub(super) fn missing_path(&self) -> Option<String> {
        self.required.iter().find_map(|(path, kind)| {
            let found = fs::metadata(path);
            let fits = match kind.as_str() {
                "File" => found.is_ok_and(|metadata| metadata.is_file()),
                "Directory" => found.is_ok_and(|metadata| metadata.is_dir()),
                _ => true,
            };
            (!fits).then(|| {
                format!("the volume's hostPath {} is no {}", path.display(), kind.to_ascii_lowercase())
            })
        })
    }
}

/// Where a path of the container lies on this machine.
fn host_path(mounts: &[Mount], path: &str) -> Option<PathBuf> {
    let path = AbsolutePath::clean(path);
    let mount = crate::apiserver::covering(mounts, &path)?;
    mount.host_path(&path).map(|path| PathBuf::from(path.as_str()))
}

fn trust(serving: &Serving, kubeconfigs: &Kubeconfigs, host: &dyn Fn(&str) -> Option<PathBuf>) -> Trust {
    let pem = |flag: &str| host(flag).and_then(|path| fs::read(path).ok()).unwrap_or_default();
    let mut authorities = kubeconfigs.authorities.clone();
    // kubeadm signs servers and clients by one authority.
    authorities.extend(identity::certificates(&pem("client-ca-file")));
    let names = ["kubernetes.default.svc", "kubernetes", "localhost"].into_iter().map(str::to_owned);
    Trust {
        authorities,
        own: identity::certificates(&pem("tls-cert-file")).into_iter().take(1).collect(),
        names: names.chain(serving.advertised.clone()).filter_map(|name| name.try_into().ok()).collect(),
    }
}

/// The certificate that the apiserver shows to kubelets: on kubeadm's nodes one of the cluster's own users.
fn kubelet_client(host: &dyn Fn(&str) -> Option<PathBuf>) -> Option<Identity> {
    let certificate = fs::read(host("kubelet-client-certificate")?).ok()?;
    let key = fs::read(host("kubelet-client-key")?).ok()?;
    identity::from_pem("--kubelet-client-certificate", &certificate, &key)
}

fn policy(path: &Path) -> Option<Policy> {
    audit::load(&fs::read(path).ok()?).ok()?.policy.ok()
}

fn required_paths(pod: &Value) -> Vec<(PathBuf, String)> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let required = volumes.filter_map(|volume| {
        let (path, kind) = (volume["hostPath"]["path"].as_str()?, volume["hostPath"]["type"].as_str()?);
        Some((PathBuf::from(path), kind.to_owned()))
    });
    required.collect()
}
