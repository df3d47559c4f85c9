//! The program as users run it: its own process, upstream's stable rules, alerts as JSON into a file.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where upstream's stable rules are.
pub(crate) const STABLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/falco-rules/falco_rules.yaml");

const CONFIG: &str = "\
stdout_output: {enabled: false}
file_output: {enabled: true, keep_alive: true, filename: alerts}
json_output: true
log_stderr: true
log_syslog: false
";

/// A running `lithify-probe run`.
pub(crate) struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    _directory: TempDir,
}

impl Running {
    /// Starts it with more configuration, rules and arguments; rules are in force when this returns.
    pub(crate) fn start(config: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("falco.yaml"), format!("{CONFIG}{config}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify-probe"));
        command.args(["run", "-c", "falco.yaml", "-P", "probe.pid", "-r", STABLE]).args(arguments);
        let mut child = command.current_dir(directory.path()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.ends_with(" in force\n") {
            assert!(log.read_line(&mut said).unwrap() > 0, "the probe does not start:\n{said}");
        }
        Self { child, log, _directory: directory }
    }

    /// Nanoseconds of CPU time of all its threads.
    pub(crate) fn cpu_ns(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of_task = |task: fs::DirEntry| -> Option<f64> {
            // A thread may end meanwhile.
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        tasks.filter_map(Result::ok).filter_map(of_task).sum()
    }

    /// Megabytes of it that are in memory.
    pub(crate) fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Ends it; what it says about lost events.
    pub(crate) fn stop(mut self) -> Option<String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut said = String::new();
        self.log.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        let lost = said.lines().find(|line| line.contains(" events were lost since the start"));
        lost.map(str::to_owned)
    }
}
