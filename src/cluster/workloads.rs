//! What runs in a cluster: its workloads, page by page, each once.
//!
//! An object is left out where its owner is there too, for the owner says the same: a Deployment for its
//! ReplicaSets and their Pods. Owners come first, so that a set of their uids is all that is remembered. Of an owned
//! Pod the ephemeral containers are looked at all the same: no owner has those.

use std::collections::HashSet;

use kube::api::{GetParams, ListParams};
use kube::core::Request;
use serde_json::Value;

use super::{Cluster, ClusterError};
use crate::k8s::{CustomKind, KINDS, Kinds};

/// Objects a page: the API server's own clients take as many.
const PAGE: u32 = 500;

/// Kinds that others own, last: each after those that can own it.
const OWNED: [&str; 3] = ["ReplicaSet", "Job", "Pod"];

/// The annotation of a static pod's mirror.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A live object.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The object, with `apiVersion` and `kind`, without what the API server keeps about it.
    pub object: Value,
    /// The node whose static pod it mirrors.
    pub static_on: Option<String>,
    /// Its owner was there before: only its ephemeral containers are its own.
    pub is_owned: bool,
}

/// A kind that could not be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotListed {
    /// `deployments.apps`.
    pub resource: String,
    /// Why, and what is needed.
    pub message: String,
    /// The cluster does not have the kind.
    pub is_absent: bool,
}

/// Where a kind is served.
struct Resource {
    group: String,
    version: String,
    plural: String,
    kind: String,
}

impl Cluster {
    /// Gives every workload of the cluster, or of a namespace, to `take`; the configuration's kinds among them.
    ///
    /// Returns the kinds that could not be listed: nothing else suffers.
    ///
    /// # Errors
    /// [`ClusterError`] where the API server cannot be reached at all.
    pub fn workloads(
        &self,
        kinds: &Kinds,
        namespace: Option<&str>,
        take: &mut dyn FnMut(Live),
    ) -> Result<Vec<NotListed>, ClusterError> {
        let mut missing = Vec::new();
        let mut seen = HashSet::new();
        let mut resources = Vec::new();
        for custom in &kinds.custom {
            match self.find(custom) {
                Ok(Some(resource)) => resources.push(resource),
                Ok(None) => missing.push(absent(custom)),
                Err(error) => missing.push(not_found(custom, error)?),
            }
        }
        resources.extend(built_in());
        for resource in resources {
            if let Err(error) = self.list(&resource, namespace, &mut seen, take) {
                missing.push(not_listed(&resource, namespace, error)?);
            }
        }
        Ok(missing)
    }

    /// Where a kind of the configuration is served, in its group's preferred version.
    fn find(&self, custom: &CustomKind) -> Result<Option<Resource>, kube::Error> {
        let Some(group) = self.get("/apis", &custom.group)? else { return Ok(None) };
        let version = group["preferredVersion"]["version"].as_str().unwrap_or_default().to_owned();
        let Some(list) = self.get(&format!("/apis/{}", custom.group), &version)? else { return Ok(None) };
        let resources = list["resources"].as_array().into_iter().flatten();
        let names = resources.filter(|resource| resource["kind"] == custom.kind.as_str());
        let plural = names.filter_map(|resource| resource["name"].as_str()).find(|name| !name.contains('/'));
        let resource = |plural: &str| Resource {
            group: custom.group.clone(),
            version,
            plural: plural.to_owned(),
            kind: custom.kind.clone(),
        };
        Ok(plural.map(resource))
    }

    /// A document of the API's discovery, unless there is none.
    fn get(&self, path: &str, name: &str) -> Result<Option<Value>, kube::Error> {
        let request =
            Request::new(path).get(name, &GetParams::default()).map_err(kube::Error::BuildRequest)?;
        match self.runtime.block_on(self.client.request::<Value>(request)) {
            Ok(found) => Ok(Some(found)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        seen: &mut HashSet<String>,
        take: &mut dyn FnMut(Live),
    ) -> Result<(), kube::Error> {
        let mut parameters = ListParams::default().limit(PAGE);
        loop {
            let request = Request::new(resource.path(namespace)).list(&parameters);
            let request = request.map_err(kube::Error::BuildRequest)?;
            let mut page = match self.runtime.block_on(self.client.request::<Value>(request)) {
                // The server forgot where it was: all at once then, and what was seen is known by its uid.
                Err(kube::Error::Api(status)) if status.code == 410 && parameters.limit.is_some() => {
                    parameters = ListParams::default();
                    continue;
                }
                page => page?,
            };
            if let Value::Array(items) = page["items"].take() {
                for object in items {
                    self::take(object, resource, seen, take);
                }
            }
            match page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => parameters = ListParams::default().limit(PAGE).continue_token(token),
                None => return Ok(()),
            }
        }
    }
}

impl Resource {
    /// `deployments.apps`; of the core group, `pods`.
    fn name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let namespace = namespace.map_or_else(String::new, |name| format!("/namespaces/{name}"));
        format!("{root}/{}{namespace}/{}", self.api_version(), self.plural)
    }
}

/// Kubernetes' own kinds that are served today, owners first.
fn built_in() -> Vec<Resource> {
    let mut found = Vec::new();
    for workload in KINDS {
        let served = workload.groups.iter().find(|group| group.served > 0);
        found.extend(served.map(|group| Resource {
            group: group.name.to_owned(),
            version: group.versions[0].to_owned(),
            plural: workload.resource.to_owned(),
            kind: workload.kind.to_owned(),
        }));
    }
    found.sort_by_key(|resource| {
        OWNED.iter().position(|owned| *owned == resource.kind).map_or(0, |at| at + 1)
    });
    found
}

fn take(mut object: Value, resource: &Resource, seen: &mut HashSet<String>, take: &mut dyn FnMut(Live)) {
    let metadata = &object["metadata"];
    if let Some(uid) = metadata["uid"].as_str()
        && !seen.insert(uid.to_owned())
    {
        return;
    }
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let mut controllers =
        owners.filter(|owner| owner["controller"] == true).filter_map(|owner| owner["uid"].as_str());
    let is_owned = controllers.any(|uid| seen.contains(uid));
    let is_debugged = object["spec"]["ephemeralContainers"].as_array().is_some_and(|list| !list.is_empty());
    if is_owned && !is_debugged {
        return;
    }
    let is_mirror = resource.kind == "Pod" && !metadata["annotations"][MIRROR].is_null();
    let node = object["spec"]["nodeName"].as_str();
    let static_on = is_mirror.then(|| node.unwrap_or_default().to_owned());
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("status");
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
        // The items of a list do not say what they are.
        fields.shift_insert(0, "apiVersion".to_owned(), resource.api_version().into());
        fields.shift_insert(1, "kind".to_owned(), resource.kind.clone().into());
    }
    take(Live { object, static_on, is_owned });
}

fn shown(custom: &CustomKind) -> String {
    format!("{}.{}", custom.kind, custom.group)
}

fn absent(custom: &CustomKind) -> NotListed {
    let message = "the cluster does not serve this kind of the configuration".to_owned();
    NotListed { resource: shown(custom), message, is_absent: true }
}

fn not_found(custom: &CustomKind, error: kube::Error) -> Result<NotListed, ClusterError> {
    match ClusterError::of("look up a kind of the configuration", error) {
        error @ ClusterError::Connect(_) => Err(error),
        error => Ok(NotListed { resource: shown(custom), message: error.to_string(), is_absent: false }),
    }
}

/// What is needed where it was forbidden; an API server that does not answer is no matter of one kind.
fn not_listed(
    resource: &Resource,
    namespace: Option<&str>,
    error: kube::Error,
) -> Result<NotListed, ClusterError> {
    let name = resource.name();
    let group = if resource.group.is_empty() { "the core group" } else { &resource.group };
    let place = namespace.map_or_else(|| "every namespace".to_owned(), |name| format!("namespace {name}"));
    let message = match ClusterError::of("list a kind", error) {
        error @ ClusterError::Connect(_) => return Err(error),
        ClusterError::Forbidden { message, .. } => format!(
            "not judged, being forbidden: {name}; grant the verb `list` on `{}` of {group} in {place}, as \
             manifests/rbac/lint.yaml does ({message})",
            resource.plural
        ),
        error => format!("not judged: {name}: {error}"),
    };
    Ok(NotListed { resource: name, message, is_absent: false })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(objects: Vec<(&str, Value)>) -> Vec<Live> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        for (kind, object) in objects {
            let resource = built_in().into_iter().find(|resource| resource.kind == kind).unwrap();
            take(object, &resource, &mut seen, &mut |live| found.push(live));
        }
        found
    }

    fn owned_by(uid: &str, own: &str, spec: &Value) -> Value {
        let owners = json!([{"kind": "X", "uid": uid, "controller": true}]);
        json!({"metadata": {"name": own, "uid": own, "ownerReferences": owners}, "spec": spec, "status": {}})
    }

    #[test]
    fn owners_stand_for_what_they_own() {
        let deployment = json!({"metadata": {"name": "d", "uid": "d", "managedFields": []}, "spec": {}});
        let orphan = owned_by("gone", "orphan", &json!({}));
        let debugged = owned_by("rs", "debugged", &json!({"ephemeralContainers": [{"name": "shell"}]}));
        let found = taken(vec![
            ("Deployment", deployment),
            ("ReplicaSet", owned_by("d", "rs", &json!({}))),
            ("Pod", owned_by("rs", "pod", &json!({}))),
            ("Pod", orphan),
            ("Pod", debugged),
        ]);
        let names: Vec<_> =
            found.iter().map(|live| live.object["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["d", "orphan", "debugged"]);
        assert_eq!(found.iter().map(|live| live.is_owned).collect::<Vec<_>>(), [false, false, true]);
        let expected = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "uid": "d"},
            "spec": {}});
        assert_eq!(found[0].object, expected);
    }

    #[test]
    fn a_mirror_names_the_node_of_its_static_pod() {
        let mirror = json!({"metadata": {"name": "etcd-cp1", "uid": "m", "annotations": {MIRROR: "x"},
            "ownerReferences": [{"kind": "Node", "uid": "n", "controller": true}]}, "spec": {"nodeName": "cp1"}});
        assert_eq!(taken(vec![("Pod", mirror)])[0].static_on.as_deref(), Some("cp1"));
    }

    #[test]
    fn nothing_is_listed_before_what_can_own_it() {
        let kinds: Vec<_> = built_in().into_iter().map(|resource| resource.kind).collect();
        let at = |kind: &str| kinds.iter().position(|other| other == kind).unwrap();
        assert!(at("Deployment") < at("ReplicaSet") && at("CronJob") < at("Job") && at("Job") < at("Pod"));
        assert_eq!(at("Pod"), kinds.len() - 1);
    }
}
