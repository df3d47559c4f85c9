//! What /proc tells of processes that were there before the probe.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::kernel::layout::{Bytes as _, ProcessInfo, TEXT_MAX};
use crate::process::{Image, Process, TICK_NS};

/// Numbers of all processes, as this mount of /proc shows them.
pub(crate) fn numbers(proc: &Path) -> std::io::Result<Vec<u32>> {
    let entries = fs::read_dir(proc)?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// One process; `None` if it is gone or may not be looked at.
pub(crate) fn read(proc: &Path, pid: u32, keep_environment: bool) -> Option<Process> {
    let directory = proc.join(pid.to_string());
    let stat = Stat::parse(&fs::read(directory.join("stat")).ok()?)?;
    let status = fs::read_to_string(directory.join("status")).ok()?;
    let path = fs::read_link(directory.join("exe"))
        .map(|path| path.as_os_str().as_bytes().to_vec())
        .unwrap_or_default();
    let file = fs::metadata(directory.join("exe")).ok();
    let image = Image {
        args: cut(fs::read(directory.join("cmdline")).unwrap_or_default()),
        env: if keep_environment {
            cut(fs::read(directory.join("environ")).unwrap_or_default())
        } else {
            Box::default()
        },
        path: without_deleted(&path).into(),
        cwd: fs::read_link(directory.join("cwd"))
            .map(|path| path.as_os_str().as_bytes().into())
            .unwrap_or_default(),
        ino: file.as_ref().map_or(0, MetadataExt::ino),
        ctime_ns: file.as_ref().map_or(0, |file| nanoseconds(file.ctime(), file.ctime_nsec())),
        mtime_ns: file.as_ref().map_or(0, |file| nanoseconds(file.mtime(), file.mtime_nsec())),
        flags: if path.starts_with(b"/memfd:") { crate::syscall::names::EXE_FROM_MEMFD } else { 0 },
    };
    let mut info = ProcessInfo::zeroed();
    let inner = |key: &str| last_number(&status, key);
    info.vpid = inner("NStgid:").unwrap_or(pid);
    info.vtid = inner("NSpid:").unwrap_or(pid);
    info.vpgid = inner("NSpgid:").unwrap_or(stat.pgid);
    info.pidns_level = level(&status);
    Some(Process {
        pid,
        start_ns: stat.start_ticks * TICK_NS,
        start_is_exact: false,
        ppid: stat.ppid,
        parent_start_ns: 0,
        comm: stat.comm,
        image: Arc::new(image),
        info,
        sid: stat.sid,
        pgid: stat.pgid,
        tty: stat.tty,
        uid: second_number(&status, "Uid:").unwrap_or(0),
        cgroup: 0,
    })
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

fn nanoseconds(seconds: i64, rest: i64) -> u64 {
    u64::try_from(seconds.saturating_mul(1_000_000_000).saturating_add(rest)).unwrap_or(0)
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
