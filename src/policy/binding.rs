//! What happens on a violation: the configuration's enforcement, as bindings of a policy.

use serde_json::{Value, json};

use super::target::{Requests, Target};
use super::{GROUP, Settings, metadata};
use crate::config::Mode;

/// Left alone unless the configuration names them, as the webhook leaves them: what the cluster itself needs to
/// start runs there, privileged.
pub(super) const SYSTEM_NAMESPACES: [&str; 2] = ["kube-node-lease", "kube-system"];

/// The label that every namespace has.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The longest suffix of a binding's name.
pub(super) const LONGEST_SUFFIX: usize = "-deny-audit".len();

/// Namespaces that are enforced alike.
#[derive(Debug, PartialEq, Eq)]
struct Scope {
    mode: Mode,
    /// `In` or `NotIn`.
    operator: &'static str,
    namespaces: Vec<String>,
}

/// The bindings of a policy.
pub(super) fn bindings(policy: &str, target: &Target, settings: &Settings<'_>) -> Vec<Value> {
    let of_scope = |scope: &Scope| {
        actions(scope.mode, settings)
            .into_iter()
            .map(|(suffix, action, requests)| binding(policy, &suffix, action, &requests, scope, target))
            .collect::<Vec<_>>()
    };
    scopes(settings).iter().flat_map(of_scope).collect()
}

/// The namespaces by mode, first those of the default.
fn scopes(settings: &Settings<'_>) -> Vec<Scope> {
    let enforcement = &settings.config.enforcement;
    let default = settings.enforce.unwrap_or(enforcement.default);
    let named = |mode: Mode| {
        let of_mode = enforcement.namespaces.iter().filter(move |(_, own)| *own == mode);
        of_mode.map(|(name, _)| name.clone())
    };
    let is_named = |name: &str| enforcement.namespaces.iter().any(|(own, _)| own == name);
    let system = SYSTEM_NAMESPACES.iter().filter(|name| !is_named(name)).map(|name| (*name).to_owned());
    let others = enforcement.namespaces.iter().filter(|(_, mode)| *mode != default);
    let mut except: Vec<_> = others.map(|(name, _)| name.clone()).chain(system).collect();
    except.sort();
    let mut scopes = vec![Scope { mode: default, operator: "NotIn", namespaces: except }];
    for mode in [Mode::Deny, Mode::Warn, Mode::Audit] {
        let mut namespaces: Vec<_> = named(mode).collect();
        namespaces.sort();
        if mode != default && !namespaces.is_empty() {
            scopes.push(Scope { mode, operator: "In", namespaces });
        }
    }
    scopes.retain(|scope| scope.mode != Mode::Off);
    scopes
}

/// The end of a binding's name, its action, and the requests that it is for.
fn actions(mode: Mode, settings: &Settings<'_>) -> Vec<(String, &'static str, Vec<Requests>)> {
    let most = |requests: &Requests| match requests {
        Requests::Pods => Mode::Deny,
        Requests::EphemeralContainers => settings.ephemeral_containers,
        Requests::Workloads => settings.workloads,
    };
    let mut found = Vec::new();
    for (weaker, name, action) in
        ACTIONS.into_iter().filter(|(weaker, ..)| strength(*weaker) <= strength(mode))
    {
        let done = |requests: &Requests| strength(mode).min(strength(most(requests)));
        let requests: Vec<_> =
            Requests::ALL.into_iter().filter(|requests| done(requests) == strength(weaker)).collect();
        let own = ACTIONS.iter().find(|(own, ..)| *own == mode).map_or("", |(_, name, _)| name);
        let suffix = if weaker == mode { name.to_owned() } else { format!("{own}-{name}") };
        if !requests.is_empty() {
            found.push((suffix, action, requests));
        }
    }
    found
}

/// What is done, with its name and the API's.
const ACTIONS: [(Mode, &str, &str); 3] =
    [(Mode::Deny, "deny", "Deny"), (Mode::Warn, "warn", "Warn"), (Mode::Audit, "audit", "Audit")];

fn strength(mode: Mode) -> u8 {
    match mode {
        Mode::Off => 0,
        Mode::Audit => 1,
        Mode::Warn => 2,
        Mode::Deny => 3,
    }
}

fn binding(
    policy: &str,
    suffix: &str,
    action: &str,
    requests: &[Requests],
    scope: &Scope,
    target: &Target,
) -> Value {
    let mut resources = json!({});
    if !scope.namespaces.is_empty() {
        let names = json!({"key": NAME_LABEL, "operator": scope.operator, "values": scope.namespaces});
        resources["namespaceSelector"] = json!({"matchExpressions": [names]});
    }
    if requests.len() < Requests::ALL.len() {
        resources["resourceRules"] = json!(target.resource_rules(requests));
    }
    let mut spec = json!({"policyName": policy, "validationActions": [action]});
    if resources != json!({}) {
        spec["matchResources"] = resources;
    }
    json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata(&format!("{policy}-{suffix}")),
        "spec": spec,
    })
}

/// Every namespace but the system's.
pub(super) fn not_of_the_system() -> Value {
    json!({"matchExpressions": [{"key": NAME_LABEL, "operator": "NotIn", "values": SYSTEM_NAMESPACES}]})
}

/// Of a policy that is bound so.
pub(super) const SYSTEM_NOTE: &str =
    "kube-node-lease and kube-system are left alone, as the webhook leaves them";

/// What to know of how it is enforced.
pub(super) fn notes(settings: &Settings<'_>) -> Vec<String> {
    let scopes = scopes(settings);
    let is_left = |name: &&&str| !settings.config.enforcement.namespaces.iter().any(|(own, _)| own == **name);
    let left: Vec<_> = SYSTEM_NAMESPACES.iter().filter(is_left).copied().collect();
    let mut notes = Vec::new();
    if !left.is_empty() && scopes.iter().any(|scope| scope.operator == "NotIn") {
        notes.push(format!(
            "{} are left alone, as the webhook leaves them; name them under `enforcement.namespaces` to have \
             them judged",
            left.join(" and ")
        ));
    }
    if scopes.is_empty() {
        notes.push("enforcement is off everywhere: no binding is made, so that nothing is judged".to_owned());
    }
    notes.push(
        "the labels lithify.dev/enforce, warn and audit of namespaces are not looked at: only the webhook does"
            .to_owned(),
    );
    notes.push(
        "annotations and comments that allow a finding are not looked at: whoever writes the pod must not \
         exempt it"
            .to_owned(),
    );
    notes
}
