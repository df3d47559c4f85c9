//! Absolute paths inside the container or on the host, as values: nothing here touches a file system.

use std::fmt;

/// An absolute path without `.`, `..`, doubled or trailing slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsolutePath(String);

/// Why a text is no path that a manifest can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Empty text.
    #[error("it is empty")]
    Empty,
    /// No slash at the beginning: the apiserver would resolve it against its working directory.
    #[error("it is relative; write it from `/`")]
    Relative,
    /// A component `..`, which the kubelet refuses in a hostPath.
    #[error("it has a component `..`; write where it leads")]
    Backstep,
    /// A colon, which no mountPath may have, or a control character.
    #[error("it has the character {0:?}, which no mountPath can carry")]
    Character(char),
}

impl AbsolutePath {
    /// Reads a path that a user wants.
    ///
    /// # Errors
    /// [`PathProblem`] where a manifest could not carry it.
    pub fn parse(text: &str) -> Result<Self, PathProblem> {
        if text.is_empty() {
            return Err(PathProblem::Empty);
        }
        if !text.starts_with('/') {
            return Err(PathProblem::Relative);
        }
        if let Some(character) = text.chars().find(|&c| c == ':' || c.is_control()) {
            return Err(PathProblem::Character(character));
        }
        if text.split('/').any(|component| component == "..") {
            return Err(PathProblem::Backstep);
        }
        Ok(Self::clean(text))
    }

    /// Reads a path that a manifest has, as the kubelet does: from the root, cleaned as Go's `path.Clean`.
    pub fn clean(text: &str) -> Self {
        let mut kept: Vec<&str> = Vec::new();
        for component in text.split('/') {
            match component {
                "" | "." => {}
                ".." => drop(kept.pop()),
                name => kept.push(name),
            }
        }
        Self(format!("/{}", kept.join("/")))
    }

    /// The path's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The directory that holds it; the root holds itself.
    pub fn parent(&self) -> Self {
        let end = self.0.rfind('/').unwrap_or(0);
        Self(if end == 0 { "/".to_owned() } else { self.0[..end].to_owned() })
    }

    /// Its last component; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// A path below this one.
    pub fn join(&self, below: &str) -> Self {
        Self::clean(&format!("{}/{below}", self.0))
    }

    /// Whether `other` is this path or lies below it, component by component.
    pub fn covers(&self, other: &Self) -> bool {
        self.below(other).is_some()
    }

    /// What remains of `other` below this path; empty where they are the same.
    pub fn below<'o>(&self, other: &'o Self) -> Option<&'o str> {
        if self.is_root() {
            return Some(&other.0[1..]);
        }
        match other.0.strip_prefix(&self.0)? {
            "" => Some(""),
            rest => rest.strip_prefix('/'),
        }
    }

    /// How many components it has.
    pub fn depth(&self) -> usize {
        self.0.split('/').filter(|component| !component.is_empty()).count()
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<std::path::Path> for AbsolutePath {
    fn as_ref(&self) -> &std::path::Path {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::parse(text).unwrap()
    }

    #[test]
    fn normalises_what_a_user_writes() {
        assert_eq!(path("//var/./log//audit/").as_str(), "/var/log/audit");
        assert_eq!(path("/").as_str(), "/");
        assert_eq!(path("/audit.log").parent().as_str(), "/");
        assert_eq!(path("/var/log/audit.log").file_name(), "audit.log");
    }

    #[test]
    fn refuses_what_a_manifest_cannot_carry() {
        assert_eq!(AbsolutePath::parse(""), Err(PathProblem::Empty));
        assert_eq!(AbsolutePath::parse("var/log"), Err(PathProblem::Relative));
        assert_eq!(AbsolutePath::parse("/var/../log"), Err(PathProblem::Backstep));
        assert_eq!(AbsolutePath::parse("/a:b"), Err(PathProblem::Character(':')));
        assert_eq!(AbsolutePath::parse("/a\nb"), Err(PathProblem::Character('\n')));
    }

    #[test]
    fn covers_by_component_not_by_letter() {
        assert!(path("/var/log").covers(&path("/var/log")));
        assert!(path("/var/log").covers(&path("/var/log/audit.log")));
        assert!(!path("/var/log").covers(&path("/var/logs")));
        assert_eq!(path("/").below(&path("/etc")), Some("etc"));
    }

    #[test]
    fn reads_a_manifests_path_as_the_kubelet_does() {
        assert_eq!(AbsolutePath::clean("var/log/../audit").as_str(), "/var/audit");
        assert_eq!(AbsolutePath::clean("/../..").as_str(), "/");
    }
}
