//! From what rules need to what the kernel tests.
//!
//! Data in: the condition that an event of a type must fulfil for any rule to hold, as the engine derives it. Data
//! out: at most 64 [`Alternative`]s, one of which every such event meets. Conditions become a disjunction of
//! conjunctions; what the kernel cannot tell, or what makes too many of them, is left out, which only keeps more
//! events.
//!
//! Rules see a path as the call gave it, made absolute and normalised. The kernel tests the one that it was given and
//! keeps whatever is relative or not normalised, so a beginning of the one is a beginning of the other. An empty list
//! of beginnings or names asks for just those paths that the kernel does not judge.

use lithify::event::EventType;
use lithify::rules::{KernelCheck, Need, Needs, Pattern, RuleSet, Subject};

use super::alternative::{ALTERNATIVES_MAX, Alternative, Descriptor, both, simplified};
use super::layout::SLOT_RESULT;
use crate::syscall::event::{Shape, shape_of};
use crate::syscall::plan;

/// What events must meet for any rule of the set to hold, by type. A type that is not listed must be sent whole.
pub fn filters_of(rules: &RuleSet) -> Vec<(EventType, Vec<Alternative>)> {
    rules.needs().iter().filter_map(|needs| Some((needs.event, alternatives(needs)?))).collect()
}

/// What an event must meet; `None` if any event may make a rule hold, an empty list if none can.
pub(crate) fn alternatives(needs: &Needs) -> Option<Vec<Alternative>> {
    let alternatives = of(&needs.need, &Call::new(needs.event));
    (!alternatives.contains(&Alternative::default())).then_some(alternatives)
}

/// What conditions of a call's events are about.
struct Call {
    shape: &'static Shape,
    /// Is the path that `fd.name` and `fs.path.name` show the one that the call was given? With two paths, or with a
    /// descriptor of its own, it is another.
    gives_path: bool,
    /// Does the kernel's half look at the descriptor that `fd.*` is about?
    shows_descriptor: bool,
}

impl Call {
    fn new(event: EventType) -> Self {
        let shape = shape_of(event);
        let looked_at = plan::plan(event, plan::Needs::default()).map(|(_, plan)| plan.fd_slot);
        Self {
            shape,
            gives_path: shape.paths.len() == 1 && shape.fd.is_none_or(|fd| fd == SLOT_RESULT),
            shows_descriptor: looked_at == shape.fd,
        }
    }
}

fn of(need: &Need, call: &Call) -> Vec<Alternative> {
    match need {
        Need::Nothing => vec![Alternative::default()],
        Need::Never => Vec::new(),
        Need::Check(check) => vec![of_check(check, call)],
        Need::Any(parts) => simplified(parts.iter().flat_map(|part| of(part, call)).collect()),
        Need::All(parts) => {
            let mut parts: Vec<_> = parts.iter().map(|part| of(part, call)).collect();
            // The few first: what comes when there is no more room is left out.
            parts.sort_by_key(Vec::len);
            parts.into_iter().fold(vec![Alternative::default()], |all, part| {
                if all.len() * part.len() > ALTERNATIVES_MAX {
                    return all;
                }
                simplified(
                    all.iter().flat_map(|one| part.iter().filter_map(|other| both(one, other))).collect(),
                )
            })
        }
    }
}

/// One comparison as a condition; without one if the kernel cannot make it.
fn of_check(check: &KernelCheck, call: &Call) -> Alternative {
    let mut one = Alternative::default();
    match (check.subject, &check.pattern, check.is_like) {
        (Subject::Container, Pattern::OneOf(ids), is_like) => one.container = container(ids, is_like),
        (Subject::OpenRead, Pattern::Truth(truth), is_like) => one.reads = *truth == is_like && *truth,
        (Subject::OpenWrite, Pattern::Truth(truth), is_like) => one.writes = *truth == is_like && *truth,
        (Subject::Path | Subject::RawPath, Pattern::OneOf(paths), true) if call.gives_path => {
            one.prefixes = absolute(paths);
        }
        (Subject::Directory, Pattern::OneOf(paths), true) if call.gives_path => {
            one.prefixes = absolute(paths);
        }
        (Subject::Path | Subject::RawPath | Subject::Directory, Pattern::Prefix(path), true)
            if call.gives_path =>
        {
            one.prefixes = absolute(std::slice::from_ref(path));
        }
        (Subject::Path, Pattern::Suffix(end), true) if call.gives_path => {
            one.names = last_component(end).map(|name| vec![name]);
        }
        (Subject::FileName, Pattern::OneOf(names), true) if call.gives_path => one.names = texts(names),
        (Subject::FileDescriptor, pattern, is_like) if call.shape.fd == Some(SLOT_RESULT) => {
            of_result(&mut one, pattern, is_like);
        }
        (Subject::Result, pattern, is_like) => of_result(&mut one, pattern, is_like),
        (Subject::RawPath, Pattern::Part(part), true) if call.gives_path && is_unclean(part) => {
            one.prefixes = Some(Vec::new());
        }
        (Subject::DescriptorType | Subject::DescriptorLetter, Pattern::OneOf(names), true)
            if call.shows_descriptor =>
        {
            let types = descriptors(names);
            // What is opened by a path is hardly ever anything else: to ask costs more than it saves.
            let is_usual = call.gives_path && types.contains(&Descriptor::File);
            one.descriptors = (!is_usual).then_some(types);
        }
        (Subject::User, Pattern::Numbers(numbers), true) => one.root = numbers[..] == [0],
        _ => {}
    }
    one
}

fn container(ids: &[Vec<u8>], is_like: bool) -> Option<bool> {
    let host = ids.iter().any(|id| id == b"host");
    match (host, is_like) {
        (true, true) => (ids.len() == 1).then_some(false),
        (true, false) | (false, true) => Some(true),
        (false, false) => None,
    }
}

/// What a call returns, or the descriptor that it makes: below zero it failed.
fn of_result(one: &mut Alternative, pattern: &Pattern, is_like: bool) {
    match (pattern, is_like) {
        (Pattern::OneOf(words), is_like) if words[..] == [b"SUCCESS"] => one.succeeded = Some(is_like),
        (Pattern::AtLeast(0..), true) => one.succeeded = Some(true),
        (Pattern::AtMost(..0), true) | (Pattern::AtLeast(..=0), false) => one.succeeded = Some(false),
        (Pattern::Numbers(numbers), true) => {
            one.stdio = numbers.iter().all(|number| (0..=2).contains(number));
            one.succeeded = numbers.iter().all(|number| *number >= 0).then_some(true);
        }
        _ => {}
    }
}

/// Does the kernel keep each path with this in it? As `path_is_unclean` in `bpf/filter.h`.
fn is_unclean(part: &[u8]) -> bool {
    part.windows(2).any(|two| matches!(two, b"/." | b"./" | b"//"))
}

/// Types that the kernel's half may take for one of these: it tells fewer apart.
fn descriptors(names: &[Vec<u8>]) -> Vec<Descriptor> {
    let mut types = Vec::new();
    for name in names {
        types.extend_from_slice(match &name[..] {
            b"directory" | b"d" => &[Descriptor::Directory][..],
            b"pipe" | b"p" => &[Descriptor::Pipe],
            // An IPv6 socket may carry a connection of IPv4.
            b"ipv4" | b"4" => &[Descriptor::Ipv4, Descriptor::Ipv6],
            b"ipv6" | b"6" => &[Descriptor::Ipv6],
            b"unix" => &[Descriptor::Unix],
            // Shared with `userfaultfd`.
            b"u" => &[Descriptor::Unix, Descriptor::File, Descriptor::Other],
            _ => &[Descriptor::File, Descriptor::Other],
        });
    }
    types.sort_by_key(|one| one.index());
    types.dedup();
    types
}

/// Paths as beginnings; `None` if one is not absolute: no path begins with it, but rules say what they mean.
fn absolute(paths: &[Vec<u8>]) -> Option<Vec<String>> {
    texts(paths).filter(|paths| paths.iter().all(|path| path.starts_with('/')))
}

fn texts(texts: &[Vec<u8>]) -> Option<Vec<String>> {
    texts.iter().map(|text| String::from_utf8(text.clone()).ok()).collect()
}

/// The name that a path with this end has: what stands behind the end's last slash.
fn last_component(end: &[u8]) -> Option<String> {
    let slash = end.iter().rposition(|byte| *byte == b'/')?;
    let name = &end[slash + 1..];
    (!name.is_empty()).then(|| String::from_utf8(name.to_vec()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use lithify::rules::{Load, RuleFile, Selection};

    use super::*;

    /// What a condition asks of an event of a type.
    fn asked(event: &str, condition: &str) -> Option<Vec<Alternative>> {
        let text = format!(
            "- rule: r\n  desc: d\n  condition: evt.type = {event} and ({condition})\n  output: o\n  priority: INFO\n"
        );
        let load = Load::new(&[RuleFile::new("rules.yaml", text)], &[]);
        assert!(load.is_successful(), "{}", load.to_text());
        let rules = load.rule_set(&Selection::default());
        let needs = rules.needs();
        assert_eq!(needs.len(), 1);
        alternatives(&needs[0])
    }

    fn list(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn a_conjunction_is_one_alternative() {
        let expected = Alternative {
            container: Some(true),
            succeeded: Some(true),
            writes: true,
            prefixes: Some(list(&["/etc/"])),
            ..Alternative::default()
        };
        let condition = "container.id != host and fd.num >= 0 and evt.is_open_write = true and fd.typechar = 'f' and \
                         fd.name startswith /etc/ and not proc.name = dhclient";
        assert_eq!(asked("openat", condition), Some(vec![expected]));
    }

    #[test]
    fn places_that_one_rule_lists_are_one_alternative() {
        let condition = "evt.is_open_read = true and (fd.name in (/etc/shadow, /etc/sudoers) or fd.directory = /etc/pam.d)";
        let expected = Alternative {
            reads: true,
            prefixes: Some(list(&["/etc/pam.d", "/etc/shadow", "/etc/sudoers"])),
            ..Alternative::default()
        };
        assert_eq!(asked("openat", condition), Some(vec![expected]));
    }

    #[test]
    fn what_one_alternative_covers_needs_no_other() {
        let condition = "evt.is_open_write = true or (evt.is_open_write = true and fd.name = /etc/passwd)";
        let expected = Alternative { writes: true, ..Alternative::default() };
        assert_eq!(asked("open", condition), Some(vec![expected]));
    }

    #[test]
    fn a_contradiction_asks_for_no_event() {
        assert_eq!(asked("openat", "container.id = host and container.id != host"), Some(Vec::new()));
        let types = "fd.type = ipv6 and fd.type = unix";
        assert_eq!(asked("connect", types), Some(Vec::new()));
    }

    #[test]
    fn beginnings_that_contradict_ask_for_paths_that_the_kernel_does_not_judge() {
        let unjudged = vec![Alternative { prefixes: Some(Vec::new()), ..Alternative::default() }];
        // The second holds for `/etc/../usr/x`.
        for condition in [
            "fd.name = /etc/passwd and fd.name startswith /usr/",
            "fd.nameraw startswith /etc and fd.name startswith /usr/",
            "fd.nameraw contains ../",
        ] {
            assert_eq!(asked("openat", condition), Some(unjudged.clone()), "{condition}");
        }
    }

    #[test]
    fn the_narrower_of_two_beginnings_is_asked() {
        let expected = Alternative { prefixes: Some(list(&["/etc/ssh/"])), ..Alternative::default() };
        let condition = "fd.name startswith /etc and fd.name startswith /etc/ssh/";
        assert_eq!(asked("openat", condition), Some(vec![expected]));
    }

    #[test]
    fn what_the_kernel_cannot_tell_asks_for_everything() {
        for condition in [
            "proc.name = bash",
            "not fd.name startswith /etc",
            "fd.name contains shadow",
            "fd.name startswith etc",
            "not container.id = deadbeef0000",
            "fd.name = /etc/passwd or proc.name = bash",
            "not container.id != host",
            "not evt.is_open_write = false",
        ] {
            assert_eq!(asked("openat", condition), None, "{condition}");
        }
    }

    #[test]
    fn a_path_is_asked_only_of_calls_that_are_given_one() {
        let expected = Alternative { prefixes: Some(list(&["/etc"])), ..Alternative::default() };
        assert_eq!(asked("creat", "fd.name startswith /etc"), Some(vec![expected]));
        assert_eq!(asked("read", "fd.name startswith /etc"), None, "the descriptor's");
        assert_eq!(asked("rename", "fs.path.name startswith /etc"), None, "two of them");
    }

    #[test]
    fn a_descriptor_is_asked_only_where_the_call_makes_it() {
        let stdio = Alternative { stdio: true, succeeded: Some(true), ..Alternative::default() };
        assert_eq!(asked("dup", "evt.rawres in (0, 1, 2)"), Some(vec![stdio]));
        assert_eq!(asked("read", "fd.num in (0, 1, 2)"), None);
        let failed = Alternative { succeeded: Some(false), ..Alternative::default() };
        assert_eq!(asked("openat", "not fd.num >= 0"), Some(vec![failed.clone()]));
        assert_eq!(asked("openat", "evt.res != SUCCESS"), Some(vec![failed]));
    }

    #[test]
    fn the_end_of_a_path_gives_its_name() {
        let expected = Alternative { names: Some(list(&["authorized_keys"])), ..Alternative::default() };
        assert_eq!(asked("openat", "fd.name endswith /authorized_keys"), Some(vec![expected]));
        assert_eq!(asked("openat", "fd.name endswith authorized_keys"), None);
    }

    #[test]
    fn more_than_the_kernel_tells_apart_is_asked_with_less_care() {
        let parts: Vec<_> =
            (0..9).map(|one| format!("(fd.name startswith /a{one} or container.id = host)")).collect();
        let alternatives = asked("openat", &parts.join(" and ")).unwrap();
        assert!(alternatives.len() <= ALTERNATIVES_MAX);
    }

    #[test]
    fn a_descriptor_that_the_kernel_does_not_look_at_is_not_asked() {
        assert_eq!(asked("signalfd", "fd.type = ipv4"), None);
        let expected = Alternative { descriptors: Some(vec![Descriptor::Ipv6]), ..Alternative::default() };
        assert_eq!(asked("connect", "fd.type = ipv6"), Some(vec![expected]));
    }

    #[test]
    fn upstream_rules_ask_little_of_opens_and_dups() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml");
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: {path} is not there");
            return;
        };
        let load = Load::new(&[RuleFile::new("falco_rules.yaml", text)], &[]);
        let rules = load.rule_set(&Selection::default());
        let filters = filters_of(&rules);
        let of = |name: &str| {
            let found = filters.iter().find(|(event, _)| event.name() == name);
            found.map(|(_, alternatives)| alternatives.clone())
        };
        let success = Alternative { succeeded: Some(true), ..Alternative::default() };
        let writes = Alternative { writes: true, ..success.clone() };
        let names = "access_log auth.log cron dpkg.log kern.log last.log mysql.log mysqld.log secure syslog user.log yum.log";
        let expected = vec![
            // Directory traversal.
            Alternative { prefixes: Some(Vec::new()), ..Alternative::default() },
            Alternative {
                reads: true,
                prefixes: Some(list(&[
                    "/etc/pam.conf",
                    "/etc/pam.d",
                    "/etc/security/pwquality.conf",
                    "/etc/shadow",
                    "/etc/sudoers",
                    "/etc/sudoers.d",
                ])),
                ..success.clone()
            },
            Alternative { prefixes: Some(list(&["/dev/log", "/var/log"])), ..writes.clone() },
            Alternative { names: Some(names.split(' ').map(str::to_owned).collect()), ..writes.clone() },
            // Release agent.
            Alternative { container: Some(true), ..writes },
        ];
        assert_eq!(of("openat"), Some(expected));
        let redirected = Alternative {
            container: Some(true),
            stdio: true,
            descriptors: Some(vec![Descriptor::Ipv4, Descriptor::Ipv6]),
            ..success
        };
        assert_eq!(of("dup2"), Some(vec![redirected]));
    }
}
