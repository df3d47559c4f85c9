//! What is registered, held against what the configuration in use would register.
//!
//! An edited ConfigMap counts from the next request on, but which requests come, and what the apiserver does without
//! an answer, is what was registered: a namespace that is to be denied since then would be open whenever the webhook
//! does not answer.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, ValidatingWebhook, ValidatingWebhookConfiguration,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The configurations of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// The one that says what may pass.
    pub validating: Option<ValidatingWebhookConfiguration>,
    /// The one that says what is changed.
    pub mutating: Option<MutatingWebhookConfiguration>,
}

impl Registered {
    /// The `caBundle` of every entry, in PEM.
    pub fn bundles(&self) -> Vec<Vec<u8>> {
        let validating = self.validating.iter().flat_map(|all| all.webhooks.iter().flatten());
        let validating = validating.map(|entry| &entry.client_config);
        let mutating = self.mutating.iter().flat_map(|all| all.webhooks.iter().flatten());
        let mutating = mutating.map(|entry| &entry.client_config);
        let bundle = |bytes: &k8s_openapi::ByteString| bytes.0.clone();
        validating
            .chain(mutating)
            .map(|config| config.ca_bundle.as_ref().map(bundle).unwrap_or_default())
            .collect()
    }

    /// Where it differs from `wanted`, what [`configurations`](super::configurations) makes; but for where the webhook
    /// is and whom to trust, which other conditions are about.
    pub fn difference(&self, wanted: &[Value]) -> Option<String> {
        let webhooks = |kind: &str| {
            let found = wanted.iter().find(|configuration| configuration["kind"] == kind);
            found.and_then(|configuration| configuration["webhooks"].as_array()).cloned().unwrap_or_default()
        };
        let wanted_validating = entries::<ValidatingWebhook>(webhooks("ValidatingWebhookConfiguration"));
        let wanted_mutating = entries::<MutatingWebhook>(webhooks("MutatingWebhookConfiguration"));
        let validating = self.validating.as_ref().and_then(|all| all.webhooks.as_ref());
        let mutating = self.mutating.as_ref().and_then(|all| all.webhooks.as_ref());
        if validating.is_none() && mutating.is_none() {
            return Some("nothing is registered".to_owned());
        }
        between(&wanted_validating, &shown(validating.into_iter().flatten()))
            .or_else(|| between(&wanted_mutating, &shown(mutating.into_iter().flatten())))
    }
}

/// As the API's types write them, so that what means the same looks the same.
fn entries<T: DeserializeOwned + Serialize>(entries: Vec<Value>) -> Vec<Map<String, Value>> {
    let typed: Vec<T> = entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect();
    shown(typed.iter())
}

fn shown<'e, T: Serialize + 'e>(entries: impl Iterator<Item = &'e T>) -> Vec<Map<String, Value>> {
    let shown = entries.filter_map(|entry| match serde_json::to_value(entry) {
        Ok(Value::Object(mut fields)) => {
            fields.remove("clientConfig");
            Some(fields)
        }
        _ => None,
    });
    shown.collect()
}

fn between(wanted: &[Map<String, Value>], found: &[Map<String, Value>]) -> Option<String> {
    let name = |entry: &Map<String, Value>| entry["name"].as_str().unwrap_or_default().to_owned();
    for entry in wanted {
        let Some(other) = found.iter().find(|other| other["name"] == entry["name"]) else {
            return Some(format!("{} is not registered", name(entry)));
        };
        let mut fields = entry.keys().chain(other.keys());
        if let Some(field) = fields.find(|field| entry.get(*field) != other.get(*field)) {
            return Some(format!("{} is registered with another {field}", name(entry)));
        }
    }
    let is_wanted = |entry: &Map<String, Value>| wanted.iter().any(|other| other["name"] == entry["name"]);
    let left = found.iter().find(|entry| !is_wanted(entry))?;
    Some(format!("{} is still registered", name(left)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Endpoint, configurations};
    use super::*;

    fn wanted(config: &str) -> Vec<Value> {
        let config = lithify::config::read(config.as_bytes()).unwrap();
        let endpoint = Endpoint::Service { name: "hook".to_owned(), namespace: "own".to_owned() };
        configurations(&config, &endpoint, "own", b"PEM")
    }

    /// What an apiserver has once a configuration has been registered, and a controller has exchanged its bundles.
    fn registered(config: &str) -> Registered {
        let mut registered = Registered::default();
        for mut object in wanted(config) {
            object["webhooks"][0]["clientConfig"] = json!({"url": "https://other", "caBundle": "AAAA"});
            object["metadata"]["resourceVersion"] = json!("7");
            match object["kind"].as_str() {
                Some("ValidatingWebhookConfiguration") => {
                    registered.validating = Some(serde_json::from_value(object).unwrap());
                }
                _ => registered.mutating = Some(serde_json::from_value(object).unwrap()),
            }
        }
        registered
    }

    #[test]
    fn is_silent_where_the_configuration_in_use_is_registered() {
        for config in ["", "mutation: off", "enforcement: {default: deny}\nwebhook: {exemptUsers: [a]}"] {
            assert_eq!(registered(config).difference(&wanted(config)), None, "{config}");
        }
    }

    #[test]
    fn tells_what_only_registering_again_brings_about() {
        let deny = "enforcement: {namespaces: {prod: deny}}";
        let told = |old: &str, new: &str| registered(old).difference(&wanted(new)).unwrap();
        assert_eq!(told("", deny), "configured.lithify.dev is not registered");
        assert_eq!(told(deny, ""), "observe.lithify.dev is registered with another namespaceSelector");
        let more = "enforcement: {namespaces: {prod: deny, web: deny}}";
        assert_eq!(told(deny, more), "configured.lithify.dev is registered with another namespaceSelector");
        assert_eq!(
            told("", "webhook: {exemptUsers: [a]}"),
            "deny.lithify.dev is registered with another matchConditions"
        );
        assert_eq!(told("", "mutation: off"), "mutate.lithify.dev is still registered");
        assert_eq!(told("mutation: off", ""), "mutate.lithify.dev is not registered");
        assert_eq!(Registered::default().difference(&wanted("")).unwrap(), "nothing is registered");
    }

    #[test]
    fn tells_of_a_registration_that_somebody_has_edited() {
        let mut edited = registered("");
        edited.validating.as_mut().unwrap().webhooks.as_mut().unwrap()[0].failure_policy =
            Some("Ignore".to_owned());
        assert_eq!(
            edited.difference(&wanted("")).unwrap(),
            "deny.lithify.dev is registered with another failurePolicy"
        );
    }
}
