//! Which requests are sent: from the table of workload kinds, and the user's kinds.

use lithify::config::Webhook;
use lithify::k8s::{KINDS, Kinds};
use serde_json::{Value, json};

/// Pods, their new ephemeral containers, and every workload.
pub(super) fn validating(kinds: &Kinds) -> Value {
    let pods = rule(&["CREATE", "UPDATE"], "", "v1", &["pods"]);
    Value::Array([vec![pods, ephemeral_containers()], workloads(kinds)].concat())
}

/// New pods and ephemeral containers; workloads only where the configuration says so.
pub(super) fn mutating(webhook: &Webhook, kinds: &Kinds) -> Value {
    let pods = rule(&["CREATE"], "", "v1", &["pods"]);
    let workloads = if webhook.mutate_workloads { workloads(kinds) } else { Vec::new() };
    Value::Array([vec![pods, ephemeral_containers()], workloads].concat())
}

fn ephemeral_containers() -> Value {
    rule(&["UPDATE"], "", "v1", &["pods/ephemeralcontainers"])
}

/// One rule a group and version that an apiserver of today serves.
fn workloads(kinds: &Kinds) -> Vec<Value> {
    const CHANGES: &[&str] = &["CREATE", "UPDATE"];
    let mut served: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for workload in KINDS.iter().filter(|workload| workload.kind != "Pod") {
        for group in workload.groups {
            for version in &group.versions[..group.served] {
                let known =
                    served.iter_mut().find(|(name, known, _)| name == &group.name && known == version);
                match known {
                    Some((_, _, resources)) => resources.push(workload.resource),
                    None => served.push((group.name, version, vec![workload.resource])),
                }
            }
        }
    }
    let own = served.iter().map(|(group, version, resources)| rule(CHANGES, group, version, resources));
    let custom = kinds.custom.iter().map(|kind| {
        let mut rule = rule(CHANGES, &kind.group, "*", &[&plural(&kind.kind)]);
        // A custom kind may be of the whole cluster.
        rule["scope"] = json!("*");
        rule
    });
    own.chain(custom).collect()
}

fn rule(operations: &[&str], group: &str, version: &str, resources: &[&str]) -> Value {
    json!({
        "operations": operations,
        "apiGroups": [group],
        "apiVersions": [version],
        "resources": resources,
        "scope": "Namespaced",
    })
}

/// The resource of a kind, by the rule that kubebuilder follows: `rollouts`, `policies`, `classes`.
fn plural(kind: &str) -> String {
    let name = kind.to_lowercase();
    let before_y = name.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{stem}ies"),
        None if name.ends_with(['s', 'x', 'z']) || name.ends_with("ch") || name.ends_with("sh") => {
            name + "es"
        }
        None => name + "s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_every_served_kind_of_the_table() {
        let rules = validating(&Kinds::default());
        let shown = |rule: &Value| {
            format!(
                "{} {} {} {}",
                rule["apiGroups"][0], rule["apiVersions"][0], rule["operations"], rule["resources"]
            )
        };
        let shown: Vec<String> = rules.as_array().unwrap().iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                r#""" "v1" ["CREATE","UPDATE"] ["pods"]"#,
                r#""" "v1" ["UPDATE"] ["pods/ephemeralcontainers"]"#,
                r#""apps" "v1" ["CREATE","UPDATE"] ["deployments","daemonsets","statefulsets","replicasets"]"#,
                r#""" "v1" ["CREATE","UPDATE"] ["replicationcontrollers","podtemplates"]"#,
                r#""batch" "v1" ["CREATE","UPDATE"] ["jobs","cronjobs"]"#,
            ]
        );
    }

    #[test]
    fn leaves_workloads_to_git() {
        let rules = mutating(&Webhook::default(), &Kinds::default());
        assert_eq!(rules.as_array().unwrap().len(), 2);
        let all = Webhook { mutate_workloads: true, ..Webhook::default() };
        assert_eq!(mutating(&all, &Kinds::default()).as_array().unwrap().len(), 5);
    }

    #[test]
    fn knows_plurals() {
        let shown = ["Rollout", "NetworkPolicy", "StorageClass", "Gateway", "Mesh", "Proxy"].map(plural);
        assert_eq!(shown, ["rollouts", "networkpolicies", "storageclasses", "gateways", "meshes", "proxies"]);
    }
}
