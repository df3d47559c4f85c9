//! The words of a decoded policy, judged as the apiserver judges them.
//!
//! Source: kubernetes `staging/src/k8s.io/apiserver/pkg/apis/audit/validation/validation.go`, v1.34.

use super::decode::{RawPolicy, RawRule, Refusal};
use super::policy::{GroupResources, Level, Policy, PolicyRule, Stage, StageSet};
use crate::nearest::nearest;
use crate::yaml::Pointer;

/// The longest DNS subdomain (RFC 1123).
const MAX_SUBDOMAIN: usize = 253;

/// The policy, or everything that the apiserver refuses about it.
pub(crate) fn validate(raw: RawPolicy) -> Result<Policy, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let root = Pointer::root();
    let omit_stages = stages(&raw.omit_stages, &root.join("omitStages"), &mut refusals);
    let at = root.join("rules");
    if raw.rules.is_empty() {
        refuse(&mut refusals, at.clone(), "a policy needs at least one rule, found none".to_owned());
    }
    let rules = raw.rules.into_iter().enumerate();
    let rules = rules.map(|(index, rule)| validate_rule(rule, &at.item(index), &mut refusals)).collect();
    if refusals.is_empty() {
        Ok(Policy { rules, omit_stages, omit_managed_fields: raw.omit_managed_fields })
    } else {
        Err(refusals)
    }
}

fn validate_rule(rule: RawRule, at: &Pointer, refusals: &mut Vec<Refusal>) -> PolicyRule {
    let level = level(&rule.level, at, refusals);
    validate_urls(&rule.non_resource_urls, &at.join("nonResourceURLs"), refusals);
    validate_resources(&rule.resources, &at.join("resources"), refusals);
    let omit_stages = stages(&rule.omit_stages, &at.join("omitStages"), refusals);
    if !rule.non_resource_urls.is_empty() && (!rule.resources.is_empty() || !rule.namespaces.is_empty()) {
        let with = if rule.resources.is_empty() { "namespaces" } else { "resources" };
        let message = format!(
            "a rule is for resources or for non-resource URLs, found nonResourceURLs beside {with}: make two rules of it"
        );
        refuse(refusals, at.join("nonResourceURLs"), message);
    }
    PolicyRule {
        level,
        users: rule.users,
        user_groups: rule.user_groups,
        verbs: rule.verbs,
        resources: rule.resources,
        namespaces: rule.namespaces,
        non_resource_urls: rule.non_resource_urls,
        omit_stages,
        omit_managed_fields: rule.omit_managed_fields,
    }
}

fn level(word: &str, at: &Pointer, refusals: &mut Vec<Refusal>) -> Level {
    let names = Level::ALL.map(Level::name);
    if word.is_empty() {
        let message = format!("a rule needs a level, one of {}", names.join(", "));
        refuse(refusals, at.join("level"), message);
        return Level::None;
    }
    word.parse().unwrap_or_else(|error: super::policy::UnknownName| {
        let suggestion = nearest(word, names).map(str::to_owned);
        refusals.push(Refusal {
            pointer: at.join("level"),
            message: format!("unknown level: {error}"),
            suggestion,
        });
        Level::None
    })
}

fn stages(words: &[String], at: &Pointer, refusals: &mut Vec<Refusal>) -> StageSet {
    let mut known = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match word.parse::<Stage>() {
            Ok(stage) => known.push(stage),
            Err(error) => {
                let suggestion = nearest(word, Stage::ALL.map(Stage::name)).map(str::to_owned);
                let message = format!("unknown stage: {error}");
                refusals.push(Refusal { pointer: at.item(index), message, suggestion });
            }
        }
    }
    known.into_iter().collect()
}

fn validate_urls(urls: &[String], at: &Pointer, refusals: &mut Vec<Refusal>) {
    for (index, url) in urls.iter().enumerate().filter(|(_, url)| *url != "*") {
        if !url.starts_with('/') {
            let message = format!("a non-resource URL is `*` or begins with `/`, found {url:?}");
            refuse(refusals, at.item(index), message);
        }
        let body = url.char_indices().next_back().map_or("", |(last, _)| &url[..last]);
        if body.contains('*') {
            let message = format!("`*` may only be the last character of a non-resource URL, found {url:?}");
            refuse(refusals, at.item(index), message);
        }
    }
}

fn validate_resources(resources: &[GroupResources], at: &Pointer, refusals: &mut Vec<Refusal>) {
    for (index, group_resources) in resources.iter().enumerate() {
        let at = at.item(index);
        let GroupResources { group, resources, resource_names } = group_resources;
        if !group.is_empty() && !is_dns_subdomain(group) {
            refusals.push(bad_group(group, at.join("group")));
        }
        if !resource_names.is_empty() && resources.is_empty() {
            let message = "resourceNames needs resources beside it, found none".to_owned();
            refuse(refusals, at.join("resourceNames"), message);
        }
    }
}

fn bad_group(group: &str, pointer: Pointer) -> Refusal {
    let expected = "an API group is a lower-case DNS subdomain, or \"\" for the core group";
    let (why, suggestion) = match group.split_once('/') {
        Some((name, _)) => {
            ("; leave the version out", Some(name.to_owned()).filter(|name| is_dns_subdomain(name)))
        }
        None if group.trim().is_empty() => ("; a blank is no empty string", Some(String::new())),
        None if group == "*" => ("; groups have no wildcard", None),
        None => ("", None),
    };
    Refusal { pointer, message: format!("{expected}, found {group:?}{why}"), suggestion }
}

/// RFC 1123 labels joined by dots, as `validation.NameIsDNSSubdomain` has it.
fn is_dns_subdomain(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().zip(bytes.last());
        ends.is_some_and(|(first, last)| alphanumeric(*first) && alphanumeric(*last))
            && bytes.iter().all(|byte| alphanumeric(*byte) || *byte == b'-')
    };
    name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_label)
}

fn refuse(refusals: &mut Vec<Refusal>, pointer: Pointer, message: String) {
    refusals.push(Refusal { pointer, message, suggestion: None });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> RawRule {
        RawRule { level: "Metadata".to_owned(), ..RawRule::default() }
    }

    fn refusals_of(rule: RawRule) -> Vec<String> {
        let refusals = validate(RawPolicy { rules: vec![rule], ..RawPolicy::default() }).err();
        refusals.unwrap_or_default().iter().map(|refusal| refusal.pointer.to_string()).collect()
    }

    fn group(group: &str) -> RawRule {
        let resources = vec![GroupResources { group: group.to_owned(), ..GroupResources::default() }];
        RawRule { resources, ..rule() }
    }

    fn urls(url: &str) -> RawRule {
        RawRule { non_resource_urls: vec![url.to_owned()], ..rule() }
    }

    #[test]
    fn refuses_a_policy_without_rules() {
        let refusals = validate(RawPolicy::default()).unwrap_err();
        assert_eq!(refusals[0].message, "a policy needs at least one rule, found none");
    }

    #[test]
    fn suggests_the_level_that_was_meant() {
        let raw = RawRule { level: "metadata".to_owned(), ..RawRule::default() };
        let refusals = validate(RawPolicy { rules: vec![raw], ..RawPolicy::default() }).unwrap_err();
        assert_eq!(refusals[0].suggestion.as_deref(), Some("Metadata"));
    }

    #[test]
    fn accepts_groups_that_are_dns_subdomains() {
        for good in ["", "apps", "rbac.authorization.k8s.io", "a-1.b"] {
            assert!(refusals_of(group(good)).is_empty(), "{good}");
        }
        for bad in [" ", "*", "Apps", "apps/v1", "a..b", "-a", "a.", &"a".repeat(254)] {
            assert_eq!(refusals_of(group(bad)), ["/rules/0/resources/0/group"], "{bad}");
        }
    }

    #[test]
    fn accepts_urls_with_a_final_wildcard_only() {
        for good in ["*", "/", "/healthz*", "/logs/*", "/é*"] {
            assert!(refusals_of(urls(good)).is_empty(), "{good}");
        }
        assert_eq!(refusals_of(urls("")).len(), 1);
        assert_eq!(refusals_of(urls("healthz")).len(), 1);
        assert_eq!(refusals_of(urls("/a*b")).len(), 1);
        assert_eq!(refusals_of(urls("**")).len(), 2);
    }

    #[test]
    fn refuses_urls_beside_namespaces() {
        let raw = RawRule { namespaces: vec![String::new()], ..urls("/") };
        assert_eq!(refusals_of(raw), ["/rules/0/nonResourceURLs"]);
    }
}
