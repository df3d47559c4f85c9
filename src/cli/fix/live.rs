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

/// The directories, as real paths, and what was met of them.
#[derive(Debug, Default)]
pub(super) struct LiveDirectories {
    known: BTreeSet<PathBuf>,
    refused: BTreeSet<PathBuf>,
    /// The last directory as a file named it, and its real path: files of one come together.
    last: (PathBuf, PathBuf),
}

impl LiveDirectories {
    /// Those of this machine: the customary ones, and what the kubelet's configuration and running kubelets name.
    pub(super) fn of_this_machine() -> Self {
        let mut found: BTreeSet<PathBuf> = CUSTOMARY.iter().map(PathBuf::from).collect();
        found.extend(of_config(Path::new(KUBELET_CONFIG)));
        for arguments in kubelets(Path::new("/proc")) {
            found.extend(of_arguments(&arguments));
        }
        Self { known: found.iter().map(|path| canonical(path)).collect(), ..Self::default() }
    }

    /// Lets a file pass, unless it lies in such a directory: then comes an error, for the first file of each.
    pub(super) fn pass(&mut self, found: Result<PathBuf, FileError>) -> Option<Result<PathBuf, FileError>> {
        let Ok(file) = found else { return Some(found) };
        let directory = self.directory_of(&file);
        if !self.known.contains(&directory) {
            return Some(Ok(file));
        }
        let message = error(&directory);
        self.refused.insert(directory).then_some(Err(message))
    }

    /// The real path of the directory that a file would be written in.
    fn directory_of(&mut self, file: &Path) -> PathBuf {
        if fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_symlink()) {
            return canonical(file).parent().map(Path::to_owned).unwrap_or_default();
        }
        let named = file.parent().filter(|named| !named.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if self.last.0 != named {
            self.last = (named.to_owned(), canonical(named));
        }
        self.last.1.clone()
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
        let known = BTreeSet::from([canonical(&live)]);
        let mut directories = LiveDirectories { known, ..LiveDirectories::default() };
        let files = [live.join("a.yaml"), other.join("a.yaml"), other.join("b.yaml")];
        let passed = files.iter().filter_map(|file| directories.pass(Ok(file.clone())));
        let (files, errors): (Vec<_>, Vec<_>) = passed.partition(Result::is_ok);
        assert_eq!(files, [Ok(other.join("a.yaml"))]);
        let errors: Vec<_> = errors.into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("--diff") && errors[0].message.contains("apiserver patch"));
    }
}
