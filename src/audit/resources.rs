//! The resources that Kubernetes itself serves, to tell a misplaced name from a custom resource.
//!
//! Source: kubernetes v1.34 `api/discovery/*.json`; resources are only ever added to a group.

/// A group of the API with its resources.
struct Group {
    name: &'static str,
    namespaced: &'static [&'static str],
    cluster: &'static [&'static str],
}

const GROUPS: &[Group] = &[
    Group {
        name: "",
        namespaced: &[
            "bindings",
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "podtemplates",
            "replicationcontrollers",
            "resourcequotas",
            "secrets",
            "serviceaccounts",
            "services",
        ],
        cluster: &["componentstatuses", "namespaces", "nodes", "persistentvolumes"],
    },
    Group {
        name: "admissionregistration.k8s.io",
        namespaced: &[],
        cluster: &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    },
    Group { name: "apiextensions.k8s.io", namespaced: &[], cluster: &["customresourcedefinitions"] },
    Group { name: "apiregistration.k8s.io", namespaced: &[], cluster: &["apiservices"] },
    Group {
        name: "apps",
        namespaced: &["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"],
        cluster: &[],
    },
    Group {
        name: "authentication.k8s.io",
        namespaced: &[],
        cluster: &["selfsubjectreviews", "tokenreviews"],
    },
    Group {
        name: "authorization.k8s.io",
        namespaced: &["localsubjectaccessreviews"],
        cluster: &["selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"],
    },
    Group { name: "autoscaling", namespaced: &["horizontalpodautoscalers"], cluster: &[] },
    Group { name: "batch", namespaced: &["cronjobs", "jobs"], cluster: &[] },
    Group {
        name: "certificates.k8s.io",
        namespaced: &["podcertificaterequests"],
        cluster: &["certificatesigningrequests", "clustertrustbundles"],
    },
    Group { name: "coordination.k8s.io", namespaced: &["leasecandidates", "leases"], cluster: &[] },
    Group { name: "discovery.k8s.io", namespaced: &["endpointslices"], cluster: &[] },
    Group { name: "events.k8s.io", namespaced: &["events"], cluster: &[] },
    Group {
        name: "flowcontrol.apiserver.k8s.io",
        namespaced: &[],
        cluster: &["flowschemas", "prioritylevelconfigurations"],
    },
    Group { name: "internal.apiserver.k8s.io", namespaced: &[], cluster: &["storageversions"] },
    Group {
        name: "networking.k8s.io",
        namespaced: &["ingresses", "networkpolicies"],
        cluster: &["ingressclasses", "ipaddresses", "servicecidrs"],
    },
    Group { name: "node.k8s.io", namespaced: &[], cluster: &["runtimeclasses"] },
    Group { name: "policy", namespaced: &["poddisruptionbudgets"], cluster: &[] },
    Group {
        name: "rbac.authorization.k8s.io",
        namespaced: &["rolebindings", "roles"],
        cluster: &["clusterrolebindings", "clusterroles"],
    },
    Group {
        name: "resource.k8s.io",
        namespaced: &["resourceclaims", "resourceclaimtemplates"],
        cluster: &["deviceclasses", "devicetaintrules", "resourceslices"],
    },
    Group { name: "scheduling.k8s.io", namespaced: &[], cluster: &["priorityclasses"] },
    Group {
        name: "storage.k8s.io",
        namespaced: &["csistoragecapacities"],
        cluster: &[
            "csidrivers",
            "csinodes",
            "storageclasses",
            "volumeattachments",
            "volumeattributesclasses",
        ],
    },
    Group { name: "storagemigration.k8s.io", namespaced: &[], cluster: &["storageversionmigrations"] },
];

/// Groups that no extension may add to and that have had the same resources for many releases: a name that
/// they do not have is a mistake.
const SETTLED: [&str; 4] = ["", "apps", "batch", "rbac.authorization.k8s.io"];

/// Whether a resource lies in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Namespaced,
    Cluster,
}

/// The scope of a resource of Kubernetes' own; `None` for any other.
pub(crate) fn scope(group: &str, resource: &str) -> Option<Scope> {
    let group = GROUPS.iter().find(|candidate| candidate.name == group)?;
    if group.namespaced.contains(&resource) {
        Some(Scope::Namespaced)
    } else {
        group.cluster.contains(&resource).then_some(Scope::Cluster)
    }
}

/// The first group of Kubernetes' own that has the resource, the core group before others.
pub fn group_of(resource: &str) -> Option<&'static str> {
    GROUPS.iter().map(|group| group.name).find(|group| scope(group, resource).is_some())
}

/// Whether the group is known to have no such resource.
pub(crate) fn is_absent(group: &str, resource: &str) -> bool {
    SETTLED.contains(&group) && scope(group, resource).is_none()
}

/// The resources of a group of Kubernetes' own.
pub(crate) fn resources(group: &str) -> impl Iterator<Item = &'static str> {
    let group = GROUPS.iter().find(|candidate| candidate.name == group);
    group.into_iter().flat_map(|group| group.namespaced.iter().chain(group.cluster)).copied()
}

/// The group that a word is short for: `rbac`, or `core` and `v1` for the one without a name.
pub(crate) fn group_by_short_name(word: &str) -> Option<&'static str> {
    if ["core", "v1"].contains(&word) {
        return Some("");
    }
    let first_label = |name: &&str| name.split_once('.').is_some_and(|(label, _)| label == word);
    GROUPS.iter().map(|group| group.name).find(first_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_its_resources_lie() {
        assert_eq!(scope("", "pods"), Some(Scope::Namespaced));
        assert_eq!(scope("", "nodes"), Some(Scope::Cluster));
        assert_eq!(scope("example.com", "pods"), None);
        assert_eq!((group_of("deployments"), group_of("events")), (Some("apps"), Some("")));
    }

    #[test]
    fn calls_nothing_absent_that_an_extension_may_serve() {
        assert!(is_absent("", "deployments") && is_absent("apps", "deployment"));
        assert!(!is_absent("example.com", "widgets") && !is_absent("networking.k8s.io", "gateways"));
    }

    #[test]
    fn expands_short_names_of_groups() {
        assert_eq!(group_by_short_name("rbac"), Some("rbac.authorization.k8s.io"));
        assert_eq!((group_by_short_name("core"), group_by_short_name("apps")), (Some(""), None));
    }
}
