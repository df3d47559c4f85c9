//! From what was seen to a profile, and whether it is evidence.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lithify::profile::{
    BlockedPath, ContainerPath, Observed, WriteProfile, WrittenPath, merge, mount_points,
};

use super::seen::{Directory, Seen};
use super::workload::Subject;

/// What a profile must have seen to be complete, beside nothing unresolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Starts of containers: what is written then is what most containers write at all.
    pub starts: u64,
    /// Ends of containers: some write when they are told to end.
    pub stops: u64,
    /// From the first to the last moment of watching.
    pub time: Duration,
}

impl Criterion {
    /// What a profile lacks to be complete, for people; `None` for a complete one.
    pub fn shortfall(&self, profile: &WriteProfile) -> Option<String> {
        if profile.is_complete() {
            return None;
        }
        let mut lacks = Vec::new();
        if let Some(observed) = &profile.observed {
            let mut count = |what: &str, found: u64, wanted: u64| {
                if found < wanted {
                    lacks.push(format!("{found} of {wanted} {what}"));
                }
            };
            count("starts seen", observed.starts, self.starts);
            count("ends seen", observed.stops, self.stops);
            let time = observed.to.duration_since(observed.from);
            if SignedDuration::try_from(self.time).is_ok_and(|wanted| time < wanted) {
                lacks.push(format!(
                    "{:#} of {:#} watched",
                    time,
                    SignedDuration::try_from(self.time).unwrap_or_default()
                ));
            }
        }
        if !profile.unresolved.is_empty() {
            lacks.push(format!("unresolved: {}", profile.unresolved.join("; ")));
        }
        if !profile.blocked.is_empty() {
            lacks.push("writes were refused, so that those behind them were not seen".to_owned());
        }
        Some(lacks.join(", "))
    }

    /// Whether an observation, of one run or of several, suffices.
    fn is_met(&self, observed: &Observed) -> bool {
        let time = observed.to.duration_since(observed.from);
        let enough = SignedDuration::try_from(self.time).is_ok_and(|wanted| time >= wanted);
        observed.starts >= self.starts && observed.stops >= self.stops && enough
    }
}

/// The profile of a subject.
///
/// `lost`: what to say of events that were lost; they may have been anybody's. `stored`: the profile of earlier runs.
pub(super) fn profile(
    subject: &Subject,
    seen: &Seen,
    lost: Option<&str>,
    stored: Option<&WriteProfile>,
    criterion: &Criterion,
) -> WriteProfile {
    let fresh = of_run(subject, seen, lost);
    // They are of one image, else the stored one is another subject's.
    let mut whole = match stored {
        Some(stored) => merge(&[stored.clone(), fresh.clone()]).unwrap_or(fresh),
        None => fresh,
    };
    let known = whole.observed.as_ref().is_some_and(|observed| criterion.is_met(observed));
    // Behind a refused write there may be others that were not tried. What was complete without them stays it: else
    // whoever provokes a refusal would take the evidence away.
    let nothing_refused = whole.blocked.is_empty() || stored.is_some_and(WriteProfile::is_complete);
    whole.complete = known && whole.unresolved.is_empty() && nothing_refused;
    // Somebody looked at those paths and at no others.
    let paths =
        |profile: &WriteProfile| profile.paths.iter().map(|path| path.path.clone()).collect::<Vec<_>>();
    whole.approved = stored.is_some_and(|stored| stored.approved && paths(stored) == paths(&whole));
    whole
}

fn of_run(subject: &Subject, seen: &Seen, lost: Option<&str>) -> WriteProfile {
    let mut unresolved: Vec<_> = seen.unresolved.iter().cloned().collect();
    unresolved.extend(crossings(seen));
    unresolved.extend(lost.map(str::to_owned));
    let blocked = |(path, count): (&ContainerPath, &u64)| BlockedPath {
        path: path.clone(),
        errno: "EROFS".to_owned(),
        count: *count,
    };
    let time = |ns: u64| Timestamp::from_nanosecond(ns.into()).unwrap_or_default();
    let seconds = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time);
    WriteProfile {
        name: name(subject),
        namespace: subject.namespace.clone(),
        repository: subject.repository.clone(),
        workload: subject.to_workload(),
        paths: seen.directories.iter().map(|(path, directory)| written(path, directory)).collect(),
        blocked: seen.blocked.iter().map(blocked).collect(),
        observed: Some(Observed {
            from: seconds(time(seen.from_ns)),
            to: seconds(time(seen.to_ns)),
            containers: seen.containers,
            starts: seen.starts,
            stops: seen.stops,
        }),
        unresolved,
        ..WriteProfile::default()
    }
}

fn written(path: &ContainerPath, directory: &Directory) -> WrittenPath {
    let owner = directory.about.owner;
    WrittenPath {
        contents: directory.about.contents,
        writes: directory.writes,
        max_bytes: directory.max_bytes,
        uid: owner.map(|owner| owner.uid),
        gid: owner.map(|owner| owner.gid),
        mode: owner.map(|owner| owner.mode),
        first_writer: directory.first_writer.clone(),
        ..WrittenPath::new(path.clone())
    }
}

/// Renames and links that would fail with EXDEV: between what become two mounts.
fn crossings(seen: &Seen) -> Vec<String> {
    let wanted = seen.directories.iter().map(|(path, directory)| (written(path, directory), false));
    let (points, _) = mount_points(wanted);
    let point =
        |path: &ContainerPath| points.iter().find(|point| point.path.holds(path)).map(|point| &point.path);
    let crosses = seen.moves.iter().filter(|(from, to)| point(from) != point(to));
    crosses
        .map(|(from, to)| format!("rename or link from {from} to {to}: they would be two mounts"))
        .collect()
}

/// The longest name of an object.
const NAME_MAX: usize = 253;

/// `web-nginx`: the workload and its container, or the image.
fn name(subject: &Subject) -> String {
    let of_image = || {
        let last = subject.repository.rsplit('/').next().unwrap_or_default();
        last.replace(|c: char| !c.is_ascii_alphanumeric(), "-").to_ascii_lowercase()
    };
    let of_workload = |(_, name, container): &(String, String, String)| format!("{name}-{container}");
    let mut text = subject.workload.as_ref().map_or_else(of_image, of_workload);
    text.truncate(NAME_MAX);
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::seen::About;
    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;
    const CRITERION: Criterion = Criterion { starts: 2, stops: 1, time: Duration::from_hours(1) };

    fn path(text: &str) -> ContainerPath {
        ContainerPath::parse(text).unwrap()
    }

    fn subject() -> Subject {
        Subject {
            namespace: Some("web".into()),
            workload: Some(("Deployment".into(), "web".into(), "nginx".into())),
            ..Subject::of_image("nginx")
        }
    }

    fn seen(writes: &[&str], starts: u64) -> Seen {
        let mut seen = Seen { starts, stops: 1, to_ns: HOUR_NS, ..Seen::of_one(0) };
        for write in writes {
            seen.wrote(&path(write), b"nginx", About::default);
        }
        seen
    }

    fn made(seen: &Seen, lost: Option<&str>, stored: Option<&WriteProfile>) -> WriteProfile {
        profile(&subject(), seen, lost, stored, &CRITERION)
    }

    #[test]
    fn a_profile_is_complete_when_enough_was_seen_and_all_was_told() {
        let enough = seen(&["/run"], 2);
        assert!(made(&enough, None, None).complete);
        assert!(!made(&Seen { starts: 1, ..enough.clone() }, None, None).complete);
        assert!(!made(&Seen { stops: 0, ..enough.clone() }, None, None).complete);
        assert!(!made(&Seen { to_ns: HOUR_NS - 1_000_000_000, ..enough.clone() }, None, None).complete);
        let lossy = made(&enough, Some("3 events were lost"), None);
        assert_eq!((lossy.complete, &lossy.unresolved[..]), (false, &["3 events were lost".to_owned()][..]));
    }

    #[test]
    fn runs_add_up_to_completeness() {
        let first = made(&seen(&["/run"], 1), None, None);
        assert!(!first.complete);
        let both = made(&seen(&["/tmp"], 1), None, Some(&first));
        assert!(both.complete);
        assert_eq!(both.paths.iter().map(|path| path.path.as_str()).collect::<Vec<_>>(), ["/run", "/tmp"]);
        assert_eq!(both.name, "web-nginx");
        assert_eq!(both.workload.as_ref().unwrap().kind, "Deployment");
        // What one run could not tell, no other one can.
        let lossy = made(&seen(&["/run"], 2), Some("lost"), None);
        assert!(!made(&seen(&["/run"], 2), None, Some(&lossy)).complete);
    }

    #[test]
    fn a_refused_write_is_no_evidence_of_those_behind_it() {
        let mut refused = seen(&["/run"], 2);
        refused.refused(path("/srv/x"));
        let profile = made(&refused, None, None);
        assert!(!profile.complete);
        let lacks = CRITERION.shortfall(&profile).unwrap();
        assert!(lacks.contains("writes were refused"), "{lacks}");
        let complete = made(&seen(&["/run"], 2), None, None);
        assert_eq!(CRITERION.shortfall(&complete), None);
        assert!(made(&refused, None, Some(&complete)).complete);
    }

    #[test]
    fn what_is_missing_is_said() {
        let few = made(&Seen { to_ns: 60_000_000_000, ..seen(&["/run"], 1) }, None, None);
        assert_eq!(CRITERION.shortfall(&few).unwrap(), "1 of 2 starts seen, 1m of 1h watched");
    }

    #[test]
    fn an_approval_is_of_the_paths_that_were_looked_at() {
        let approved = WriteProfile { approved: true, ..made(&seen(&["/run"], 2), None, None) };
        assert!(made(&seen(&["/run"], 1), None, Some(&approved)).approved);
        assert!(!made(&seen(&["/run", "/etc/x"], 1), None, Some(&approved)).approved);
    }

    #[test]
    fn a_rename_between_two_mounts_is_said() {
        let mut seen = seen(&["/var/lib/app", "/tmp"], 2);
        seen.moved(path("/tmp/a"), path("/tmp/b"));
        assert!(made(&seen, None, None).complete);
        seen.moved(path("/tmp"), path("/var/lib/app/data"));
        let profile = made(&seen, None, None);
        assert_eq!(
            profile.unresolved,
            ["rename or link from /tmp to /var/lib/app/data: they would be two mounts"]
        );
    }

    #[test]
    fn a_profile_can_be_read_again() {
        let mut seen = seen(&["/run"], 2);
        seen.refused(path("/etc/x"));
        let profile = made(&seen, None, None);
        let read = lithify::profile::read(&profile.to_yaml().unwrap()).unwrap();
        assert_eq!(read, [profile]);
    }

    #[test]
    fn an_image_alone_names_the_profile() {
        assert_eq!(name(&Subject::of_image("reg.io:5000/Team/My_App")), "my-app");
    }
}
