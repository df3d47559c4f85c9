//! Which mount covers a path of the container, and where on the host that path lies.

use std::fmt;

use serde_json::Value;

use super::locate::Apiserver;
use super::path::AbsolutePath;
use super::shape::{self, WrongType};
use super::variables::{Environment, Expanded};
use crate::yaml::Pointer;

/// A volume mounted into the apiserver's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// Where in the container.
    pub path: AbsolutePath,
    /// Whether the container cannot write to it.
    pub read_only: bool,
    /// What is mounted.
    pub source: Source,
    /// The volumeMount in the manifest.
    pub at: Pointer,
}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A place on the host.
    Host {
        /// The path, with the mount's subPath.
        path: AbsolutePath,
        /// What the volume's type says is there; `None` where it does not say.
        node: Option<Node>,
    },
    /// A subPathExpr with a variable that the manifest does not tell.
    UnknownHostPath {
        /// The variable.
        variable: String,
    },
    /// Another kind of volume.
    Other {
        /// The field that makes the kind, such as `emptyDir`.
        kind: String,
    },
    /// No volume has the name that the mount asks for: the kubelet refuses the pod.
    Missing,
}

/// What is at a path of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A file, with no room for paths below it.
    File,
    /// A directory.
    Directory,
}

impl Node {
    /// Reads a hostPath's `type`.
    fn of_type(kind: &str) -> Option<Self> {
        match kind {
            "File" | "FileOrCreate" | "Socket" | "CharDevice" | "BlockDevice" => Some(Self::File),
            "Directory" | "DirectoryOrCreate" => Some(Self::Directory),
            _ => None,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
        })
    }
}

/// A volume of the pod, as far as matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) name: String,
    /// The path and type of a hostPath volume.
    pub(super) host: Option<(AbsolutePath, String)>,
    kind: String,
}

impl Mount {
    /// What the mount itself is, where its volume says so.
    pub fn node(&self) -> Option<Node> {
        match self.source {
            Source::Host { node, .. } => node,
            _ => None,
        }
    }

    /// Where a path of the container lies on the host; `None` where the mount does not cover it, or is of a
    /// kind that has no place there.
    pub fn host_path(&self, path: &AbsolutePath) -> Option<AbsolutePath> {
        let below = self.path.below(path)?;
        match &self.source {
            Source::Host { path, .. } => Some(path.join(below)),
            _ => None,
        }
    }
}

/// The mount that shows `path` in the container: the deepest one above it.
pub fn covering<'m>(mounts: &'m [Mount], path: &AbsolutePath) -> Option<&'m Mount> {
    mounts.iter().filter(|mount| mount.path.covers(path)).max_by_key(|mount| mount.path.depth())
}

/// The mounts of the apiserver's container, in the manifest's order.
///
/// # Errors
/// [`WrongType`] where a field is not what the Pod API has.
pub fn mounts(apiserver: &Apiserver<'_>) -> Result<Vec<Mount>, WrongType> {
    let volumes = volumes(apiserver.pod)?;
    let environment = Environment::of(apiserver.container);
    let list = apiserver.at.join("volumeMounts");
    let items = shape::items(apiserver.container, &apiserver.at, "volumeMounts")?;
    let read = |(index, item): (usize, &Value)| read_mount(item, list.item(index), &volumes, &environment);
    items.iter().enumerate().map(read).collect()
}

/// The pod's volumes, in order.
pub(super) fn volumes(pod: &Value) -> Result<Vec<Volume>, WrongType> {
    let spec = Pointer::root().join("spec");
    let items = shape::items(&pod["spec"], &spec, "volumes")?;
    items
        .iter()
        .enumerate()
        .map(|(index, item)| read_volume(item, &spec.join("volumes").item(index)))
        .collect()
}

fn read_volume(item: &Value, at: &Pointer) -> Result<Volume, WrongType> {
    let Some(entries) = item.as_object() else {
        return Err(WrongType { at: at.clone(), expected: "a mapping", found: shape::kind(item) });
    };
    let name = shape::optional_text(item, at, "name")?.unwrap_or_default().to_owned();
    let kind = entries.iter().find(|(key, value)| *key != "name" && !value.is_null());
    // A volume without a source is an emptyDir (core/v1 defaulting).
    let kind = kind.map_or("emptyDir", |(key, _)| key).to_owned();
    let host_at = at.join("hostPath");
    let host = match shape::mapping(item, at, "hostPath")? {
        None => None,
        Some(source) => {
            let path = shape::optional_text(source, &host_at, "path")?.unwrap_or_default();
            let kind = shape::optional_text(source, &host_at, "type")?.unwrap_or_default();
            Some((AbsolutePath::clean(path), kind.to_owned()))
        }
    };
    Ok(Volume { name, host, kind })
}

fn read_mount(
    item: &Value,
    at: Pointer,
    volumes: &[Volume],
    environment: &Environment,
) -> Result<Mount, WrongType> {
    if !item.is_object() {
        return Err(WrongType { at, expected: "a mapping", found: shape::kind(item) });
    }
    let name = shape::optional_text(item, &at, "name")?.unwrap_or_default();
    let path = AbsolutePath::clean(shape::optional_text(item, &at, "mountPath")?.unwrap_or_default());
    let read_only = shape::boolean(item, &at, "readOnly")?;
    let sub_path = match shape::optional_text(item, &at, "subPathExpr")?.filter(|expr| !expr.is_empty()) {
        Some(expression) => environment.expand(expression),
        None => Expanded::Known(shape::optional_text(item, &at, "subPath")?.unwrap_or_default().to_owned()),
    };
    let source = match volumes.iter().find(|volume| volume.name == name) {
        None => Source::Missing,
        Some(Volume { host: None, kind, .. }) => Source::Other { kind: kind.clone() },
        Some(Volume { host: Some((path, kind)), .. }) => match sub_path {
            Expanded::Unknown(variable) => Source::UnknownHostPath { variable },
            Expanded::Known(sub_path) => {
                let node = Node::of_type(kind).filter(|_| sub_path.is_empty());
                Source::Host { path: path.join(&sub_path), node }
            }
        },
    };
    Ok(Mount { volume: name.to_owned(), path, read_only, source, at })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(container: &Value, volumes: &Value) -> Value {
        let mut container = container.clone();
        container["command"] = json!(["kube-apiserver"]);
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container], "volumes": volumes}})
    }

    fn host_path(pod: &Value, path: &str) -> Option<String> {
        let mounts = mounts(&Apiserver::locate(pod).unwrap()).unwrap();
        let path = AbsolutePath::clean(path);
        covering(&mounts, &path)?.host_path(&path).map(|path| path.to_string())
    }

    #[test]
    fn the_deepest_mount_decides() {
        let mounts =
            json!([{"name": "a", "mountPath": "/var/log"}, {"name": "b", "mountPath": "/var/log/audit/"}]);
        let volumes = json!([{"name": "a", "hostPath": {"path": "/log"}}, {"name": "b", "hostPath": {"path": "/audit"}}]);
        let pod = pod(&json!({"volumeMounts": mounts}), &volumes);
        assert_eq!(host_path(&pod, "/var/log/x.log"), Some("/log/x.log".to_owned()));
        assert_eq!(host_path(&pod, "/var/log/audit/x.log"), Some("/audit/x.log".to_owned()));
        assert_eq!(host_path(&pod, "/var/log/audits"), Some("/log/audits".to_owned()));
        assert_eq!(host_path(&pod, "/var/lib"), None);
    }

    #[test]
    fn follows_sub_paths() {
        let mounts = json!([{"name": "a", "mountPath": "/x", "subPath": "in/side"},
            {"name": "a", "mountPath": "/y", "subPathExpr": "$(DIR)"}, {"name": "a", "mountPath": "/z", "subPathExpr": "$(IP)"}]);
        let env = json!([{"name": "DIR", "value": "d"}, {"name": "IP", "valueFrom": {}}]);
        let pod = pod(
            &json!({"volumeMounts": mounts, "env": env}),
            &json!([{"name": "a", "hostPath": {"path": "/h"}}]),
        );
        assert_eq!(host_path(&pod, "/x/f"), Some("/h/in/side/f".to_owned()));
        assert_eq!(host_path(&pod, "/y/f"), Some("/h/d/f".to_owned()));
        assert_eq!(host_path(&pod, "/z/f"), None);
    }

    #[test]
    fn knows_other_kinds_and_missing_volumes() {
        let container = json!({"volumeMounts": [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b"}, {"name": "c", "mountPath": "/c"}]});
        let pod = pod(&container, &json!([{"name": "a", "configMap": {"name": "x"}}, {"name": "b"}]));
        let found = mounts(&Apiserver::locate(&pod).unwrap()).unwrap();
        let kinds: Vec<_> = found.into_iter().map(|mount| mount.source).collect();
        let other = |kind: &str| Source::Other { kind: kind.to_owned() };
        assert_eq!(kinds, [other("configMap"), other("emptyDir"), Source::Missing]);
    }

    #[test]
    fn says_where_a_type_is_wrong() {
        let pod =
            pod(&json!({"volumeMounts": [{"name": "a", "mountPath": "/a", "readOnly": "yes"}]}), &json!([]));
        let error = mounts(&Apiserver::locate(&pod).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/spec/containers/0/volumeMounts/0/readOnly` is a string, expected a boolean"
        );
    }
}
