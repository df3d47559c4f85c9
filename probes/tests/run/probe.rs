//! The program at work, with a FIFO as its source; everything is waited for by what it says.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A running probe, and the directory that it works in.
pub(crate) struct Probe {
    child: Child,
    pub(crate) directory: TempDir,
    /// Lines of its log, as they come.
    log: Receiver<String>,
    /// Alerts on its standard output.
    pub(crate) alerts: Receiver<String>,
    pub(crate) events: Option<File>,
    /// Lines of the log that have been read.
    pub(crate) seen: Vec<String>,
}

/// The configuration of a probe that reads events from a FIFO.
pub(crate) const CONFIG: &str = "\
rules_files: [rules.yaml]
engine: {kind: replay, replay: {capture_file: events}}
stdout_output: {enabled: true}
log_stderr: true
log_syslog: false
outputs_queue: {capacity: 1000000}
";

/// A directory with a configuration, rules and a FIFO for events.
pub(crate) fn prepare(config: &str, rules: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("falco.yaml"), config).unwrap();
    fs::write(directory.path().join("rules.yaml"), rules).unwrap();
    let fifo = directory.path().join("events");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    directory
}

impl Probe {
    /// Starts the program; it waits for events when its log says so.
    pub(crate) fn start(directory: TempDir, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
        command.args(["run", "-c", "falco.yaml", "-P", "probe.pid"]).envs(more.iter().copied());
        Self::launch(directory, command)
    }

    /// The same, by a command that ends in running the program.
    pub(crate) fn launch(directory: TempDir, mut command: Command) -> Self {
        command.current_dir(directory.path()).env("TZ", "UTC").env("FALCO_HOSTNAME", "node1");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let alerts = lines(child.stdout.take().unwrap());
        let log = lines(child.stderr.take().unwrap());
        let mut probe = Self { child, directory, log, alerts, events: None, seen: Vec::new() };
        probe.wait_for(" in force");
        probe
    }

    /// Opens the FIFO for writing.
    pub(crate) fn open_events(&mut self) {
        self.events = Some(File::options().write(true).open(self.path("events")).unwrap());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces a file by another in one step.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        replace(self.directory.path(), name, text);
    }

    /// Writes events.
    pub(crate) fn send(&mut self, lines: &str) {
        self.events.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// Reads the log until a line has this in it; returns the line.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        for line in &self.log {
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
        panic!("the log ended without `{part}`:\n{}", self.seen.join("\n"));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // As users do: by the file.
        let pid: i32 = fs::read_to_string(self.path("probe.pid")).unwrap().trim().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits until a stop has reached it.
    pub(crate) fn wait_until_stopped(&self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            std::thread::yield_now();
        }
    }

    /// Waits for its end; its status, and what it had not said yet.
    pub(crate) fn end(&mut self) -> (ExitStatus, Vec<String>, Vec<String>) {
        drop(self.events.take());
        let status = self.child.wait().unwrap();
        (status, self.alerts.iter().collect(), self.log.iter().collect())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn replace(directory: &Path, name: &str, text: &str) {
    let beside = directory.join(format!(".{name}.new"));
    fs::write(&beside, text).unwrap();
    fs::rename(beside, directory.join(name)).unwrap();
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
