//! `lithify.yaml` and a directory of write-path profiles on disk, followed while they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lithify::{config, profile, yaml::Position};

use super::{Change, Inputs};
use crate::serve::Files;

/// A configuration file, and a directory of write-path profiles; either may be missing.
#[derive(Clone, Debug)]
pub struct Sources {
    configuration: Option<PathBuf>,
    profiles: Option<PathBuf>,
    /// The configuration, if there is one, and then the profiles, by name.
    files: Files,
}

impl Sources {
    /// Looks which files there are.
    ///
    /// # Errors
    /// The directory that cannot be read.
    pub fn find(configuration: Option<PathBuf>, profiles: Option<PathBuf>) -> Result<Self, String> {
        let mut files: Vec<PathBuf> = configuration.iter().cloned().collect();
        if let Some(directory) = &profiles {
            files.extend(
                profile_files(directory).map_err(|error| format!("{}: {error}", directory.display()))?,
            );
        }
        Ok(Self { configuration, profiles, files: Files(files) })
    }

    /// What the files hold.
    ///
    /// # Errors
    /// What cannot be read, with file, line and column.
    pub async fn read(&self) -> Result<Change, String> {
        self.parse(&self.files.read().await?)
    }

    fn parse(&self, contents: &[Vec<u8>]) -> Result<Change, String> {
        let mut contents = self.files.0.iter().zip(contents);
        let mut change = Change::default();
        if self.configuration.is_some() {
            let (file, bytes) = contents.next().ok_or("the configuration is missing")?;
            let config = config::read(bytes).map_err(|error| placed(file, error.position, &error.message))?;
            change.config = Some(config);
        }
        if self.profiles.is_some() {
            let mut profiles = Vec::new();
            for (file, bytes) in contents {
                let read =
                    profile::read(bytes).map_err(|error| placed(file, error.position, &error.message))?;
                profiles.extend(read);
            }
            change.profiles = Some(profiles);
        }
        Ok(change)
    }

    /// Looks again, for files that have come or gone.
    fn again(&self) -> Result<Self, String> {
        Self::find(self.configuration.clone(), self.profiles.clone())
    }
}

/// The YAML and JSON files of a directory; a mounted ConfigMap's are links, and its hidden ones are not meant.
fn profile_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        let is_meant =
            path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
        if !is_hidden && is_meant && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Takes whatever the files become. Never ends.
pub async fn follow_sources(inputs: Arc<Inputs>, mut sources: Sources, every: Duration) {
    let mut known = sources.files.read().await;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (found, now) = match sources.again() {
            Ok(found) => {
                let now = found.files.read().await;
                (found, now)
            }
            Err(reason) => (sources.clone(), Err(reason)),
        };
        if now != known || found.files.0 != sources.files.0 {
            inputs.take(now.as_deref().map_err(Clone::clone).and_then(|contents| found.parse(contents)));
            sources = found;
            known = now;
        }
    }
}

fn placed(file: &Path, place: Position, message: &str) -> String {
    format!("{}:{}:{}: {message}", file.display(), place.line, place.column)
}
