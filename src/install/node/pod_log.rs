//! The container's own log on the node, where a container that does not come up says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

/// Lines that are shown.
const LINES: usize = 5;
/// More of the end of a log than is needed for them.
const TAIL: usize = 64 << 10;
const LINE_LIMIT: usize = 500;

/// The logs of one static pod's containers, below `/var/log/pods`.
#[derive(Clone, Debug)]
pub(super) struct PodLogs {
    root: PathBuf,
    /// `NAMESPACE_NAME-`; the node's name and the pod's uid follow.
    prefix: String,
    container: String,
}

impl PodLogs {
    pub(super) fn new(root: &Path, namespace: &str, name: &str, container: &str) -> Self {
        Self {
            root: root.to_owned(),
            prefix: format!("{namespace}_{name}-"),
            container: container.to_owned(),
        }
    }

    /// The directories there are: one for each content that the manifest ever had, as the kubelet names them by a
    /// hash of it.
    pub(super) fn directories(&self) -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let is_ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&self.prefix);
        entries.filter(is_ours).map(|entry| entry.path()).collect()
    }

    /// How often the container of a directory made since `known` has been started again.
    pub(super) fn restarts(&self, known: &BTreeSet<PathBuf>) -> u32 {
        let new = self.directories();
        new.difference(known)
            .flat_map(|directory| self.attempts(directory))
            .map(|(number, _)| number)
            .max()
            .unwrap_or(0)
    }

    /// What the container said last: of the directories made since `known`, or of the newest if `known` is `None`.
    pub(super) fn last_words(&self, known: Option<&BTreeSet<PathBuf>>) -> Vec<String> {
        let directories = self.directories();
        let new: Vec<&PathBuf> =
            directories.iter().filter(|path| known.is_none_or(|k| !k.contains(*path))).collect();
        let mut logs: Vec<(SystemTime, PathBuf)> = new
            .into_iter()
            .flat_map(|directory| self.attempts(directory))
            .filter_map(|(_, path)| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        logs.sort();
        let logs: Vec<Vec<String>> = logs.iter().rev().map(|(_, path)| messages(&tail(path))).collect();
        // The newest attempt may be starting up and have said little; why it was started again, the one before tells.
        let telling = logs.iter().find(|log| log.iter().any(|line| is_failure(line)));
        telling
            .or_else(|| logs.iter().find(|log| !log.is_empty()))
            .map(|log| meaningful(log))
            .unwrap_or_default()
    }

    /// Numbers and files of a directory's attempts: `0.log`, `1.log`.
    fn attempts(&self, directory: &Path) -> Vec<(u32, PathBuf)> {
        let entries = fs::read_dir(directory.join(&self.container)).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let number = entry.file_name().to_str()?.strip_suffix(".log")?.parse().ok()?;
                Some((number, entry.path()))
            })
            .collect()
    }
}

fn tail(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned()
}

/// The last lines that tell of a failure; where none does, the last lines.
fn meaningful(messages: &[String]) -> Vec<String> {
    let failures: Vec<&String> = messages.iter().filter(|line| is_failure(line)).collect();
    let chosen = if failures.is_empty() { messages.iter().collect() } else { failures };
    let mut lines: Vec<String> =
        chosen.into_iter().rev().take(LINES).map(|line| line.chars().take(LINE_LIMIT).collect()).collect();
    lines.reverse();
    lines.dedup();
    lines
}

/// klog's errors and fatal errors, in text or JSON; cobra's; the runtime's.
fn is_failure(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_klog = bytes.len() > 5
        && (bytes[0] == b'E' || bytes[0] == b'F')
        && bytes[1..5].iter().all(u8::is_ascii_digit);
    is_klog
        || ["Error:", "error:", "panic:", "fatal error:", "exec "].iter().any(|start| line.starts_with(start))
        || (line.starts_with('{') && line.contains("\"err\":"))
}

/// The messages of a CRI log (`TIME STREAM F|P MESSAGE`) or of Docker's JSON, partial lines joined.
fn messages(log: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in log.lines() {
        let (text, is_partial) = match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            [_, "stdout" | "stderr", tag, text] => (text.to_owned(), tag.starts_with('P')),
            _ => match serde_json::from_str::<Value>(line) {
                Ok(value) => {
                    let text = value["log"].as_str().unwrap_or_default();
                    (text.trim_end_matches('\n').to_owned(), !text.ends_with('\n'))
                }
                Err(_) => continue, // cut at the beginning of the tail
            },
        };
        match messages.last_mut() {
            Some(last) if is_open => last.push_str(&text),
            _ => messages.push(text),
        }
        is_open = is_partial;
    }
    messages.retain(|line| !line.trim().is_empty());
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-24T06:56:07.1Z stderr F I1124 06:56:07.100000       1 options.go:249] external host was not specified
2026-11-24T06:56:07.2Z stderr P E1124 06:56:07.200000       1 run.go:72] \"command failed\" err=\"loading audit
2026-11-24T06:56:07.2Z stderr F  policy file: failed decoding\"
2026-11-24T06:56:07.3Z stderr F I1124 06:56:07.300000       1 bye.go:1] bye
";

    #[test]
    fn keeps_the_line_that_tells_why() {
        let expected = "E1124 06:56:07.200000       1 run.go:72] \"command failed\" err=\"loading audit policy file: failed decoding\"";
        assert_eq!(meaningful(&messages(LOG)), [expected]);
    }

    #[test]
    fn shows_the_end_where_nothing_looks_like_a_failure() {
        let lines: Vec<_> = (0..9).map(|n| format!("2026-11-24T06:56:07.1Z stderr F line {n}")).collect();
        assert_eq!(
            meaningful(&messages(&lines.join("\n"))),
            ["line 4", "line 5", "line 6", "line 7", "line 8"]
        );
    }

    #[test]
    fn reads_dockers_json_too() {
        assert_eq!(messages("{\"log\":\"a\",\"stream\":\"x\"}\n{\"log\":\"b\\n\"}\n"), ["ab"]);
    }

    #[test]
    fn looks_at_the_new_pods_newest_attempt_only() {
        let root = tempfile::tempdir().unwrap();
        let logs = PodLogs::new(root.path(), "kube-system", "kube-apiserver", "kube-apiserver");
        let write = |uid: &str, attempt: u32, text: &str| {
            let directory =
                root.path().join(format!("kube-system_kube-apiserver-node1_{uid}/kube-apiserver"));
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(format!("{attempt}.log")), format!("t stderr F {text}\n")).unwrap();
        };
        write("old", 7, "Error: old");
        let known = logs.directories();
        assert!(logs.last_words(Some(&known)).is_empty() && logs.restarts(&known) == 0);
        write("new", 0, "Error: first");
        write("new", 2, "Error: third");
        assert_eq!(logs.last_words(Some(&known)), ["Error: third"]);
        write("new", 3, "I1124 06:56:08.100000       1 options.go:249] external host was not specified");
        assert_eq!(logs.last_words(Some(&known)), ["Error: third"], "the fourth has only just been started");
        assert_eq!(logs.restarts(&known), 3);
    }
}
