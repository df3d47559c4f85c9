//! The one table of workload kinds: what has a pod template, where, and how the API spells it.

/// A kind of Kubernetes itself that runs pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `Deployment`.
    pub kind: &'static str,
    /// The plural that URLs, RBAC and admission rules use: `deployments`.
    pub resource: &'static str,
    /// Every group that ever had the kind; the first is today's.
    pub groups: &'static [Group],
    /// The keys from the object to its pod template; empty for a Pod, which is its own.
    pub template: &'static [&'static str],
}

/// An API group that has, or had, a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// `apps`; empty for the core group.
    pub name: &'static str,
    /// The versions that ever had the kind, newest first.
    pub versions: &'static [&'static str],
    /// How many of them, from the first, a current apiserver serves.
    pub served: usize,
}

impl Group {
    const fn served(name: &'static str, versions: &'static [&'static str], served: usize) -> Self {
        Self { name, versions, served }
    }

    const fn gone(name: &'static str, versions: &'static [&'static str]) -> Self {
        Self { name, versions, served: 0 }
    }
}

const SPEC_TEMPLATE: &[&str] = &["spec", "template"];

/// Kubernetes' own kinds with a pod spec, all of them namespaced.
///
/// Source: the API's types from v1.0 to v1.37; *Deprecated API Migration Guide* for what is no longer served.
pub const KINDS: &[Workload] = &[
    Workload { kind: "Pod", resource: "pods", groups: &[Group::served("", &["v1"], 1)], template: &[] },
    Workload {
        kind: "Deployment",
        resource: "deployments",
        groups: &[
            Group::served("apps", &["v1", "v1beta2", "v1beta1"], 1),
            Group::gone("extensions", &["v1beta1"]),
        ],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "DaemonSet",
        resource: "daemonsets",
        groups: &[Group::served("apps", &["v1", "v1beta2"], 1), Group::gone("extensions", &["v1beta1"])],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "StatefulSet",
        resource: "statefulsets",
        groups: &[Group::served("apps", &["v1", "v1beta2", "v1beta1"], 1)],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "ReplicaSet",
        resource: "replicasets",
        groups: &[Group::served("apps", &["v1", "v1beta2"], 1), Group::gone("extensions", &["v1beta1"])],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "ReplicationController",
        resource: "replicationcontrollers",
        groups: &[Group::served("", &["v1"], 1)],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "Job",
        resource: "jobs",
        groups: &[Group::served("batch", &["v1"], 1), Group::gone("extensions", &["v1beta1"])],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "CronJob",
        resource: "cronjobs",
        groups: &[Group::served("batch", &["v1", "v1beta1", "v2alpha1"], 1)],
        template: &["spec", "jobTemplate", "spec", "template"],
    },
    Workload {
        kind: "PodTemplate",
        resource: "podtemplates",
        groups: &[Group::served("", &["v1"], 1)],
        template: &["template"],
    },
    // Names of v1.3 and v1.4, before StatefulSet and CronJob.
    Workload {
        kind: "PetSet",
        resource: "petsets",
        groups: &[Group::gone("apps", &["v1alpha1"])],
        template: SPEC_TEMPLATE,
    },
    Workload {
        kind: "ScheduledJob",
        resource: "scheduledjobs",
        groups: &[Group::gone("batch", &["v2alpha1"])],
        template: &["spec", "jobTemplate", "spec", "template"],
    },
];

/// Groups whose objects describe pods instead of running them: policies, schemas, tests of policies.
const DESCRIBING_GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "cli.kyverno.io",
    "constraints.gatekeeper.sh",
    "expansion.gatekeeper.sh",
    "kyverno.io",
    "mutations.gatekeeper.sh",
    "policies.kyverno.io",
    "templates.gatekeeper.sh",
];

/// A kind that the user's configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomKind {
    /// `argoproj.io`; empty for the core group.
    pub group: String,
    /// `Rollout`.
    pub kind: String,
    /// The keys from the object to its pod template, which holds `metadata` and `spec`; `*` is every item of
    /// a list.
    pub template: Vec<String>,
}

/// The kinds whose pod specs are known: Kubernetes' own and the user's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// The user's, which win over the table.
    pub custom: Vec<CustomKind>,
}

/// How to find the pod specs of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'k> {
    Known(&'static [&'static str]),
    Configured(&'k [String]),
    /// By the shape of what it holds.
    Anywhere,
    /// It describes pods, it has none.
    Nowhere,
}

impl Kinds {
    /// `api_version` is `None` for an object without one, which is then judged by its kind.
    pub(super) fn place(&self, api_version: Option<&str>, kind: &str) -> Place<'_> {
        let group = api_version.map(group_of);
        let is_group = |name: &str| group.is_none_or(|group| group == name);
        let mut custom = self.custom.iter();
        if let Some(custom) = custom.find(|custom| custom.kind == kind && is_group(&custom.group)) {
            return Place::Configured(&custom.template);
        }
        // A version that does not exist (yet) is read as the others of its group.
        let of_kind = KINDS.iter().find(|workload| workload.kind == kind);
        match of_kind {
            Some(workload) if workload.groups.iter().any(|known| is_group(known.name)) => {
                Place::Known(workload.template)
            }
            _ if group.is_some_and(|group| DESCRIBING_GROUPS.contains(&group)) => Place::Nowhere,
            _ => Place::Anywhere,
        }
    }
}

/// `apps` of `apps/v1`; empty for `v1`.
pub(super) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_historical_group_of_a_kind() {
        let kinds = Kinds::default();
        for version in ["apps/v1", "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"] {
            assert_eq!(kinds.place(Some(version), "Deployment"), Place::Known(SPEC_TEMPLATE));
        }
        for version in ["batch/v1", "batch/v1beta1", "batch/v2alpha1"] {
            let place = kinds.place(Some(version), "CronJob");
            assert_eq!(place, Place::Known(&["spec", "jobTemplate", "spec", "template"]));
        }
    }

    #[test]
    fn leaves_a_namesake_of_another_group_to_its_shape() {
        let kinds = Kinds::default();
        assert_eq!(kinds.place(Some("apps.kruise.io/v1alpha1"), "StatefulSet"), Place::Anywhere);
        assert_eq!(kinds.place(Some("kyverno.io/v1"), "ClusterPolicy"), Place::Nowhere);
    }

    #[test]
    fn lets_the_user_add_a_kind() {
        let rollout = CustomKind {
            group: "argoproj.io".into(),
            kind: "Rollout".into(),
            template: vec!["spec".into(), "template".into()],
        };
        let kinds = Kinds { custom: vec![rollout] };
        assert!(matches!(kinds.place(Some("argoproj.io/v1alpha1"), "Rollout"), Place::Configured(_)));
    }

    #[test]
    fn serves_only_versions_that_it_lists() {
        for group in KINDS.iter().flat_map(|workload| workload.groups) {
            assert!(group.served <= group.versions.len());
        }
    }
}
