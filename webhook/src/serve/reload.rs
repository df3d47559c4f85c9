//! Files that are followed while they change: the configuration, a certificate and its key.
//!
//! A mounted Secret or ConfigMap changes by a link that is exchanged; comparing what the files hold works for
//! that and for any editor. They are small.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lithify::config::{self, Config};
use lithify::profile::{self, Profiles};
use lithify::yaml::Position;
use serde_json::json;

use super::app::App;
use super::conditions::Condition;
use super::tls::{Certificate, Certificates};
use crate::review::Policy;

/// Files that are read together.
#[derive(Clone, Debug)]
pub struct Files(pub Vec<PathBuf>);

impl Files {
    /// What they hold, in order.
    ///
    /// # Errors
    /// Which of them cannot be read, and why.
    pub async fn read(&self) -> Result<Vec<Vec<u8>>, String> {
        let mut contents = Vec::with_capacity(self.0.len());
        for path in &self.0 {
            let read = tokio::fs::read(path).await;
            contents.push(read.map_err(|error| format!("{}: {error}", path.display()))?);
        }
        Ok(contents)
    }
}

/// Calls `changed` with what the files hold (or why they cannot be read) whenever that is not what it was. Never
/// ends.
pub async fn follow<F: Future<Output = ()>>(
    files: Files,
    mut known: Result<Vec<Vec<u8>>, String>,
    every: Duration,
    mut changed: impl FnMut(Result<Vec<Vec<u8>>, String>) -> F,
) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = files.read().await;
        if now != known {
            known = now.clone();
            changed(now).await;
        }
    }
}

/// Where the policy comes from: a configuration file, and a directory of write-path profiles.
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
    /// Which of them cannot be read, and why.
    pub async fn read(&self) -> Result<Vec<Vec<u8>>, String> {
        self.files.read().await
    }

    /// The policy of what the files hold now.
    ///
    /// # Errors
    /// What cannot be read, with file, line and column.
    pub async fn policy(&self) -> Result<Policy, String> {
        policy(self, &self.read().await?)
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

/// Takes whatever the sources become. Never ends.
pub async fn follow_sources(app: Arc<App>, mut sources: Sources, every: Duration) {
    let mut known = sources.read().await;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (found, now) = match sources.again() {
            Ok(found) => {
                let now = found.read().await;
                (found, now)
            }
            Err(reason) => (sources.clone(), Err(reason)),
        };
        if now != known || found.files.0 != sources.files.0 {
            app.reload_configuration(&found, now.as_deref().map_err(Clone::clone));
            sources = found;
            known = now;
        }
    }
}

impl App {
    /// Takes a new configuration; a broken one keeps the old, and says so in log, metrics and conditions.
    pub fn reload_configuration(&self, sources: &Sources, contents: Result<&[Vec<u8>], String>) {
        let policy = contents.and_then(|contents| policy(sources, contents));
        let state = match policy {
            Ok(policy) => {
                self.set_policy(policy);
                self.log.info("configuration loaded", json!({"files": sources.files.0.len()}));
                Ok(())
            }
            Err(reason) => {
                let fields = json!({"reason": reason});
                self.log.warn("the configuration cannot be loaded; the old one stays in use", fields);
                Err(reason)
            }
        };
        self.metrics.reloaded("configuration", state.is_ok());
        self.conditions.set(Condition::ConfigurationCurrent, state);
    }

    /// Serves a new certificate; a broken one keeps the old, and says so in log, metrics and conditions.
    pub fn reload_certificate(&self, certificates: &Arc<Certificates>, pair: Result<Certificate, String>) {
        let state = match pair {
            Ok(certificate) => {
                #[expect(clippy::cast_precision_loss, reason = "seconds are exact for 285 million years")]
                self.metrics.certificate_expiry.set(certificate.expiry as f64);
                let fields = json!({"notAfter": certificate.expiry});
                certificates.set(certificate);
                self.log.info("certificate loaded", fields);
                self.conditions.set(Condition::CertificateServed, Ok(()));
                Ok(())
            }
            Err(reason) => {
                let fields = json!({"reason": reason});
                self.log.warn("the certificate cannot be loaded; the old one stays in use", fields);
                Err(reason)
            }
        };
        self.metrics.reloaded("certificate", state.is_ok());
        self.conditions.set(Condition::CertificateCurrent, state);
    }
}

/// The policy of a configuration's bytes and of the profiles' files.
///
/// # Errors
/// What is wrong, with file, line and column.
pub(crate) fn policy(sources: &Sources, contents: &[Vec<u8>]) -> Result<Policy, String> {
    let mut contents = sources.files.0.iter().zip(contents);
    let mut config = Config::default();
    if sources.configuration.is_some() {
        let (file, bytes) = contents.next().ok_or("the configuration is missing")?;
        config = config::read(bytes).map_err(|error| placed(file, error.position, &error.message))?;
    }
    let mut profiles = Vec::new();
    for (file, bytes) in contents {
        let read = profile::read(bytes).map_err(|error| placed(file, error.position, &error.message))?;
        profiles.extend(read);
    }
    Policy::new(config, Profiles::new(profiles)).map_err(|error| error.to_string())
}

fn placed(file: &Path, place: Position, message: &str) -> String {
    format!("{}:{}:{}: {message}", file.display(), place.line, place.column)
}
