//! Versions that rule files ask for, and what this engine is.

use std::fmt;
use std::str::FromStr;

/// A version: three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

/// The version of Falco's engine whose rules this one understands.
pub const ENGINE_VERSION: Version = Version(0, 63, 0);

/// Falco plugins that are built in, with the versions whose fields they have.
pub const BUILT_IN_PLUGINS: &[(&str, Version)] =
    &[("container", Version(0, 7, 1)), ("k8saudit", Version(0, 18, 0)), ("json", Version(0, 7, 3))];

impl Version {
    /// Whether something of this version does for who asks for the other: the same major number, not older.
    pub fn satisfies(self, required: Self) -> bool {
        self.0 == required.0 && self >= required
    }
}

impl FromStr for Version {
    type Err = ();

    /// `1.2.3`, with anything after a `-` or `+` ignored.
    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = numbers.split('.').map(|part| part.parse().map_err(|_| ()));
        let mut next = || parts.next().ok_or(())?;
        let version = Self(next()?, next()?, next()?);
        if parts.next().is_none() { Ok(version) } else { Err(()) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}
