//! What is well and what is not, in the shape of Kubernetes' conditions.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::{Value, json};

/// One thing that can be well or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// A certificate is served, and has not expired.
    CertificateServed,
    /// The registered `caBundle`s trust the served certificate.
    BundlesAgree,
    /// What is registered is what the configuration in use would register. Where it is not, the apiserver asks as the
    /// old one wants it.
    RegistrationCurrent,
    /// The labels of namespaces are known.
    NamespacesKnown,
    /// The labels of namespaces in use are those of now. Where changes are not heard of, those known last count.
    NamespacesCurrent,
    /// The configuration in use is the one on disk or in the ConfigMap. Where it is not, the old one stays in use.
    ConfigurationCurrent,
    /// The write-path profiles in use are the approved ones of the cluster. Containers without one are left alone.
    ProfilesCurrent,
    /// The certificate in use is the one on disk or in the Secret.
    CertificateCurrent,
    /// The server is not about to stop.
    Staying,
}

/// All conditions; one that nobody has set is well.
#[derive(Debug, Default)]
pub struct Conditions {
    states: Mutex<BTreeMap<Condition, Result<(), String>>>,
    shown: Shown,
}

/// As metrics show them: 1 where it is well.
pub(super) type Shown = Family<ConditionLabels, Gauge>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConditionLabels {
    condition: &'static str,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::CertificateServed => "CertificateServed",
            Self::BundlesAgree => "BundlesAgree",
            Self::RegistrationCurrent => "RegistrationCurrent",
            Self::NamespacesKnown => "NamespacesKnown",
            Self::NamespacesCurrent => "NamespacesCurrent",
            Self::ConfigurationCurrent => "ConfigurationCurrent",
            Self::ProfilesCurrent => "ProfilesCurrent",
            Self::CertificateCurrent => "CertificateCurrent",
            Self::Staying => "Staying",
        }
    }

    /// Whether requests should go elsewhere while it is not well. An old label, configuration, profile, certificate or
    /// registration still serves, and every replica has the same: nowhere would be left to go.
    fn is_needed(self) -> bool {
        !matches!(
            self,
            Self::NamespacesCurrent
                | Self::ConfigurationCurrent
                | Self::ProfilesCurrent
                | Self::CertificateCurrent
                | Self::RegistrationCurrent
        )
    }
}

impl Conditions {
    /// Notes that something is well, or why not; tells whether that is news.
    pub fn set(&self, condition: Condition, state: Result<(), String>) -> bool {
        let labels = ConditionLabels { condition: condition.name() };
        let mut all = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        self.shown.get_or_create(&labels).set(i64::from(state.is_ok()));
        let news = all.get(&condition).map_or(state.is_err(), |old| *old != state);
        all.insert(condition, state);
        news
    }

    /// What metrics show, now and later.
    pub(super) fn shown(&self) -> Shown {
        self.shown.clone()
    }

    /// Whether requests may come.
    pub fn is_ready(&self) -> bool {
        let all = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().all(|(condition, state)| state.is_ok() || !condition.is_needed())
    }

    /// As `/readyz` shows them.
    pub fn to_json(&self) -> Value {
        let all = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = all.iter().map(|(condition, state)| {
            let status = if state.is_ok() { "True" } else { "False" };
            let message = state.as_ref().err().map_or("", String::as_str);
            json!({"type": condition.name(), "status": status, "message": message})
        });
        json!({"conditions": shown.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_configuration_is_no_reason_to_leave() {
        let conditions = Conditions::default();
        assert!(conditions.is_ready());
        assert!(conditions.set(Condition::ConfigurationCurrent, Err("line 1".to_owned())));
        assert!(!conditions.set(Condition::ConfigurationCurrent, Err("line 1".to_owned())), "no news");
        assert!(conditions.is_ready());
        conditions.set(Condition::BundlesAgree, Err("other CA".to_owned()));
        assert!(!conditions.is_ready());
        let shown = conditions.to_json();
        assert_eq!(shown["conditions"][0]["type"], "BundlesAgree");
        assert_eq!(shown["conditions"][1]["message"], "line 1");
        assert!(conditions.set(Condition::BundlesAgree, Ok(())));
        assert!(conditions.is_ready());
    }
}
