//! Which requests of a rule the rules before it take away.
//!
//! A rule is a product of lists (users × groups × verbs × namespaces × resources), so it falls into slices of
//! one entry each. A slice that one earlier rule matches wholly never reaches the rule. A rule whose slices
//! are all taken is shadowed, by one rule or by several together. The answer is sound: what is called taken
//! is taken for every request; a slice that several rules only share among them is not noticed.

use std::collections::BTreeSet;

use super::policy::{GroupResources, Policy, PolicyRule};
use crate::yaml::Pointer;

/// Slices of one rule that are looked at; a rule with more is only compared with each earlier rule as a
/// whole, so that a hostile policy costs no more than a long one.
pub(super) const MAX_SLICES: usize = 20_000;

/// The requests of one entry of each list of a rule; `None` stands for every value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slice<'p> {
    pub(crate) user: Option<&'p str>,
    pub(crate) group: Option<&'p str>,
    pub(crate) verb: Option<&'p str>,
    pub(crate) scope: Scope<'p>,
}

/// What the requests of a slice are about.
#[derive(Clone, Debug, Default)]
pub(crate) enum Scope<'p> {
    /// Anything.
    #[default]
    Any,
    /// Non-resource URLs of this pattern.
    Urls(&'p str),
    /// Resources.
    Resources {
        /// The namespace.
        namespace: Option<&'p str>,
        /// Which resources.
        resources: Option<ResourceSlice<'p>>,
    },
}

/// The resources of one entry of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResourceSlice<'p> {
    pub(crate) api_group: &'p str,
    /// A resource or pattern; `*` for all.
    pub(crate) pattern: &'p str,
    pub(crate) name: Option<&'p str>,
}

/// What the earlier rules take of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The rule that loses requests, from 0.
    pub rule: usize,
    /// The entries of its lists that match nothing any more; empty where the whole rule does not.
    pub entries: Vec<Pointer>,
    /// The rules that take them, from 0, in order.
    pub by: Vec<usize>,
}

impl Policy {
    /// The rules, and entries of rules, that can decide about no request because earlier rules do.
    ///
    /// `O(rules² × slices)`, where a rule has at most 20 000 slices.
    pub fn shadows(&self) -> Vec<Shadow> {
        (1..self.rules.len()).flat_map(|index| self.shadows_of(index)).collect()
    }

    fn shadows_of(&self, index: usize) -> Vec<Shadow> {
        let (earlier, rule) = (&self.rules[..index], &self.rules[index]);
        let first_to_take = |slice: &Slice<'_>| earlier.iter().position(|earlier| earlier.takes(slice));
        let whole = earlier.iter().position(|earlier| earlier.takes_all(rule));
        if let Some(by) = whole {
            return vec![Shadow { rule: index, entries: Vec::new(), by: vec![by] }];
        }
        let lists = Lists::of(rule, index);
        if lists.slices().is_none_or(|slices| slices > MAX_SLICES) {
            return Vec::new();
        }
        let (mut lives, mut alive) = (false, BTreeSet::new());
        let mut taken: Vec<(Pointer, usize)> = Vec::new();
        lists.for_each(|slice, entries| {
            let entries = entries.iter().map(|entry| (*entry).clone());
            if let Some(by) = first_to_take(slice) {
                taken.extend(entries.map(|entry| (entry, by)));
            } else {
                lives = true;
                alive.extend(entries);
            }
        });
        let by = |pointers: &[Pointer]| {
            let takers = taken.iter().filter(|(pointer, _)| pointers.contains(pointer)).map(|(_, by)| *by);
            takers.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let entries: BTreeSet<Pointer> = taken.iter().map(|(pointer, _)| pointer.clone()).collect();
        if !lives {
            let all: Vec<_> = entries.into_iter().collect();
            return vec![Shadow { rule: index, entries: Vec::new(), by: by(&all) }];
        }
        let dead = entries.into_iter().filter(|entry| !alive.contains(entry));
        dead.map(|entry| Shadow { rule: index, by: by(std::slice::from_ref(&entry)), entries: vec![entry] })
            .collect()
    }
}

impl PolicyRule {
    /// Whether the rule matches every request of the slice.
    pub(crate) fn takes(&self, slice: &Slice<'_>) -> bool {
        takes_entry(&self.users, slice.user)
            && takes_entry(&self.user_groups, slice.group)
            && takes_entry(&self.verbs, slice.verb)
            && self.takes_scope(&slice.scope)
    }

    /// Whether the rule matches every request that `other` matches.
    fn takes_all(&self, other: &Self) -> bool {
        takes_list(&self.users, &other.users)
            && takes_list(&self.user_groups, &other.user_groups)
            && takes_list(&self.verbs, &other.verbs)
            && scopes(other).all(|scope| self.takes_scope(&scope))
    }

    fn takes_scope(&self, scope: &Scope<'_>) -> bool {
        match scope {
            _ if !self.is_for_resources() && self.non_resource_urls.is_empty() => true,
            Scope::Any => false,
            Scope::Urls(pattern) => {
                !self.is_for_resources() && self.non_resource_urls.iter().any(|own| takes_url(own, pattern))
            }
            Scope::Resources { namespace, resources } => {
                self.is_for_resources()
                    && takes_entry(&self.namespaces, *namespace)
                    && self.takes_resources(resources.as_ref())
            }
        }
    }

    fn takes_resources(&self, slice: Option<&ResourceSlice<'_>>) -> bool {
        if self.resources.is_empty() {
            return true;
        }
        slice.is_some_and(|slice| self.resources.iter().any(|own| own.takes(slice)))
    }
}

impl GroupResources {
    pub(super) fn takes(&self, slice: &ResourceSlice<'_>) -> bool {
        self.group == slice.api_group
            && (self.resources.is_empty()
                || (takes_entry(&self.resource_names, slice.name)
                    && self.resources.iter().any(|own| takes_pattern(own, slice.pattern))))
    }

    /// The patterns that it lists, with their indices; one that takes all where it lists none.
    fn patterns(&self) -> impl Iterator<Item = (Option<usize>, &str)> {
        let all = self.resources.is_empty().then_some((None, "*"));
        all.into_iter()
            .chain(self.resources.iter().enumerate().map(|(index, pattern)| (Some(index), pattern.as_str())))
    }

    /// The names that it lists, with their indices; `None` where it lists none or they do not count.
    fn names(&self) -> Vec<(Option<usize>, Option<&str>)> {
        if self.resources.is_empty() { vec![(None, None)] } else { entries(&self.resource_names) }
    }
}

/// Whether an empty list, or one that holds the entry, stands on the taking side.
fn takes_entry(list: &[String], entry: Option<&str>) -> bool {
    list.is_empty() || entry.is_some_and(|entry| list.iter().any(|own| own == entry))
}

fn takes_list(list: &[String], other: &[String]) -> bool {
    list.is_empty() || (!other.is_empty() && other.iter().all(|entry| list.contains(entry)))
}

/// Whether every path of the other pattern is one of the own.
fn takes_url(own: &str, other: &str) -> bool {
    own == "*"
        || own == other
        || own.strip_suffix('*').is_some_and(|prefix| {
            // `*` alone also matches a path without a leading slash.
            other != "*" && other.strip_suffix('*').unwrap_or(other).starts_with(prefix)
        })
}

/// Whether every resource of the other pattern is one of the own; `pods/*` holds `pods`.
fn takes_pattern(own: &str, other: &str) -> bool {
    if own == "*" || own == other {
        return true;
    }
    if own == "*/*" {
        return false;
    }
    if let Some(resource) = own.strip_suffix("/*") {
        return other.split('/').next() == Some(resource);
    }
    own.strip_prefix("*/").is_some_and(|subresource| {
        !subresource.is_empty() && other.split_once('/').is_some_and(|(_, other)| other == subresource)
    })
}

fn entries(list: &[String]) -> Vec<(Option<usize>, Option<&str>)> {
    if list.is_empty() {
        return vec![(None, None)];
    }
    list.iter().enumerate().map(|(index, entry)| (Some(index), Some(entry.as_str()))).collect()
}

/// What a rule is about, one scope an entry.
fn scopes(rule: &PolicyRule) -> impl Iterator<Item = Scope<'_>> {
    Lists::of(rule, 0).scopes.into_iter().map(|(scope, _)| scope)
}

/// The lists of a rule, each entry with the places that it came from.
struct Lists<'p> {
    users: Vec<(Option<&'p str>, Option<Pointer>)>,
    groups: Vec<(Option<&'p str>, Option<Pointer>)>,
    verbs: Vec<(Option<&'p str>, Option<Pointer>)>,
    scopes: Vec<(Scope<'p>, Vec<Pointer>)>,
}

impl<'p> Lists<'p> {
    fn of(rule: &'p PolicyRule, index: usize) -> Self {
        let at = Pointer::root().join("rules").item(index);
        let list = |field: &str, list: &'p [String]| {
            let at = at.join(field);
            entries(list)
                .into_iter()
                .map(|(index, entry)| (entry, index.map(|index| at.item(index))))
                .collect()
        };
        let scopes = if rule.is_for_resources() {
            resource_scopes(rule, &at)
        } else if rule.non_resource_urls.is_empty() {
            vec![(Scope::Any, Vec::new())]
        } else {
            let at = at.join("nonResourceURLs");
            let urls = rule.non_resource_urls.iter().enumerate();
            urls.map(|(index, url)| (Scope::Urls(url), vec![at.item(index)])).collect()
        };
        Self {
            users: list("users", &rule.users),
            groups: list("userGroups", &rule.user_groups),
            verbs: list("verbs", &rule.verbs),
            scopes,
        }
    }

    fn slices(&self) -> Option<usize> {
        [self.groups.len(), self.verbs.len(), self.scopes.len()]
            .iter()
            .try_fold(self.users.len(), |product, length| product.checked_mul(*length))
    }

    fn for_each(&self, mut visit: impl FnMut(&Slice<'p>, &[&Pointer])) {
        for (user, user_at) in &self.users {
            for (group, group_at) in &self.groups {
                for (verb, verb_at) in &self.verbs {
                    for (scope, scope_at) in &self.scopes {
                        let slice = Slice { user: *user, group: *group, verb: *verb, scope: scope.clone() };
                        let places: Vec<&Pointer> =
                            [user_at, group_at, verb_at].into_iter().flatten().chain(scope_at).collect();
                        visit(&slice, &places);
                    }
                }
            }
        }
    }
}

fn resource_scopes<'p>(rule: &'p PolicyRule, at: &Pointer) -> Vec<(Scope<'p>, Vec<Pointer>)> {
    let mut resources: Vec<(Option<ResourceSlice<'p>>, Vec<Pointer>)> = Vec::new();
    for (index, group) in rule.resources.iter().enumerate() {
        let at = at.join("resources").item(index);
        for (resource_index, pattern) in group.patterns() {
            for (name_index, name) in group.names() {
                let resource_at = resource_index.map_or(at.clone(), |index| at.join("resources").item(index));
                let name_at = name_index.map(|index| at.join("resourceNames").item(index));
                let slice = ResourceSlice { api_group: &group.group, pattern, name };
                resources.push((Some(slice), std::iter::once(resource_at).chain(name_at).collect()));
            }
        }
    }
    if resources.is_empty() {
        resources.push((None, Vec::new()));
    }
    let mut scopes = Vec::new();
    for (namespace_index, namespace) in entries(&rule.namespaces) {
        let namespace_at = namespace_index.map(|index| at.join("namespaces").item(index));
        for (resources, places) in &resources {
            let places = namespace_at.iter().chain(places).cloned().collect();
            scopes.push((Scope::Resources { namespace, resources: *resources }, places));
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::load::load_tree;

    fn policy(rules: &str) -> Policy {
        let json = format!(r#"{{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{rules}]}}"#);
        load_tree(&serde_json::from_str(&json).unwrap(), true).policy.unwrap()
    }

    /// `2 by 0,1` for a shadowed rule, `2/verbs/0 by 0` for a shadowed entry.
    fn shadows(rules: &str) -> Vec<String> {
        let tell = |shadow: Shadow| {
            let entries: String =
                shadow.entries.iter().map(|at| at.to_string().replace("/rules/", "")).collect();
            let by: Vec<_> = shadow.by.iter().map(ToString::to_string).collect();
            let what = if entries.is_empty() { shadow.rule.to_string() } else { entries };
            format!("{what} by {}", by.join(","))
        };
        policy(rules).shadows().into_iter().map(tell).collect()
    }

    fn resources(list: &str) -> String {
        format!(r#"{{"level": "Metadata", "resources": [{{"group": "", "resources": {list}}}]}}"#)
    }

    fn resource_pair(earlier: &str, later: &str) -> bool {
        !shadows(&format!("{}, {}", resources(earlier), resources(later))).is_empty()
    }

    #[test]
    fn a_catch_all_shadows_what_follows() {
        assert_eq!(shadows(r#"{"level": "None"}, {"level": "Metadata", "users": ["a"]}"#), ["1 by 0"]);
        assert!(shadows(r#"{"level": "None", "users": ["a"]}, {"level": "Metadata"}"#).is_empty());
    }

    #[test]
    fn resource_wildcards_take_what_the_apiserver_lets_them() {
        for (earlier, later) in [
            (r#"["*"]"#, r#"["pods/log"]"#),
            (r#"["*"]"#, "[]"),
            ("[]", r#"["*"]"#),
            (r#"["pods/*"]"#, r#"["pods", "pods/log"]"#),
            (r#"["*/scale"]"#, r#"["deployments/scale"]"#),
        ] {
            assert!(resource_pair(earlier, later), "{earlier} takes {later}");
        }
        for (earlier, later) in [
            (r#"["pods"]"#, r#"["pods/log"]"#),
            (r#"["pods", "pods/log"]"#, r#"["pods/*"]"#),
            (r#"["*/log"]"#, r#"["pods"]"#),
            (r#"["*/*"]"#, r#"["pods/log", "pods/*"]"#),
            (r#"["pods/*"]"#, r#"["*"]"#),
            (r#"["*/"]"#, r#"["pods/"]"#),
        ] {
            assert!(!resource_pair(earlier, later), "{earlier} leaves some of {later}");
        }
    }

    #[test]
    fn names_and_namespaces_must_be_held() {
        let named = |names: &str| {
            format!(
                r#"{{"level": "None", "resources": [{{"resources": ["pods"], "resourceNames": {names}}}]}}"#
            )
        };
        assert_eq!(shadows(&format!("{}, {}", named(r#"["a", "b"]"#), named(r#"["a"]"#))), ["1 by 0"]);
        assert!(shadows(&format!("{}, {}", named(r#"["a"]"#), named("[]"))).is_empty());
        let spaces = |list: &str| format!(r#"{{"level": "None", "namespaces": {list}}}"#);
        assert_eq!(shadows(&format!("{}, {}", spaces(r#"["", "a"]"#), spaces(r#"[""]"#))), ["1 by 0"]);
        let pods = resources(r#"["pods"]"#);
        assert!(shadows(&format!("{}, {pods}", spaces(r#"["a"]"#))).is_empty());
    }

    #[test]
    fn urls_are_compared_by_prefix() {
        let pair = |earlier: &str, later: &str| {
            let rule = |url| format!(r#"{{"level": "None", "nonResourceURLs": ["{url}"]}}"#);
            !shadows(&format!("{}, {}", rule(earlier), rule(later))).is_empty()
        };
        assert!(pair("*", "/healthz*") && pair("/healthz*", "/healthz/ping") && pair("/a*", "/ab*"));
        assert!(!pair("/healthz", "/healthz*") && !pair("/ab*", "/a*") && !pair("/*", "*"));
    }

    #[test]
    fn resources_and_urls_do_not_take_each_other() {
        let urls = r#"{"level": "None", "nonResourceURLs": ["*"]}"#;
        let all = resources(r#"["*"]"#);
        assert!(shadows(&format!("{urls}, {all}")).is_empty());
        assert!(shadows(&format!("{all}, {urls}, {{\"level\": \"Metadata\"}}")).is_empty());
    }

    #[test]
    fn several_rules_may_shadow_one_together() {
        let verbs = |verbs: &str| format!(r#"{{"level": "None", "verbs": {verbs}}}"#);
        let rules =
            format!("{}, {}, {}", verbs(r#"["get"]"#), verbs(r#"["list"]"#), verbs(r#"["get", "list"]"#));
        assert_eq!(shadows(&rules), ["2 by 0,1"]);
    }

    #[test]
    fn names_the_entries_that_are_taken_from_a_rule_that_lives() {
        let rules = format!("{}, {}", resources(r#"["secrets"]"#), resources(r#"["secrets", "pods"]"#));
        assert_eq!(shadows(&rules), ["1/resources/0/resources/0 by 0"]);
        assert!(shadows(&format!("{}, {}", resources(r#"["secrets"]"#), resources(r#"["*"]"#))).is_empty());
    }

    #[test]
    fn a_user_is_not_taken_by_a_group() {
        let rules = r#"{"level": "None", "userGroups": ["g"]}, {"level": "None", "users": ["u"]}"#;
        assert!(shadows(rules).is_empty());
    }

    #[test]
    fn a_rule_with_too_many_slices_is_compared_as_a_whole() {
        let many: Vec<_> = (0..200).map(|n| format!("\"{n}\"")).collect();
        let many = format!("[{}]", many.join(","));
        let rule = format!(r#"{{"level": "None", "users": {many}, "userGroups": {many}, "verbs": ["get"]}}"#);
        assert_eq!(shadows(&format!("{rule}, {rule}")), ["1 by 0"]);
    }
}
