//! The Pod that kubeadm writes from a ClusterConfiguration, as far as flags and volumes go, and back.
//!
//! Source: k8s.io/kubernetes v1.34, `cmd/kubeadm/app/phases/controlplane`.

use serde_json::{Value, json};

use super::super::path::AbsolutePath;
use super::super::shape::{self, WrongType};
use super::arguments::Argument;
use crate::edit::FieldOp;
use crate::yaml::Pointer;

/// Where the cluster's keys are by default.
const CERTIFICATES_DIRECTORY: &str = "/etc/kubernetes/pki";

/// Directories that kubeadm mounts read-only where the node has them.
const CA_DIRECTORIES: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
];

/// The model: kubeadm's own mounts, then `extraVolumes`, which replace those of the same name.
pub(super) fn pod(
    config: &Value,
    arguments: &[Argument],
    extra_volumes: &[Value],
) -> Result<Value, WrongType> {
    let root = Pointer::root();
    let keys = shape::optional_text(config, &root, "certificatesDir")?.unwrap_or(CERTIFICATES_DIRECTORY);
    let mut command = vec!["kube-apiserver".to_owned()];
    for (flag, file) in [
        ("client-ca-file", "ca.crt"),
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
    ] {
        command.push(format!("--{flag}={}", AbsolutePath::clean(keys).join(file)));
    }
    command.extend(arguments.iter().map(|argument| format!("--{}={}", argument.name, argument.value)));

    let at = root.join("apiServer").join("extraVolumes");
    let mut volumes = vec![volume("k8s-certs", keys, "DirectoryOrCreate")];
    let mut mounts = vec![mount("k8s-certs", keys, true)];
    for directory in CA_DIRECTORIES {
        let name = ca_volume(directory);
        volumes.push(volume(&name, directory, "DirectoryOrCreate"));
        mounts.push(mount(&name, directory, true));
    }
    for (index, extra) in extra_volumes.iter().enumerate() {
        let at = at.item(index);
        if !extra.is_object() {
            return Err(WrongType { at, expected: "a mapping", found: shape::kind(extra) });
        }
        let text = |key: &str| shape::optional_text(extra, &at, key).map(Option::unwrap_or_default);
        let name = text("name")?;
        volumes.retain(|volume| volume["name"] != name);
        mounts.retain(|mount| mount["name"] != name);
        volumes.push(volume(name, text("hostPath")?, text("pathType")?));
        mounts.push(mount(name, text("mountPath")?, shape::boolean(extra, &at, "readOnly")?));
    }
    let env = config["apiServer"]["extraEnvs"].clone();
    let container = json!({"name": "kube-apiserver", "command": command, "env": env, "volumeMounts": mounts});
    Ok(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "kube-apiserver", "namespace": "kube-system", "annotations": {}},
        "spec": {"containers": [container], "volumes": volumes},
    }))
}

/// What turns `extraVolumes` into those of the edited model, given that the list is there.
pub(super) fn extra_volume_ops(before: &[Value], edited: &Value, at: &Pointer) -> Vec<FieldOp> {
    let spec = &edited["spec"];
    let named = |list: &Value, name: &str| list.as_array()?.iter().find(|item| item["name"] == name).cloned();
    let mounts = &spec["containers"][0]["volumeMounts"];
    let mut ops = Vec::new();
    let mut removed = Vec::new();
    for (index, extra) in before.iter().enumerate() {
        let name = extra["name"].as_str().unwrap_or_default();
        match (named(&spec["volumes"], name), named(mounts, name)) {
            (Some(volume), Some(mount)) => change(extra, &volume, &mount, &at.item(index), &mut ops),
            _ => removed.push(FieldOp::Remove { at: at.item(index) }),
        }
    }
    ops.extend(removed.into_iter().rev());
    let is_known = |name: &str| before.iter().any(|extra| extra["name"] == name) || is_kubeadms_own(name);
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let name = volume["name"].as_str().unwrap_or_default();
        let Some(mount) = named(mounts, name).filter(|_| !is_known(name)) else { continue };
        ops.push(FieldOp::Append { at: at.clone(), value: extra_volume(volume, &mount) });
    }
    ops
}

fn is_kubeadms_own(name: &str) -> bool {
    name == "k8s-certs" || CA_DIRECTORIES.iter().any(|directory| ca_volume(directory) == name)
}

/// The name that kubeadm gives to the volume of a CA directory.
fn ca_volume(directory: &str) -> String {
    if directory == "/etc/ssl/certs" { "ca-certs".to_owned() } else { directory[1..].replace('/', "-") }
}

/// Sets what differs between an extra volume and its model after the edit.
fn change(extra: &Value, volume: &Value, mount: &Value, at: &Pointer, ops: &mut Vec<FieldOp>) {
    let fields = [
        ("hostPath", &volume["hostPath"]["path"]),
        ("mountPath", &mount["mountPath"]),
        ("pathType", &volume["hostPath"]["type"]),
    ];
    for (key, value) in fields {
        let is_same = extra.get(key) == Some(value) || (extra.get(key).is_none() && value == "");
        if !is_same {
            ops.push(FieldOp::Set { at: at.join(key), value: value.clone() });
        }
    }
    let is_read_only = mount["readOnly"] == true;
    if !is_read_only && extra["readOnly"] == true {
        ops.push(FieldOp::Remove { at: at.join("readOnly") });
    }
}

fn extra_volume(volume: &Value, mount: &Value) -> Value {
    let mut extra = json!({
        "name": volume["name"], "hostPath": volume["hostPath"]["path"], "mountPath": mount["mountPath"],
    });
    if mount["readOnly"] == true {
        extra["readOnly"] = json!(true);
    }
    extra["pathType"] = volume["hostPath"]["type"].clone();
    extra
}

fn volume(name: &str, path: &str, kind: &str) -> Value {
    json!({"hostPath": {"path": path, "type": kind}, "name": name})
}

fn mount(name: &str, path: &str, read_only: bool) -> Value {
    let mut mount = json!({"mountPath": path, "name": name});
    if read_only {
        mount["readOnly"] = json!(true);
    }
    mount
}
