//! What /proc tells of processes: of those that were there before the probe, and of those whose start was not seen.
//!
//! Asking may take as long as the process likes: its program, its memory and its root may lie on a file system that
//! does not answer. Whoever must not wait lets [`inspect`](crate::inspect) ask.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, StatxTimestamp, openat, readlinkat, statx};

use crate::container::ContainerId;
use crate::kernel::layout::{Bytes as _, ProcessInfo, TEXT_MAX};
use crate::process::{Image, Process, TICK_NS};

/// Numbers of all processes, as this mount of /proc shows them.
pub(crate) fn numbers(proc: &Path) -> std::io::Result<Vec<u32>> {
    let entries = fs::read_dir(proc)?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// One process; `None` if it is gone or may not be looked at.
pub(crate) fn read(proc: &Path, pid: u32, keep_environment: bool) -> Option<Process> {
    Held::of(proc, pid)?.read(keep_environment)
}

/// A process, held by its directory: what is read is of this process or of none, however soon another has its number.
pub(crate) struct Held {
    directory: OwnedFd,
    pid: u32,
    stat: Stat,
}

impl Held {
    /// The process that has this number now.
    pub(crate) fn of(proc: &Path, pid: u32) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, proc.join(pid.to_string()), flags, Mode::empty()).ok()?;
        let stat = Stat::parse(&contents(&directory, "stat")?)?;
        Some(Self { directory, pid, stat })
    }

    /// When it started, to a hundredth of a second.
    pub(crate) const fn start_ns(&self) -> u64 {
        self.stat.start_ticks * TICK_NS
    }

    /// Its parent's number.
    pub(crate) const fn parent(&self) -> u32 {
        self.stat.ppid
    }

    /// Its root directory.
    ///
    /// # Errors
    /// It is gone, or may not be looked at.
    pub(crate) fn root(&self) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.directory, "root", flags, Mode::empty())
    }

    /// The container that it is in, by any hierarchy of cgroups.
    pub(crate) fn container(&self) -> Option<ContainerId> {
        let text = contents(&self.directory, "cgroup")?;
        let text = String::from_utf8_lossy(&text);
        let mut paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        paths.find_map(ContainerId::from_cgroup)
    }

    fn link(&self, name: &str) -> Vec<u8> {
        readlinkat(&self.directory, name, Vec::new()).map(std::ffi::CString::into_bytes).unwrap_or_default()
    }

    /// Everything that the table of processes keeps.
    pub(crate) fn read(&self, keep_environment: bool) -> Option<Process> {
        let status = String::from_utf8(contents(&self.directory, "status")?).ok()?;
        let stat = &self.stat;
        let mut info = ProcessInfo::zeroed();
        let inner = |key: &str| last_number(&status, key);
        info.vpid = inner("NStgid:").unwrap_or(self.pid);
        info.vtid = inner("NSpid:").unwrap_or(self.pid);
        info.vpgid = inner("NSpgid:").unwrap_or(stat.pgid);
        info.pidns_level = level(&status);
        Some(Process {
            pid: self.pid,
            start_ns: self.start_ns(),
            start_is_exact: false,
            ppid: stat.ppid,
            parent_start_ns: 0,
            comm: stat.comm,
            image: Arc::new(self.image(keep_environment)),
            info,
            sid: stat.sid,
            pgid: stat.pgid,
            tty: stat.tty,
            uid: second_number(&status, "Uid:").unwrap_or(0),
            cgroup: 0,
        })
    }

    fn image(&self, keep_environment: bool) -> Image {
        let path = self.link("exe");
        // What the kernel knows already will do: a file system that must be asked may not answer.
        let about = statx(&self.directory, "exe", AtFlags::STATX_DONT_SYNC, StatxFlags::BASIC_STATS).ok();
        let text = |name| cut(contents(&self.directory, name).unwrap_or_default());
        Image {
            is_known: true,
            args: text("cmdline"),
            env: if keep_environment { text("environ") } else { Box::default() },
            path: without_deleted(&path).into(),
            cwd: self.link("cwd").into(),
            ino: about.as_ref().map_or(0, |about| about.stx_ino),
            ctime_ns: about.as_ref().map_or(0, |about| nanoseconds(&about.stx_ctime)),
            mtime_ns: about.as_ref().map_or(0, |about| nanoseconds(&about.stx_mtime)),
            flags: if path.starts_with(b"/memfd:") { crate::syscall::names::EXE_FROM_MEMFD } else { 0 },
        }
    }
}

/// A file of a process.
fn contents(directory: &OwnedFd, name: &str) -> Option<Vec<u8>> {
    let file = openat(directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut bytes = Vec::new();
    File::from(file).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    comm: [u8; 16],
    ppid: u32,
    pgid: u32,
    sid: u32,
    tty: u32,
    start_ticks: u64,
}

impl Stat {
    /// Reads `/proc/PID/stat`. The name may hold blanks and parentheses: the last one ends it.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let open = bytes.iter().position(|byte| *byte == b'(')?;
        let close = bytes.iter().rposition(|byte| *byte == b')')?;
        let name = bytes.get(open + 1..close)?;
        let mut comm = [0; 16];
        let length = name.len().min(comm.len() - 1);
        comm[..length].copy_from_slice(&name[..length]);
        let rest = std::str::from_utf8(bytes.get(close + 2..)?).ok()?;
        let fields: Vec<_> = rest.split(' ').collect();
        let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
        let positive = |place| u32::try_from(number(place)?).ok();
        Some(Self {
            comm,
            ppid: positive(1)?,
            pgid: positive(2)?,
            sid: positive(3)?,
            tty: positive(4).unwrap_or(0),
            start_ticks: u64::try_from(number(19)?).ok()?,
        })
    }
}

fn numbers_of<'s>(status: &'s str, key: &str) -> impl Iterator<Item = u32> + use<'s> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().filter_map(|number| number.parse().ok())
}

fn last_number(status: &str, key: &str) -> Option<u32> {
    numbers_of(status, key).last()
}

fn second_number(status: &str, key: &str) -> Option<u32> {
    numbers_of(status, key).nth(1)
}

fn level(status: &str) -> u32 {
    u32::try_from(numbers_of(status, "NSpid:").count()).unwrap_or(0).saturating_sub(1)
}

fn nanoseconds(time: &StatxTimestamp) -> u64 {
    let seconds = time.tv_sec.saturating_mul(1_000_000_000);
    u64::try_from(seconds.saturating_add(time.tv_nsec.into())).unwrap_or(0)
}

fn cut(mut bytes: Vec<u8>) -> Box<[u8]> {
    bytes.truncate(TEXT_MAX as usize);
    bytes.into()
}

/// The kernel marks a file without a name in the link's text.
fn without_deleted(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    // A memfd's link looks like a path; rules know its name alone.
    if path.starts_with(b"/memfd:") { &path[1..] } else { path }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn reads_a_name_with_blanks_and_parentheses() {
        let line = b"4242 (a) b (c) S 17 4242 99 34816 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(crate::kernel::record::until_zero(&stat.comm), b"a) b (c");
        assert_eq!(
            (stat.ppid, stat.pgid, stat.sid, stat.tty, stat.start_ticks),
            (17, 4242, 99, 34816, 123_456)
        );
        assert_eq!(Stat::parse(b"4242 (cut"), None);
    }

    #[test]
    fn reads_numbers_of_the_innermost_namespace() {
        let status = "Name:\tsh\nUid:\t0\t1000\t0\t0\nNStgid:\t4242\t17\t3\nNSpid:\t4242\t17\t3\n";
        assert_eq!(last_number(status, "NStgid:"), Some(3));
        assert_eq!(second_number(status, "Uid:"), Some(1000));
        assert_eq!(level(status), 2);
    }

    #[test]
    fn this_process_is_there_with_its_arguments() {
        let proc = Path::new("/proc");
        let me = std::process::id();
        assert!(numbers(proc).unwrap().contains(&me));
        let process = read(proc, me, false).unwrap();
        assert_eq!(process.image.exe(), std::env::args_os().next().unwrap().as_bytes());
        assert_eq!(process.pid, me);
    }
}
