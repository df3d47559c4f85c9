//! Directories that a kubelet reads static pods from: writing there restarts what runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::canonical;
use crate::apiserver::MANIFESTS_DIRECTORY;
use crate::lint::report::FileError;
use crate::yaml::Stream;

/// Where kubeadm, RKE2 and k3s let the kubelet look.
const CUSTOMARY: [&str; 3] = [
    MANIFESTS_DIRECTORY,
    "/var/lib/rancher/rke2/agent/pod-manifests",
    "/var/lib/rancher/k3s/agent/pod-manifests",
];

/// Where kubeadm puts the kubelet's configuration.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// The directories, as real paths.
#[derive(Debug, Default)]
pub(super) struct LiveDirectories(BTreeSet<PathBuf>);

impl LiveDirectories {
    /// Those of this machine: the customary ones, and what the kubelet's configuration and running kubelets name.
    pub(super) fn of_this_machine() -> Self {
        let mut found: BTreeSet<PathBuf> = CUSTOMARY.iter().map(PathBuf::from).collect();
        found.extend(of_config(Path::new(KUBELET_CONFIG)));
        for arguments in kubelets(Path::new("/proc")) {
            found.extend(of_arguments(&arguments));
        }
        Self(found.iter().map(|path| canonical(path)).collect())
    }

    /// Takes the files in such directories out of `files`; an error for each directory that had some.
    pub(super) fn take_from(&self, files: &mut Vec<PathBuf>) -> Vec<FileError> {
        let mut refused = BTreeSet::new();
        files.retain(|file| {
            let directory = canonical(file).parent().map(Path::to_owned).unwrap_or_default();
            let is_live = self.0.contains(&directory);
            if is_live {
                refused.insert(directory);
            }
            !is_live
        });
        refused.iter().map(|directory| error(directory)).collect()
    }
}

fn error(directory: &Path) -> FileError {
    let message = "a kubelet runs static pods from this directory, and a change here restarts them at once: \
        nothing is changed; `lithify fix --diff` shows the changes, `lithify apiserver patch` changes the apiserver's \
        manifest and puts it back if it does not come up";
    FileError { file: directory.display().to_string(), line: 0, column: 0, message: message.to_owned() }
}

/// `staticPodPath` of a kubelet's configuration.
fn of_config(path: &Path) -> Option<PathBuf> {
    let bytes = fs::read(path).ok()?;
    let stream = Stream::parse_lenient(&bytes).ok()?;
    let text = stream.document(0)?.root()?.get("staticPodPath")?.as_str()?;
    (!text.is_empty()).then(|| PathBuf::from(text.as_ref()))
}

/// What a kubelet's arguments name, itself or by its configuration.
fn of_arguments(arguments: &[String]) -> Vec<PathBuf> {
    let value = |flag: &str| {
        let mut words = arguments.iter();
        words
            .by_ref()
            .find_map(|word| match word.trim_start_matches('-').strip_prefix(flag)? {
                "" => Some(None),
                rest => rest.strip_prefix('=').map(|value| Some(value.to_owned())),
            })?
            .or_else(|| words.next().cloned())
    };
    let named = value("pod-manifest-path").map(PathBuf::from);
    let configured = value("config").and_then(|config| of_config(Path::new(&config)));
    named.into_iter().chain(configured).collect()
}

/// The arguments of running kubelets, also those of a program that runs one as a script or by a first word.
fn kubelets(proc: &Path) -> Vec<Vec<String>> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let processes = entries.filter(|entry| is_process(&entry.file_name().to_string_lossy()));
    let arguments = processes.filter_map(|entry| {
        let bytes = fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<String> =
            bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let is_kubelet = words.iter().take(2).any(|word| word.rsplit('/').next() == Some("kubelet"));
        is_kubelet.then_some(words)
    });
    arguments.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn reads_what_kubelets_are_told() {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("config.yaml");
        fs::write(&config, "kind: KubeletConfiguration\nstaticPodPath: /etc/pods\n").unwrap();
        let process = root.path().join("17");
        fs::create_dir(&process).unwrap();
        let line = format!("/usr/bin/kubelet\0--config={}\0--v=2", config.display());
        fs::write(process.join("cmdline"), line).unwrap();
        let found = kubelets(root.path());
        assert_eq!(found.len(), 1);
        assert_eq!(of_arguments(&found[0]), [Path::new("/etc/pods")]);
        assert_eq!(of_arguments(&words("kubelet --pod-manifest-path /a --v 1")), [Path::new("/a")]);
        assert!(of_arguments(&words("kubelet --config=/none --configure=x")).is_empty());
    }

    #[test]
    fn refuses_files_however_they_are_reached() {
        let root = tempfile::tempdir().unwrap();
        let (live, other) = (root.path().join("live"), root.path().join("other"));
        for directory in [&live, &other] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("a.yaml"), "").unwrap();
        }
        symlink(live.join("a.yaml"), other.join("b.yaml")).unwrap();
        let directories = LiveDirectories(BTreeSet::from([canonical(&live)]));
        let mut files = vec![live.join("a.yaml"), other.join("a.yaml"), other.join("b.yaml")];
        let errors = directories.take_from(&mut files);
        assert_eq!(files, [other.join("a.yaml")]);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("--diff") && errors[0].message.contains("apiserver patch"));
    }
}
