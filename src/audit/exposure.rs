//! Which rules write credentials into the log, because they record the bodies that hold them.

use super::cover::{ResourceSlice, Scope, Slice};
use super::policy::{Level, Policy, PolicyRule};

/// A resource whose bodies hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensitive {
    /// The API group.
    pub group: &'static str,
    /// The resource, with its subresource behind a slash.
    pub resource: &'static str,
    /// What its bodies hold.
    pub holds: &'static str,
    /// Whether it is made to hold credentials; else people put them there.
    pub by_design: bool,
    /// Verbs whose request body holds them.
    request: &'static [&'static str],
    /// Verbs whose response body holds them. A watch's stream is never recorded.
    response: &'static [&'static str],
}

const WRITES: &[&str] = &["create", "update", "patch"];
const ALL: &[&str] = &["get", "list", "create", "update", "patch", "delete", "deletecollection"];

const SENSITIVE: [Sensitive; 4] = [
    Sensitive {
        group: "",
        resource: "secrets",
        holds: "passwords, keys and tokens",
        by_design: true,
        request: WRITES,
        response: ALL,
    },
    Sensitive {
        group: "",
        resource: "serviceaccounts/token",
        holds: "a fresh service account token in the response",
        by_design: true,
        request: &[],
        response: &["create"],
    },
    Sensitive {
        group: "authentication.k8s.io",
        resource: "tokenreviews",
        holds: "the bearer token that is reviewed",
        by_design: true,
        request: &["create"],
        response: &["create"],
    },
    Sensitive {
        group: "",
        resource: "configmaps",
        holds: "configuration, often with credentials in it",
        by_design: false,
        request: WRITES,
        response: ALL,
    },
];

/// A rule that records bodies with credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The rule, from 0.
    pub rule: usize,
    /// What it exposes; at least one.
    pub resources: Vec<Sensitive>,
}

impl Policy {
    /// The rules that record bodies of sensitive resources which no earlier rule takes away.
    pub fn exposures(&self) -> Vec<Exposure> {
        let exposed = |index: usize| {
            let is_exposed = |sensitive: &Sensitive| self.exposes(index, sensitive);
            SENSITIVE.into_iter().filter(is_exposed).collect::<Vec<_>>()
        };
        (0..self.rules.len())
            .map(|rule| Exposure { rule, resources: exposed(rule) })
            .filter(|exposure| !exposure.resources.is_empty())
            .collect()
    }

    fn exposes(&self, index: usize, sensitive: &Sensitive) -> bool {
        let (earlier, rule) = (&self.rules[..index], &self.rules[index]);
        let verbs = match rule.level {
            Level::None | Level::Metadata => return false,
            Level::Request => sensitive.request,
            Level::RequestResponse => sensitive.response,
        };
        if rule.slices_at_most() > super::cover::MAX_SLICES {
            // Too many to tell whether earlier rules take them all: rather a false alarm than a leak.
            return true;
        }
        let mut verbs =
            verbs.iter().filter(|verb| rule.verbs.is_empty() || rule.verbs.iter().any(|own| own == *verb));
        verbs.any(|verb| {
            rule.slices_of(sensitive, verb).iter().any(|slice| !earlier.iter().any(|rule| rule.takes(slice)))
        })
    }
}

impl PolicyRule {
    fn slices_at_most(&self) -> usize {
        let names: usize = self.resources.iter().map(|own| own.resource_names.len().max(1)).sum();
        [self.user_groups.len(), self.namespaces.len(), names]
            .into_iter()
            .fold(self.users.len().max(1), |product, length| product.saturating_mul(length.max(1)))
    }

    /// The requests of this verb on this resource that the rule matches, in slices.
    fn slices_of<'p>(&'p self, sensitive: &Sensitive, verb: &'p str) -> Vec<Slice<'p>> {
        let mut slices = Vec::new();
        for user in optional(&self.users) {
            for group in optional(&self.user_groups) {
                for scope in self.scopes_of(sensitive) {
                    slices.push(Slice { user, group, verb: Some(verb), scope });
                }
            }
        }
        slices
    }

    fn scopes_of<'p>(&'p self, sensitive: &Sensitive) -> Vec<Scope<'p>> {
        if !self.non_resource_urls.is_empty() {
            return Vec::new();
        }
        let whole = ResourceSlice { api_group: sensitive.group, pattern: sensitive.resource, name: None };
        let mut resources = Vec::new();
        if self.resources.is_empty() {
            resources.push(whole);
        }
        for own in &self.resources {
            for name in optional(&own.resource_names) {
                let slice = ResourceSlice { name, ..whole };
                resources.extend(own.takes(&slice).then_some(slice));
            }
        }
        let mut scopes = Vec::new();
        for namespace in optional(&self.namespaces) {
            for slice in &resources {
                scopes.push(Scope::Resources { namespace, resources: Some(*slice) });
            }
        }
        scopes
    }
}

/// The entries of a list; `None` alone where it is empty.
fn optional(list: &[String]) -> Vec<Option<&str>> {
    if list.is_empty() { vec![None] } else { list.iter().map(|entry| Some(entry.as_str())).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::load::load_tree;

    /// `0: secrets, configmaps` a rule.
    fn exposures(rules: &str) -> Vec<String> {
        let json = format!(r#"{{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{rules}]}}"#);
        let policy = load_tree(&serde_json::from_str(&json).unwrap(), true).policy.unwrap();
        let tell = |exposure: Exposure| {
            let names: Vec<_> = exposure.resources.iter().map(|sensitive| sensitive.resource).collect();
            format!("{}: {}", exposure.rule, names.join(", "))
        };
        policy.exposures().into_iter().map(tell).collect()
    }

    const ALL_BODIES: &str = r#"{"level": "RequestResponse"}"#;

    fn metadata(resources: &str) -> String {
        format!(r#"{{"level": "Metadata", "resources": [{{"resources": {resources}}}]}}"#)
    }

    #[test]
    fn a_rule_for_everything_exposes_everything() {
        assert_eq!(exposures(ALL_BODIES), ["0: secrets, serviceaccounts/token, tokenreviews, configmaps"]);
        assert!(exposures(r#"{"level": "Metadata"}"#).is_empty());
    }

    #[test]
    fn an_earlier_rule_takes_them_away() {
        let first = r#"{"level": "Metadata", "resources": [
            {"resources": ["secrets", "configmaps", "serviceaccounts/token"]},
            {"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]}"#;
        assert!(exposures(&format!("{first}, {ALL_BODIES}")).is_empty());
        assert_eq!(exposures(&format!("{ALL_BODIES}, {first}")).len(), 1);
        assert_eq!(
            exposures(&format!("{}, {ALL_BODIES}", metadata(r#"["secrets", "serviceaccounts"]"#))),
            ["1: serviceaccounts/token, tokenreviews, configmaps"]
        );
    }

    #[test]
    fn an_earlier_rule_for_some_requests_does_not_suffice() {
        let some = r#"{"level": "Metadata", "namespaces": ["kube-system"], "resources": [{"resources": ["secrets"]}]}"#;
        let later = r#"{"level": "Request", "resources": [{"resources": ["secrets"]}]}"#;
        assert_eq!(exposures(&format!("{some}, {later}")), ["1: secrets"]);
        let narrow = r#"{"level": "Request", "namespaces": ["kube-system"], "resources": [{"resources": ["secrets"]}]}"#;
        assert!(exposures(&format!("{some}, {narrow}")).is_empty());
    }

    #[test]
    fn only_verbs_with_such_bodies_count() {
        let secrets = |level: &str, verbs: &str| {
            let rule = format!(
                r#"{{"level": "{level}", "verbs": {verbs}, "resources": [{{"resources": ["secrets"]}}]}}"#
            );
            !exposures(&rule).is_empty()
        };
        assert!(secrets("Request", r#"["create"]"#) && secrets("RequestResponse", r#"["get"]"#));
        assert!(
            !secrets("Request", r#"["get", "list", "delete"]"#)
                && !secrets("RequestResponse", r#"["watch"]"#)
        );
    }

    #[test]
    fn wildcards_and_names_count() {
        for resources in [r#"["*"]"#, "[]", r#"["secrets/*"]"#] {
            let rule = format!(r#"{{"level": "Request", "resources": [{{"resources": {resources}}}]}}"#);
            assert!(exposures(&rule)[0].contains("secrets"), "{resources}");
        }
        let named =
            r#"{"level": "Request", "resources": [{"resources": ["secrets"], "resourceNames": ["a"]}]}"#;
        assert_eq!(exposures(named), ["0: secrets"]);
        assert_eq!(
            exposures(r#"{"level": "RequestResponse", "resources": [{"resources": ["*/token"]}]}"#),
            ["0: serviceaccounts/token"]
        );
        assert!(exposures(r#"{"level": "Request", "nonResourceURLs": ["*"]}"#).is_empty());
    }
}
