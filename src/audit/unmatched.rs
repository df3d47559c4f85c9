//! Entries of rules that no request can satisfy: wildcards that are none, names of the wrong kind, blanks.
//!
//! "No request" means none that an apiserver serves: a client can send any nonsense and get a 404 for it.

use super::policy::{GroupResources, Policy, PolicyRule};
use super::resources::{self, Scope};
use crate::nearest::nearest;
use crate::yaml::Pointer;

/// The verbs that the apiserver gives to resource requests; `proxy` is a relic.
const RESOURCE_VERBS: [&str; 9] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy"];

/// The HTTP methods, in lower case, that are the verbs of other requests.
const METHODS: [&str; 9] = ["get", "head", "post", "put", "patch", "delete", "options", "connect", "trace"];

/// Groups that the apiserver itself gives out.
const GROUPS: [&str; 5] =
    ["system:masters", "system:authenticated", "system:unauthenticated", "system:nodes", "system:monitoring"];

/// Users of the control plane.
const USERS: [&str; 6] = [
    "system:anonymous",
    "system:apiserver",
    "system:kube-proxy",
    "system:kube-scheduler",
    "system:kube-controller-manager",
    "system:admin",
];

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// An entry of a rule that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The rule, from 0.
    pub rule: usize,
    /// The entry.
    pub pointer: Pointer,
    /// Why no request can match it, lower case, without a final dot.
    pub reason: String,
    /// What to write in its place.
    pub suggestion: Option<String>,
    /// Whether the rule as a whole matches nothing for it.
    pub whole_rule: bool,
}

/// Why an entry matches nothing, and what was probably meant.
type Reason = (String, Option<String>);

impl Policy {
    /// The entries of rules that match no request.
    pub fn unmatched(&self) -> Vec<Unmatched> {
        self.rules.iter().enumerate().flat_map(|(index, rule)| rule.unmatched(index)).collect()
    }
}

impl PolicyRule {
    fn unmatched(&self, rule: usize) -> Vec<Unmatched> {
        let at = Pointer::root().join("rules").item(rule);
        let mut found = Vec::new();
        let mut list = |field: &str, entries: &[String], judge: &dyn Fn(&str) -> Option<Reason>| {
            found.extend(judge_list(rule, &at.join(field), entries, judge));
        };
        list("users", &self.users, &unmatched_user);
        list("userGroups", &self.user_groups, &unmatched_group);
        list("verbs", &self.verbs, &|verb| self.unmatched_verb(verb));
        list("namespaces", &self.namespaces, &|namespace| self.unmatched_namespace(namespace));
        list("nonResourceURLs", &self.non_resource_urls, &unmatched_url);
        let mut groups = Vec::new();
        for (index, group) in self.resources.iter().enumerate() {
            groups.push(self.unmatched_resources(rule, group, &at.join("resources").item(index)));
        }
        let all_dead =
            !groups.is_empty() && groups.iter().all(|found| found.iter().any(|entry| entry.whole_rule));
        for entry in groups.iter_mut().flatten() {
            entry.whole_rule &= all_dead;
        }
        found.extend(groups.into_iter().flatten());
        found
    }

    fn unmatched_verb(&self, verb: &str) -> Option<Reason> {
        if verb == "*" {
            return Some(("verbs have no wildcard: leave them out to match every verb".to_owned(), None));
        }
        let (for_resources, for_urls) = (self.is_for_resources(), !self.non_resource_urls.is_empty());
        let known = |verbs: &[&str]| verbs.contains(&verb);
        // The apiserver's verb for a method that it does not know is empty.
        let can_be = match (for_resources, for_urls) {
            (true, _) => verb.is_empty() || known(&RESOURCE_VERBS),
            (_, true) => known(&METHODS),
            _ => verb.is_empty() || known(&RESOURCE_VERBS) || known(&METHODS),
        };
        if can_be {
            return None;
        }
        let of = if for_urls { "an HTTP method in lower case" } else { "a verb of Kubernetes" };
        let meant = match (verb, for_resources, for_urls) {
            ("post", true, _) => Some("create"),
            ("put", true, _) => Some("update"),
            ("create", _, true) => Some("post"),
            ("update", _, true) => Some("put"),
            ("head", true, _) | ("list" | "watch", _, true) => Some("get"),
            ("deletecollection", _, true) => Some("delete"),
            (_, _, true) => nearest(verb, METHODS),
            _ => nearest(verb, RESOURCE_VERBS),
        };
        Some((format!("{verb:?} is not {of}"), meant.map(str::to_owned)))
    }

    fn unmatched_namespace(&self, namespace: &str) -> Option<Reason> {
        if namespace.contains('*') {
            let reason = "namespaces have no wildcard: leave them out to match every namespace";
            return Some((reason.to_owned(), None));
        }
        if namespace.is_empty() {
            return None;
        }
        if !is_dns_label(namespace) {
            let suggestion = namespace.trim().to_lowercase();
            let suggestion = Some(suggestion).filter(|word| word.is_empty() || is_dns_label(word));
            return Some((format!("no namespace can have the name {namespace:?}"), suggestion));
        }
        // The apiserver takes the name of a namespace for the namespace of the request.
        let is_cluster_scoped = |group: &GroupResources, pattern: &String| {
            let resource = pattern.split('/').next().unwrap_or_default();
            resource != "namespaces" && resources::scope(&group.group, resource) == Some(Scope::Cluster)
        };
        let all = !self.resources.is_empty()
            && self.resources.iter().all(|group| {
                !group.resources.is_empty()
                    && group.resources.iter().all(|name| is_cluster_scoped(group, name))
            });
        let reason =
            || "these resources are cluster-scoped: their requests have the namespace \"\"".to_owned();
        all.then(|| (reason(), Some(String::new())))
    }

    /// `whole_rule` of what is returned says whether the entry leaves nothing of its group.
    fn unmatched_resources(&self, rule: usize, group: &GroupResources, at: &Pointer) -> Vec<Unmatched> {
        if let Some(meant) = resources::group_by_short_name(&group.group) {
            let reason = format!("the API has no group {:?}", group.group);
            let suggestion = Some(meant.to_owned());
            return vec![Unmatched { rule, pointer: at.join("group"), reason, suggestion, whole_rule: true }];
        }
        let judge = |pattern: &str| unmatched_resource(&group.group, pattern);
        let mut found = judge_list(rule, &at.join("resources"), &group.resources, &judge);
        let nameless = self.is_nameless(group);
        found.extend(judge_list(rule, &at.join("resourceNames"), &group.resource_names, &|name| {
            unmatched_name(name).or_else(|| {
                let reason =
                    "the requests of these verbs carry no name: on create it is in the body".to_owned();
                (nameless && !name.is_empty()).then_some((reason, None))
            })
        }));
        found
    }

    /// Whether none of the rule's requests on this group can have a name in its path.
    fn is_nameless(&self, group: &GroupResources) -> bool {
        let is_nameless = |verb: &String| ["create", "deletecollection"].contains(&verb.as_str());
        !self.verbs.is_empty()
            && self.verbs.iter().all(is_nameless)
            && group.resources.iter().all(|pattern| pattern != "*" && !pattern.contains('/'))
    }
}

fn judge_list(
    rule: usize,
    at: &Pointer,
    entries: &[String],
    judge: &dyn Fn(&str) -> Option<Reason>,
) -> Vec<Unmatched> {
    let judged: Vec<_> = entries.iter().map(|entry| judge(entry)).collect();
    let whole_rule = judged.iter().all(Option::is_some);
    let found = judged.into_iter().enumerate().filter_map(|(index, reason)| Some((index, reason?)));
    found
        .map(|(index, (reason, suggestion))| Unmatched {
            rule,
            pointer: at.item(index),
            reason,
            suggestion,
            whole_rule,
        })
        .collect()
}

fn unmatched_user(user: &str) -> Option<Reason> {
    if let Some(reason) = blank_or_wildcard(user, "user names") {
        return Some(reason);
    }
    let is_group = GROUPS.contains(&user)
        || user.strip_prefix(SERVICE_ACCOUNTS).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    if is_group {
        return Some((format!("{user:?} is a group: write it under userGroups"), None));
    }
    let account = user.strip_prefix(SERVICE_ACCOUNT)?;
    let is_whole = account
        .split_once(':')
        .is_some_and(|(namespace, name)| is_dns_label(namespace) && !name.is_empty() && !name.contains(':'));
    let reason = "a service account's user name is `system:serviceaccount:NAMESPACE:NAME`".to_owned();
    (!is_whole).then_some((reason, None))
}

fn unmatched_group(group: &str) -> Option<Reason> {
    if let Some(reason) = blank_or_wildcard(group, "groups") {
        return Some(reason);
    }
    let is_user = USERS.contains(&group) || group.starts_with("system:node:");
    if let Some((namespace, _)) = group.strip_prefix(SERVICE_ACCOUNT).and_then(|rest| rest.split_once(':')) {
        let reason = format!("{group:?} is a user: write it under users, or take the group of its namespace");
        return Some((reason, Some(format!("{SERVICE_ACCOUNTS}:{namespace}"))));
    }
    is_user.then(|| (format!("{group:?} is a user: write it under users"), None))
}

fn blank_or_wildcard(entry: &str, what: &str) -> Option<Reason> {
    if entry.trim().is_empty() {
        return Some((format!("{what} are not blank"), None));
    }
    if entry.trim() != entry {
        let reason = format!("{entry:?} begins or ends with a blank");
        return Some((reason, Some(entry.trim().to_owned())));
    }
    let reason = || format!("{what} have no wildcard, they are compared letter by letter");
    entry.contains('*').then(|| (reason(), None))
}

fn unmatched_name(name: &str) -> Option<Reason> {
    if name.contains('*') {
        let reason = "resourceNames have no wildcard: leave them out to match every name".to_owned();
        return Some((reason, None));
    }
    let reason = || format!("no object can have the name {name:?}");
    let is_bad = name == "." || name == ".." || name.contains(['/', '%']) || name.trim() != name;
    is_bad.then(|| (reason(), Some(name.trim().to_owned()).filter(|trimmed| trimmed != name)))
}

fn unmatched_resource(group: &str, pattern: &str) -> Option<Reason> {
    if pattern == "*" {
        return None;
    }
    if pattern == "*/*" {
        return Some((
            "`*/*` matches nothing: `*` matches all resources and subresources".into(),
            Some("*".into()),
        ));
    }
    let (resource, subresource) = match pattern.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (pattern, None),
    };
    let is_wild = |part: &str| part.contains('*') && part != "*";
    if is_wild(resource) || subresource.is_some_and(is_wild) {
        let reason = "a wildcard stands for a whole resource or subresource: `*`, `pods/*` or `*/scale`";
        return Some((reason.to_owned(), None));
    }
    if resource.is_empty() || subresource.is_some_and(|part| part.is_empty() || part.contains('/')) {
        let reason =
            format!("a resource is written `pods`, or `pods/log` with a subresource, found {pattern:?}");
        return Some((reason, None));
    }
    if resource != "*" && resources::is_absent(group, resource) {
        return Some(absent_resource(group, resource, subresource));
    }
    if pattern.chars().any(|c| c.is_uppercase() || c.is_whitespace()) {
        let reason = format!("resources are plural and in lower case, found {pattern:?}");
        return Some((reason, Some(pattern.trim().to_lowercase())));
    }
    None
}

fn absent_resource(group: &str, resource: &str, subresource: Option<&str>) -> Reason {
    let group_text =
        if group.is_empty() { "the core group".to_owned() } else { format!("the group {group:?}") };
    let reason = format!("{group_text} has no resource {resource:?}");
    let with_subresource = |name: &str| match subresource {
        Some(subresource) => format!("{name}/{subresource}"),
        None => name.to_owned(),
    };
    match resources::group_of(resource) {
        Some("") => (format!("{reason}: it is in the core group, \"\""), None),
        Some(other) => (format!("{reason}: it is in the group {other:?}"), None),
        None => {
            let meant = nearest(resource, resources::resources(group));
            (reason, meant.map(with_subresource))
        }
    }
}

fn unmatched_url(url: &str) -> Option<Reason> {
    if url.contains('?') {
        let path = url.split('?').next().unwrap_or_default().to_owned();
        return Some(("the path is compared without its query".to_owned(), Some(path)));
    }
    let literal = url.strip_suffix('*').unwrap_or(url);
    // A slash at the end is no part: `/api/v1/*` holds `/api/v1/` itself, which lists the group's resources.
    let parts: Vec<_> = literal.trim_matches('/').split('/').collect();
    let is_resource = match parts[0] {
        "api" => parts.len() > 2,
        "apis" => parts.len() > 3,
        _ => false,
    };
    let reason = || "paths of resources are no non-resource URLs: write resources instead".to_owned();
    is_resource.then(|| (reason(), None))
}

/// RFC 1123, as names of namespaces are.
fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::load::load_tree;

    /// `verbs/0 -> get` for an entry with a suggestion, `verbs/0!` where the rule dies of it.
    fn unmatched(rule: &str) -> Vec<String> {
        let json =
            format!(r#"{{"apiVersion": "audit.k8s.io/v1", "rules": [{{"level": "Metadata", {rule}}}]}}"#);
        let policy = load_tree(&serde_json::from_str(&json).unwrap(), true).policy.unwrap();
        let tell = |found: Unmatched| {
            let at = found.pointer.to_string().replace("/rules/0/", "");
            let suggestion = found.suggestion.map(|meant| format!(" -> {meant}")).unwrap_or_default();
            format!("{at}{}{suggestion}", if found.whole_rule { "!" } else { "" })
        };
        policy.unmatched().into_iter().map(tell).collect()
    }

    fn resources(group: &str, list: &str) -> Vec<String> {
        let found = unmatched(&format!(r#""resources": [{{"group": "{group}", "resources": {list}}}]"#));
        found.into_iter().map(|entry| entry.replace("resources/0/", "")).collect()
    }

    #[test]
    fn leaves_rules_that_work_alone() {
        for rule in [
            r#""users": ["system:serviceaccount:kube-system:generic-garbage-collector", "tim@k8s.io"]"#,
            r#""userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]"#,
            r#""verbs": ["get", "post", "create"]"#,
            r#""verbs": ["post"], "nonResourceURLs": ["/api*", "/api/v1/*", "/apis/apps/v1", "/version", "*"]"#,
            r#""namespaces": ["", "kube-system"], "resources": [{"resources": ["pods/*", "*/status", "*"]}]"#,
            r#""namespaces": ["a"], "resources": [{"resources": ["namespaces"]}]"#,
            r#""namespaces": ["a"], "resources": [{"resources": ["nodes", "pods"]}]"#,
            r#""verbs": ["create"], "resources": [{"resources": ["pods/exec"], "resourceNames": ["a"]}]"#,
            r#""resources": [{"group": "example.com", "resources": ["widgets"]}]"#,
        ] {
            assert_eq!(unmatched(rule), Vec::<String>::new(), "{rule}");
        }
    }

    #[test]
    fn nothing_but_resources_and_urls_has_wildcards() {
        let rule = r#""users": ["system:node:*"], "verbs": ["*"], "namespaces": ["*"],
            "resources": [{"resources": ["pods"], "resourceNames": ["web-*"]}]"#;
        assert_eq!(
            unmatched(rule),
            ["users/0!", "verbs/0!", "namespaces/0!", "resources/0/resourceNames/0!"]
        );
    }

    #[test]
    fn wildcards_stand_for_whole_words() {
        assert_eq!(resources("", r#"["*/*", "pods", "pod*"]"#), ["resources/0 -> *", "resources/2"]);
    }

    #[test]
    fn verbs_fit_the_kind_of_request() {
        assert_eq!(unmatched(r#""verbs": ["Get", "creat"]"#), ["verbs/0! -> get", "verbs/1! -> create"]);
        assert_eq!(unmatched(r#""verbs": ["get", "post"], "namespaces": [""]"#), ["verbs/1 -> create"]);
        assert_eq!(unmatched(r#""verbs": ["list", "get"], "nonResourceURLs": ["/"]"#), ["verbs/0 -> get"]);
    }

    #[test]
    fn resources_are_where_kubernetes_has_them() {
        assert_eq!(resources("", r#"["deployments"]"#), ["resources/0!"]);
        assert_eq!(resources("", r#"["Pod", "pods"]"#), ["resources/0 -> pods"]);
        assert_eq!(resources("apps", r#"["deployment/scale"]"#), ["resources/0! -> deployments/scale"]);
        assert_eq!(resources("core", "[]"), ["group! -> "]);
        assert_eq!(resources("rbac", "[]"), ["group! -> rbac.authorization.k8s.io"]);
        assert_eq!(resources("example.com", r#"["Widgets"]"#), ["resources/0! -> widgets"]);
    }

    #[test]
    fn cluster_scoped_resources_are_in_no_namespace() {
        let rule = r#""namespaces": ["default"], "resources": [{"resources": ["nodes"]}]"#;
        assert_eq!(unmatched(rule), ["namespaces/0! -> "]);
    }

    #[test]
    fn users_are_no_groups() {
        assert_eq!(unmatched(r#""users": ["system:masters", "system:serviceaccounts:a"]"#).len(), 2);
        assert_eq!(unmatched(r#""users": ["system:serviceaccount:kube-system"]"#), ["users/0!"]);
        assert_eq!(
            unmatched(r#""userGroups": ["system:serviceaccount:a:b", "system:anonymous", " "]"#),
            ["userGroups/0! -> system:serviceaccounts:a", "userGroups/1!", "userGroups/2!"]
        );
    }

    #[test]
    fn a_new_object_has_no_name_in_its_path() {
        let rule = r#""verbs": ["create"], "resources": [{"resources": ["pods"], "resourceNames": ["a"]}]"#;
        assert_eq!(unmatched(rule), ["resources/0/resourceNames/0!"]);
    }

    #[test]
    fn paths_of_resources_are_no_urls() {
        assert_eq!(
            unmatched(
                r#""nonResourceURLs": ["/api/v1/pods*", "/apis/apps/v1/deployments", "/readyz?verbose"]"#
            ),
            ["nonResourceURLs/0!", "nonResourceURLs/1!", "nonResourceURLs/2! -> /readyz"]
        );
    }

    #[test]
    fn a_rule_lives_as_long_as_one_of_its_groups_does() {
        let rule = r#""resources": [{"group": "core", "resources": ["pods"]}, {"resources": ["pods"]}]"#;
        assert_eq!(unmatched(rule), ["resources/0/group -> "]);
    }
}
