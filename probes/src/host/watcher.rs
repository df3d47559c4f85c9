//! Watches the files of the configuration and the rules.
//!
//! Files are watched through their directories: editors replace a file by another, and Kubernetes exchanges
//! the link `..data` of a mounted ConfigMap. A change is told when nothing more has changed for a moment;
//! whether anything is really different finds who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::control::Control;

/// Nothing more has changed for so long, as in Falco.
const QUIET: Duration = Duration::from_millis(100);
/// Told even if changes go on.
const LONGEST: Duration = Duration::from_secs(1);

/// What is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watched {
    /// Files; they need not exist.
    pub(super) files: BTreeSet<PathBuf>,
    /// Directories whose `.yaml` and `.yml` files matter.
    pub(super) directories: BTreeSet<PathBuf>,
}

/// Which names of a directory matter.
#[derive(Debug, Default)]
struct Names {
    files: BTreeSet<OsString>,
    all_yaml: bool,
}

impl Names {
    fn matter(&self, name: &OsStr) -> bool {
        let is_yaml = || Path::new(name).extension().is_some_and(|end| end == "yaml" || end == "yml");
        name == "..data" || self.files.contains(name) || (self.all_yaml && is_yaml())
    }
}

/// A thread that watches; it ends with this value.
pub(super) struct Watcher {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Watches from now on.
    ///
    /// # Errors
    /// inotify cannot be had: `fs.inotify.max_user_instances` is a common cause.
    pub(super) fn start(watched: &Watched, control: Sender<Control>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let mut names: BTreeMap<i32, Names> = BTreeMap::new();
        for (directory, of_directory) in directories(watched) {
            // What does not exist cannot be watched; its parent can, if it was named.
            let Ok(number) = inotify::add_watch(&inotify, &directory, flags) else { continue };
            let known = names.entry(number).or_default();
            known.files.extend(of_directory.files);
            known.all_yaml |= of_directory.all_yaml;
        }
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("watch-files".to_owned())
            .spawn(move || watch(&inotify, &stopped, &names, &control))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The thread waits for it.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The directories to watch, with the names that matter: of a link's target too.
fn directories(watched: &Watched) -> BTreeMap<PathBuf, Names> {
    let mut all: BTreeMap<PathBuf, Names> = BTreeMap::new();
    let mut add = |path: &Path| {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        all.entry(parent.to_owned()).or_default().files.insert(name.to_owned());
    };
    for path in watched.files.iter().chain(&watched.directories) {
        add(path);
        if let Ok(target) = path.canonicalize() {
            add(&target);
        }
    }
    for directory in &watched.directories {
        all.entry(directory.clone()).or_default().all_yaml = true;
    }
    all
}

fn watch(inotify: &OwnedFd, stop: &OwnedFd, names: &BTreeMap<i32, Names>, control: &Sender<Control>) {
    let mut changed: Option<Instant> = None;
    loop {
        let mut ready = [PollFd::new(inotify, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let left = changed.map(|since| QUIET.min(LONGEST.saturating_sub(since.elapsed())));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        match poll(&mut ready, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        if ready[1].revents().contains(PollFlags::IN) {
            return;
        }
        let is_overdue = changed.is_some_and(|since| since.elapsed() >= LONGEST);
        if ready[0].revents().is_empty() || is_overdue {
            if changed.take().is_some() && control.send(Control::FilesChanged).is_err() {
                return;
            }
            continue;
        }
        if read_changes(inotify, names) {
            changed.get_or_insert_with(Instant::now);
        }
    }
}

/// Whether anything that matters is among the changes that are there.
fn read_changes(inotify: &OwnedFd, names: &BTreeMap<i32, Names>) -> bool {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify.as_fd(), &mut buffer);
    let mut matters = false;
    loop {
        match reader.next() {
            Ok(event) => {
                matters |= match (event.file_name(), names.get(&event.wd())) {
                    (Some(name), Some(names)) => names.matter(OsStr::from_bytes(name.to_bytes())),
                    // The directory itself went, or the queue overflowed.
                    _ => true,
                };
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return matters,
        }
    }
}
