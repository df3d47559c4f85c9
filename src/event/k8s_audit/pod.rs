//! Fields of a pod's containers: one value a container.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::extract::{at, chosen, written};

/// A part of a container that a field gives.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Image,
    Repository,
    /// The key's value; a container without it is skipped.
    Key(&'static str),
    /// The items of the lists at the keys, flattened.
    Lists(&'static [&'static str]),
    HostPorts,
    /// A key of the container's securityContext, with what a missing one stands for.
    Security(&'static str, &'static str),
    /// A key of the container's securityContext, else of the pod's, else 0.
    Effective(&'static str),
}

impl Part {
    /// The part that stands behind `ka.req.pod.containers.`.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Key("name"),
            "image" => Self::Image,
            "image.repository" => Self::Repository,
            "command" => Self::Lists(&["command"]),
            "args" => Self::Lists(&["args"]),
            "privileged" => Self::Security("privileged", "false"),
            "allow_privilege_escalation" => Self::Security("allowPrivilegeEscalation", "false"),
            "read_only_fs" => Self::Security("readOnlyRootFilesystem", "false"),
            "run_as_user" => Self::Security("runAsUser", "0"),
            "run_as_group" => Self::Security("runAsGroup", "0"),
            "eff_run_as_user" => Self::Effective("runAsUser"),
            "eff_run_as_group" => Self::Effective("runAsGroup"),
            "proc_mount" => Self::Security("procMount", "Default"),
            "add_capabilities" => Self::Lists(&["securityContext", "capabilities", "add"]),
            "host_port" => Self::HostPorts,
            _ => return None,
        })
    }

    /// The values of all containers of a list, or of the one with this number.
    ///
    /// `None` where the request object has no such list, or no such container.
    pub(super) fn of_containers<'e>(
        self,
        json: &'e Json,
        list: &str,
        index: Option<usize>,
    ) -> Option<Vec<Cow<'e, str>>> {
        let spec = at(json, &["requestObject", "spec"])?;
        let containers = chosen(at(spec, &[list])?.as_array()?.iter(), index)?;
        Some(match self {
            Self::Image => containers.filter_map(|c| c.get("image")?.as_str()).map(Cow::from).collect(),
            Self::Repository => containers
                .filter_map(|c| c.get("image")?.as_str())
                .map(|image| repository(image).into())
                .collect(),
            Self::Key(key) => containers.filter_map(|c| at(c, &[key])).map(written).collect(),
            Self::Lists(keys) => {
                containers.filter_map(|c| at(c, keys)?.as_array()).flatten().map(written).collect()
            }
            Self::HostPorts => {
                let ports = containers.filter_map(|c| c.get("ports")?.as_array()).flatten();
                // With hostNetwork, the container's port is the host's.
                ports
                    .filter_map(|port| at(port, &["hostPort"]).or_else(|| at(port, &["containerPort"])))
                    .map(written)
                    .collect()
            }
            Self::Security(key, missing) => containers
                .map(|c| at(c, &["securityContext", key]).map_or(Cow::Borrowed(missing), written))
                .collect(),
            Self::Effective(key) => {
                let of_pod = at(spec, &["securityContext", key]).map_or(Cow::Borrowed("0"), written);
                containers
                    .map(|c| at(c, &["securityContext", key]).map_or_else(|| of_pod.clone(), written))
                    .collect()
            }
        })
    }
}

/// An image without tag and digest.
///
/// A colon before the last slash is a registry's port and no tag; upstream cuts there, and so loses the
/// repository of every image of such a registry.
fn repository(image: &str) -> &str {
    let named = image.split('@').next().unwrap_or(image);
    match named.rfind(':') {
        Some(colon) if !named[colon..].contains('/') => &named[..colon],
        _ => named,
    }
}
