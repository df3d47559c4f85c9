//! Names of the volumes: `rw-<container>-<path-slug>`.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::profile::ContainerPath;

/// The longest DNS label, which volume and container names are.
const LONGEST: usize = 63;

/// Hexadecimal digits that tell two names apart: 32 bits among the few volumes of one pod.
const HASH: usize = 8;

/// The volume's name for a path of a container: a DNS label, the same for the same two.
///
/// Where it would be longer than a label, or is taken by something else, a hash of both stands at its end.
pub(super) fn volume_name(container: &str, path: &ContainerPath, is_taken: impl Fn(&str) -> bool) -> String {
    let mut plain = format!("rw-{}-{}", slug(container), slug(path.as_str()));
    plain.truncate(plain.trim_end_matches('-').len());
    if plain.len() <= LONGEST && !is_taken(&plain) {
        return plain;
    }
    let hashed = |round: u32| {
        let digest = Sha256::digest(format!("{container}\0{path}\0{round}"));
        let mut name = plain.get(..LONGEST - HASH - 1).unwrap_or(&plain).trim_end_matches('-').to_owned();
        name.push('-');
        for byte in digest.iter().take(HASH / 2) {
            _ = write!(name, "{byte:02x}");
        }
        name
    };
    (0..u32::MAX).map(hashed).find(|name| !is_taken(name)).unwrap_or(plain.clone())
}

/// Lower-case letters, digits and single dashes.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(container: &str, path: &str) -> String {
        volume_name(container, &ContainerPath::of_mount(path), |_| false)
    }

    #[test]
    fn says_whose_it_is_and_where() {
        assert_eq!(name("nginx", "/var/cache/nginx"), "rw-nginx-var-cache-nginx");
        assert_eq!(name("app", "/opt/My_App/.cache"), "rw-app-opt-my-app-cache");
        assert_eq!(name("app", "/_"), "rw-app");
    }

    #[test]
    fn a_taken_name_gets_a_hash() {
        let other = volume_name("a", &ContainerPath::of_mount("/b/c"), |name| name == "rw-a-b-c");
        assert!(other.starts_with("rw-a-b-c-") && other.len() == "rw-a-b-c-".len() + HASH, "{other}");
    }

    proptest! {
        #[test]
        fn every_name_is_a_dns_label(container in "[a-z0-9A-Z_.-]{1,70}", path in "(/[a-zA-Z0-9 ._é-]{1,20}){1,8}", taken: bool) {
            let path = ContainerPath::of_mount(&path);
            let first = std::cell::RefCell::new(None);
            let is_taken = |name: &str| taken && first.borrow_mut().get_or_insert_with(|| name.to_owned()) == name;
            let name = volume_name(&container, &path, is_taken);
            prop_assert!(name.len() <= LONGEST, "{}", name);
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert!(!name.starts_with('-') && !name.ends_with('-'));
            prop_assert_ne!(Some(name), first.into_inner());
        }

        #[test]
        fn long_paths_that_differ_have_names_that_differ(a in "(/[a-z]{9}){8,12}", b in "(/[a-z]{9}){8,12}") {
            prop_assume!(a != b);
            prop_assert_ne!(name("app", &a), name("app", &b));
        }
    }
}
