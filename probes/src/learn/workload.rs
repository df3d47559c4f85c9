//! Whose container it is, from what the runtime tells: the pod's name and labels. No API is asked.

use lithify::profile::{Image, Workload};

use crate::runtime::{Metadata, Pod};

/// Whose container it is, and of which image: what a profile is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) namespace: Option<String>,
    /// Kind, name and container; `None` for a container that is in no pod.
    pub(super) workload: Option<(String, String, String)>,
    /// The image's repository, in full.
    pub(super) repository: String,
}

/// A container as users name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) subject: Subject,
    pub(super) pod: String,
    pub(super) container: String,
}

/// What a runtime said of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is what holds a pod open.
    Sandbox,
    Container(Identity),
}

impl Subject {
    /// A container of which only the image is known.
    pub(super) fn of_image(image: &str) -> Self {
        Self { namespace: None, workload: None, repository: Image::parse(image).repository }
    }

    pub(super) fn to_workload(&self) -> Option<Workload> {
        let (kind, name, container) = self.workload.clone()?;
        Some(Workload { kind, name, container })
    }
}

/// What the runtime's answer says; `None` if it does not name the image.
pub(super) fn told(metadata: &Metadata) -> Option<Told> {
    let Some(container) = &metadata.container else {
        return metadata.pod.as_ref().map(|_| Told::Sandbox);
    };
    let repository = Some(&*container.image.repository).filter(|repository| !repository.is_empty())?;
    let mut subject = Subject::of_image(repository);
    let mut pod_name = String::new();
    if let Some(pod) = &metadata.pod {
        let (kind, name) = owner(pod);
        subject.namespace = Some(pod.namespace.to_string()).filter(|namespace| !namespace.is_empty());
        subject.workload = Some((kind.to_owned(), name, container.name.to_string()));
        pod_name = pod.name.to_string();
    }
    Some(Told::Container(Identity { subject, pod: pod_name, container: container.name.to_string() }))
}

/// The workload of a pod, by the labels and names that controllers give.
///
/// A name that was cut for its length does not fit any more: the pod is then its own workload, which no manifest
/// matches by accident.
///
/// Source: Kubernetes `pkg/controller/{deployment,daemon,statefulset,job,cronjob}`.
fn owner(pod: &Pod) -> (&'static str, String) {
    let name = &*pod.name;
    let label = |key: &str| pod.labels.get(key).filter(|value| !value.is_empty());
    if let Some(job) = label("batch.kubernetes.io/job-name").or_else(|| label("job-name")) {
        return of_job(job);
    }
    let base = name.rsplit_once('-').map(|(base, _)| base);
    if let Some(hash) = label("pod-template-hash") {
        let deployment = base.and_then(|set| set.strip_suffix(hash)?.strip_suffix('-'));
        if let Some(deployment) = deployment {
            return ("Deployment", deployment.to_owned());
        }
    } else if label("statefulset.kubernetes.io/pod-name") == Some(name) {
        if let Some(set) = base {
            return ("StatefulSet", set.to_owned());
        }
    } else if label("controller-revision-hash").is_some()
        && label("pod-template-generation").is_some()
        && let Some(set) = base
    {
        return ("DaemonSet", set.to_owned());
    }
    ("Pod", name.to_owned())
}

/// A CronJob's jobs are its name with the minute for which they were started.
fn of_job(job: &str) -> (&'static str, String) {
    match job.rsplit_once('-') {
        Some((name, minute)) if minute.len() >= 8 && minute.bytes().all(|byte| byte.is_ascii_digit()) => {
            ("CronJob", name.to_owned())
        }
        _ => ("Job", job.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Container, Image as RuntimeImage, Labels};

    fn pod(name: &str, labels: &[(&str, &str)]) -> Pod {
        Pod { name: name.into(), namespace: "web".into(), labels: Labels::of(labels), ..Pod::default() }
    }

    #[test]
    fn labels_of_controllers_tell_the_workload() {
        for (name, labels, kind, workload) in [
            ("web-7d9c-x2x4z", &[("pod-template-hash", "7d9c")][..], "Deployment", "web"),
            // The name was cut in the middle of the hash.
            ("very-long-7d-x2x4z", &[("pod-template-hash", "7d9c")], "Pod", "very-long-7d-x2x4z"),
            (
                "db-0",
                &[("statefulset.kubernetes.io/pod-name", "db-0"), ("controller-revision-hash", "x")],
                "StatefulSet",
                "db",
            ),
            (
                "agent-abcde",
                &[("controller-revision-hash", "x"), ("pod-template-generation", "1")],
                "DaemonSet",
                "agent",
            ),
            ("migrate-x2x4z", &[("job-name", "migrate")], "Job", "migrate"),
            (
                "backup-29400000-abcde",
                &[("batch.kubernetes.io/job-name", "backup-29400000")],
                "CronJob",
                "backup",
            ),
            ("alone", &[("app", "alone")], "Pod", "alone"),
        ] {
            assert_eq!(owner(&pod(name, labels)), (kind, workload.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_container_is_named_by_its_pod_and_image() {
        let image = RuntimeImage { repository: "nginx".into(), ..RuntimeImage::default() };
        let container = Container { name: "app".into(), image, ..Container::default() };
        let metadata = Metadata { runtime: None, container: Some(container), pod: Some(pod("alone", &[])) };
        let Some(Told::Container(identity)) = told(&metadata) else { panic!("expected a container") };
        assert_eq!(identity.subject.repository, "docker.io/library/nginx");
        assert_eq!(identity.subject.namespace.as_deref(), Some("web"));
        assert_eq!(identity.subject.workload, Some(("Pod".into(), "alone".into(), "app".into())));
        let sandbox = Metadata { runtime: None, container: None, pod: Some(pod("alone", &[])) };
        assert_eq!(told(&sandbox), Some(Told::Sandbox));
        assert_eq!(told(&Metadata::default()), None);
    }
}
