//! Names of an image.

/// An image's names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// Repository and tag.
    pub(crate) name: Box<str>,
    pub(crate) repository: Box<str>,
    pub(crate) tag: Box<str>,
    pub(crate) digest: Box<str>,
    pub(crate) id: Box<str>,
}

impl Image {
    /// `told`: what the status names; `reference`: `repository@sha256:…` or `sha256:…`; `made_of`: what the image was
    /// called when the container was made, for runtimes that name only a digest.
    pub(super) fn new(told: &str, reference: &str, made_of: Option<&str>, id: &str) -> Self {
        let is_digest = |name: &str| name.is_empty() || name.starts_with("sha256:");
        let told = if is_digest(told) { made_of.unwrap_or_default() } else { told };
        let (named, tag) = split_tag(told);
        let (repository, digest) = match reference.split_once('@') {
            Some((repository, digest)) => (repository, digest),
            None if reference.starts_with("sha256:") => (named, reference),
            None => (named, ""),
        };
        let name = if tag.is_empty() { repository.to_owned() } else { format!("{repository}:{tag}") };
        Self {
            name: name.into(),
            repository: repository.into(),
            tag: tag.into(),
            digest: digest.into(),
            id: id.rsplit(':').next().unwrap_or_default().into(),
        }
    }
}

/// Repository and tag of an image's name, without its digest. A colon before the last slash belongs to a port.
fn split_tag(name: &str) -> (&str, &str) {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(told: &str, reference: &str, made_of: Option<&str>) -> [String; 4] {
        let image = Image::new(told, reference, made_of, "");
        [image.name, image.repository, image.tag, image.digest].map(String::from)
    }

    #[test]
    fn tells_repository_tag_and_digest_apart() {
        for (told, reference, made_of, wanted) in [
            (
                "docker.io/library/nginx:1.27",
                "docker.io/library/nginx@sha256:aa",
                None,
                ["docker.io/library/nginx:1.27", "docker.io/library/nginx", "1.27", "sha256:aa"],
            ),
            // A registry's port is no tag.
            (
                "reg.io:5000/team/app:2",
                "sha256:bb",
                None,
                ["reg.io:5000/team/app:2", "reg.io:5000/team/app", "2", "sha256:bb"],
            ),
            ("reg.io:5000/team/app", "", None, ["reg.io:5000/team/app", "reg.io:5000/team/app", "", ""]),
            // Pulled by digest, or a runtime that resolved the name already.
            ("sha256:cc", "sha256:cc", Some("q/app:3"), ["q/app:3", "q/app", "3", "sha256:cc"]),
            ("q/app@sha256:dd", "q/app@sha256:dd", None, ["q/app", "q/app", "", "sha256:dd"]),
            ("", "", None, ["", "", "", ""]),
        ] {
            assert_eq!(image(told, reference, made_of), wanted, "{told} {reference}");
        }
    }
}
