//! # What it does
//! Finds a second file of the same static pod in the directory of its manifest.
//!
//! # Why it matters
//! The kubelet reads every file of the directory that does not begin with a dot, whatever its extension. With a
//! backup beside the manifest it has two versions of one pod, and the old one can win silently: the apiserver
//! runs, healthy, without the flags that the edited file has.
//!
//! # Example
//! In `/etc/kubernetes/manifests`, `kube-apiserver.yaml` and beside it `kube-apiserver.yaml.bak`, both with:
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: kube-apiserver, namespace: kube-system}
//! ```
//! Keep copies outside that directory instead, as in `/var/lib/lithify/backups`.
//!
//! # Fix safety
//! None: move the copy out of the directory by hand, after looking which of the two is the right one.
//!
//! # References
//! - Kubernetes, "Create static Pods › Filesystem-hosted static Pod manifest"
//! - k8s.io/kubernetes, `pkg/kubelet/config/file.go`

use serde_json::Value;

use super::StaticPod;
use crate::apiserver::{Apiserver, LocateError};
use crate::checks::{Check, Finding, Group, Severity, Subject};
use crate::yaml::Pointer;

pub(in crate::checks) const CHECK: Check = Check {
    id: "stray-manifest-copy",
    group: Group::StaticPod,
    severity: Severity::Error,
    subject: Subject::StaticPod,
    overrides: &[],
    source: include_str!("stray_manifest_copy.rs"),
};

/// Another file of the manifest's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Its path, for the message.
    pub path: String,
    /// Its first document, which is all that the kubelet reads; null where it is no YAML.
    pub object: Value,
}

/// Whether the kubelet reads a file of this name from its directory.
pub fn is_read_by_kubelet(name: &str) -> bool {
    !name.starts_with('.')
}

pub(super) fn findings(pod: &StaticPod<'_>) -> Vec<Finding> {
    pod.siblings.iter().filter_map(|sibling| finding(pod, sibling)).collect()
}

fn finding(pod: &StaticPod<'_>, sibling: &Sibling) -> Option<Finding> {
    let path = &sibling.path;
    let (name, other) = (identity(pod.object), identity(&sibling.object));
    let is_apiserver = !matches!(
        Apiserver::locate(&sibling.object),
        Err(LocateError::Empty
            | LocateError::NotAnObject { .. }
            | LocateError::List { .. }
            | LocateError::Workload { .. }
            | LocateError::OtherKind { .. }
            | LocateError::NoContainers
            | LocateError::NoApiserver { .. })
    );
    let is_pod = sibling.object["kind"] == "Pod";
    let (message, note) = if is_pod && name == other {
        (
            format!("{path} is another manifest of the static pod `{}`, and the kubelet reads both", name.1),
            "either can win, without a message; move the copy out of this directory",
        )
    } else if is_apiserver {
        (
            format!("{path} is a second kube-apiserver (`{}`), and the kubelet starts both", other.1),
            "both want the same port, so that one of them fails; move the copy out of this directory",
        )
    } else {
        return None;
    };
    let mut finding = pod.finding(&CHECK, "");
    finding.pointer = Pointer::root().join("metadata").join("name");
    finding.container = None;
    finding.message = message;
    finding.notes.push(note.to_owned());
    Some(finding)
}

/// Namespace and name, by which the kubelet tells pods apart.
fn identity(object: &Value) -> (&str, &str) {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let namespace = if text("namespace").is_empty() { "default" } else { text("namespace") };
    (namespace, text("name"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apiserver(name: &str) -> Value {
        let metadata = json!({"name": name, "namespace": "kube-system"});
        let containers = json!([{"name": "kube-apiserver", "command": ["kube-apiserver"]}]);
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}})
    }

    fn messages(object: Value) -> Vec<String> {
        let siblings = [Sibling { path: "kube-apiserver.yaml.bak".to_owned(), object }];
        let findings = super::super::check(&apiserver("kube-apiserver"), &siblings).unwrap();
        findings
            .into_iter()
            .filter(|finding| finding.check == CHECK.id)
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn finds_a_copy_and_a_second_apiserver() {
        assert!(messages(apiserver("kube-apiserver"))[0].contains("another manifest of the static pod"));
        assert!(messages(apiserver("kube-apiserver-old"))[0].contains("a second kube-apiserver"));
    }

    #[test]
    fn leaves_other_pods_and_files_alone() {
        let mut etcd = apiserver("etcd");
        etcd["spec"]["containers"] = json!([{"name": "etcd", "command": ["etcd"]}]);
        assert!(messages(etcd).is_empty());
        assert!(messages(Value::Null).is_empty());
        assert!(messages(json!({"kind": "ConfigMap", "metadata": {"name": "kube-apiserver", "namespace": "kube-system"}})).is_empty());
    }

    #[test]
    fn the_kubelet_ignores_dot_files_only() {
        assert!(is_read_by_kubelet("kube-apiserver.yaml~"));
        assert!(!is_read_by_kubelet(".kube-apiserver.yaml.swp"));
    }
}
