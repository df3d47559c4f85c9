//! What is well and what is not, in the shape of Kubernetes' conditions.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// One thing that can be well or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// A certificate is served, and has not expired.
    CertificateServed,
    /// The registered `caBundle`s trust the served certificate.
    BundlesAgree,
    /// The labels of namespaces are known.
    NamespacesKnown,
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
pub struct Conditions(Mutex<BTreeMap<Condition, Result<(), String>>>);

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::CertificateServed => "CertificateServed",
            Self::BundlesAgree => "BundlesAgree",
            Self::NamespacesKnown => "NamespacesKnown",
            Self::ConfigurationCurrent => "ConfigurationCurrent",
            Self::ProfilesCurrent => "ProfilesCurrent",
            Self::CertificateCurrent => "CertificateCurrent",
            Self::Staying => "Staying",
        }
    }

    /// Whether requests should go elsewhere while it is not well. An old configuration, profile or certificate still
    /// serves, and every replica has the same: nowhere would be left to go.
    fn is_needed(self) -> bool {
        !matches!(self, Self::ConfigurationCurrent | Self::ProfilesCurrent | Self::CertificateCurrent)
    }
}

impl Conditions {
    /// Notes that something is well, or why not; tells whether that is news.
    pub fn set(&self, condition: Condition, state: Result<(), String>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = all.get(&condition).map_or(state.is_err(), |old| *old != state);
        all.insert(condition, state);
        news
    }

    /// Whether requests may come.
    pub fn is_ready(&self) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().all(|(condition, state)| state.is_ok() || !condition.is_needed())
    }

    /// As `/readyz` shows them.
    pub fn to_json(&self) -> Value {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
