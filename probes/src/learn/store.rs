//! Profiles as files: one each, replaced in one step.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use lithify::edit::EditError;
use lithify::profile::{ProfileError, WriteProfile, read};

use super::workload::Subject;

/// Why a profile is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or directory.
    #[error("{file}: {error}")]
    Io {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file is there and is no profile.
    #[error("{file}: {error}; move it away, or give another directory")]
    Content {
        /// Which.
        file: PathBuf,
        /// Why.
        error: String,
    },
    /// A profile cannot be written down.
    #[error("write the profile {name}: {error}")]
    Print {
        /// Whose.
        name: String,
        /// Why.
        #[source]
        error: EditError,
    },
}

/// The longest file that is taken for a profile.
const BYTES_MAX: u64 = 16 << 20;

/// A directory of profiles.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// What earlier runs wrote, by file.
    stored: BTreeMap<String, WriteProfile>,
}

impl Store {
    /// Opens a directory, makes it if it is not there, and reads the profiles that earlier runs wrote.
    ///
    /// # Errors
    /// [`StoreError`]: better at the start than after a day of watching.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let io = |file: &Path| {
            let file = file.to_owned();
            move |error| StoreError::Io { file, error }
        };
        fs::create_dir_all(directory).map_err(io(directory))?;
        let mut store = Self { directory: directory.to_owned(), stored: BTreeMap::new() };
        for entry in fs::read_dir(directory).map_err(io(directory))? {
            let path = entry.map_err(io(directory))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with('.') || path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let about = fs::metadata(&path).map_err(io(&path))?;
            if !about.is_file() || about.len() > BYTES_MAX {
                continue;
            }
            let content = |error: String| StoreError::Content { file: path.clone(), error };
            let bytes = fs::read(&path).map_err(io(&path))?;
            let mut profiles = read(&bytes).map_err(|error: ProfileError| content(error.to_string()))?;
            // Others' files may hold several: they are theirs.
            if let (Some(profile), true) = (profiles.pop(), profiles.is_empty()) {
                store.stored.insert(name.to_owned(), profile);
            }
        }
        // That it can be written to should be known now.
        let trial = store.directory.join(".lithify-probe");
        File::create(&trial).map_err(io(&trial))?;
        fs::remove_file(&trial).map_err(io(&trial))?;
        Ok(store)
    }

    /// What an earlier run wrote of the same subject.
    pub(super) fn stored(&self, file: &str) -> Option<&WriteProfile> {
        self.stored.get(file)
    }

    /// Writes a profile; returns the file. A reader sees the old one or the new one, whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, file: &str, profile: &WriteProfile) -> Result<PathBuf, StoreError> {
        let name = profile.name.clone();
        let bytes = profile.to_yaml().map_err(|error| StoreError::Print { name, error })?;
        let path = self.directory.join(file);
        let draft = self.directory.join(format!(".{file}.new"));
        let written = replace(&draft, &path, &bytes);
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map_err(|error| StoreError::Io { file: path.clone(), error })?;
        Ok(path)
    }
}

/// `web_Deployment_web_nginx.yaml`: no name of an object has an underscore.
pub(super) fn file_name(subject: &Subject) -> String {
    let safe = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "-");
    let parts: Vec<_> = match &subject.workload {
        Some((kind, name, container)) => {
            let namespace = subject.namespace.as_deref().unwrap_or_default();
            vec![safe(namespace), safe(kind), safe(name), safe(container)]
        }
        None => vec!["image".to_owned(), safe(&subject.repository)],
    };
    format!("{}.yaml", parts.join("_"))
}

fn replace(draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> WriteProfile {
        WriteProfile {
            name: name.into(),
            repository: "docker.io/library/nginx".into(),
            ..WriteProfile::default()
        }
    }

    #[test]
    fn files_are_named_by_what_they_are_about() {
        let workload = Some(("Deployment".to_owned(), "web".to_owned(), "nginx".to_owned()));
        let subject = Subject { namespace: Some("prod".to_owned()), workload, ..Subject::of_image("nginx") };
        assert_eq!(file_name(&subject), "prod_Deployment_web_nginx.yaml");
        assert_eq!(file_name(&Subject::of_image("q.io/a/b")), "image_q.io-a-b.yaml");
    }

    #[test]
    fn a_profile_is_found_again_by_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("made/for/it");
        let store = Store::open(&inner).unwrap();
        store.write("web.yaml", &profile("a")).unwrap();
        store.write("web.yaml", &profile("b")).unwrap();
        fs::write(inner.join("notes.txt"), "no profile").unwrap();
        let again = Store::open(&inner).unwrap();
        assert_eq!(again.stored("web.yaml"), Some(&profile("b")));
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_profile_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("web.yaml"), "kind: Pod\n").unwrap();
        let error = Store::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("web.yaml") && error.contains("move it away"), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_had_is_named() {
        let error = Store::open(Path::new("/proc/nowhere")).unwrap_err().to_string();
        assert!(error.starts_with("/proc/nowhere: "), "{error}");
    }
}
