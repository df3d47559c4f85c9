//! What the three checks of the log's limits have in common.

use super::{StaticPod, fixes};
use crate::apiserver::audit_flags::integer;
use crate::checks::{Check, Finding, Severity};
use crate::edit::Applicability;

/// A limit of the log backend, which CIS wants to be at least a number.
pub(super) struct Limit {
    pub(super) check: &'static Check,
    pub(super) flag: &'static str,
    /// CIS's number.
    pub(super) least: u32,
    /// Its unit, for people.
    pub(super) unit: &'static str,
    /// What follows where it is unset or 0.
    pub(super) unbounded: &'static str,
}

impl Limit {
    /// At most one finding; none where the limits do not matter.
    pub(super) fn findings(&self, pod: &StaticPod<'_>) -> Vec<Finding> {
        let is_unknown = pod.has(self.flag) && pod.value(self.flag).is_none();
        if is_unknown || !pod.wants_limits() {
            return Vec::new();
        }
        let flag = self.flag;
        let mut finding = pod.finding(self.check, flag);
        let applicability = match pod.value(flag).map(|text| (text, integer(text))) {
            Some((_, Some(number))) if number >= i64::from(self.least) => return Vec::new(),
            None | Some((_, Some(0))) => {
                let state = if pod.value(flag).is_some() { "is 0" } else { "is not set" };
                finding.message = format!("--{flag} {state}: {}", self.unbounded);
                // Logs that were kept so far would be deleted.
                Applicability::Unsafe
            }
            Some((_, Some(number))) if number > 0 => {
                finding.message =
                    format!("--{flag} is {number}, below the {} {} that CIS asks for", self.least, self.unit);
                Applicability::Safe
            }
            Some((text, _)) => {
                finding.severity = Severity::Error;
                finding.message = format!(
                    "--{flag} is `{text}`, expected a whole number from 0: the apiserver does not start"
                );
                Applicability::Unsafe
            }
        };
        finding.fix = Some(fixes::set_flag(&pod.apiserver, flag, &self.least.to_string(), applicability));
        vec![finding]
    }
}
