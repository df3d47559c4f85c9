//! What is registered, held against what is served: whether the apiserver trusts the certificate, and whether it asks
//! as the configuration in use would have it.

use std::sync::Arc;

use kube::Client;
use serde_json::json;

use crate::certificates::trusts;
use crate::registration::{Endpoint, Registered, cluster, configurations};
use crate::serve::{App, Certificates, Condition};

/// What both are held against, and what has been seen.
pub(super) struct Registration {
    app: Arc<App>,
    certificates: Arc<Certificates>,
    endpoint: Endpoint,
    /// The webhook's own.
    namespace: String,
    /// Whether the apiserver has answered, the last time.
    is_readable: bool,
}

impl Registration {
    /// Nothing has been seen yet, and the server is not ready.
    pub(super) fn new(
        app: Arc<App>,
        certificates: Arc<Certificates>,
        endpoint: Endpoint,
        namespace: String,
    ) -> Self {
        let state = Err("the registered caBundles have not been read yet".to_owned());
        app.conditions.set(Condition::BundlesAgree, state);
        Self { app, certificates, endpoint, namespace, is_readable: true }
    }

    /// Looks once.
    pub(super) async fn look(&mut self, client: &Client) {
        let registered = cluster::registered(client).await;
        self.note(registered.map_err(|error| error.to_string()));
    }

    /// Where the apiserver does not answer, what it said last still holds: as it comes back, it must find us.
    fn note(&mut self, registered: Result<Registered, String>) {
        match registered {
            Ok(registered) => {
                self.is_readable = true;
                self.note_trust(&registered);
                self.note_difference(&registered);
            }
            Err(reason) if self.is_readable => {
                self.is_readable = false;
                let fields = json!({"reason": reason});
                self.app.log.warn("the registered webhook configurations cannot be read", fields);
            }
            Err(_) => {}
        }
    }

    fn note_trust(&self, registered: &Registered) {
        let Some(certificate) = self.certificates.current() else { return };
        let state = trusts(&registered.bundles(), &self.endpoint.host(), certificate.chain());
        if self.app.conditions.set(Condition::BundlesAgree, state.clone()) {
            match state {
                Ok(()) => {
                    self.app.log.info("the registered caBundles trust the served certificate", json!({}));
                }
                Err(reason) => {
                    let message = "not ready: the apiserver would not trust the served certificate";
                    self.app.log.warn(message, json!({"reason": reason}));
                }
            }
        }
    }

    fn note_difference(&self, registered: &Registered) {
        let policy = self.app.policy();
        let wanted = configurations(policy.config(), &self.endpoint, &self.namespace, &[]);
        let state = registered.difference(&wanted).map_or(Ok(()), |difference| {
            Err(format!("{difference}: `lithify-webhook register --apply` with the configuration in use"))
        });
        if self.app.conditions.set(Condition::RegistrationCurrent, state.clone()) {
            match state {
                Ok(()) => self.app.log.info("the configuration in use is registered", json!({})),
                Err(reason) => {
                    let message = "the apiserver does not ask as the configuration in use would have it";
                    self.app.log.warn(message, json!({"reason": reason}));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lithify::profile::Profiles;
    use serde_json::Value;

    use super::*;
    use crate::review::Policy;
    use crate::serve::{Certificate, Limits, Log, Namespaces};

    struct Fixture {
        app: Arc<App>,
        registration: Registration,
        /// The served certificate.
        pem: String,
    }

    fn policy(config: &str) -> Policy {
        Policy::new(lithify::config::read(config.as_bytes()).unwrap(), Profiles::default()).unwrap()
    }

    fn endpoint() -> Endpoint {
        Endpoint::Service { name: "hook".to_owned(), namespace: "own".to_owned() }
    }

    fn fixture() -> Fixture {
        let log = Log::new(std::io::sink(), false);
        let app = App::new(policy(""), Namespaces::Fixed(BTreeMap::new()), log, Limits::default());
        let made = rcgen::generate_simple_self_signed(["hook.own.svc".to_owned()]).unwrap();
        let pem = made.cert.pem();
        let certificates = Arc::new(Certificates::default());
        let key = made.signing_key.serialize_pem();
        certificates.set(Certificate::from_pem(pem.as_bytes(), key.as_bytes()).unwrap());
        let registration = Registration::new(app.clone(), certificates, endpoint(), "own".to_owned());
        Fixture { app, registration, pem }
    }

    fn registered(config: &str, bundle: &str) -> Registered {
        let policy = policy(config);
        let all = configurations(policy.config(), &endpoint(), "own", bundle.as_bytes());
        let of = |kind: &str| all.iter().find(|object| object["kind"] == kind).cloned();
        let validating = of("ValidatingWebhookConfiguration");
        let mutating = of("MutatingWebhookConfiguration");
        Registered {
            validating: validating.map(|object| serde_json::from_value(object).unwrap()),
            mutating: mutating.map(|object| serde_json::from_value(object).unwrap()),
        }
    }

    fn message(app: &App, condition: &str) -> Value {
        let shown = app.conditions.to_json();
        let all = shown["conditions"].as_array().unwrap();
        all.iter().find(|other| other["type"] == condition).unwrap()["message"].clone()
    }

    #[test]
    fn is_not_ready_before_the_apiserver_has_said_what_it_trusts() {
        let Fixture { app, mut registration, pem } = fixture();
        registration.note(Err("connection refused".to_owned()));
        assert!(!app.conditions.is_ready());
        registration.note(Ok(registered("", &pem)));
        assert!(app.conditions.is_ready(), "{}", app.conditions.to_json());
    }

    #[test]
    fn an_apiserver_that_goes_away_and_comes_back_finds_it_ready() {
        let Fixture { app, mut registration, pem } = fixture();
        registration.note(Ok(registered("", &pem)));
        registration.note(Err("connection refused".to_owned()));
        assert!(app.conditions.is_ready(), "{}", app.conditions.to_json());
    }

    #[test]
    fn a_bundle_of_somebody_else_is_a_reason_to_leave() {
        let Fixture { app, mut registration, pem } = fixture();
        registration.note(Ok(registered("", &pem)));
        let foreign = rcgen::generate_simple_self_signed(["hook.own.svc".to_owned()]).unwrap().cert.pem();
        registration.note(Ok(registered("", &foreign)));
        assert!(!app.conditions.is_ready());
        registration.note(Err("connection refused".to_owned()));
        assert!(!app.conditions.is_ready(), "nothing better is known");
        registration.note(Ok(Registered::default()));
        assert!(app.conditions.is_ready(), "nothing is registered");
    }

    #[test]
    fn an_edited_configuration_waits_to_be_registered_and_serves_meanwhile() {
        let Fixture { app, mut registration, pem } = fixture();
        registration.note(Ok(registered("", &pem)));
        assert_eq!(message(&app, "RegistrationCurrent"), "");
        let edited = "enforcement: {namespaces: {prod: deny}}";
        app.set_policy(policy(edited));
        registration.note(Ok(registered("", &pem)));
        let told = message(&app, "RegistrationCurrent");
        let expected = "configured.lithify.dev is not registered: `lithify-webhook register --apply`";
        assert!(told.as_str().unwrap().starts_with(expected), "{told}");
        assert!(app.conditions.is_ready());
        registration.note(Ok(registered(edited, &pem)));
        assert_eq!(message(&app, "RegistrationCurrent"), "");
    }
}
