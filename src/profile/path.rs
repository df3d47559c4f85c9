//! Absolute paths inside a container.

use std::borrow::Cow;
use std::fmt;

/// An absolute path inside a container, normalised: no `.`, no empty parts, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPath(String);

/// A text that is no path to mount at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin at the root.
    #[error("expected an absolute path, found `{0}`")]
    NotAbsolute(String),
    /// Where `..` leads depends on links that only the container has.
    #[error("expected a path without `..`, found `{0}`")]
    ParentStep(String),
    /// The API forbids `:` in mount paths, and nobody means control characters.
    #[error("expected a path without `:` and control characters, found {0:?}")]
    ForbiddenCharacter(String),
}

/// Links that images customarily have; what is mounted at one end is mounted at the other.
const LINKS: [(&str, &str); 2] = [("/var/run", "/run"), ("/var/lock", "/run/lock")];

impl ContainerPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::NotAbsolute(text.to_owned()));
        }
        if text.contains(|c: char| c == ':' || c.is_control()) {
            return Err(PathError::ForbiddenCharacter(text.to_owned()));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(PathError::ParentStep(text.to_owned()));
        }
        Ok(Self::normalised(text))
    }

    /// The path of a mount that is there: the kubelet puts a `/` before a relative one and resolves `..`.
    pub fn of_mount(text: &str) -> Self {
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                ".." => _ = parts.pop(),
                "" | "." => {}
                part => parts.push(part),
            }
        }
        Self(format!("/{}", parts.join("/")))
    }

    fn normalised(text: &str) -> Self {
        let parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
        let mut path = String::with_capacity(text.len());
        for part in parts {
            path.push('/');
            path.push_str(part);
        }
        if path.is_empty() {
            path.push('/');
        }
        Self(path)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names on the way, outermost first; none for the root.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The last name; empty for the root.
    pub fn name(&self) -> &str {
        self.parts().next_back().unwrap_or_default()
    }

    /// The directory that holds it; the root for itself.
    pub fn parent(&self) -> Self {
        match self.0.rsplit_once('/') {
            None | Some(("", _)) => Self("/".to_owned()),
            Some((parent, _)) => Self(parent.to_owned()),
        }
    }

    /// Whether it is this place or above it, customary links (`/var/run`) followed.
    pub fn holds(&self, other: &Self) -> bool {
        let (own, other) = (self.resolved(), other.resolved());
        *own == *other || *own == *"/" || other.strip_prefix(&*own).is_some_and(|rest| rest.starts_with('/'))
    }

    /// With the customary links followed.
    pub fn resolved(&self) -> Cow<'_, str> {
        for (link, target) in LINKS {
            if let Some(rest) = self.0.strip_prefix(link)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return Cow::Owned(format!("{target}{rest}"));
            }
        }
        Cow::Borrowed(&self.0)
    }
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ContainerPath {
        ContainerPath::parse(text).unwrap()
    }

    #[test]
    fn normalises() {
        assert_eq!(path("//var/./cache//nginx/").as_str(), "/var/cache/nginx");
        assert_eq!(path("/.").as_str(), "/");
        assert_eq!(ContainerPath::of_mount("tmp/../data/").as_str(), "/data");
        assert_eq!(
            (path("/a/b").parent(), path("/a").parent(), path("/").parent()),
            (path("/a"), path("/"), path("/"))
        );
    }

    #[test]
    fn refuses_what_cannot_be_mounted_at() {
        for wrong in ["tmp", "", "/a/../b", "/a:b", "/a\nb"] {
            assert!(ContainerPath::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn holds_what_is_below_through_customary_links() {
        assert!(path("/var").holds(&path("/var/cache")));
        assert!(!path("/var/ca").holds(&path("/var/cache")));
        assert!(path("/run").holds(&path("/var/run/nginx.pid")));
        assert!(path("/var/run").holds(&path("/run")));
        assert!(path("/").holds(&path("/a")));
        assert!(!path("/var/runner").holds(&path("/run")));
    }
}
