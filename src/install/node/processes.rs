//! Which processes of this machine run a given apiserver manifest.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::install::clock::since_boot;

const APISERVER: &str = "kube-apiserver";

/// The kernel's unit of start times (`USER_HZ`): 100 a second on every architecture that Kubernetes runs on.
const TICK: Duration = Duration::from_millis(10);

/// A process; number 0 stands for one that is not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it started, on the clock that counts from the machine's start.
    pub(super) since_boot: Duration,
    argv: Vec<String>,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => f.write_str("a process outside of this container"),
            pid => write!(f, "process {pid}"),
        }
    }
}

impl Process {
    /// One that is not seen, and says itself when it started.
    pub(super) fn unseen(started: SystemTime) -> Self {
        let age = SystemTime::now().duration_since(started).unwrap_or_default();
        Self { pid: 0, since_boot: since_boot().saturating_sub(age), argv: Vec::new() }
    }

    pub(super) fn is_seen(&self) -> bool {
        self.pid != 0
    }

    /// When it started, by the time of day.
    pub(super) fn started(&self) -> SystemTime {
        SystemTime::now() - since_boot().saturating_sub(self.since_boot)
    }

    /// Whether it is the apiserver of these arguments.
    pub(super) fn runs(&self, arguments: &Arguments) -> bool {
        after_program(&self.argv).is_some_and(|rest| arguments.fit(rest))
    }

    /// Whether it is an apiserver, whatever its arguments.
    pub(super) fn is_apiserver(&self) -> bool {
        after_program(&self.argv).is_some()
    }

    /// Whether it looks like a kubelet, also one of a multi-call binary.
    pub(super) fn is_kubelet(&self) -> bool {
        self.argv.iter().take(2).any(|word| base_name(word) == "kubelet")
    }
}

/// What a manifest passes to the apiserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arguments(Vec<String>);

impl Arguments {
    /// Reads `command` and `args` of the container.
    pub(super) fn of(container: &Value) -> Self {
        let list = |name: &str| container[name].as_array().into_iter().flatten();
        let words: Vec<String> = list("command")
            .chain(list("args"))
            .map(|word| word.as_str().unwrap_or_default().to_owned())
            .collect();
        // Where the image names the program, every word is an argument.
        Self(after_program(&words).map_or_else(|| words.clone(), <[String]>::to_vec))
    }

    /// Whether these are the arguments of a process, which has its variables filled in.
    fn fit(&self, given: &[String]) -> bool {
        let fits = |(wanted, given): (&String, &String)| wanted == given || wanted.contains("$(");
        self.0.len() == given.len() && self.0.iter().zip(given).all(fits)
    }
}

/// The processes below `proc`; those that end while they are read are left out.
pub(super) fn all(proc: &Path) -> Vec<Process> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| read(&entry.path(), entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(directory: &Path, pid: u32) -> Option<Process> {
    let line = fs::read(directory.join("cmdline")).ok()?;
    let line = line.strip_suffix(&[0]).unwrap_or(&line);
    if line.is_empty() {
        return None; // a kernel thread, or one that is ending
    }
    let argv = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" {
        return None;
    }
    // Field 22 of proc(5); the state was the third.
    let ticks: u32 = fields.nth(18)?.parse().ok()?;
    Some(Process { pid, since_boot: TICK * ticks, argv })
}

/// What follows the program: after `kube-apiserver`, or `apiserver` of the old multi-call binary.
fn after_program(words: &[String]) -> Option<&[String]> {
    let at = words.iter().position(|word| base_name(word) == APISERVER).or_else(|| {
        let is_multi_call = words.len() > 1 && base_name(&words[0]) == "hyperkube" && words[1] == "apiserver";
        is_multi_call.then_some(1)
    })?;
    Some(&words[at + 1..])
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn process(proc: &Path, pid: u32, argv: &[&str], started: u32) {
        let directory = proc.join(pid.to_string());
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("cmdline"), argv.join("\0") + "\0").unwrap();
        let stat = format!("{pid} (kube) apiserver) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0");
        fs::write(directory.join("stat"), stat).unwrap();
    }

    #[test]
    fn finds_the_process_of_a_manifest_by_all_its_arguments() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 7, &["kube-apiserver", "--a=1"], 100);
        process(proc.path(), 8, &["/usr/local/bin/kube-apiserver", "--a=1", "--b=x"], 250);
        process(proc.path(), 9, &["etcd"], 1);
        let arguments = Arguments::of(&json!({"command": ["kube-apiserver", "--a=1"], "args": ["--b=$(B)"]}));
        let found: Vec<Process> =
            all(proc.path()).into_iter().filter(|process| process.runs(&arguments)).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pid, found[0].since_boot), (8, Duration::from_millis(2500)));
    }

    #[test]
    fn sees_through_a_wrapper_that_runs_its_arguments() {
        let argv = |words: &[&str]| Process {
            pid: 1,
            since_boot: Duration::ZERO,
            argv: words.iter().map(ToString::to_string).collect(),
        };
        let arguments =
            Arguments::of(&json!({"command": ["/go-runner", "--log-file=x", "kube-apiserver", "-v=2"]}));
        assert!(argv(&["kube-apiserver", "-v=2"]).runs(&arguments));
        assert!(argv(&["hyperkube", "kube-apiserver", "-v=2"]).runs(&arguments));
        assert!(!argv(&["kube-apiserver", "-v=3"]).runs(&arguments));
        let of_image = Arguments::of(&json!({"args": ["-v=2"]}));
        assert!(argv(&["kube-apiserver", "-v=2"]).runs(&of_image));
    }

    #[test]
    fn reads_this_very_process() {
        let own =
            all(Path::new("/proc")).into_iter().find(|process| process.pid == std::process::id()).unwrap();
        let age = SystemTime::now().duration_since(own.started()).unwrap();
        assert!(age < Duration::from_hours(1), "{age:?}");
        assert!(!own.is_apiserver() && !own.is_kubelet());
    }
}
