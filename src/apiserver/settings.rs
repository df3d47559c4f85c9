//! What a user wants of the apiserver's audit logging, and what follows from it for flags in force.

use std::fmt;

use super::audit_flags::{self, FlagType};
use super::path::AbsolutePath;
use super::plan_error::PlanError;

/// The policy's default place.
pub const DEFAULT_POLICY_FILE: &str = "/etc/kubernetes/audit-policy.yaml";
/// The log's default place: a directory of its own, so that nothing else becomes writable to the container.
pub const DEFAULT_LOG_PATH: &str = "/var/log/kubernetes/audit/audit.log";
/// The default place of the kubeconfig that names the receiver.
pub const DEFAULT_WEBHOOK_CONFIG: &str = "/etc/kubernetes/audit-webhook.yaml";
/// Where kubeadm has the kubelet look for static pods.
pub const MANIFESTS_DIRECTORY: &str = "/etc/kubernetes/manifests";
/// Days that rotated logs are kept at least (CIS Kubernetes Benchmark 1.2.17).
pub const CIS_MAXAGE: u32 = 30;
/// How many rotated logs are kept at least (CIS 1.2.18).
pub const CIS_MAXBACKUP: u32 = 10;
/// Megabytes at which a log is rotated, at least (CIS 1.2.19).
pub const CIS_MAXSIZE: u32 = 100;

/// Audit logging as wanted. Every `None` keeps what the manifest has, if that is sound, else takes the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the policy lies, in the container and on the host.
    pub policy_file: Option<String>,
    /// The log backend; `None` leaves it as it is.
    pub log: Option<LogBackend>,
    /// The webhook backend; `None` leaves it as it is.
    pub webhook: Option<WebhookBackend>,
    /// More audit flags, in order.
    pub extra_flags: Vec<ExtraFlag>,
    /// SHA-256 of the policy, which forces a restart when it changes; `None` leaves the annotation alone.
    pub policy_hash: Option<String>,
    /// The directory of static pods, where neither policy nor log may lie.
    pub manifests_directory: AbsolutePath,
}

impl Default for Settings {
    /// The log backend with everything at its default, and nothing else.
    fn default() -> Self {
        Self {
            policy_file: None,
            log: Some(LogBackend::default()),
            webhook: None,
            extra_flags: Vec::new(),
            policy_hash: None,
            manifests_directory: AbsolutePath::clean(MANIFESTS_DIRECTORY),
        }
    }
}

/// The log backend. A `None` among the limits keeps a value of the manifest that is at least CIS's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBackend {
    /// The file, or `-` for standard output.
    pub path: Option<String>,
    /// Days that rotated logs are kept; 0 is without limit.
    pub maxage: Option<u32>,
    /// How many rotated logs are kept; 0 is without limit.
    pub maxbackup: Option<u32>,
    /// Megabytes at which the log is rotated; 0 means 100 (lumberjack's default).
    pub maxsize: Option<u32>,
    /// `json` (the apiserver's default) or `legacy`.
    pub format: Option<String>,
    /// Whether rotated logs are compressed.
    pub compress: Option<bool>,
}

/// The webhook backend; batch and mode options are extra flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookBackend {
    /// Where the kubeconfig that names the receiver lies, in the container and on the host.
    pub config_file: Option<String>,
    /// SHA-256 of that kubeconfig, which the apiserver also reads only once; `None` leaves the annotation alone.
    pub config_hash: Option<String>,
}

/// An audit flag that no field of [`Settings`] sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraFlag {
    /// The flag's row in the table.
    name: &'static str,
    value: String,
}

impl fmt::Display for ExtraFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Why a text is no extra flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtraFlagError {
    /// No `=`.
    #[error("extra flag `{0}` has no value; write NAME=VALUE, such as audit-log-mode=batch")]
    NoValue(String),
    /// A name that is no audit flag.
    #[error("`--{name}` is no audit flag of the apiserver{}", suggestion(*.nearest))]
    Unknown {
        /// The name as given.
        name: String,
        /// The audit flag that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// A flag that has an option of its own.
    #[error("`--{0}` has an option of its own: use `--{0}` instead of an extra flag")]
    HasOption(&'static str),
    /// A value that the apiserver would refuse.
    #[error("`--{name}` takes {expected}, found `{value}`")]
    Value {
        /// The flag.
        name: &'static str,
        /// What it takes.
        expected: FlagType,
        /// The value as given.
        value: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `--{name}`?")).unwrap_or_default()
}

impl ExtraFlag {
    /// Reads `NAME=VALUE`, with or without dashes in front.
    ///
    /// # Errors
    /// [`ExtraFlagError`] for anything that the apiserver would refuse, or that is no audit flag.
    pub fn parse(text: &str) -> Result<Self, ExtraFlagError> {
        let body = text.strip_prefix("--").unwrap_or(text);
        let (name, value) = body.split_once('=').ok_or_else(|| ExtraFlagError::NoValue(text.to_owned()))?;
        let name = name.replace('_', "-");
        let Some(flag) = audit_flags::find(&name) else {
            let nearest = audit_flags::nearest(&name);
            return Err(ExtraFlagError::Unknown { name, nearest });
        };
        if flag.has_setting {
            return Err(ExtraFlagError::HasOption(flag.name));
        }
        if !flag.takes.accepts(value) {
            let (name, expected) = (flag.name, flag.takes);
            return Err(ExtraFlagError::Value { name, expected, value: value.to_owned() });
        }
        Ok(Self { name: flag.name, value: value.to_owned() })
    }
}

/// The present value of a flag, wherever it is kept: on a command line or in a ClusterConfiguration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Current {
    /// Not given, empty, or without the value that it needs.
    Absent,
    Known(String),
    /// It depends on this environment variable.
    Unknown(String),
}

/// What the settings come to, given the flags in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Names and values, in the order in which new ones are written.
    pub(super) flags: Vec<(&'static str, String)>,
    pub(super) policy: AbsolutePath,
    pub(super) log: Option<LogTarget>,
    pub(super) webhook: Option<AbsolutePath>,
}

/// Where the log backend writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LogTarget {
    /// `-`
    StandardOutput,
    File(AbsolutePath),
}

/// Lets the settings meet the flags in force.
///
/// # Errors
/// [`PlanError::Path`] for a path that no manifest can carry; [`PlanError::UnknownValue`] where a flag that
/// would be kept depends on a variable.
pub(super) fn resolve(settings: &Settings, current: impl Fn(&str) -> Current) -> Result<Wanted, PlanError> {
    let mut flags = Vec::new();
    let policy =
        kept_path(audit_flags::POLICY_FILE, settings.policy_file.as_deref(), DEFAULT_POLICY_FILE, &current)?;
    flags.push((audit_flags::POLICY_FILE, policy.to_string()));
    let log = settings.log.as_ref().map(|log| resolve_log(log, &current, &mut flags)).transpose()?;
    let webhook = match &settings.webhook {
        None => None,
        Some(webhook) => {
            let wanted = webhook.config_file.as_deref();
            let path = kept_path(audit_flags::WEBHOOK_CONFIG_FILE, wanted, DEFAULT_WEBHOOK_CONFIG, &current)?;
            flags.push((audit_flags::WEBHOOK_CONFIG_FILE, path.to_string()));
            Some(path)
        }
    };
    flags.extend(settings.extra_flags.iter().map(|flag| (flag.name, flag.value.clone())));
    Ok(Wanted { flags, policy, log, webhook })
}

fn resolve_log(
    log: &LogBackend,
    current: &impl Fn(&str) -> Current,
    flags: &mut Vec<(&'static str, String)>,
) -> Result<LogTarget, PlanError> {
    let path = match &log.path {
        Some(path) => path.clone(),
        None => known(audit_flags::LOG_PATH, current)?.unwrap_or_else(|| DEFAULT_LOG_PATH.to_owned()),
    };
    let target = if path == "-" {
        LogTarget::StandardOutput
    } else {
        LogTarget::File(parse_path(audit_flags::LOG_PATH, &path)?)
    };
    let text = match &target {
        LogTarget::StandardOutput => path,
        LogTarget::File(path) => path.to_string(),
    };
    flags.push((audit_flags::LOG_PATH, text));
    let limits = [
        (audit_flags::LOG_MAXAGE, log.maxage, CIS_MAXAGE),
        (audit_flags::LOG_MAXBACKUP, log.maxbackup, CIS_MAXBACKUP),
        (audit_flags::LOG_MAXSIZE, log.maxsize, CIS_MAXSIZE),
    ];
    for (name, wanted, least) in limits {
        // Standard output is not rotated by the apiserver: limits that nobody asked for would only mislead.
        if wanted.is_some() || target != LogTarget::StandardOutput {
            flags.push((name, limit(name, wanted, least, current)?));
        }
    }
    flags.extend(log.format.clone().map(|format| (audit_flags::LOG_FORMAT, format)));
    flags.extend(log.compress.map(|compress| (audit_flags::LOG_COMPRESS, compress.to_string())));
    Ok(target)
}

/// A limit as asked for, else as it is if that is at least CIS's value, else that value.
fn limit(
    name: &'static str,
    wanted: Option<u32>,
    least: u32,
    current: &impl Fn(&str) -> Current,
) -> Result<String, PlanError> {
    if let Some(wanted) = wanted {
        return Ok(wanted.to_string());
    }
    let kept = known(name, current)?
        .filter(|value| audit_flags::integer(value).is_some_and(|number| number >= i64::from(least)));
    Ok(kept.unwrap_or_else(|| least.to_string()))
}

fn kept_path(
    flag: &'static str,
    wanted: Option<&str>,
    default: &str,
    current: &impl Fn(&str) -> Current,
) -> Result<AbsolutePath, PlanError> {
    match wanted {
        Some(wanted) => parse_path(flag, wanted),
        None => parse_path(flag, &known(flag, current)?.unwrap_or_else(|| default.to_owned())),
    }
}

fn parse_path(flag: &'static str, text: &str) -> Result<AbsolutePath, PlanError> {
    AbsolutePath::parse(text).map_err(|problem| PlanError::Path { flag, path: text.to_owned(), problem })
}

fn known(flag: &'static str, current: &impl Fn(&str) -> Current) -> Result<Option<String>, PlanError> {
    match current(flag) {
        Current::Absent => Ok(None),
        Current::Known(value) => Ok(Some(value)),
        Current::Unknown(variable) => Err(PlanError::UnknownValue { flag, variable }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(settings: &Settings, current: &[(&str, &str)]) -> Vec<String> {
        let find = |name: &str| {
            let value = current.iter().find(|(other, _)| *other == name);
            value.map_or(Current::Absent, |(_, value)| Current::Known((*value).to_owned()))
        };
        let wanted = resolve(settings, find).unwrap();
        wanted.flags.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn nothing_set_means_the_cis_defaults() {
        let expected = [
            "audit-policy-file=/etc/kubernetes/audit-policy.yaml",
            "audit-log-path=/var/log/kubernetes/audit/audit.log",
            "audit-log-maxage=30",
            "audit-log-maxbackup=10",
            "audit-log-maxsize=100",
        ];
        assert_eq!(resolved(&Settings::default(), &[]), expected);
    }

    #[test]
    fn keeps_what_is_sound_and_raises_what_is_too_low() {
        let current = [
            ("audit-log-maxage", "90"),
            ("audit-log-maxbackup", "0"),
            ("audit-log-path", "/var/log/a/b.log"),
        ];
        let flags = resolved(&Settings::default(), &current);
        assert_eq!(
            &flags[1..4],
            ["audit-log-path=/var/log/a/b.log", "audit-log-maxage=90", "audit-log-maxbackup=10"]
        );
    }

    #[test]
    fn standard_output_takes_no_limits() {
        let log = LogBackend { path: Some("-".to_owned()), ..LogBackend::default() };
        let flags = resolved(&Settings { log: Some(log), ..Settings::default() }, &[]);
        assert_eq!(&flags[1..], ["audit-log-path=-"]);
    }

    #[test]
    fn refuses_extra_flags_that_the_apiserver_would_refuse() {
        assert!(ExtraFlag::parse("--audit_log_mode=batch").is_ok());
        assert!(matches!(ExtraFlag::parse("audit-log-mode"), Err(ExtraFlagError::NoValue(_))));
        assert!(matches!(ExtraFlag::parse("audit-log-mode=fast"), Err(ExtraFlagError::Value { .. })));
        assert!(matches!(ExtraFlag::parse("audit-log-maxage=3"), Err(ExtraFlagError::HasOption(_))));
        let error = ExtraFlag::parse("audit-log-mod=batch").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`--audit-log-mod` is no audit flag of the apiserver; did you mean `--audit-log-mode`?"
        );
    }

    #[test]
    fn does_not_guess_a_value_that_a_variable_hides() {
        let error = resolve(&Settings::default(), |_| Current::Unknown("DIR".to_owned())).unwrap_err();
        assert!(matches!(error, PlanError::UnknownValue { flag: audit_flags::POLICY_FILE, .. }));
    }
}
