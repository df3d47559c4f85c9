//! Checks of a kube-apiserver's static pod manifest, one a file; each file's documentation is its manual.
//!
//! Data in: the Pod, and the other files of its directory as values. Data out: [`Finding`]s.

pub(super) mod audit_log_mounted_as_file;
mod fixes;
mod limit;
pub(super) mod low_audit_log_maxage;
pub(super) mod low_audit_log_maxbackup;
pub(super) mod low_audit_log_maxsize;
pub(super) mod missing_audit_log_path;
pub(super) mod missing_audit_policy_file;
pub(super) mod stray_manifest_copy;
pub(super) mod unmounted_audit_path;

use serde_json::Value;

pub use stray_manifest_copy::{Sibling, is_read_by_kubelet};

use super::{Check, Finding};
use crate::apiserver::{self, Apiserver, LocateError, Mount, audit_flags};

/// What each check finds, in the registry's order.
const JUDGES: &[fn(&StaticPod<'_>) -> Vec<Finding>] = &[
    missing_audit_policy_file::findings,
    missing_audit_log_path::findings,
    low_audit_log_maxage::findings,
    low_audit_log_maxbackup::findings,
    low_audit_log_maxsize::findings,
    unmounted_audit_path::findings,
    audit_log_mounted_as_file::findings,
    stray_manifest_copy::findings,
];

/// What the checks look at.
pub(crate) struct StaticPod<'p> {
    object: &'p Value,
    apiserver: Apiserver<'p>,
    mounts: Vec<Mount>,
    siblings: &'p [Sibling],
}

/// Judges one manifest.
///
/// `object`: the file's one document; `siblings`: the other files that the kubelet reads from its directory,
/// none where it is in no directory of static pods.
///
/// # Errors
/// [`LocateError`] where the object is no apiserver's static pod, or its flags cannot be told.
pub fn check(object: &Value, siblings: &[Sibling]) -> Result<Vec<Finding>, LocateError> {
    let apiserver = Apiserver::locate(object)?;
    let mounts = apiserver::mounts(&apiserver)?;
    let pod = StaticPod { object, apiserver, mounts, siblings };
    Ok(JUDGES.iter().flat_map(|findings| findings(&pod)).collect())
}

impl StaticPod<'_> {
    fn value(&self, flag: &str) -> Option<&str> {
        self.apiserver.flags().value(flag)
    }

    /// Whether a flag is given, be its value known or not.
    fn has(&self, flag: &str) -> bool {
        let value = self.apiserver.flags().last(flag).map(|occurrence| &occurrence.value);
        value.is_some_and(|value| match value {
            apiserver::FlagValue::Given(text) => !text.is_empty(),
            apiserver::FlagValue::Unknown { .. } => true,
            apiserver::FlagValue::Bare | apiserver::FlagValue::Missing => false,
        })
    }

    /// Whether the log's limits matter: they do not where events go to standard output or to a webhook only,
    /// nor where the log's path is not known. Without any backend they are still to be set, as CIS asks.
    fn wants_limits(&self) -> bool {
        match self.value(audit_flags::LOG_PATH) {
            Some(path) => path != "-",
            None => !self.has(audit_flags::LOG_PATH) && !self.has(audit_flags::WEBHOOK_CONFIG_FILE),
        }
    }

    /// A finding about a flag: at its value, or at the program that lacks it.
    fn finding(&self, check: &'static Check, flag: &str) -> Finding {
        let flags = self.apiserver.flags();
        Finding {
            check: check.id,
            severity: check.severity,
            pointer: flags.last(flag).map_or_else(|| flags.program(), |occurrence| flags.pointer(occurrence)),
            container: Some(self.apiserver.name().to_owned()),
            message: String::new(),
            notes: Vec::new(),
            related: Vec::new(),
            fix: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_check_of_static_pods_has_its_judge() {
        let of_static_pods =
            super::super::CHECKS.iter().filter(|check| check.group == super::super::Group::StaticPod);
        assert_eq!(of_static_pods.count(), JUDGES.len());
    }

    #[test]
    fn refuses_what_is_no_apiserver() {
        assert!(check(&json!({"kind": "Service"}), &[]).is_err());
    }
}
