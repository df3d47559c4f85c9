//! Finding the apiserver in what is said to be its manifest.

use serde_json::Value;

use super::command::{self, CommandError};
use super::flags::Flags;
use super::shape::{self, WrongType};
use crate::yaml::Pointer;

/// The container of a static pod that runs the kube-apiserver.
#[derive(Clone, Debug)]
pub struct Apiserver<'p> {
    pub(super) pod: &'p Value,
    pub(super) container: &'p Value,
    pub(super) at: Pointer,
    flags: Flags,
}

/// The user and group of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Why something is no manifest of an apiserver's static pod.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// Nothing, or only comments.
    #[error("the file holds no object, expected the Pod of a kube-apiserver")]
    Empty,
    /// More than one document.
    #[error(
        "the file holds {0} documents, expected one: the kubelet reads the first of a static pod's file and \
         ignores the others"
    )]
    SeveralDocuments(usize),
    /// Something that is no Kubernetes object.
    #[error("this is {found}, expected the Pod of a kube-apiserver")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A `List`, which the kubelet does not take from a file.
    #[error("this is a {kind}, expected one Pod: the kubelet takes no list from a static pod's file")]
    List {
        /// Its kind.
        kind: String,
    },
    /// A workload that runs an apiserver, but no static pod.
    #[error(
        "`{name}` is a {kind} that runs kube-apiserver, no static pod: its controller owns the flags and volumes; \
         set them where the {kind} comes from"
    )]
    Workload {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Another kind of object.
    #[error("this is a {kind}, expected the Pod of a kube-apiserver")]
    OtherKind {
        /// Its kind.
        kind: String,
    },
    /// A Pod without containers.
    #[error("the Pod has no containers")]
    NoContainers,
    /// A Pod of something else.
    #[error("no container of this Pod runs kube-apiserver; it has {}", .names.join(", "))]
    NoApiserver {
        /// The containers' names.
        names: Vec<String>,
    },
    /// Several containers that run an apiserver.
    #[error("{} containers of this Pod run kube-apiserver ({}): which one is meant?", .names.len(), .names.join(", "))]
    SeveralApiservers {
        /// Their names.
        names: Vec<String>,
    },
    /// Its flags cannot be told.
    #[error("{0}")]
    Command(#[from] CommandError),
    /// A field of another type than the Pod API has.
    #[error(transparent)]
    WrongType(#[from] WrongType),
}

impl LocateError {
    /// The place in the manifest, where it is one.
    pub fn pointer(&self) -> Option<&Pointer> {
        match self {
            Self::Command(error) => Some(error.pointer()),
            Self::WrongType(error) => Some(&error.at),
            _ => None,
        }
    }
}

/// The index of the one document that is not empty.
///
/// # Errors
/// [`LocateError::Empty`] or [`LocateError::SeveralDocuments`].
pub fn single_document(documents: &[Value]) -> Result<usize, LocateError> {
    let filled: Vec<usize> = (0..documents.len()).filter(|&index| !documents[index].is_null()).collect();
    match filled[..] {
        [index] => Ok(index),
        [] => Err(LocateError::Empty),
        _ => Err(LocateError::SeveralDocuments(filled.len())),
    }
}

impl<'p> Apiserver<'p> {
    /// Finds the container and reads its flags.
    ///
    /// # Errors
    /// [`LocateError`], a variant for each thing that people pass instead.
    pub fn locate(object: &'p Value) -> Result<Self, LocateError> {
        check_kind(object)?;
        let root = Pointer::root();
        let spec = shape::mapping(object, &root, "spec")?.ok_or(LocateError::NoContainers)?;
        let list = root.join("spec").join("containers");
        let containers = shape::items(spec, &root.join("spec"), "containers")?;
        if containers.is_empty() {
            return Err(LocateError::NoContainers);
        }
        let found = candidates(containers);
        let [index] = found[..] else {
            let all = if found.is_empty() { (0..containers.len()).collect() } else { found.clone() };
            let names = all.into_iter().map(|index| container_name(containers, index)).collect();
            return Err(if found.is_empty() {
                LocateError::NoApiserver { names }
            } else {
                LocateError::SeveralApiservers { names }
            });
        };
        let (container, at) = (&containers[index], list.item(index));
        Ok(Self { pod: object, container, flags: Flags::of(container, &at)?, at })
    }

    /// The flags in force.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// The Pod.
    pub fn pod(&self) -> &'p Value {
        self.pod
    }

    /// The container object.
    pub fn container(&self) -> &'p Value {
        self.container
    }

    /// The container's place.
    pub fn pointer(&self) -> &Pointer {
        &self.at
    }

    /// The container's name.
    pub fn name(&self) -> &'p str {
        self.container["name"].as_str().unwrap_or(command::APISERVER)
    }

    /// Whom the process runs as: the container's securityContext before the pod's; root where neither says.
    ///
    /// # Errors
    /// [`WrongType`] where an id is none.
    pub fn runs_as(&self) -> Result<Owner, WrongType> {
        let of_container = (self.container, self.at.clone());
        let of_pod = (&self.pod["spec"], Pointer::root().join("spec"));
        let find = |key: &str| {
            for (object, at) in [&of_container, &of_pod] {
                let Some(context) = shape::mapping(object, at, "securityContext")? else { continue };
                if let Some(id) = shape::id(context, &at.join("securityContext"), key)? {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        };
        Ok(Owner { uid: find("runAsUser")?.unwrap_or(0), gid: find("runAsGroup")?.unwrap_or(0) })
    }
}

fn check_kind(object: &Value) -> Result<(), LocateError> {
    if object.is_null() {
        return Err(LocateError::Empty);
    }
    if !object.is_object() {
        return Err(LocateError::NotAnObject { found: shape::kind(object) });
    }
    let Some(kind) = object["kind"].as_str() else {
        return Err(LocateError::NotAnObject { found: "a mapping without `kind`" });
    };
    let is_pod = kind == "Pod" && object["apiVersion"] == "v1";
    match kind {
        _ if is_pod => Ok(()),
        _ if kind.ends_with("List") => Err(LocateError::List { kind: kind.to_owned() }),
        _ if contains_apiserver(object) => {
            let name = object["metadata"]["name"].as_str().unwrap_or("(no name)").to_owned();
            Err(LocateError::Workload { kind: kind.to_owned(), name })
        }
        _ => Err(LocateError::OtherKind { kind: kind.to_owned() }),
    }
}

/// Whether a pod template anywhere in the object runs an apiserver.
fn contains_apiserver(object: &Value) -> bool {
    match object {
        Value::Object(entries) => entries.iter().any(|(key, value)| match value {
            Value::Array(containers) if key == "containers" => {
                containers.iter().any(|c| command::runs_apiserver(c) || command::looks_like_apiserver(c))
            }
            _ => contains_apiserver(value),
        }),
        _ => false,
    }
}

/// Containers that start an apiserver; else those that are named as one, whose command is then reported.
fn candidates(containers: &[Value]) -> Vec<usize> {
    let having = |test: fn(&Value) -> bool| (0..containers.len()).filter(|&i| test(&containers[i])).collect();
    let running: Vec<usize> = having(command::runs_apiserver);
    if running.is_empty() { having(command::looks_like_apiserver) } else { running }
}

fn container_name(containers: &[Value], index: usize) -> String {
    containers[index]["name"].as_str().map_or_else(|| format!("number {index}"), |name| format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(containers: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}})
    }

    fn error(object: &Value) -> LocateError {
        Apiserver::locate(object).unwrap_err()
    }

    #[test]
    fn finds_the_container_among_others() {
        let object =
            pod(&json!([{"name": "kms", "command": ["kms"]}, {"name": "x", "command": ["kube-apiserver"]}]));
        let apiserver = Apiserver::locate(&object).unwrap();
        assert_eq!(
            (apiserver.name(), apiserver.pointer().to_string()),
            ("x", "/spec/containers/1".to_owned())
        );
    }

    #[test]
    fn gives_each_wrong_thing_its_own_error() {
        let container = json!([{"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1"}]);
        let deployment = json!({"kind": "Deployment", "metadata": {"name": "hosted"},
            "spec": {"template": {"spec": {"containers": container}}}});
        assert!(matches!(error(&Value::Null), LocateError::Empty));
        assert!(matches!(error(&json!(["x"])), LocateError::NotAnObject { found: "a list" }));
        assert!(matches!(error(&json!({"a": 1})), LocateError::NotAnObject { .. }));
        assert!(matches!(error(&json!({"kind": "PodList"})), LocateError::List { .. }));
        assert!(matches!(error(&deployment), LocateError::Workload { .. }));
        assert!(matches!(error(&json!({"kind": "Service"})), LocateError::OtherKind { .. }));
        assert!(matches!(error(&pod(&json!([]))), LocateError::NoContainers));
        assert!(matches!(error(&pod(&json!({}))), LocateError::WrongType(_)));
        assert!(matches!(error(&pod(&json!([{"name": "etcd"}]))), LocateError::NoApiserver { .. }));
        let two = json!([{"name": "a", "command": ["kube-apiserver"]}, {"name": "b", "command": ["kube-apiserver"]}]);
        let several = LocateError::SeveralApiservers { names: vec!["`a`".to_owned(), "`b`".to_owned()] };
        assert_eq!(error(&pod(&two)), several);
        let script = json!([{"name": "kube-apiserver", "command": ["/start"]}]);
        assert!(matches!(error(&pod(&script)), LocateError::Command(CommandError::UnknownProgram { .. })));
    }

    #[test]
    fn counts_documents_that_are_not_empty() {
        assert_eq!(single_document(&[Value::Null, json!({}), Value::Null]), Ok(1));
        assert_eq!(single_document(&[]), Err(LocateError::Empty));
        assert_eq!(single_document(&[json!({}), json!({})]), Err(LocateError::SeveralDocuments(2)));
    }

    #[test]
    fn the_containers_user_outranks_the_pods() {
        let mut object = pod(&json!([{"command": ["kube-apiserver"], "securityContext": {"runAsUser": 7}}]));
        object["spec"]["securityContext"] = json!({"runAsUser": 5, "runAsGroup": 6});
        assert_eq!(Apiserver::locate(&object).unwrap().runs_as(), Ok(Owner { uid: 7, gid: 6 }));
    }
}
