//! What the apiserver is told of the webhook: two configurations that keep it out of the way.
//!
//! - [`configurations`]: the objects, pure: `lithify.yaml`, where the webhook is, whom to trust.
//! - [`cluster`]: puts them there, takes them away, and exchanges their `caBundle`s.
//! - [`current`]: whether what is there is what the configuration in use would register, pure.
//!
//! Disjoint entries: where a violation is refused, a webhook that does not answer refuses too (`Fail`); where it
//! only observes, nothing depends on it (`Ignore`). kube-system, kube-node-lease and the webhook's own namespace
//! are in none, so that a cluster whose nodes were all down can start.

pub mod cluster;
mod conditions;
mod current;
mod rules;
mod selectors;

use serde_json::{Value, json};

use lithify::config::{Config, Mutation};

pub use current::Registered;

/// The name of both configurations.
pub const NAME: &str = "lithify-webhook";
/// How long the apiserver waits for an answer.
const TIMEOUT_SECONDS: u8 = 5;

/// Where the apiserver finds the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Service of the cluster, on its port 443.
    Service {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// Outside of the cluster: `https://host:port`, without a path.
    Url(String),
}

impl Endpoint {
    /// The host that the certificate must name.
    pub fn host(&self) -> String {
        match self {
            Self::Service { name, namespace } => format!("{name}.{namespace}.svc"),
            Self::Url(url) => {
                let authority = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
                let host = match authority.strip_prefix('[') {
                    Some(address) => address.split(']').next().unwrap_or_default(),
                    None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
                };
                host.to_owned()
            }
        }
    }

    fn client_config(&self, path: &str, ca_bundle: &[u8]) -> Value {
        use base64::Engine as _;
        let bundle = base64::engine::general_purpose::STANDARD.encode(ca_bundle);
        match self {
            Self::Service { name, namespace } => {
                let service = json!({"name": name, "namespace": namespace, "path": path, "port": 443});
                json!({"service": service, "caBundle": bundle})
            }
            Self::Url(url) => json!({"url": format!("{url}{path}"), "caBundle": bundle}),
        }
    }
}

/// The webhook's configurations: the validating one, and the mutating one where there is something to change.
///
/// `namespace`: the webhook's own. `ca_bundle`: PEM.
pub fn configurations(config: &Config, endpoint: &Endpoint, namespace: &str, ca_bundle: &[u8]) -> Vec<Value> {
    let entry = |name: &str, path: &str, rules: Value, failure: &str, selector: Value| {
        json!({
            "name": name,
            "clientConfig": endpoint.client_config(path, ca_bundle),
            "rules": rules,
            "failurePolicy": failure,
            "matchPolicy": "Equivalent",
            "namespaceSelector": selector,
            "objectSelector": {},
            "matchConditions": conditions::match_conditions(&config.webhook.exempt_users),
            // Events are one, and a dry run has none.
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": TIMEOUT_SECONDS,
            "admissionReviewVersions": ["v1"],
        })
    };
    let validating = selectors::entries(&config.enforcement, namespace);
    let validating = validating.into_iter().map(|own| {
        entry(own.name, "/validate", rules::validating(&config.kinds), own.failure_policy, own.selector)
    });
    let mut all = vec![object("ValidatingWebhookConfiguration", &validating.collect::<Vec<_>>())];
    if config.mutation != Mutation::Off || config.webhook.probe_image.is_some() {
        let rules = rules::mutating(&config.webhook, &config.kinds);
        let selector = selectors::everywhere(namespace);
        let mut mutating = entry("mutate.lithify.dev", "/mutate", rules, "Ignore", selector);
        // Containers that others inject later are covered too.
        mutating["reinvocationPolicy"] = json!("IfNeeded");
        all.push(object("MutatingWebhookConfiguration", &[mutating]));
    }
    all
}

fn object(kind: &str, webhooks: &[Value]) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}},
        "webhooks": webhooks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(config: &str) -> Vec<Value> {
        let config = lithify::config::read(config.as_bytes()).unwrap();
        let endpoint = Endpoint::Service { name: "hook".to_owned(), namespace: "own".to_owned() };
        configurations(&config, &endpoint, "own", b"PEM")
    }

    #[test]
    fn only_what_refuses_depends_on_an_answer() {
        let all = configured("");
        let [validating, mutating] = all.as_slice() else { panic!("{all:#?}") };
        let shown = |entry: &Value| format!("{} {}", entry["name"], entry["failurePolicy"]);
        let entries: Vec<String> = validating["webhooks"].as_array().unwrap().iter().map(shown).collect();
        assert_eq!(
            entries,
            [
                r#""deny.lithify.dev" "Fail""#,
                r#""observe.lithify.dev" "Ignore""#,
                r#""unenforced.lithify.dev" "Ignore""#
            ]
        );
        assert_eq!(shown(&mutating["webhooks"][0]), r#""mutate.lithify.dev" "Ignore""#);
        assert_eq!(mutating["webhooks"][0]["reinvocationPolicy"], "IfNeeded");
        for entry in [&validating["webhooks"][0], &mutating["webhooks"][0]] {
            assert_eq!(entry["timeoutSeconds"], 5);
            assert_eq!(
                (&entry["matchPolicy"], &entry["sideEffects"]),
                (&json!("Equivalent"), &json!("NoneOnDryRun"))
            );
            assert_eq!(entry["clientConfig"]["service"]["namespace"], "own");
            assert_eq!(entry["clientConfig"]["caBundle"], "UEVN");
        }
        assert_eq!(configured("mutation: off").len(), 1);
        let digest = "a".repeat(64);
        let injecting = format!("mutation: off\nwebhook: {{probeImage: 'probe@sha256:{digest}'}}");
        assert_eq!(configured(&injecting).len(), 2);
    }

    #[test]
    fn names_the_host_that_a_certificate_needs() {
        let service = Endpoint::Service { name: "hook".to_owned(), namespace: "own".to_owned() };
        assert_eq!(service.host(), "hook.own.svc");
        for (url, host) in [
            ("https://127.0.0.1:9443", "127.0.0.1"),
            ("https://hook.example", "hook.example"),
            ("https://[fd00::1]:9443", "fd00::1"),
            ("https://[fd00::1]", "fd00::1"),
        ] {
            assert_eq!(Endpoint::Url(url.to_owned()).host(), host);
        }
    }
}
