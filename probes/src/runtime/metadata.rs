//! What a runtime tells of a container, as fields have it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::image::Image;
use super::messages::{
    ContainerStatusResponse, Mount as CriMount, NAMESPACE_NODE, NamespaceOption, PodSandboxStatusResponse,
};

/// A container and its pod. What the runtime does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// What the runtime calls itself: `containerd`, `cri-o`.
    pub(crate) runtime: Option<Box<str>>,
    /// `None` for what is no container of the pod: its sandbox.
    pub(crate) container: Option<Container>,
    pub(crate) pod: Option<Pod>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: Box<str>,
    pub(crate) image: Image,
    pub(crate) privileged: Option<bool>,
    pub(crate) mounts: Vec<Mount>,
    /// All mounts, separated by blanks.
    pub(crate) mounts_text: Box<str>,
    pub(crate) labels: Labels,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pod {
    pub(crate) name: Box<str>,
    pub(crate) namespace: Box<str>,
    pub(crate) uid: Box<str>,
    /// The sandbox's id.
    pub(crate) sandbox: Box<str>,
    pub(crate) labels: Labels,
    /// Its first address, if that is one of IPv4.
    pub(crate) ip: Option<Box<str>>,
    /// What the network plugin said, as JSON.
    pub(crate) cni: Option<Box<str>>,
    pub(crate) host_network: Option<bool>,
    pub(crate) host_pid: Option<bool>,
    pub(crate) host_ipc: Option<bool>,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) source: Box<str>,
    pub(crate) destination: Box<str>,
    pub(crate) is_writable: bool,
    pub(crate) propagation: &'static str,
    /// `source:destination:mode:rdwr:propagation`; the mode is a Docker notion and empty.
    pub(crate) text: Box<str>,
}

/// Labels, and all that rules should see as one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    by_key: BTreeMap<Box<str>, Box<str>>,
    pub(crate) text: Box<str>,
}

/// Mounts that are kept: whoever writes the pod chooses how many there are.
const MOUNTS_MAX: usize = 256;
/// Longest text of a network plugin that is kept, as in Falco.
const CNI_MAX: usize = 4096;

impl Metadata {
    /// From the answers of a runtime about a container and its sandbox, whichever there are.
    ///
    /// `label_max`: labels with longer values are left out.
    pub(super) fn new(
        runtime: Option<Box<str>>,
        container: Option<&ContainerStatusResponse>,
        sandbox: Option<&PodSandboxStatusResponse>,
        label_max: usize,
    ) -> Self {
        Self {
            runtime,
            container: container.and_then(|answer| read_container(answer, label_max)),
            pod: sandbox.and_then(|answer| read_pod(answer, label_max)),
        }
    }
}

impl Metadata {
    /// A pod of which only this is known.
    pub(super) fn of_pod(name: &str, namespace: &str, uid: &str) -> Self {
        let pod = Pod { name: name.into(), namespace: namespace.into(), uid: uid.into(), ..Pod::default() };
        Self { runtime: None, container: None, pod: Some(pod) }
    }
}

impl Labels {
    fn new(labels: &BTreeMap<String, String>, value_max: usize) -> Self {
        let kept = labels.iter().filter(|(_, value)| value.len() <= value_max);
        let by_key: BTreeMap<Box<str>, Box<str>> =
            kept.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
        // The runtime's own labels say nothing that other fields do not.
        let shown = by_key.iter().filter(|(key, _)| !key.starts_with("io.kubernetes."));
        let texts: Vec<_> = shown
            .map(|(key, value)| if value.is_empty() { key.to_string() } else { format!("{key}:{value}") })
            .collect();
        Self { text: texts.join(", ").into(), by_key }
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let by_key = pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Self { by_key, text: Box::default() }
    }

    /// The value of a label.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.by_key.get(key).map(|value| &**value)
    }
}

/// The JSON under `info` that is read; containerd and CRI-O agree on little, and neither promises it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerInfo {
    /// CRI-O.
    privileged: Option<bool>,
    /// containerd: what it was asked for.
    config: ContainerConfig,
    #[serde(rename = "runtimeSpec")]
    runtime_spec: RuntimeSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerConfig {
    image: ConfigImage,
    linux: Option<ConfigLinux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigImage {
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigLinux {
    security_context: Option<SecurityContext>,
}

/// protobuf's JSON leaves `false` out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityContext {
    privileged: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuntimeSpec {
    annotations: BTreeMap<String, String>,
}

impl ContainerInfo {
    fn privileged(&self) -> Option<bool> {
        let asked = self.config.linux.as_ref().and_then(|linux| linux.security_context.as_ref());
        asked.map(|context| context.privileged).or(self.privileged)
    }

    /// What the image was called when the container was made.
    fn image_name(&self) -> Option<&str> {
        ["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.Image", "io.kubernetes.cri-o.ImageName"]
            .into_iter()
            .find_map(|key| self.runtime_spec.annotations.get(key))
            .map(String::as_str)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SandboxInfo<'j> {
    #[serde(rename = "cniResult", borrow)]
    cni: Option<CniResult<'j>>,
    #[serde(rename = "runtimeSpec")]
    runtime_spec: RuntimeSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CniResult<'j> {
    #[serde(rename = "Interfaces", borrow)]
    interfaces: Option<&'j RawValue>,
}

fn read_container(answer: &ContainerStatusResponse, label_max: usize) -> Option<Container> {
    let status = answer.status.as_ref()?;
    let info = answer.info.get("info").and_then(|json| serde_json::from_str(json).ok());
    let info: ContainerInfo = info.unwrap_or_default();
    let mounts: Vec<_> = status.mounts.iter().take(MOUNTS_MAX).map(read_mount).collect();
    let told = status.image.as_ref().map_or("", |image| &image.image);
    let id = Some(info.config.image.image.as_str()).filter(|id| !id.is_empty()).unwrap_or(&status.image_id);
    Some(Container {
        name: status.metadata.as_ref().map_or("", |metadata| &metadata.name).into(),
        image: Image::new(told, &status.image_ref, info.image_name(), id),
        privileged: info.privileged(),
        mounts_text: mounts.iter().map(|mount| &*mount.text).collect::<Vec<_>>().join(" ").into(),
        mounts,
        labels: Labels::new(&status.labels, label_max),
    })
}

fn read_mount(mount: &CriMount) -> Mount {
    let propagation = match mount.propagation {
        0 => "private",
        1 => "rslave",
        2 => "rshared",
        _ => "unknown",
    };
    let (source, destination, is_writable) = (&mount.host_path, &mount.container_path, !mount.readonly);
    Mount {
        text: format!("{source}:{destination}::{is_writable}:{propagation}").into(),
        source: source.as_str().into(),
        destination: destination.as_str().into(),
        is_writable,
        propagation,
    }
}

fn read_pod(answer: &PodSandboxStatusResponse, label_max: usize) -> Option<Pod> {
    let status = answer.status.as_ref()?;
    let info: Option<SandboxInfo<'_>> =
        answer.info.get("info").and_then(|json| serde_json::from_str(json).ok());
    let cni = info.as_ref().and_then(|info| {
        let told = info.cni.as_ref().and_then(|cni| cni.interfaces).map(RawValue::get);
        told.or_else(|| {
            info.runtime_spec.annotations.get("io.kubernetes.cri-o.CNIResult").map(String::as_str)
        })
    });
    let metadata = status.metadata.clone().unwrap_or_default();
    let options = status
        .linux
        .as_ref()
        .and_then(|linux| linux.namespaces.as_ref())
        .and_then(|all| all.options.as_ref());
    let is_host = |mode: fn(&NamespaceOption) -> i32| options.map(|options| mode(options) == NAMESPACE_NODE);
    let ip = status.network.as_ref().map_or("", |network| &network.ip);
    Some(Pod {
        name: metadata.name.into(),
        namespace: metadata.namespace.into(),
        uid: metadata.uid.into(),
        sandbox: status.id.as_str().into(),
        labels: Labels::new(&status.labels, label_max),
        ip: ip.parse::<std::net::Ipv4Addr>().ok().map(|ip| ip.to_string().into()),
        cni: cni.filter(|text| text.len() <= CNI_MAX).map(Into::into),
        host_network: is_host(|options| options.network),
        host_pid: is_host(|options| options.pid),
        host_ipc: is_host(|options| options.ipc),
    })
}

#[cfg(test)]
mod tests {
    use super::super::messages::{
        ContainerMetadata, ContainerStatus, ImageSpec, LinuxPodSandboxStatus, Namespace, PodSandboxMetadata,
        PodSandboxNetworkStatus, PodSandboxStatus,
    };
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn container(info: &str) -> ContainerStatusResponse {
        ContainerStatusResponse {
            status: Some(ContainerStatus {
                id: "c1".to_owned(),
                metadata: Some(ContainerMetadata { name: "app".to_owned() }),
                image: Some(ImageSpec { image: "q/app:3".to_owned() }),
                labels: pairs(&[("b", ""), ("a", "1"), ("io.kubernetes.pod.uid", "u"), ("long", "12345678")]),
                mounts: vec![CriMount {
                    container_path: "/etc/hosts".to_owned(),
                    host_path: "/var/lib/hosts".to_owned(),
                    readonly: true,
                    propagation: 1,
                }],
                ..ContainerStatus::default()
            }),
            info: pairs(&[("info", info)]),
        }
    }

    #[test]
    fn reads_a_container() {
        let metadata = Metadata::new(None, Some(&container("{}")), None, 7);
        let read = metadata.container.unwrap();
        assert_eq!((&*read.name, read.privileged, metadata.pod), ("app", None, None));
        assert_eq!(&*read.mounts_text, "/var/lib/hosts:/etc/hosts::false:rslave");
        assert_eq!(&*read.labels.text, "a:1, b");
        assert_eq!((read.labels.get("io.kubernetes.pod.uid"), read.labels.get("long")), (Some("u"), None));
    }

    #[test]
    fn both_runtimes_tell_what_is_privileged() {
        for (info, privileged) in [
            (r#"{"config":{"linux":{"security_context":{"privileged":true}}}}"#, Some(true)),
            (r#"{"config":{"linux":{"security_context":{}}}}"#, Some(false)),
            (r#"{"privileged":true,"sandboxID":"x"}"#, Some(true)),
            (r#"{"privileged":false}"#, Some(false)),
            ("{}", None),
            ("no JSON", None),
            (r#"{"privileged":"yes"}"#, None),
        ] {
            let read = Metadata::new(None, Some(&container(info)), None, 100).container.unwrap();
            assert_eq!(read.privileged, privileged, "{info}");
        }
    }

    #[test]
    fn reads_a_pod() {
        let status = PodSandboxStatus {
            id: "s1".to_owned(),
            metadata: Some(PodSandboxMetadata {
                name: "web-0".to_owned(),
                uid: "u1".to_owned(),
                namespace: "shop".to_owned(),
            }),
            network: Some(PodSandboxNetworkStatus { ip: "10.88.77.5".to_owned() }),
            linux: Some(LinuxPodSandboxStatus {
                namespaces: Some(Namespace { options: Some(NamespaceOption { network: 0, pid: 2, ipc: 1 }) }),
            }),
            labels: pairs(&[("app", "web")]),
        };
        let info = r#"{"cniResult":{"Interfaces":{"eth0":{"IPConfigs":null}}}}"#;
        let answer = PodSandboxStatusResponse { status: Some(status), info: pairs(&[("info", info)]) };
        let pod = Metadata::new(None, None, Some(&answer), 100).pod.unwrap();
        assert_eq!((&*pod.namespace, &*pod.name, &*pod.uid, &*pod.sandbox), ("shop", "web-0", "u1", "s1"));
        assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (Some(false), Some(true), Some(false)));
        assert_eq!((pod.ip.as_deref(), pod.labels.get("app")), (Some("10.88.77.5"), Some("web")));
        assert_eq!(pod.cni.as_deref(), Some(r#"{"eth0":{"IPConfigs":null}}"#));
    }
}
