//! One profile of several.

use super::model::{BlockedPath, Contents, Observed, WriteProfile, WrittenPath};

/// Profiles that cannot be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// No profile was given.
    #[error("expected at least one profile, found none")]
    Nothing,
    /// Writes of one image say nothing of another.
    #[error(
        "profile `{first}` is about the image {image}, `{second}` about {other}; only profiles of one image can be merged"
    )]
    OtherImage {
        /// The first profile's name.
        first: String,
        /// Its image.
        image: String,
        /// The name of the one that differs.
        second: String,
        /// Its image.
        other: String,
    },
}

/// Makes one profile of several, in their order.
///
/// - paths: the union; writes are added, of `maxBytes` the most counts, a directory that held files in one
///   holds files, and owner and mode stay where all that know them agree;
/// - blocked and unresolved: the union, counts added;
/// - observed: from the earliest to the latest; containers, starts and stops are added;
/// - namespace, workload and digest stay where all agree; else the result is about all that the parts are about;
/// - complete only if every part is, with nothing unresolved; approved only if every part is: evidence for one
///   workload is none for another;
/// - the name is the first one's.
///
/// # Errors
/// [`MergeError`].
pub fn merge(profiles: &[WriteProfile]) -> Result<WriteProfile, MergeError> {
    let (first, others) = profiles.split_first().ok_or(MergeError::Nothing)?;
    let mut merged = WriteProfile {
        complete: first.is_complete(),
        paths: Vec::new(),
        blocked: Vec::new(),
        ..first.clone()
    };
    add_paths(&mut merged, first);
    for other in others {
        if other.repository != first.repository {
            return Err(MergeError::OtherImage {
                first: first.name.clone(),
                image: first.repository.clone(),
                second: other.name.clone(),
                other: other.repository.clone(),
            });
        }
        keep_if_same(&mut merged.namespace, other.namespace.as_ref());
        keep_if_same(&mut merged.workload, other.workload.as_ref());
        keep_if_same(&mut merged.digest, other.digest.as_ref());
        add_paths(&mut merged, other);
        let new = other.unresolved.iter().filter(|text| !merged.unresolved.contains(text));
        let new: Vec<_> = new.cloned().collect();
        merged.unresolved.extend(new);
        merged.observed = observed(merged.observed, other.observed);
        merged.complete &= other.is_complete();
        merged.approved &= other.approved;
    }
    merged.paths.sort_by(|a, b| a.path.cmp(&b.path));
    merged.blocked.sort_by(|a, b| (&a.path, &a.errno).cmp(&(&b.path, &b.errno)));
    Ok(merged)
}

fn keep_if_same<V: PartialEq>(kept: &mut Option<V>, other: Option<&V>) {
    if kept.as_ref() != other {
        *kept = None;
    }
}

fn add_paths(merged: &mut WriteProfile, from: &WriteProfile) {
    for path in &from.paths {
        match merged.paths.iter_mut().find(|known| known.path == path.path) {
            Some(known) => add_path(known, path),
            None => merged.paths.push(path.clone()),
        }
    }
    for blocked in &from.blocked {
        let is_same = |known: &&mut BlockedPath| known.path == blocked.path && known.errno == blocked.errno;
        match merged.blocked.iter_mut().find(is_same) {
            Some(known) => known.count = known.count.saturating_add(blocked.count),
            None => merged.blocked.push(blocked.clone()),
        }
    }
}

fn add_path(known: &mut WrittenPath, other: &WrittenPath) {
    if other.contents == Contents::Populated {
        known.contents = Contents::Populated;
    }
    known.writes = known.writes.saturating_add(other.writes);
    // Where one does not know how much there was, the merged profile does not.
    known.max_bytes = known.max_bytes.zip(other.max_bytes).map(|(a, b)| a.max(b));
    agree(&mut known.uid, other.uid);
    agree(&mut known.gid, other.gid);
    agree(&mut known.mode, other.mode);
    if known.first_writer.is_empty() {
        known.first_writer.clone_from(&other.first_writer);
    }
}

fn agree(known: &mut Option<u32>, other: Option<u32>) {
    if known.is_some() && other.is_some() && *known != other {
        *known = None;
    } else {
        *known = known.or(other);
    }
}

fn observed(left: Option<Observed>, right: Option<Observed>) -> Option<Observed> {
    let (Some(left), Some(right)) = (left, right) else { return left.or(right) };
    Some(Observed {
        from: left.from.min(right.from),
        to: left.to.max(right.to),
        containers: left.containers.saturating_add(right.containers),
        starts: left.starts.saturating_add(right.starts),
        stops: left.stops.saturating_add(right.stops),
    })
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn profile(spec: &str) -> WriteProfile {
        let head = "apiVersion: lithify.dev/v1alpha1\nkind: WriteProfile\nmetadata: {name: a}\nspec:\n  image: nginx\n";
        let source = format!("{head}{spec}");
        read(source.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{source}")).remove(0)
    }

    #[test]
    fn adds_what_both_have_seen() {
        let left = profile(
            "  paths:\n  - {path: /tmp, writes: 2, maxBytes: 10, uid: 1, mode: '0755'}\n  \
             observed: {from: 2026-11-02T00:00:00Z, to: 2026-11-03T00:00:00Z, starts: 1}\n  complete: true\n",
        );
        let right = profile(
            "  paths:\n  - {path: /run}\n  - {path: /tmp, contents: populated, writes: 3, maxBytes: 7, uid: 2}\n  \
             observed: {from: 2026-11-01T00:00:00Z, to: 2026-11-02T00:00:00Z, starts: 2}\n  complete: true\n",
        );
        let merged = merge(&[left.clone(), right]).unwrap();
        let paths: Vec<_> = merged.paths.iter().map(|p| (p.path.as_str(), p.writes, p.max_bytes)).collect();
        assert_eq!(paths, [("/run", 0, None), ("/tmp", 5, Some(10))]);
        let tmp = &merged.paths[1];
        assert_eq!((tmp.contents, tmp.uid, tmp.mode), (Contents::Populated, None, Some(0o755)));
        let observed = merged.observed.unwrap();
        assert_eq!(observed.from.to_string(), "2026-11-01T00:00:00Z");
        assert_eq!((observed.to.to_string().as_str(), observed.starts), ("2026-11-03T00:00:00Z", 3));
        assert!(merged.complete);
        assert_eq!(merge(std::slice::from_ref(&left)).unwrap(), left);
    }

    #[test]
    fn is_complete_only_if_every_part_is() {
        let complete = profile("  complete: true\n");
        let unresolved = profile("  complete: true\n  unresolved: [openat2]\n");
        assert!(!merge(&[complete.clone(), unresolved]).unwrap().complete);
        assert!(!merge(&[complete, profile("  complete: false\n")]).unwrap().complete);
    }

    #[test]
    fn refuses_profiles_of_two_images() {
        let other =
            WriteProfile { repository: "quay.io/x".into(), name: "b".into(), ..WriteProfile::default() };
        let error = merge(&[profile(""), other]).unwrap_err();
        assert!(error.to_string().contains("docker.io/library/nginx, `b` about quay.io/x"), "{error}");
    }
}
