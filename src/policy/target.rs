//! Which requests a policy matches, and where each kind has its pod template.

use serde_json::{Value, json};

use crate::checks::predicate::cel::{Expr, text};
use crate::k8s::{CustomKind, KINDS, Kinds, Workload};

/// The kinds that policies judge.
#[derive(Clone, Debug)]
pub(super) struct Target {
    custom: Vec<CustomKind>,
}

/// A kind of requests that can be bound to an action of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    Pods,
    EphemeralContainers,
    Workloads,
}

impl Requests {
    pub(super) const ALL: [Self; 3] = [Self::Pods, Self::EphemeralContainers, Self::Workloads];
}

impl Target {
    /// Kubernetes' own kinds, and of the configuration's those whose template CEL can reach; why not, of the
    /// others.
    pub(super) fn new(kinds: &Kinds) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let reachable = |kind: &&CustomKind| match obstacle(kind) {
            Some(obstacle) => {
                notes.push(format!("kind {} of the configuration is left out: {obstacle}", shown(kind)));
                false
            }
            None => true,
        };
        let custom = kinds.custom.iter().filter(reachable).cloned().collect();
        (Self { custom }, notes)
    }

    /// The rules of `matchResources` for these requests.
    pub(super) fn resource_rules(&self, requests: &[Requests]) -> Vec<Value> {
        requests.iter().flat_map(|requests| self.rules_of(*requests)).collect()
    }

    fn rules_of(&self, requests: Requests) -> Vec<Value> {
        const CREATE_UPDATE: &[&str] = &["CREATE", "UPDATE"];
        match requests {
            Requests::Pods => vec![rule("", &["v1"], &["pods"], CREATE_UPDATE)],
            Requests::EphemeralContainers => {
                vec![rule("", &["v1"], &["pods/ephemeralcontainers"], &["UPDATE"])]
            }
            Requests::Workloads => {
                let served = served().into_iter();
                let own = served
                    .map(|(group, version, resources)| rule(group, &[version], &resources, CREATE_UPDATE));
                // The plural is the CRD's secret: the whole group is matched, and a condition picks the kind.
                let custom = self.groups().map(|group| rule(group, &["*"], &["*"], CREATE_UPDATE));
                own.chain(custom).collect()
            }
        }
    }

    /// The groups of the configuration's kinds, each once.
    fn groups(&self) -> impl Iterator<Item = &str> {
        let is_first =
            |index: usize, group: &str| self.custom[..index].iter().all(|other| other.group != group);
        let groups = self.custom.iter().enumerate();
        groups.filter(move |(index, kind)| is_first(*index, &kind.group)).map(|(_, kind)| kind.group.as_str())
    }

    /// The conditions that pick the configuration's kinds from their groups.
    pub(super) fn conditions(&self) -> Vec<(String, String)> {
        let condition = |group: &str| {
            let kinds = self.custom.iter().filter(|kind| kind.group == group);
            let kinds: Vec<_> = kinds.map(|kind| text(&kind.kind)).collect();
            let picked = format!(
                "request.kind.group != {} || request.kind.kind in [{}]",
                text(group),
                kinds.join(", ")
            );
            (format!("kinds-of-{group}"), picked)
        };
        self.groups().map(condition).collect()
    }

    /// The pod template of `object`, the name of an object that is there; `dyn` keeps the apiserver's type checker
    /// from asking for each field in each kind.
    pub(super) fn template(&self, object: &str) -> String {
        self.by_kind(
            |custom| optional(object, &custom.template),
            |template| template.iter().fold(format!("dyn({object})"), |place, key| place + "." + key),
        )
    }

    /// The JSON Pointer of the pod template, and `below` it.
    pub(super) fn pointer(&self, below: &str) -> String {
        let pointer = |keys: &mut dyn Iterator<Item = &str>| {
            let template = keys.fold(String::new(), |pointer, key| pointer + "/" + key);
            text(&(template + below))
        };
        self.by_kind(
            |custom| pointer(&mut custom.template.iter().map(String::as_str)),
            |template| pointer(&mut template.iter().copied()),
        )
    }

    /// An expression for each kind, and the choice between them.
    fn by_kind(&self, custom: impl Fn(&CustomKind) -> String, own: impl Fn(&[&str]) -> String) -> String {
        let mut choices = Vec::new();
        for kind in &self.custom {
            let (group, name) = (text(&kind.group), text(&kind.kind));
            let chosen = custom(kind);
            choices.push(format!("request.kind.group == {group} && request.kind.kind == {name} ? {chosen}"));
        }
        let workloads: Vec<_> = KINDS.iter().filter(|workload| is_served(workload)).collect();
        let usual = workloads.iter().max_by_key(|one| same_place(&workloads, one)).map(|one| one.template);
        let usual = usual.unwrap_or_default();
        for workload in workloads.iter().filter(|workload| workload.template != usual) {
            let chosen = own(workload.template);
            choices.push(format!("request.kind.kind == {} ? {chosen}", text(workload.kind)));
        }
        choices.push(own(usual));
        choices.join(" :\n")
    }
}

/// Kubernetes' own workloads by group and version, the newest that is served: the apiserver converts the others.
fn served() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let mut found: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for workload in KINDS.iter().filter(|workload| !workload.template.is_empty()) {
        for group in workload.groups.iter().filter(|group| group.served > 0) {
            let version = group.versions[0];
            match found.iter_mut().find(|(name, of, _)| *name == group.name && *of == version) {
                Some((.., resources)) => resources.push(workload.resource),
                None => found.push((group.name, version, vec![workload.resource])),
            }
        }
    }
    found
}

fn is_served(workload: &Workload) -> bool {
    workload.groups.iter().any(|group| group.served > 0)
}

fn same_place(workloads: &[&Workload], one: &Workload) -> usize {
    workloads.iter().filter(|other| other.template == one.template).count()
}

fn rule(group: &str, versions: &[&str], resources: &[&str], operations: &[&str]) -> Value {
    json!({
        "apiGroups": [group], "apiVersions": versions, "operations": operations, "resources": resources,
        "scope": "Namespaced",
    })
}

/// The value at the keys, `{}` where there is none.
fn optional(object: &str, keys: &[String]) -> String {
    let root = format!("dyn({object})");
    let places = keys.iter().scan(root.clone(), |place, key| {
        *place = format!("{place}.{key}");
        Some(place.clone())
    });
    let there = Expr::all(places.clone().map(|place| Expr::Atom(format!("has({place})"))));
    match places.last() {
        Some(place) => format!("({there} ? {place} : {{}})"),
        None => root,
    }
}

fn shown(kind: &CustomKind) -> String {
    if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) }
}

/// Why a policy cannot judge a kind.
fn obstacle(kind: &CustomKind) -> Option<&'static str> {
    let is_own = |workload: &Workload| {
        workload.kind == kind.kind && workload.groups.iter().any(|group| group.name == kind.group)
    };
    if kind.template.iter().any(|key| key == "*") {
        Some("its pods are items of a list, of which CEL can only reach one template")
    } else if kind.group.is_empty() || KINDS.iter().any(is_own) {
        Some("Kubernetes' own kinds are judged at Kubernetes' own place")
    } else if !kind.template.iter().all(|key| is_identifier(key)) {
        Some("a key on the way to its template is no CEL identifier")
    } else {
        None
    }
}

fn is_identifier(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !["true", "false", "null", "in"].contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, kind: &str, template: &str) -> CustomKind {
        let template = template.split('.').map(str::to_owned).collect();
        CustomKind { group: group.to_owned(), kind: kind.to_owned(), template }
    }

    #[test]
    fn matches_every_served_kind_of_the_table() {
        let (target, _) = Target::new(&Kinds::default());
        let rules = target.resource_rules(&Requests::ALL);
        let resources: Vec<_> =
            rules.iter().flat_map(|rule| rule["resources"].as_array().unwrap().clone()).collect();
        for workload in KINDS {
            assert_eq!(
                resources.contains(&json!(workload.resource)),
                is_served(workload),
                "{}",
                workload.kind
            );
        }
        assert!(resources.contains(&json!("pods/ephemeralcontainers")));
    }

    #[test]
    fn asks_only_for_what_differs_from_the_usual_place() {
        let (target, _) = Target::new(&Kinds::default());
        let expected = "request.kind.kind == 'Pod' ? dyn(object) :\n\
            request.kind.kind == 'CronJob' ? dyn(object).spec.jobTemplate.spec.template :\n\
            request.kind.kind == 'PodTemplate' ? dyn(object).template :\n\
            dyn(object).spec.template";
        assert_eq!(target.template("object"), expected);
    }

    #[test]
    fn judges_the_kinds_of_the_configuration_that_cel_can_reach() {
        let custom = vec![
            kind("argoproj.io", "Rollout", "spec.template"),
            kind("core.strimzi.io", "StrimziPodSet", "spec.pods.*"),
            kind("example.org", "Odd", "spec.pod-template"),
        ];
        let (target, notes) = Target::new(&Kinds { custom });
        let place = "request.kind.group == 'argoproj.io' && request.kind.kind == 'Rollout' ? \
            (has(dyn(object).spec) && has(dyn(object).spec.template) ? dyn(object).spec.template : {}) :";
        assert!(target.template("object").starts_with(place), "{}", target.template("object"));
        let condition = "request.kind.group != 'argoproj.io' || request.kind.kind in ['Rollout']".to_owned();
        assert_eq!(target.conditions(), [("kinds-of-argoproj.io".to_owned(), condition)]);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("StrimziPodSet.core.strimzi.io"), "{notes:?}");
    }
}
