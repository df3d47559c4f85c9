//! How urgent an alert is.

use std::fmt;

/// How urgent an alert is; the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The system is unusable.
    Emergency,
    /// Somebody has to act at once.
    Alert,
    /// A critical condition.
    Critical,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Normal, but worth knowing.
    Notice,
    /// For information.
    Informational,
    /// For those who write rules.
    Debug,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// The name in alerts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// The priority of this name, in any case; `info` is short for informational.
    pub fn from_name(name: &str) -> Option<Self> {
        let is_named = |priority: &Self| priority.name().eq_ignore_ascii_case(name);
        let short = name.eq_ignore_ascii_case("info").then_some(Self::Informational);
        Self::ALL.into_iter().find(is_named).or(short)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
