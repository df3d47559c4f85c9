//! Names of users and groups: the host's, and each container's own where it can be read.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

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

/// The largest file that is read: a container chooses what its passwd holds.
const FILE_MAX: u64 = 1 << 20;

impl Names {
    /// Reads `etc/passwd` and `etc/group` below a root directory; what cannot be read has no names.
    pub(crate) fn read(root: &Path) -> Self {
        let text = |name: &str| read_small(&root.join("etc").join(name)).unwrap_or_default();
        Self::parse(&text("passwd"), &text("group"))
    }

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

/// Opens without following a link at the end: a container's `/etc/passwd -> /dev/zero` is not read, and neither is
/// what is no regular file.
fn read_small(path: &Path) -> Option<String> {
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Names of the host and of containers, by container.
pub(crate) struct Users {
    host: Arc<Names>,
    containers: HashMap<Box<str>, Arc<Names>>,
}

/// Containers whose names are kept; more, and all are read again as they are asked for.
const CONTAINERS_MAX: usize = 4096;

impl Users {
    /// Reads the host's.
    pub(crate) fn new(host_root: &Path) -> Self {
        Self { host: Arc::new(Names::read(host_root)), containers: HashMap::new() }
    }

    /// Nobody's: a sidecar sees neither the host's files nor those of other containers.
    pub(crate) fn none() -> Self {
        Self { host: Arc::default(), containers: HashMap::new() }
    }

    /// The host's names.
    pub(crate) fn host(&self) -> &Names {
        &self.host
    }

    /// The names of a container, if they were read.
    pub(crate) fn of(&self, container: Option<&str>) -> &Names {
        container.and_then(|id| self.containers.get(id)).unwrap_or(&self.host)
    }

    /// Reads a container's names through one of its processes, once.
    ///
    /// A container without passwd has the host's names: its users are the kernel's numbers all the same.
    pub(crate) fn learn(&mut self, container: &str, proc: &Path, pid: u32) {
        if self.containers.contains_key(container) {
            return;
        }
        if self.containers.len() >= CONTAINERS_MAX {
            self.containers.clear();
        }
        let names = Names::read(&proc.join(pid.to_string()).join("root"));
        let names = if names.is_empty() { Arc::clone(&self.host) } else { Arc::new(names) };
        self.containers.insert(container.into(), names);
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

    #[test]
    fn a_container_has_its_own_names_or_the_hosts() {
        let mut users =
            Users { host: Arc::new(Names::parse("root:x:0:0::/:/bin/sh\n", "")), containers: HashMap::new() };
        let inside = Names::parse("app:x:0:0::/:/bin/sh\n", "");
        users.containers.insert("c1".into(), Arc::new(inside));
        users.learn("c2", Path::new("/nonexistent"), 1);
        let name = |container| users.of(container).user(0).map(|user| user.name.to_string());
        assert_eq!(name(Some("c1")).as_deref(), Some("app"));
        assert_eq!(name(Some("c2")).as_deref(), Some("root"));
        assert_eq!(name(None).as_deref(), Some("root"));
    }
}
