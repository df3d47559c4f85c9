//! Conditions that the kernel tests before it sends an event, and the tables they become.
//!
//! What rules ask of an event of some type is a list of [`Alternative`]s: an event that meets none of them cannot
//! match any rule. Each alternative is a bit; the kernel keeps the bits that an event can still meet. Everything here
//! errs towards keeping: a condition that cannot be told is met.

use std::collections::HashMap;

use super::alternative::{ALTERNATIVES_MAX, Alternative, Descriptor};
use super::layout::{Bytes as _, Filter, NAME_MAX, NameKey, PREFIX_MAX};

/// The tables of one call's alternatives.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) filter: Filter,
    /// Paths and the alternatives that they and all below meet.
    pub(crate) prefixes: Vec<(Vec<u8>, u64)>,
    /// File names and the alternatives that they meet.
    pub(crate) names: Vec<(NameKey, u64)>,
}

/// The tables of a list of alternatives; `None` if there are too many to tell apart, so that all events must be sent.
///
/// `group` tells these alternatives' keys from those of other calls.
pub(crate) fn tables(alternatives: &[Alternative], group: u32) -> Option<Tables> {
    if alternatives.len() > ALTERNATIVES_MAX {
        return None;
    }
    let mut filter = Filter::zeroed();
    let mut prefixes: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut names: HashMap<[u8; NAME_MAX as usize], u64> = HashMap::new();
    for (place, one) in alternatives.iter().enumerate() {
        let bit = 1_u64 << place;
        let set = |mask: &mut u64, met: bool| *mask |= if met { bit } else { 0 };
        set(&mut filter.host, one.container != Some(true));
        set(&mut filter.container, one.container != Some(false));
        set(&mut filter.failed, one.succeeded != Some(true));
        set(&mut filter.succeeded, one.succeeded != Some(false));
        set(&mut filter.no_read, !one.reads);
        set(&mut filter.no_write, !one.writes);
        set(&mut filter.not_root, !one.root);
        set(&mut filter.not_stdio, !one.stdio);
        set(&mut filter.any_fd, one.descriptors.is_none());
        for (class, mask) in filter.fd.iter_mut().enumerate() {
            // A type that only a later kernel tells us of is met.
            let asked = one.descriptors.as_ref();
            let met = asked.is_none_or(|types| types.iter().any(|one| one.index() == class))
                || class > Descriptor::Pipe.index();
            set(mask, met);
        }
        match one.prefixes.as_deref().and_then(usable_prefixes) {
            None => set(&mut filter.any_prefix, true),
            Some(usable) => usable.into_iter().for_each(|prefix| *prefixes.entry(prefix).or_default() |= bit),
        }
        match one.names.as_deref().and_then(usable_names) {
            None => set(&mut filter.any_name, true),
            Some(usable) => usable.into_iter().for_each(|name| *names.entry(name).or_default() |= bit),
        }
    }
    for (prefix, asking) in &prefixes {
        filter.starts |= starts(prefix);
        filter.starts_reading |= if asking & filter.no_write == 0 { 0 } else { starts(prefix) };
    }
    filter.name_starts = names.keys().fold(0, |bits, name| bits | name_start([name[0], name[1], name[2]]));
    let names = names.into_iter().map(|(name, bits)| (NameKey { group, name }, bits)).collect();
    Some(Tables { filter, prefixes: with_shorter(prefixes), names })
}

/// The bit of a prefix's first letters; all bits if it has too few.
fn starts(prefix: &[u8]) -> u64 {
    match *prefix {
        [b'/', one, two, three, ..] => name_start([one, two, three]),
        _ => u64::MAX,
    }
}

/// The bit of a name's first letters, as `name_start` in `bpf/filter.h`; a short name has zeros for them.
fn name_start([one, two, three]: [u8; 3]) -> u64 {
    1 << ((u32::from(one) * 31 + u32::from(two) * 7 + u32::from(three)) & 63)
}

/// Prefixes as keys; what is longer than a key is cut, which only makes it wider. `None` if one says nothing.
fn usable_prefixes(prefixes: &[String]) -> Option<Vec<Vec<u8>>> {
    let key = |prefix: &String| {
        let bytes = prefix.as_bytes();
        bytes[..bytes.len().min(PREFIX_MAX as usize)].to_vec()
    };
    prefixes.iter().map(key).map(|key| key.starts_with(b"/").then_some(key)).collect()
}

/// Names as keys; `None` if one is longer than a key.
fn usable_names(names: &[String]) -> Option<Vec<[u8; NAME_MAX as usize]>> {
    let key = |name: &String| {
        let mut key = [0; NAME_MAX as usize];
        // One byte less: the kernel's copy ends with a zero.
        let place = key[..NAME_MAX as usize - 1].get_mut(..name.len())?;
        place.copy_from_slice(name.as_bytes());
        Some(key)
    };
    names.iter().map(key).collect()
}

/// The trie tells only the longest prefix that a path has: each must also carry the bits of those it begins with.
fn with_shorter(prefixes: HashMap<Vec<u8>, u64>) -> Vec<(Vec<u8>, u64)> {
    let mut sorted: Vec<_> = prefixes.into_iter().collect();
    sorted.sort();
    let all = |path: &[u8], entries: &[(Vec<u8>, u64)]| {
        entries.iter().filter(|(prefix, _)| path.starts_with(prefix)).fold(0, |bits, (_, more)| bits | more)
    };
    sorted.iter().map(|(path, _)| (path.clone(), all(path, &sorted))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn each_condition_clears_the_bits_of_what_it_excludes() {
        let only_container =
            Alternative { container: Some(true), succeeded: Some(true), ..Alternative::default() };
        let writer =
            Alternative { writes: true, descriptors: Some(vec![Descriptor::Ipv4]), ..Alternative::default() };
        let tables = tables(&[only_container, writer], 3).unwrap();
        let filter = tables.filter;
        assert_eq!(
            (filter.host, filter.container, filter.failed, filter.succeeded),
            (0b10, 0b11, 0b10, 0b11)
        );
        assert_eq!((filter.no_write, filter.no_read), (0b01, 0b11));
        assert_eq!((filter.fd[Descriptor::Ipv4.index()], filter.fd[Descriptor::File.index()]), (0b11, 0b01));
        assert_eq!((filter.any_prefix, filter.any_name, filter.any_fd), (0b11, 0b11, 0b01));
    }

    #[test]
    fn a_longer_prefix_has_the_bits_of_the_shorter() {
        let etc = Alternative { prefixes: Some(texts(&["/etc"])), ..Alternative::default() };
        let shadow =
            Alternative { prefixes: Some(texts(&["/etc/shadow", "/root"])), ..Alternative::default() };
        let tables = tables(&[etc, shadow], 0).unwrap();
        let bits =
            |path: &str| tables.prefixes.iter().find(|(prefix, _)| prefix == path.as_bytes()).unwrap().1;
        assert_eq!((bits("/etc"), bits("/etc/shadow"), bits("/root")), (0b01, 0b11, 0b10));
    }

    #[test]
    fn what_cannot_be_a_key_is_met_by_all() {
        let relative = Alternative { prefixes: Some(texts(&["/etc", "shadow"])), ..Alternative::default() };
        let long = Alternative { names: Some(texts(&["short", &"x".repeat(32)])), ..Alternative::default() };
        let tables = tables(&[relative, long], 0).unwrap();
        assert_eq!((tables.filter.any_prefix, tables.filter.any_name), (0b11, 0b11));
    }

    #[test]
    fn a_prefix_longer_than_a_key_is_cut_wider() {
        let path = format!("/{}", "x".repeat(300));
        let tables =
            tables(&[Alternative { prefixes: Some(texts(&[&path])), ..Alternative::default() }], 0).unwrap();
        assert_eq!(tables.prefixes[0].0, path.as_bytes()[..PREFIX_MAX as usize]);
    }

    #[test]
    fn too_many_alternatives_send_everything() {
        assert!(tables(&vec![Alternative::default(); 65], 0).is_none());
    }
}
