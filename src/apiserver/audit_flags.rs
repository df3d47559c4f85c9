//! The apiserver's audit flags: the one table of their names and types.
//!
//! Source: k8s.io/apiserver v0.34, `pkg/server/options/audit.go`.

use std::fmt;

/// The policy file.
pub const POLICY_FILE: &str = "audit-policy-file";
/// The log file, or `-` for standard output.
pub const LOG_PATH: &str = "audit-log-path";
/// Days that rotated logs are kept.
pub const LOG_MAXAGE: &str = "audit-log-maxage";
/// How many rotated logs are kept.
pub const LOG_MAXBACKUP: &str = "audit-log-maxbackup";
/// Megabytes at which the log is rotated.
pub const LOG_MAXSIZE: &str = "audit-log-maxsize";
/// `json`, or `legacy` text.
pub const LOG_FORMAT: &str = "audit-log-format";
/// Whether rotated logs are compressed.
pub const LOG_COMPRESS: &str = "audit-log-compress";
/// The kubeconfig of the receiver.
pub const WEBHOOK_CONFIG_FILE: &str = "audit-webhook-config-file";

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagType {
    /// An absolute path.
    Path,
    /// A whole number from 0.
    Count,
    /// A whole number from 1.
    Positive,
    /// A number above 0, such as 10 or 2.5.
    Rate,
    /// A Go duration, such as `5s` or `1m30s`.
    Duration,
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFlag {
    /// Without the two dashes.
    pub name: &'static str,
    /// What it takes.
    pub takes: FlagType,
    /// Whether a field of [`super::Settings`] sets it, so that it is no extra flag.
    pub has_setting: bool,
}

const MODES: FlagType = FlagType::OneOf(&["batch", "blocking", "blocking-strict"]);
const VERSIONS: FlagType = FlagType::OneOf(&["audit.k8s.io/v1"]);

const fn set(name: &'static str, takes: FlagType) -> AuditFlag {
    AuditFlag { name, takes, has_setting: true }
}

const fn extra(name: &'static str, takes: FlagType) -> AuditFlag {
    AuditFlag { name, takes, has_setting: false }
}

/// Every audit flag of the apiserver.
pub const AUDIT_FLAGS: &[AuditFlag] = &[
    set(POLICY_FILE, FlagType::Path),
    set(LOG_PATH, FlagType::Path),
    set(LOG_MAXAGE, FlagType::Count),
    set(LOG_MAXBACKUP, FlagType::Count),
    set(LOG_MAXSIZE, FlagType::Count),
    set(LOG_FORMAT, FlagType::OneOf(&["json", "legacy"])),
    set(LOG_COMPRESS, FlagType::Boolean),
    set(WEBHOOK_CONFIG_FILE, FlagType::Path),
    extra("audit-log-mode", MODES),
    extra("audit-log-version", VERSIONS),
    extra("audit-log-batch-buffer-size", FlagType::Positive),
    extra("audit-log-batch-max-size", FlagType::Positive),
    extra("audit-log-batch-max-wait", FlagType::Duration),
    extra("audit-log-batch-throttle-enable", FlagType::Boolean),
    extra("audit-log-batch-throttle-qps", FlagType::Rate),
    extra("audit-log-batch-throttle-burst", FlagType::Positive),
    extra("audit-log-truncate-enabled", FlagType::Boolean),
    extra("audit-log-truncate-max-batch-size", FlagType::Positive),
    extra("audit-log-truncate-max-event-size", FlagType::Positive),
    extra("audit-webhook-mode", MODES),
    extra("audit-webhook-version", VERSIONS),
    extra("audit-webhook-initial-backoff", FlagType::Duration),
    extra("audit-webhook-batch-buffer-size", FlagType::Positive),
    extra("audit-webhook-batch-max-size", FlagType::Positive),
    extra("audit-webhook-batch-max-wait", FlagType::Duration),
    extra("audit-webhook-batch-throttle-enable", FlagType::Boolean),
    extra("audit-webhook-batch-throttle-qps", FlagType::Rate),
    extra("audit-webhook-batch-throttle-burst", FlagType::Positive),
    extra("audit-webhook-truncate-enabled", FlagType::Boolean),
    extra("audit-webhook-truncate-max-batch-size", FlagType::Positive),
    extra("audit-webhook-truncate-max-event-size", FlagType::Positive),
];

/// The row of a flag, by its name without dashes in front.
pub fn find(name: &str) -> Option<&'static AuditFlag> {
    AUDIT_FLAGS.iter().find(|flag| flag.name == name)
}

/// Whether the flag is known to take no separate value (`--flag` is true, `--flag false` is not read).
pub(super) fn is_boolean(name: &str) -> bool {
    find(name).is_some_and(|flag| flag.takes == FlagType::Boolean)
}

/// Whether the flag is known to swallow the next argument, whatever it looks like.
pub(super) fn needs_value(name: &str) -> bool {
    find(name).is_some_and(|flag| flag.takes != FlagType::Boolean)
}

impl fmt::Display for FlagType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("an absolute path"),
            Self::Count => f.write_str("a whole number from 0"),
            Self::Positive => f.write_str("a whole number from 1"),
            Self::Rate => f.write_str("a number above 0"),
            Self::Duration => f.write_str("a duration such as 5s or 1m30s"),
            Self::Boolean => f.write_str("true or false"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

impl FlagType {
    /// Whether the apiserver takes this value for the flag.
    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Path => value.starts_with('/'),
            Self::Count => integer(value).is_some_and(|number| number >= 0),
            Self::Positive => integer(value).is_some_and(|number| number >= 1),
            Self::Rate => {
                let plain = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                plain && value.parse::<f32>().is_ok_and(|rate| rate > 0.0)
            }
            Self::Duration => is_duration(value),
            Self::Boolean => boolean(value).is_some(),
            Self::OneOf(words) => words.contains(&value),
        }
    }

    /// Whether two values say the same to the apiserver: `1` and `true`, `030` and `24`.
    pub fn same(&self, one: &str, other: &str) -> bool {
        match self {
            Self::Count | Self::Positive if integer(one).is_some() => integer(one) == integer(other),
            Self::Boolean if boolean(one).is_some() => boolean(one) == boolean(other),
            _ => one == other,
        }
    }
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// An integer as Go's `strconv.ParseInt(text, 0, 64)` reads it: `0x`, `0o`, `0b` and a leading 0 give the base.
pub fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i64::from_str_radix(digits, base).ok()?;
    Some(if negative { -number } else { number })
}

/// A duration as Go's `time.ParseDuration` reads it, not negative.
fn is_duration(text: &str) -> bool {
    if text == "0" {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let is_number = digits.bytes().any(|b| b.is_ascii_digit()) && digits.matches('.').count() <= 1;
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].iter().filter_map(|unit| after.strip_prefix(unit));
        // `m` is also the beginning of `ms`: the longer unit leaves less.
        let Some(after) = unit.min_by_key(|after| after.len()).filter(|_| is_number) else { return false };
        rest = after;
    }
    !text.is_empty()
}

/// Why the apiserver refuses a set of flags whose values it takes one by one.
///
/// `value`: the value that a flag will have. Flags of a backend that is off are not looked at, as in
/// `AuditOptions.Validate`.
pub(super) fn contradiction<'v>(value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let backends = [("log", LOG_PATH, "blocking"), ("webhook", WEBHOOK_CONFIG_FILE, "batch")];
    let on = backends.into_iter().filter(|(_, switch, _)| value(switch).is_some());
    on.flat_map(|(backend, _, default_mode)| {
        let value = |rest: &str| value(&format!("audit-{backend}-{rest}"));
        let is_batched = value("mode").unwrap_or(default_mode) == "batch";
        // The log's throttle is off unless asked for; the webhook's is on, with sound defaults.
        let is_throttled = value("batch-throttle-enable").and_then(boolean).unwrap_or(false);
        let lacks_rate = backend == "log"
            && is_batched
            && is_throttled
            && (value("batch-throttle-qps").is_none() || value("batch-throttle-burst").is_none());
        let size = |rest: &str, default: i64| value(rest).and_then(integer).unwrap_or(default);
        // NewAuditTruncateOptions: 10 MiB a batch, 100 KiB an event.
        let batch = size("truncate-max-batch-size", 10 << 20);
        let event = size("truncate-max-event-size", 100 << 10);
        let throttle = lacks_rate.then(|| {
            "--audit-log-batch-throttle-enable needs --audit-log-batch-throttle-qps and \
             --audit-log-batch-throttle-burst above 0"
                .to_owned()
        });
        let truncate = (batch < event).then(|| {
            format!(
                "--audit-{backend}-truncate-max-batch-size ({batch}) is below \
                 --audit-{backend}-truncate-max-event-size ({event})"
            )
        });
        throttle.into_iter().chain(truncate)
    })
    .next()
}

/// The audit flag whose name is nearest to `name`, if it is near enough to be a slip.
pub fn nearest(name: &str) -> Option<&'static str> {
    crate::nearest::nearest(name, AUDIT_FLAGS.iter().map(|flag| flag.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_as_go_does() {
        assert_eq!(integer("30"), Some(30));
        assert_eq!(integer("-1"), Some(-1));
        assert_eq!(integer("0x1e"), Some(30));
        assert_eq!(integer("036"), Some(30));
        assert_eq!(integer("0"), Some(0));
        for wrong in ["", "-", "3.5", "30d", "0x", "--3", "08"] {
            assert_eq!(integer(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reads_durations_as_go_does() {
        for right in ["0", "5s", "1m30s", "1.5h", "100ms", "10us"] {
            assert!(FlagType::Duration.accepts(right), "{right}");
        }
        for wrong in ["", "5", "s", "-5s", "5 s", "1..5s", "5d"] {
            assert!(!FlagType::Duration.accepts(wrong), "{wrong}");
        }
    }

    #[test]
    fn accepts_what_the_apiserver_accepts() {
        assert!(find("audit-log-mode").unwrap().takes.accepts("blocking-strict"));
        assert!(!find("audit-log-mode").unwrap().takes.accepts("async"));
        assert!(!find("audit-webhook-batch-throttle-qps").unwrap().takes.accepts("inf"));
        assert!(find("audit-webhook-batch-throttle-qps").unwrap().takes.accepts("2.5"));
        assert!(FlagType::Boolean.same("T", "true"));
        assert!(FlagType::Count.same("036", "30"));
    }

    #[test]
    fn finds_flags_that_the_apiserver_refuses_together() {
        let refused = |flags: &'static [(&str, &str)]| {
            contradiction(|name| flags.iter().find(|(other, _)| *other == name).map(|(_, value)| *value))
        };
        let sizes: &[_] = &[(LOG_PATH, "-"), ("audit-log-truncate-max-event-size", "99999999")];
        assert!(refused(sizes).unwrap().contains("is below"));
        assert_eq!(refused(&sizes[1..]), None);
        let throttle: &[_] =
            &[(LOG_PATH, "-"), ("audit-log-mode", "batch"), ("audit-log-batch-throttle-enable", "true")];
        assert!(refused(throttle).unwrap().contains("throttle"));
        assert_eq!(
            refused(&[(WEBHOOK_CONFIG_FILE, "/x"), ("audit-webhook-batch-throttle-enable", "true")]),
            None
        );
    }

    #[test]
    fn suggests_the_flag_that_was_meant() {
        assert_eq!(nearest("audit-log-batch-bufer-size"), Some("audit-log-batch-buffer-size"));
        assert_eq!(nearest("audit-webhok-mode"), Some("audit-webhook-mode"));
        assert_eq!(nearest("feature-gates"), None);
    }
}
