//! Names of users and groups: the host's, and each container's own where it can be read.

mod read;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) use read::names_of;

/// Names by number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<u32, User>,
    groups: HashMap<u32, Box<str>>,
}

/// A line of passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// Login name.
    pub(crate) name: Box<str>,
    /// Home directory.
    pub(crate) home: Box<str>,
    /// Login shell.
    pub(crate) shell: Box<str>,
}

impl Names {
    /// Reads the texts of the two files. Where a number stands twice, the first counts, as for the C library.
    pub(crate) fn parse(passwd: &str, group: &str) -> Self {
        let mut names = Self::default();
        for line in passwd.lines() {
            let fields: Vec<_> = line.split(':').collect();
            if let [name, _, uid, _, _, home, shell] = fields[..]
                && let Ok(uid) = uid.parse()
            {
                let user = User { name: name.into(), home: home.into(), shell: shell.into() };
                names.users.entry(uid).or_insert(user);
            }
        }
        for line in group.lines() {
            let mut fields = line.split(':');
            if let (Some(name), Some(_), Some(Ok(gid))) =
                (fields.next(), fields.next(), fields.next().map(str::parse))
            {
                names.groups.entry(gid).or_insert_with(|| name.into());
            }
        }
        names
    }

    /// The user of a number.
    pub(crate) fn user(&self, uid: u32) -> Option<&User> {
        self.users.get(&uid)
    }

    /// The name of a group.
    pub(crate) fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(|name| &**name)
    }

    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// Names of the host and of containers, by container.
pub(crate) struct Users {
    host: Arc<Names>,
    containers: HashMap<Box<str>, Known>,
}

/// What is known of a container's names.
#[derive(Default)]
struct Known {
    /// `None`: no process could tell them yet.
    names: Option<Arc<Names>>,
    /// When they were first asked for, and how often since.
    asked_ns: u64,
    times: u32,
}

/// How long a container is asked no more than a few times, or once if it could tell.
const PAUSE_NS: u64 = 1_000_000_000;
/// The few times: of the programs that are executed while a container begins, its runtime's tell nothing.
const TIMES_MAX: u32 = 16;

/// What it is that asks for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// This user executes a program.
    Exec(u32),
    /// Anything else.
    Other,
}

impl Users {
    /// Reads the host's.
    pub(crate) fn new(host_root: &Path) -> Self {
        Self { host: Arc::new(read::of_host(host_root)), containers: HashMap::new() }
    }

    /// Nobody's: a sidecar sees neither the host's files nor those of other containers.
    pub(crate) fn none() -> Self {
        Self { host: Arc::default(), containers: HashMap::new() }
    }

    /// The host's names.
    pub(crate) fn host(&self) -> &Names {
        &self.host
    }

    /// The names of a container; the host's where it has none, or where they are not known: its users are the kernel's
    /// numbers all the same.
    pub(crate) fn of(&self, container: Option<&str>) -> &Names {
        container.and_then(|id| self.containers.get(id)?.names.as_ref()).unwrap_or(&self.host)
    }

    /// Whether the names of a container are known.
    pub(crate) fn knows(&self, container: &str) -> bool {
        self.containers.get(container).is_some_and(|known| known.names.is_some())
    }

    /// Whether a container should be asked for its names now, `now_ns` since boot: it never was, or could not tell, or
    /// has somebody execute a program who was not there when it told.
    pub(crate) fn wants(&mut self, container: &str, occasion: Occasion, now_ns: u64) -> bool {
        let Some(known) = self.containers.get_mut(container) else {
            self.containers.insert(container.into(), Known { names: None, asked_ns: now_ns, times: 1 });
            return true;
        };
        let is_new_to_us = match (&known.names, occasion) {
            (None, _) => true,
            (Some(names), Occasion::Exec(uid)) => !names.is_empty() && names.user(uid).is_none(),
            (Some(_), Occasion::Other) => false,
        };
        if !is_new_to_us {
            return false;
        }
        if now_ns.saturating_sub(known.asked_ns) > PAUSE_NS {
            (known.asked_ns, known.times) = (now_ns, 0);
        }
        let times = if known.names.is_none() && occasion != Occasion::Other { TIMES_MAX } else { 1 };
        let is_due = known.times < times;
        known.times += u32::from(is_due);
        is_due
    }

    /// A container told its names; an empty list: it has none of its own.
    pub(crate) fn told(&mut self, container: &str, names: Names) {
        // One that was forgotten meanwhile is nobody's any more.
        if let Some(known) = self.containers.get_mut(container) {
            let names = if names.is_empty() { Arc::clone(&self.host) } else { Arc::new(names) };
            known.names = Some(names);
        }
    }

    /// There is no such container any more.
    pub(crate) fn forget(&mut self, container: &str) {
        self.containers.remove(container);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_leaves_broken_lines_out() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\ntoor:x:0:0::/:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n";
        let names = Names::parse(passwd, "root:x:0:\nbroken:x:y:\nshadow:x:42:www-data\n");
        assert_eq!(&*names.user(0).unwrap().name, "root");
        assert_eq!(&*names.user(33).unwrap().home, "/var/www");
        assert_eq!(names.group(42), Some("shadow"));
        assert_eq!(names.user(7), None);
    }

    const SECOND: u64 = 1_000_000_000;

    fn users() -> Users {
        Users { host: Arc::new(Names::parse("root:x:0:0::/:/bin/sh\n", "")), containers: HashMap::new() }
    }

    #[test]
    fn a_container_has_its_own_names_or_the_hosts() {
        let mut users = users();
        for container in ["own", "none", "unknown"] {
            assert!(users.wants(container, Occasion::Other, 0));
        }
        users.told("own", Names::parse("app:x:0:0::/:/bin/sh\n", ""));
        users.told("none", Names::default());
        let name = |container| users.of(container).user(0).map(|user| user.name.to_string());
        assert_eq!(name(Some("own")).as_deref(), Some("app"));
        for container in [Some("none"), Some("unknown"), Some("never met"), None] {
            assert_eq!(name(container).as_deref(), Some("root"), "{container:?}");
        }
        assert!(users.knows("none") && !users.knows("unknown"));
    }

    #[test]
    fn a_container_that_could_not_tell_is_asked_again() {
        let mut users = users();
        assert!(users.wants("c", Occasion::Exec(0), 0));
        for _ in 0..1000 {
            assert!(!users.wants("c", Occasion::Other, 10), "each of its calls would ask");
        }
        assert!(users.wants("c", Occasion::Exec(0), 20), "the next program may be its own");
        assert!(users.wants("c", Occasion::Other, 2 * SECOND));
        users.told("c", Names::parse("app:x:0:0::/:/bin/sh\n", ""));
        assert!(!users.wants("c", Occasion::Exec(0), 9 * SECOND));
    }

    #[test]
    fn a_flood_of_programs_asks_a_few_times_a_second() {
        let mut users = users();
        let mut asked =
            |container: &str| (0..1000).filter(|_| users.wants(container, Occasion::Exec(7), 5)).count();
        assert_eq!(asked("cannot tell"), TIMES_MAX as usize);
        users.told("cannot tell", Names::parse("app:x:0:0::/:/bin/sh\n", ""));
        let mut asked =
            |now_ns| (0..1000).filter(|_| users.wants("cannot tell", Occasion::Exec(7), now_ns)).count();
        assert_eq!(asked(2 * SECOND), 1, "a user who was added since");
    }

    #[test]
    fn a_container_that_is_gone_takes_its_names_along() {
        let mut users = users();
        users.wants("c", Occasion::Other, 0);
        users.forget("c");
        users.told("c", Names::parse("late:x:0:0::/:/bin/sh\n", ""));
        assert!(!users.knows("c"));
    }
}
