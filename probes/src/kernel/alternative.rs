//! What the kernel can test of an event, as values that can be combined.

use std::collections::BTreeSet;

/// A conjunction of conditions, each absent unless every rule behind it asks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternative {
    /// In a container (`true`) or on the host (`false`).
    pub container: Option<bool>,
    /// Succeeded (`true`) or failed (`false`).
    pub succeeded: Option<bool>,
    /// Opened for reading, perhaps also for writing.
    pub reads: bool,
    /// Opened for writing, perhaps also for reading.
    pub writes: bool,
    /// The effective user is root.
    pub root: bool,
    /// The result is 0, 1 or 2: a standard stream.
    pub stdio: bool,
    /// The descriptor is of one of these types.
    pub descriptors: Option<Vec<Descriptor>>,
    /// The path begins with one of these.
    pub prefixes: Option<Vec<String>>,
    /// The path's last component is one of these.
    pub names: Option<Vec<String>>,
}

/// Types of descriptors that the kernel's half tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Descriptor {
    /// None of the others.
    Other,
    /// Regular file.
    File,
    /// Directory.
    Directory,
    /// IPv4 socket.
    Ipv4,
    /// IPv6 socket.
    Ipv6,
    /// Unix socket.
    Unix,
    /// Pipe.
    Pipe,
}

impl Descriptor {
    pub(super) const fn index(self) -> usize {
        use super::layout::{FD_DIRECTORY, FD_FILE, FD_IPV4, FD_IPV6, FD_OTHER, FD_PIPE, FD_UNIX};
        (match self {
            Self::Other => FD_OTHER,
            Self::File => FD_FILE,
            Self::Directory => FD_DIRECTORY,
            Self::Ipv4 => FD_IPV4,
            Self::Ipv6 => FD_IPV6,
            Self::Unix => FD_UNIX,
            Self::Pipe => FD_PIPE,
        }) as usize
    }
}

/// Alternatives that fit into the bits of a word.
pub(super) const ALTERNATIVES_MAX: usize = 64;

/// Both conditions at once; `None` if no event meets both.
pub(super) fn both(one: &Alternative, other: &Alternative) -> Option<Alternative> {
    Some(Alternative {
        container: agreed(one.container, other.container)?,
        succeeded: agreed(one.succeeded, other.succeeded)?,
        reads: one.reads || other.reads,
        writes: one.writes || other.writes,
        root: one.root || other.root,
        stdio: one.stdio || other.stdio,
        descriptors: match common(one.descriptors.as_ref(), other.descriptors.as_ref(), |one, other| {
            (one == other).then_some(*one)
        }) {
            Some(types) if types.is_empty() => return None,
            types => types,
        },
        prefixes: common(one.prefixes.as_ref(), other.prefixes.as_ref(), |one, other| {
            let (shorter, longer) = if one.len() < other.len() { (one, other) } else { (other, one) };
            longer.starts_with(shorter.as_str()).then(|| longer.clone())
        }),
        names: common(one.names.as_ref(), other.names.as_ref(), |one, other| {
            (one == other).then(|| one.clone())
        }),
    })
}

/// The value on which two conditions agree; outside `None` if they contradict each other.
#[expect(clippy::option_option, reason = "a contradiction is not the same as no condition")]
fn agreed(one: Option<bool>, other: Option<bool>) -> Option<Option<bool>> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => None,
        _ => Some(one.or(other)),
    }
}

/// What two lists have in common.
fn common<T: Clone + PartialEq>(
    one: Option<&Vec<T>>,
    other: Option<&Vec<T>>,
    meet: impl Fn(&T, &T) -> Option<T>,
) -> Option<Vec<T>> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other).cloned() };
    let mut all: Vec<T> = Vec::new();
    for found in one.iter().flat_map(|one| other.iter().filter_map(|other| meet(one, other))) {
        if !all.contains(&found) {
            all.push(found);
        }
    }
    Some(all)
}

/// The same in fewer: those that differ in one list become one, those that another one covers go. If they are still
/// too many, what tells most of them apart is left out.
pub(super) fn simplified(mut all: Vec<Alternative>) -> Vec<Alternative> {
    if all.contains(&Alternative::default()) {
        return vec![Alternative::default()];
    }
    merge(&mut all);
    for forget in [|one: &mut Alternative| one.names = None, |one: &mut Alternative| one.prefixes = None] {
        if all.len() <= ALTERNATIVES_MAX {
            return all;
        }
        all.iter_mut().for_each(forget);
        merge(&mut all);
    }
    if all.len() <= ALTERNATIVES_MAX { all } else { vec![Alternative::default()] }
}

fn merge(all: &mut Vec<Alternative>) {
    let mut kept: Vec<Alternative> = Vec::with_capacity(all.len());
    for one in all.drain(..) {
        if kept.iter().any(|other| covers(other, &one)) {
            continue;
        }
        kept.retain(|other| !covers(&one, other));
        match kept.iter_mut().find_map(|other| Some((joined(other, &one)?, other))) {
            Some((joined, place)) => *place = joined,
            None => kept.push(one),
        }
    }
    *all = kept;
}

/// Does every event that meets `narrow` meet `wide`?
fn covers(wide: &Alternative, narrow: &Alternative) -> bool {
    fn within<T: PartialEq>(wide: Option<&Vec<T>>, narrow: Option<&Vec<T>>) -> bool {
        wide.is_none_or(|wide| narrow.is_some_and(|narrow| narrow.iter().all(|one| wide.contains(one))))
    }
    (wide.container.is_none() || wide.container == narrow.container)
        && (wide.succeeded.is_none() || wide.succeeded == narrow.succeeded)
        && wide.reads <= narrow.reads
        && wide.writes <= narrow.writes
        && wide.root <= narrow.root
        && wide.stdio <= narrow.stdio
        && within(wide.descriptors.as_ref(), narrow.descriptors.as_ref())
        && within(wide.prefixes.as_ref(), narrow.prefixes.as_ref())
        && within(wide.names.as_ref(), narrow.names.as_ref())
}

/// Two that differ in nothing but one list, as one.
fn joined(one: &Alternative, other: &Alternative) -> Option<Alternative> {
    fn union<T: Clone + Ord>(one: Option<&Vec<T>>, other: Option<&Vec<T>>) -> Option<Vec<T>> {
        let all: BTreeSet<T> = one?.iter().chain(other?).cloned().collect();
        Some(all.into_iter().collect())
    }
    let prefixes = Alternative { prefixes: one.prefixes.clone(), ..other.clone() };
    if prefixes == *one {
        return Some(Alternative {
            prefixes: union(one.prefixes.as_ref(), other.prefixes.as_ref()),
            ..prefixes
        });
    }
    let names = Alternative { names: one.names.clone(), ..other.clone() };
    if names == *one {
        return Some(Alternative { names: union(one.names.as_ref(), other.names.as_ref()), ..names });
    }
    let descriptors = Alternative { descriptors: one.descriptors.clone(), ..other.clone() };
    (descriptors == *one).then(|| Alternative {
        descriptors: union(one.descriptors.as_ref(), other.descriptors.as_ref()),
        ..descriptors
    })
}
