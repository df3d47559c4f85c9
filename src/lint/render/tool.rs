//! Running a renderer: found on PATH, kept from the network, ended when it takes too long.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// A chart that takes longer waits for something that will not come.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// More than the manifests of any release; a template that loops must not fill the memory.
const MOST: u64 = 64 << 20;

/// What a report quotes of a tool's complaint, in bytes.
const QUOTED: usize = 2000;

/// The renderers of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// `helm`.
    pub helm: Option<PathBuf>,
    /// `kustomize`, or else `kubectl`, which has it built in.
    pub kustomize: Option<PathBuf>,
}

impl Tools {
    /// The tools in the directories of a `PATH`; relative ones are left out, lest a repository bring its own.
    pub fn find(path: &OsStr) -> Self {
        let find = |name: &str| {
            let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
            directories.map(|directory| directory.join(name)).find(|file| file.is_file())
        };
        Self { helm: find("helm"), kustomize: find("kustomize").or_else(|| find("kubectl")) }
    }
}

/// A command that cannot reach the network by the ways that these tools have: HTTP through a proxy that is not
/// there, git by nothing but files.
pub(super) fn offline(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command.env("GIT_ALLOW_PROTOCOL", "file").env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// The standard output of a command that ends well within `patience`.
///
/// # Errors
/// Why not, in the tool's own words where it has some.
pub(super) fn output(command: &mut Command, patience: Duration) -> Result<String, String> {
    let name = Path::new(command.get_program()).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("{name} cannot be started: {error}"))?;
    let streams = collect(&mut child, patience);
    if streams.is_err() {
        // The group: git, or whatever else the tool has started.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let status = child.wait().map_err(|error| format!("{name} cannot be waited for: {error}"))?;
    let (output, complaint) = streams.map_err(|reason| format!("{name} {reason}"))?;
    if !status.success() {
        return Err(format!("{name} failed: {}", quote(&complaint)));
    }
    String::from_utf8(output).map_err(|_| format!("{name} printed what is no UTF-8"))
}

/// Standard output and error until both end.
fn collect(child: &mut Child, patience: Duration) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (sender, done) = mpsc::channel();
    let output = child.stdout.take().map(|stream| read(stream, sender.clone()));
    let complaint = child.stderr.take().map(|stream| read(stream, sender));
    let until = Instant::now() + patience;
    for _ in 0..2 {
        match done.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(length) if length >= MOST => return Err(format!("printed more than {} MiB", MOST >> 20)),
            Ok(_) | Err(mpsc::RecvTimeoutError::Disconnected) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(format!("was ended: it took longer than {} s", patience.as_secs()));
            }
        }
    }
    let join = |stream: Option<thread::JoinHandle<Vec<u8>>>| {
        stream.and_then(|stream| stream.join().ok()).unwrap_or_default()
    };
    Ok((join(output), join(complaint)))
}

fn read(stream: impl Read + Send + 'static, done: mpsc::Sender<u64>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read: io::Result<usize> = stream.take(MOST).read_to_end(&mut bytes);
        let _ = done.send(read.map_or(0, |length| length as u64));
        bytes
    })
}

/// A complaint on one line, without what a terminal would obey.
fn quote(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut line: String = lines.join("; ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > QUOTED {
        line.truncate(line.floor_char_boundary(QUOTED));
        line.push('…');
    }
    if line.is_empty() { "it does not say why".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<String, String> {
        output(Command::new("/bin/sh").args(["-c", script]), patience)
    }

    #[test]
    fn quotes_what_a_tool_complains_of() {
        let long = Duration::from_mins(1);
        assert_eq!(shell("echo out; echo aside >&2", long), Ok("out\n".to_owned()));
        let failed = shell("printf 'Error: a\\n\\n  b\\033[1m\\n' >&2; exit 3", long);
        assert_eq!(failed, Err("sh failed: Error: a; b [1m".to_owned()));
        assert_eq!(shell("exit 3", long), Err("sh failed: it does not say why".to_owned()));
    }

    #[test]
    fn ends_a_tool_with_all_that_it_has_started() {
        let error = shell("sleep 600 & sleep 600", Duration::from_millis(1)).unwrap_err();
        assert_eq!(error, "sh was ended: it took longer than 0 s");
    }

    #[test]
    fn takes_kubectl_where_there_is_no_kustomize() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().as_os_str();
        assert_eq!(Tools::find(path), Tools::default());
        std::fs::write(directory.path().join("kubectl"), "").unwrap();
        assert_eq!(Tools::find(path).kustomize, Some(directory.path().join("kubectl")));
    }
}
