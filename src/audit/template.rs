//! Commented policies to begin with.
//!
//! The texts are the files of `manifests/audit/`, each a valid policy as it stands; `delete-watch` has
//! example names in it, which are replaced.

use super::resources::{self, Scope};

const METADATA: &str = include_str!("../../manifests/audit/metadata.yaml");
const RECOMMENDED: &str = include_str!("../../manifests/audit/recommended.yaml");
const MINIMAL: &str = include_str!("../../manifests/audit/minimal.yaml");
const DELETE_WATCH: &str = include_str!("../../manifests/audit/delete-watch.yaml");
const SIZING: &str = include_str!("../../manifests/audit/sizing.yaml");

/// A policy to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Everything at Metadata.
    Metadata,
    /// Credentials without bodies, noise dropped, accesses and rights with bodies, the rest at Metadata.
    Recommended,
    /// Changes and access to credentials.
    Minimal,
    /// Who deletes one object.
    DeleteWatch,
    /// Everything with bodies for a short time, to size other policies.
    Sizing,
}

impl Template {
    /// Every template, the one for most people first.
    pub const ALL: [Self; 5] =
        [Self::Recommended, Self::Metadata, Self::Minimal, Self::DeleteWatch, Self::Sizing];

    /// The template's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Recommended => "recommended",
            Self::Minimal => "minimal",
            Self::DeleteWatch => "delete-watch",
            Self::Sizing => "sizing",
        }
    }

    /// The policy's text; of [`Template::DeleteWatch`] the one for its example, see [`delete_watch`].
    pub fn text(self) -> &'static str {
        match self {
            Self::Metadata => METADATA,
            Self::Recommended => RECOMMENDED,
            Self::Minimal => MINIMAL,
            Self::DeleteWatch => DELETE_WATCH,
            Self::Sizing => SIZING,
        }
    }
}

/// The object whose deletion [`delete_watch`] records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its namespace; `None` only for cluster-scoped resources.
    pub namespace: Option<String>,
    /// Its plural resource, with the group behind a dot where it is not one of Kubernetes' own: `pods`,
    /// `deployments`, `widgets.example.com`.
    pub resource: String,
    /// Its name.
    pub name: String,
}

/// A request for a policy that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// A resource of an unknown group.
    #[error(
        "no group is known for the resource `{0}`: write it as RESOURCE.GROUP, such as widgets.example.com"
    )]
    UnknownResource(String),
    /// A namespaced resource without namespace.
    #[error("`{0}` are in namespaces: say in which one")]
    NoNamespace(String),
    /// A cluster-scoped resource with a namespace.
    #[error("`{0}` are in no namespace: leave the namespace out")]
    ClusterScoped(String),
    /// A word that cannot be a part of a path.
    #[error("expected the {what} of an object, found {found:?}")]
    BadName {
        /// Which word.
        what: &'static str,
        /// What it is.
        found: String,
    },
}

/// A policy that records who deletes one object.
///
/// # Errors
/// [`WatchError`] where the object cannot be one.
pub fn delete_watch(watched: &Watched) -> Result<String, WatchError> {
    let (resource, group) = split_resource(&watched.resource)?;
    let scope = resources::scope(&group, &resource);
    match (&watched.namespace, scope) {
        (None, Some(Scope::Namespaced)) => return Err(WatchError::NoNamespace(resource)),
        (Some(_), Some(Scope::Cluster)) => return Err(WatchError::ClusterScoped(resource)),
        _ => {}
    }
    for (what, word) in [("namespace", watched.namespace.as_ref()), ("name", Some(&watched.name))] {
        if let Some(found) = word.filter(|word| !is_name(word)) {
            return Err(WatchError::BadName { what, found: found.clone() });
        }
    }
    let is_pod = resource == "pods" && group.is_empty();
    let is_wanted = |paragraph: &&str| {
        (is_pod || !paragraph.contains("pods/eviction"))
            && (watched.namespace.is_some() || !paragraph.contains("resources: [\"namespaces\"]"))
    };
    let text = DELETE_WATCH.split("\n\n").filter(is_wanted).collect::<Vec<_>>().join("\n\n");
    let text = match &watched.namespace {
        Some(_) => text,
        None => text
            .replace("  namespaces: [\"example-namespace\"]\n", "")
            .replace(" in the namespace \"example-namespace\"", ""),
    };
    let text = text
        .replace("the pods \"", &format!("the {} \"", watched.resource))
        .replace("[\"pods\"]", &format!("[\"{resource}\"]"))
        .replace("example-group", &group)
        .replace("example-name\"", &format!("{}\"", watched.name))
        .replace("example-namespace", watched.namespace.as_deref().unwrap_or_default());
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// The plural and the group of `deployments`, `deployments.apps` or `deployments.v1.apps`' like.
fn split_resource(resource: &str) -> Result<(String, String), WatchError> {
    let bad = || WatchError::BadName { what: "plural resource", found: resource.to_owned() };
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    };
    if !is_word(resource) {
        return Err(bad());
    }
    match resource.split_once('.') {
        Some((plural, group)) if !plural.is_empty() && !group.is_empty() => {
            Ok((plural.to_owned(), group.to_owned()))
        }
        Some(_) => Err(bad()),
        None => match resources::group_of(resource) {
            Some(group) => Ok((resource.to_owned(), group.to_owned())),
            None => Err(WatchError::UnknownResource(resource.to_owned())),
        },
    }
}

/// A segment of a path that needs no escape in YAML's double quotes.
fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word != "."
        && word != ".."
        && !word.contains(['/', '%', '"', '\\'])
        && word.chars().all(|c| !c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(namespace: Option<&str>, resource: &str, name: &str) -> Watched {
        Watched {
            namespace: namespace.map(str::to_owned),
            resource: resource.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn names_the_object_everywhere() {
        let text = delete_watch(&watched(Some("web"), "pods", "nginx-0")).unwrap();
        assert!(!text.contains("example"), "{text}");
        assert_eq!(text.matches("\"nginx-0\"").count(), 3);
        assert!(text.starts_with("# Audit policy `delete-watch`: who deletes the pods \"nginx-0\""));
    }

    #[test]
    fn only_pods_are_evicted() {
        let text = delete_watch(&watched(Some("web"), "deployments", "nginx")).unwrap();
        assert!(!text.contains("eviction") && text.contains("group: \"apps\""), "{text}");
    }

    #[test]
    fn cluster_scoped_objects_have_no_namespace() {
        let text = delete_watch(&watched(None, "nodes", "worker-1")).unwrap();
        assert!(!text.contains("namespaces:") && !text.contains("in the namespace"), "{text}");
        assert!(text.ends_with("resources: [\"nodes\"]\n"), "{text}");
    }

    #[test]
    fn refuses_what_cannot_be_an_object() {
        let error =
            |namespace, resource, name| delete_watch(&watched(namespace, resource, name)).unwrap_err();
        assert!(matches!(error(Some("a"), "widgets", "x"), WatchError::UnknownResource(_)));
        assert!(matches!(error(None, "pods", "x"), WatchError::NoNamespace(_)));
        assert!(matches!(error(Some("a"), "nodes", "x"), WatchError::ClusterScoped(_)));
        assert!(matches!(error(Some("a"), "pods", "x\""), WatchError::BadName { what: "name", .. }));
        assert!(matches!(error(Some("a"), "Pods", "x"), WatchError::BadName { .. }));
    }
}
