//! Which rule decides about a request, and why the others do not.
//!
//! Source: kubernetes `staging/src/k8s.io/apiserver/pkg/audit/policy/checker.go`, v1.34.

use super::policy::{GroupResources, Level, Policy, PolicyRule, StageSet};
use super::request::{Request, Resource, Target};

/// What the policy says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The first rule that matches, from 0; `None` where no rule does.
    pub rule: Option<usize>,
    /// What is recorded.
    pub level: Level,
    /// Stages for which no event is made.
    pub omit_stages: StageSet,
    /// Whether bodies are recorded without managed fields.
    pub omit_managed_fields: bool,
}

/// The first condition of a rule that a request does not satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// `users` does not hold the user.
    User,
    /// `userGroups` holds none of the user's groups.
    Groups,
    /// `verbs` does not hold the verb.
    Verb,
    /// The rule is for resource requests, and this is none.
    NotResource,
    /// `namespaces` does not hold the namespace.
    Namespace,
    /// `resources` holds neither the resource nor a wildcard for it.
    Resource,
    /// `resources` holds the resource, but not for this name.
    Name,
    /// The rule is for non-resource URLs, and this is a resource request.
    IsResource,
    /// `nonResourceURLs` does not hold the path.
    Url,
}

impl Policy {
    /// Finds the first rule that matches the request. `O(rules)`.
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        match self.rules.iter().position(|rule| rule.mismatch(request).is_none()) {
            Some(index) => {
                let rule = &self.rules[index];
                Verdict {
                    rule: Some(index),
                    level: rule.level,
                    omit_stages: self.omit_stages.union(rule.omit_stages),
                    omit_managed_fields: rule.omit_managed_fields.unwrap_or(self.omit_managed_fields),
                }
            }
            None => Verdict {
                rule: None,
                level: Level::None,
                omit_stages: self.omit_stages,
                omit_managed_fields: self.omit_managed_fields,
            },
        }
    }
}

impl PolicyRule {
    /// The first condition that the request does not satisfy, in the apiserver's order; `None` where the rule
    /// matches.
    pub fn mismatch(&self, request: &Request<'_>) -> Option<Mismatch> {
        let user = request.user.as_ref();
        if !self.users.is_empty() && !user.is_some_and(|user| holds(&self.users, user.name)) {
            return Some(Mismatch::User);
        }
        let in_group =
            || user.is_some_and(|user| user.groups.iter().any(|name| holds(&self.user_groups, name)));
        if !self.user_groups.is_empty() && !in_group() {
            return Some(Mismatch::Groups);
        }
        if !self.verbs.is_empty() && !holds(&self.verbs, request.verb) {
            return Some(Mismatch::Verb);
        }
        match &request.target {
            Target::Resource(resource) if self.is_for_resources() => self.resource_mismatch(resource),
            Target::Path(_) if self.is_for_resources() => Some(Mismatch::NotResource),
            _ if self.non_resource_urls.is_empty() => None,
            Target::Resource(_) => Some(Mismatch::IsResource),
            Target::Path(path) => {
                let found = self.non_resource_urls.iter().any(|spec| url_matches(spec, path));
                (!found).then_some(Mismatch::Url)
            }
        }
    }

    fn resource_mismatch(&self, resource: &Resource<'_>) -> Option<Mismatch> {
        if !self.namespaces.is_empty() && !holds(&self.namespaces, &resource.namespace) {
            return Some(Mismatch::Namespace);
        }
        if self.resources.is_empty() {
            return None;
        }
        let mut named_otherwise = false;
        for candidate in self.resources.iter().filter(|candidate| candidate.group == resource.group) {
            if candidate.resources.iter().any(|spec| resource_matches(spec, resource))
                || candidate.resources.is_empty()
            {
                if candidate.has_name(&resource.name) {
                    return None;
                }
                named_otherwise = true;
            }
        }
        Some(if named_otherwise { Mismatch::Name } else { Mismatch::Resource })
    }
}

impl GroupResources {
    fn has_name(&self, name: &str) -> bool {
        // Names beside no resources do not count; validation refuses them.
        self.resource_names.is_empty() || self.resources.is_empty() || holds(&self.resource_names, name)
    }
}

/// Whether a policy's resource covers a request's. `pods/*` covers `pods` itself as well.
fn resource_matches(spec: &str, request: &Resource<'_>) -> bool {
    let (resource, subresource) = (request.resource.as_ref(), request.subresource.as_ref());
    if spec == "*" {
        return true;
    }
    let exact = if subresource.is_empty() {
        spec == resource
    } else {
        spec.strip_prefix(resource).and_then(|rest| rest.strip_prefix('/')) == Some(subresource)
    };
    exact
        || (!subresource.is_empty() && spec.strip_prefix("*/") == Some(subresource))
        || spec.strip_suffix("/*") == Some(resource)
}

/// Whether a policy's non-resource URL covers a path.
fn url_matches(spec: &str, path: &str) -> bool {
    spec == "*" || spec == path || (spec.ends_with('*') && path.starts_with(spec.trim_end_matches('*')))
}

fn holds(names: &[String], name: &str) -> bool {
    names.iter().any(|candidate| candidate == name)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::audit::{Stage, Text, User};

    const GROUPS: &[Text<'_>] = &[Text(Cow::Borrowed("humans")), Text(Cow::Borrowed("system:authenticated"))];

    fn get<'a>(resource: &'a str, subresource: &'a str) -> Request<'a> {
        Request {
            user: Some(User { name: "tim", groups: GROUPS }),
            verb: "get",
            target: Target::Resource(Resource {
                resource: resource.into(),
                subresource: subresource.into(),
                namespace: "default".into(),
                name: "busybox".into(),
                ..Resource::default()
            }),
        }
    }

    fn path(path: &str) -> Request<'_> {
        Request { user: None, verb: "get", target: Target::Path(path.into()) }
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn resources(words: &[&str]) -> PolicyRule {
        let resources = vec![GroupResources { resources: strings(words), ..GroupResources::default() }];
        PolicyRule { level: Level::Metadata, resources, ..PolicyRule::default() }
    }

    fn matches(rule: &PolicyRule, request: &Request<'_>) -> bool {
        rule.mismatch(request).is_none()
    }

    #[test]
    fn a_resource_does_not_cover_its_subresources() {
        assert!(matches(&resources(&["pods"]), &get("pods", "")));
        assert_eq!(resources(&["pods"]).mismatch(&get("pods", "log")), Some(Mismatch::Resource));
        assert!(matches(&resources(&["pods/log"]), &get("pods", "log")));
    }

    #[test]
    fn wildcards_cover_what_the_apiserver_lets_them() {
        assert!(matches(&resources(&["*"]), &get("pods", "log")));
        assert!(matches(&resources(&["*/log"]), &get("pods", "log")));
        assert!(!matches(&resources(&["*/log"]), &get("pods", "")));
        assert!(matches(&resources(&["pods/*"]), &get("pods", "log")));
        assert!(matches(&resources(&["pods/*"]), &get("pods", "")));
        assert!(!matches(&resources(&["*/*", "pods*", "pod/*"]), &get("pods", "log")));
        assert!(matches(&resources(&[]), &get("pods", "log")));
    }

    #[test]
    fn names_narrow_every_resource_beside_them() {
        let mut rule = resources(&["pods"]);
        rule.resources[0].resource_names = strings(&["other"]);
        assert_eq!(rule.mismatch(&get("pods", "")), Some(Mismatch::Name));
        rule.resources[0].resource_names = strings(&["busybox"]);
        assert!(matches(&rule, &get("pods", "")));
    }

    #[test]
    fn namespaces_make_a_rule_one_for_resources() {
        let rule = PolicyRule { namespaces: strings(&["default", ""]), ..PolicyRule::default() };
        assert!(matches(&rule, &get("pods", "")));
        assert_eq!(rule.mismatch(&path("/healthz")), Some(Mismatch::NotResource));
    }

    #[test]
    fn urls_match_by_prefix_where_they_end_in_a_star() {
        let rule = |url| PolicyRule { non_resource_urls: strings(&[url]), ..PolicyRule::default() };
        assert!(matches(&rule("/logs*"), &path("/logs/kubelet.log")));
        assert!(matches(&rule("*"), &path("/logs")));
        assert_eq!(rule("/logs").mismatch(&path("/logs/")), Some(Mismatch::Url));
        assert_eq!(rule("*").mismatch(&get("pods", "")), Some(Mismatch::IsResource));
    }

    #[test]
    fn nobody_satisfies_users_and_groups() {
        let users = PolicyRule { users: strings(&["", "tim"]), ..PolicyRule::default() };
        assert_eq!(users.mismatch(&path("/")), Some(Mismatch::User));
        assert!(matches(&users, &get("pods", "")));
        let groups = PolicyRule { user_groups: strings(&["humans"]), ..PolicyRule::default() };
        assert_eq!(groups.mismatch(&path("/")), Some(Mismatch::Groups));
        assert!(matches(&groups, &get("pods", "")));
    }

    #[test]
    fn the_first_match_decides_and_unmatched_requests_are_not_logged() {
        let omit = [Stage::RequestReceived].into_iter().collect();
        let verbs =
            PolicyRule { level: Level::Request, verbs: strings(&["create"]), ..PolicyRule::default() };
        let policy =
            Policy { rules: vec![verbs, resources(&["pods"])], omit_stages: omit, ..Policy::default() };
        let verdict = policy.evaluate(&get("pods", ""));
        assert_eq!((verdict.rule, verdict.level, verdict.omit_stages), (Some(1), Level::Metadata, omit));
        let verdict = policy.evaluate(&get("nodes", ""));
        assert_eq!((verdict.rule, verdict.level), (None, Level::None));
    }

    #[test]
    fn a_rule_overrides_managed_fields_and_adds_stages() {
        let rule = PolicyRule {
            level: Level::Request,
            omit_stages: [Stage::Panic].into_iter().collect(),
            omit_managed_fields: Some(false),
            ..PolicyRule::default()
        };
        let omit_stages = [Stage::RequestReceived].into_iter().collect();
        let policy = Policy { rules: vec![rule], omit_stages, omit_managed_fields: true };
        let verdict = policy.evaluate(&path("/"));
        assert!(!verdict.omit_managed_fields);
        assert_eq!(verdict.omit_stages.iter().collect::<Vec<_>>(), [Stage::RequestReceived, Stage::Panic]);
    }
}
