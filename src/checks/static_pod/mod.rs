//! Checks of a kube-apiserver's static pod manifest, one a file; each file's documentation is its manual.
//!
//! Data in: the Pod, and the other files of its directory as values. Data out: [`Finding`]s.

mod audit_log_mounted_as_file;
mod fixes;
mod limit;
mod low_audit_log_maxage;
mod low_audit_log_maxbackup;
mod low_audit_log_maxsize;
mod missing_audit_log_path;
mod missing_audit_policy_file;
mod stray_manifest_copy;
mod unmounted_audit_path;

use serde_json::Value;

pub use stray_manifest_copy::{Sibling, is_read_by_kubelet};

use super::Finding;
use crate::apiserver::{self, Apiserver, LocateError, Mount, audit_flags};

/// One row of the registry.
pub struct StaticPodCheck {
    /// The identifier.
    pub id: &'static str,
    /// The source file, whose module documentation is the manual.
    source: &'static str,
    findings: fn(&StaticPod<'_>) -> Vec<Finding>,
}

impl StaticPodCheck {
    /// The manual: *What it does · Why it matters · Example · Fix safety · References*, in Markdown.
    pub fn manual(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"]).collect()
    }
}

macro_rules! registry {
    ($($module:ident),* $(,)?) => {
        /// Every check of a static pod, in the order in which findings are reported.
        pub static CHECKS: &[StaticPodCheck] = &[$(StaticPodCheck {
            id: $module::ID,
            source: include_str!(concat!(stringify!($module), ".rs")),
            findings: $module::findings,
        }),*];
    };
}

registry![
    missing_audit_policy_file,
    missing_audit_log_path,
    low_audit_log_maxage,
    low_audit_log_maxbackup,
    low_audit_log_maxsize,
    unmounted_audit_path,
    audit_log_mounted_as_file,
    stray_manifest_copy,
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
    Ok(CHECKS.iter().flat_map(|check| (check.findings)(&pod)).collect())
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

    /// Whether events go to a file, as far as is known.
    fn logs_to_file(&self) -> bool {
        self.value(audit_flags::LOG_PATH).is_some_and(|path| path != "-")
    }

    /// A finding about a flag: at its value, or at the list that lacks it.
    fn finding(&self, check: &'static str, flag: &str) -> Finding {
        let flags = self.apiserver.flags();
        Finding {
            check,
            severity: super::Severity::Error,
            pointer: flags.last(flag).map_or_else(|| flags.list(), |occurrence| flags.pointer(occurrence)),
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
    fn every_check_has_a_whole_manual() {
        for check in CHECKS {
            let manual = check.manual();
            for part in ["What it does", "Why it matters", "Example", "Fix safety", "References"] {
                assert!(manual.contains(&format!("# {part}\n")), "{} lacks {part}", check.id);
            }
        }
    }

    #[test]
    fn refuses_what_is_no_apiserver() {
        assert!(check(&json!({"kind": "Service"}), &[]).is_err());
    }
}
