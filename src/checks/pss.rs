//! Versions of the Pod Security Standards.

use std::fmt;
use std::str::FromStr;

/// A version of the Pod Security Standards, `v1.0` to `latest`; the controls of a version never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PssVersion(u16);

impl PssVersion {
    /// The newest version whose controls are known. Its successors are read as this one, as an apiserver
    /// reads versions later than its own.
    pub const LATEST: Self = Self(37);

    /// `v1.MINOR`.
    pub const fn minor(minor: u16) -> Self {
        Self(minor)
    }

    /// Every version with controls of its own or inherited, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=Self::LATEST.0).map(Self)
    }
}

impl Default for PssVersion {
    fn default() -> Self {
        Self::LATEST
    }
}

impl fmt::Display for PssVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}", self.0)
    }
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `latest` or a version like `v1.34`, found `{0}`")]
pub struct PssVersionError(String);

impl FromStr for PssVersion {
    type Err = PssVersionError;

    fn from_str(text: &str) -> Result<Self, PssVersionError> {
        if text == "latest" {
            return Ok(Self::LATEST);
        }
        let minor = text.strip_prefix("v1.").filter(|minor| {
            let digits = minor.bytes().all(|byte| byte.is_ascii_digit());
            digits && (*minor == "0" || !minor.starts_with('0'))
        });
        let minor = minor.and_then(|minor| minor.parse().ok());
        minor.map(Self).ok_or_else(|| PssVersionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_the_namespace_label_does() {
        assert_eq!("v1.0".parse(), Ok(PssVersion::minor(0)));
        assert_eq!("latest".parse(), Ok(PssVersion::LATEST));
        assert!("v1.38".parse::<PssVersion>().is_ok_and(|version| version > PssVersion::LATEST));
        for wrong in ["1.34", "v1", "v1.", "v1.034", "v2.0", "v1.x", "", "v1.+3", "v1.99999999"] {
            assert!(wrong.parse::<PssVersion>().is_err(), "{wrong}");
        }
    }
}
