//! References to images, as the container runtimes read them.

/// A reference, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Registry and path, in full: `docker.io/library/nginx` for `nginx`.
    pub repository: String,
    /// `1.29`.
    pub tag: Option<String>,
    /// `sha256:…`.
    pub digest: Option<String>,
}

/// Names of the registry that a reference without one means.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

impl Image {
    /// Takes a reference apart; any text is one.
    ///
    /// Source: distribution/reference, `ParseNormalizedNamed`.
    pub fn parse(reference: &str) -> Self {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (reference, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].split_once(':') {
            Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag.to_owned())),
            None => (name, None),
        };
        Self { repository: normalised(name), tag, digest }
    }
}

fn normalised(name: &str) -> String {
    let is_registry =
        |part: &str| part.contains(['.', ':']) || part == "localhost" || part.chars().any(char::is_uppercase);
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => ("docker.io", name),
    };
    match (DOCKER_HUB.contains(&registry), path.contains('/')) {
        (true, false) => format!("docker.io/library/{path}"),
        (true, true) => format!("docker.io/{path}"),
        _ => format!("{registry}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_named_in_full() {
        for (reference, repository) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.29", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx@sha256:ab", "docker.io/library/nginx"),
            ("grafana/loki:3", "docker.io/grafana/loki"),
            ("localhost:5000/app", "localhost:5000/app"),
            ("localhost/app:1", "localhost/app"),
            ("registry.k8s.io/kube-proxy:v1.34.4@sha256:ab", "registry.k8s.io/kube-proxy"),
        ] {
            assert_eq!(Image::parse(reference).repository, repository, "{reference}");
        }
    }

    #[test]
    fn takes_tag_and_digest_apart() {
        let image = Image::parse("localhost:5000/app:v1@sha256:ab");
        assert_eq!((image.tag.as_deref(), image.digest.as_deref()), (Some("v1"), Some("sha256:ab")));
        assert_eq!(Image::parse("localhost:5000/app").tag, None);
    }
}
