//! Which profile is about a container.

use std::collections::HashMap;

use super::image::Image;
use super::model::WriteProfile;
use crate::k8s::{Object, Tree};

/// Write-path profiles to choose from.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    profiles: Vec<WriteProfile>,
    by_repository: HashMap<String, Vec<usize>>,
}

/// A workload that a container belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A container to find the profile of.
#[derive(Clone, Copy, Debug)]
pub struct Container<'c> {
    /// Its namespace; empty where a file names none, which could be any.
    pub namespace: &'c str,
    /// The workloads that it belongs to: the object itself and those above it.
    pub owners: &'c [Owner],
    /// The container's name.
    pub name: &'c str,
    /// The reference to its image.
    pub image: &'c str,
}

/// Two profiles that are about one container, neither more than the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the profiles `{first}` and `{second}` are both about container {container:?}; merge them with \
     `lithify profile merge`, or remove one"
)]
pub struct Tie {
    /// The container's name.
    pub container: String,
    /// One profile's name.
    pub first: String,
    /// The other's.
    pub second: String,
}

/// How well a profile fits, best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    names_workload: bool,
    names_digest: bool,
}

impl Profiles {
    /// A set of profiles.
    pub fn new(profiles: Vec<WriteProfile>) -> Self {
        let mut by_repository: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, profile) in profiles.iter().enumerate() {
            by_repository.entry(profile.repository.clone()).or_default().push(index);
        }
        Self { profiles, by_repository }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.profiles.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &WriteProfile> {
        self.profiles.iter()
    }

    /// The profile that is about a container.
    ///
    /// The image's repository must be the profile's. A profile that names a workload is about the container of
    /// that name there, in its namespace; one that names none is about every container of the image (in its
    /// namespace, if it has one). The former goes before the latter, and a profile of the image's digest before
    /// one of any build.
    ///
    /// # Errors
    /// [`Tie`] where two fit equally well.
    pub fn find(&self, container: &Container<'_>) -> Result<Option<&WriteProfile>, Tie> {
        if self.is_empty() {
            return Ok(None);
        }
        let image = Image::parse(container.image);
        let candidates = self.by_repository.get(&image.repository).into_iter().flatten();
        let mut best: Option<(Fit, &WriteProfile)> = None;
        let mut tied = None;
        for profile in candidates.map(|index| &self.profiles[*index]) {
            let Some(fit) = fit(profile, container, &image) else { continue };
            match best {
                Some((other, _)) if fit < other => {}
                Some((other, first)) if fit == other => tied = Some((fit, first, profile)),
                _ => best = Some((fit, profile)),
            }
        }
        match (best, tied) {
            (Some((fit, _)), Some((of, first, second))) if fit == of => Err(Tie {
                container: container.name.to_owned(),
                first: first.name.clone(),
                second: second.name.clone(),
            }),
            (best, _) => Ok(best.map(|(_, profile)| profile)),
        }
    }
}

fn fit(profile: &WriteProfile, container: &Container<'_>, image: &Image) -> Option<Fit> {
    let namespace = profile.namespace.as_deref().unwrap_or_default();
    let other_namespace =
        !namespace.is_empty() && !container.namespace.is_empty() && namespace != container.namespace;
    let other_build = profile.digest.is_some() && profile.digest != image.digest;
    if other_namespace || other_build {
        return None;
    }
    if let Some(workload) = &profile.workload {
        let is_owner = |owner: &Owner| owner.kind == workload.kind && owner.name == workload.name;
        if workload.container != container.name || !container.owners.iter().any(is_owner) {
            return None;
        }
    }
    Some(Fit { names_workload: profile.workload.is_some(), names_digest: profile.digest.is_some() })
}

/// The workloads that the containers of an object belong to: itself, its owners, and the owners of these as
/// far as their names tell.
///
/// A ReplicaSet is its Deployment's name with the pod template's hash, which its pods carry as a label; a Job
/// is its CronJob's name with the minute for which it was started.
///
/// Source: Kubernetes `pkg/controller/deployment/sync.go`, `pkg/controller/cronjob/utils.go`.
pub fn owners<T: Tree>(object: &Object<T>) -> Vec<Owner> {
    let mut owners = Vec::new();
    if let Some(name) = object.name() {
        owners.push(Owner { kind: object.kind.clone(), name: name.as_ref().to_owned() });
    }
    let metadata = object.tree.field("metadata");
    let text = |tree: T, key: &str| Some(tree.field(key)?.as_str()?.as_ref().to_owned());
    let references = metadata.and_then(|metadata| metadata.field("ownerReferences"));
    for reference in references.into_iter().flat_map(Tree::items) {
        if let (Some(kind), Some(name)) = (text(reference, "kind"), text(reference, "name")) {
            owners.push(Owner { kind, name });
        }
    }
    let hash = metadata.and_then(|metadata| text(metadata.field("labels")?, "pod-template-hash"));
    let above: Vec<_> = owners.iter().filter_map(|owner| above(owner, hash.as_deref())).collect();
    owners.extend(above);
    owners
}

fn above(owner: &Owner, hash: Option<&str>) -> Option<Owner> {
    let (name, end) = owner.name.rsplit_once('-')?;
    let kind = match owner.kind.as_str() {
        "ReplicaSet" if hash == Some(end) => "Deployment",
        "Job" if end.len() >= 8 && end.bytes().all(|byte| byte.is_ascii_digit()) => "CronJob",
        _ => return None,
    };
    Some(Owner { kind: kind.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::model::Workload;
    use super::*;
    use crate::k8s::objects;

    fn profile(name: &str) -> WriteProfile {
        WriteProfile {
            name: name.into(),
            repository: "docker.io/library/nginx".into(),
            ..WriteProfile::default()
        }
    }

    fn of_workload(name: &str) -> WriteProfile {
        let workload = Workload { kind: "Deployment".into(), name: "web".into(), container: "nginx".into() };
        WriteProfile { namespace: Some("web".into()), workload: Some(workload), ..profile(name) }
    }

    fn of_build(name: &str) -> WriteProfile {
        WriteProfile { digest: Some("sha256:ab".into()), ..profile(name) }
    }

    fn found(
        profiles: Vec<WriteProfile>,
        namespace: &str,
        owner: &str,
        image: &str,
    ) -> Result<Option<String>, Tie> {
        let owners = [Owner { kind: "Deployment".into(), name: owner.into() }];
        let container = Container { namespace, owners: &owners, name: "nginx", image };
        Profiles::new(profiles).find(&container).map(|found| found.map(|profile| profile.name.clone()))
    }

    #[test]
    fn the_workload_goes_before_the_image_and_a_build_before_any() {
        let all = || vec![profile("any"), of_build("build"), of_workload("workload")];
        assert_eq!(found(all(), "web", "web", "nginx:1"), Ok(Some("workload".into())));
        assert_eq!(found(all(), "web", "other", "nginx:1"), Ok(Some("any".into())));
        assert_eq!(found(all(), "other", "web", "nginx@sha256:ab"), Ok(Some("build".into())));
        assert_eq!(found(all(), "other", "web", "nginx@sha256:cd"), Ok(Some("any".into())));
        assert_eq!(found(all(), "web", "web", "quay.io/nginx"), Ok(None));
    }

    #[test]
    fn a_file_without_namespace_may_be_of_any() {
        assert_eq!(found(vec![of_workload("workload")], "", "web", "nginx"), Ok(Some("workload".into())));
    }

    #[test]
    fn a_tie_is_an_error_unless_something_fits_better() {
        let tie = found(vec![profile("a"), profile("b")], "web", "x", "nginx").unwrap_err();
        assert!(tie.to_string().contains("`a` and `b`"), "{tie}");
        let better = vec![profile("a"), profile("b"), of_build("c")];
        assert_eq!(found(better, "web", "x", "nginx@sha256:ab"), Ok(Some("c".into())));
    }

    fn owned(object: &Value) -> Vec<String> {
        owners(&objects(object)[0])
            .into_iter()
            .map(|owner| format!("{}/{}", owner.kind, owner.name))
            .collect()
    }

    #[test]
    fn a_pod_belongs_to_the_deployment_of_its_replica_set() {
        let pod = json!({"kind": "Pod", "metadata": {"generateName": "web-7d9-", "labels": {"pod-template-hash": "7d9"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d9"}]}});
        assert_eq!(owned(&pod), ["Pod/web-7d9-", "ReplicaSet/web-7d9", "Deployment/web"]);
    }

    #[test]
    fn a_job_belongs_to_its_cron_job() {
        let job = json!({"kind": "Job", "metadata": {"name": "backup-29400000"}});
        assert_eq!(owned(&job), ["Job/backup-29400000", "CronJob/backup"]);
        let job = json!({"kind": "Job", "metadata": {"name": "migrate-2"}});
        assert_eq!(owned(&job), ["Job/migrate-2"]);
    }
}
