//! A file for `kubeadm … --patches DIR`: JSON patches of the manifest that kubeadm has just made.
//!
//! It is of the json type, since a strategic patch replaces `command` as a whole.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::plan::{self, Plan};
use super::super::plan_error::PlanError;
use super::super::settings::Settings;
use super::model;
use crate::edit;

/// The file's name: kubeadm applies patches in the order of names, and reads target and type from them.
pub const FILE_NAME: &str = "kube-apiserver50lithify+json.yaml";

/// Plans the settings for the manifest that kubeadm makes when its configuration has none of them.
///
/// # Errors
/// [`PlanError`] for settings that no manifest of kubeadm can carry.
pub fn plan(settings: &Settings) -> Result<Plan, PlanError> {
    let pod = model::pod(&json!({}), &[], &[])?;
    plan::plan(&pod, settings)
}

/// The file's text.
///
/// Every operation adds to the end of a list or sets a key, so that it fits however many flags and volumes a
/// version of kubeadm writes. The first one makes kubeadm stop if another patch has put a container in front.
pub fn text(plan: &Plan) -> String {
    let mut text = String::from(
        "# Audit settings of the kube-apiserver, as JSON patches (RFC 6902) of the manifest that kubeadm makes:\n\
         # kubeadm init|join|upgrade … --patches DIRECTORY. The policy must be on the node before.\n",
    );
    let guard = json!({"op": "test", "path": "/spec/containers/0/name", "value": "kube-apiserver"});
    let operations = serde_json::to_value(edit::json_patch(&plan.ops)).unwrap_or_default();
    for operation in std::iter::once(&guard).chain(operations.as_array().into_iter().flatten()) {
        let field = |key: &str| operation[key].as_str().unwrap_or_default();
        // A JSON value is a YAML flow value; what it needs quoted is quoted.
        let _ = writeln!(
            text,
            "- op: {}\n  path: {}\n  value: {}",
            field("op"),
            field("path"),
            flow(&operation["value"])
        );
    }
    text
}

/// A value as YAML in flow style, with spaces as people write it.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Another file of the patches directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// Its name.
    pub name: String,
    /// Its documents.
    pub documents: Vec<Value>,
}

/// A patch that would undo or repeat ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} {what}")]
pub struct Conflict {
    /// The file's name.
    pub file: String,
    /// What it does, and what to do about it.
    pub what: String,
}

/// Patches of the same directory that do not go together with ours.
pub fn conflicts(files: &[PatchFile], plan: &Plan) -> Vec<Conflict> {
    let others = files.iter().filter(|file| file.name != FILE_NAME);
    let conflict = |file: &PatchFile| {
        let what = match patch_type(&file.name)? {
            PatchType::Json => file.documents.iter().find_map(json_conflict),
            PatchType::Strategic => file.documents.iter().find_map(|patch| strategic_conflict(patch, plan)),
            PatchType::Merge => file.documents.iter().find_map(merge_conflict),
        };
        Some(Conflict { file: file.name.clone(), what: what? })
    };
    others.filter_map(conflict).collect()
}

enum PatchType {
    Json,
    Strategic,
    Merge,
}

/// `kube-apiserver[suffix][+type].{yaml,json}`; `None` for what kubeadm does not apply to the apiserver.
fn patch_type(name: &str) -> Option<PatchType> {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".json"))?;
    let rest = stem.strip_prefix("kube-apiserver")?;
    match rest.split_once('+').map(|(_, kind)| kind) {
        None => Some(PatchType::Strategic),
        Some(kind) if kind.starts_with("json") => Some(PatchType::Json),
        Some(kind) if kind.starts_with("merge") => Some(PatchType::Merge),
        Some(kind) if kind.starts_with("strategic") => Some(PatchType::Strategic),
        Some(_) => None,
    }
}

fn json_conflict(patch: &Value) -> Option<String> {
    patch.as_array()?.iter().find_map(|operation| {
        let at = operation["path"].as_str()?;
        let flag = operation["value"].as_str().filter(|value| value.starts_with("--audit"));
        match (at, flag) {
            (_, Some(flag)) => {
                Some(format!("adds the flag {flag} too; take it out, or leave it to that file"))
            }
            ("/spec/containers/0/command" | "/spec/containers", _) => {
                Some(format!("replaces {at} as a whole; write the flags one by one"))
            }
            _ => None,
        }
    })
}

fn strategic_conflict(patch: &Value, plan: &Plan) -> Option<String> {
    let spec = &patch["spec"];
    let containers = spec["containers"].as_array().into_iter().flatten();
    if containers
        .clone()
        .any(|container| container.get("command").is_some() || container.get("args").is_some())
    {
        return Some("replaces the whole command (a strategic patch does not merge that list)".to_owned());
    }
    let paths = ours(plan);
    let mounts = containers.filter_map(|container| container["volumeMounts"].as_array()).flatten();
    let mount = mounts.filter_map(|mount| mount["mountPath"].as_str()).find(|path| paths.contains(path))?;
    Some(format!("mounts {mount} too; take that out, or leave it to that file"))
}

fn merge_conflict(patch: &Value) -> Option<String> {
    let replaces = |key: &str| patch["spec"].get(key).is_some();
    let list = ["containers", "volumes"].into_iter().find(|key| replaces(key))?;
    Some(format!("replaces spec.{list} as a whole (a merge patch does not merge lists)"))
}

/// Where our mounts are.
fn ours(plan: &Plan) -> Vec<&str> {
    let values = plan.ops.iter().filter_map(|op| match op {
        edit::FieldOp::Append { value, .. } => value["mountPath"].as_str(),
        _ => None,
    });
    values.collect()
}
