//! Which containers are watched.

use super::workload::Identity;

/// Which containers are watched; without a word, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names in the pod spec, or beginnings of ids.
    pub containers: Vec<String>,
    /// Names of pods.
    pub pods: Vec<String>,
    /// Namespaces of pods.
    pub namespaces: Vec<String>,
}

impl Selection {
    /// Whether a container is meant.
    pub(super) fn wants(&self, id: &str, identity: &Identity) -> bool {
        let one_of = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        let namespace = identity.subject.namespace.as_deref().unwrap_or_default();
        let is_named = one_of(&self.containers, &identity.container) || self.names_id(id);
        is_named && one_of(&self.pods, &identity.pod) && one_of(&self.namespaces, namespace)
    }

    /// Whether a container may be meant of which no more than the id is known.
    pub(super) fn may_want(&self, id: &str) -> bool {
        self.pods.is_empty()
            && self.namespaces.is_empty()
            && (self.containers.is_empty() || self.names_id(id))
    }

    fn names_id(&self, id: &str) -> bool {
        self.containers.iter().any(|one| one.len() >= 6 && id.starts_with(one.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::workload::Subject;
    use super::*;

    fn identity(namespace: &str, pod: &str, container: &str) -> Identity {
        let subject = Subject { namespace: Some(namespace.to_owned()), ..Subject::of_image("nginx") };
        Identity { subject, pod: pod.to_owned(), container: container.to_owned() }
    }

    #[test]
    fn all_words_of_a_selection_must_fit() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let selection =
            Selection { containers: list(&["app", "3f2a9bb4"]), pods: list(&[]), namespaces: list(&["web"]) };
        assert!(selection.wants("00", &identity("web", "p", "app")));
        assert!(selection.wants("3f2a9bb4c6", &identity("web", "p", "other")));
        assert!(!selection.wants("00", &identity("web", "p", "other")));
        assert!(!selection.wants("00", &identity("prod", "p", "app")));
        // Whose it is is not known: it may be of another namespace.
        assert!(!selection.may_want("3f2a9bb4c6"));
        assert!(Selection::default().may_want("00"));
    }
}
