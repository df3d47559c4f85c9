//! What the policy is made of, configuration and write-path profiles, and where both come from.
//!
//! - [`Inputs`]: what is in use; every change goes through it, and a broken one keeps the old.
//! - [`files`]: `lithify.yaml` and profiles on disk.
//! - [`config_map`]: `lithify.yaml` in a ConfigMap, watched.
//! - [`profiles`]: `WriteProfile`s of the cluster, watched; only approved ones steer ([`approval`]).
//!
//! Data in: bytes of files, objects of the API. Data out: the [`Policy`] of the [`App`], conditions, metrics, log
//! lines. What fails: reading (the old stays in use), never the process.

mod approval;
mod config_map;
mod files;
mod profiles;

use std::sync::{Arc, Mutex, PoisonError};

use lithify::config::Config;
use lithify::profile::{Profiles, WriteProfile};
use serde_json::json;

pub use config_map::ConfigMapSource;
pub use files::{Sources, follow_sources};
pub use profiles::follow_profiles;

use crate::review::Policy;
use crate::serve::{App, Condition};

/// A configuration with the profiles that steer mutation.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// `lithify.yaml`.
    pub config: Config,
    /// Those that may steer.
    pub profiles: Vec<WriteProfile>,
}

/// What has been read anew; `None` where a source has no such part.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Another configuration.
    pub config: Option<Config>,
    /// Other profiles, all of them.
    pub profiles: Option<Vec<WriteProfile>>,
}

impl Parts {
    /// The policy that they make.
    ///
    /// # Errors
    /// An unknown check in `select` or `ignore`.
    pub fn policy(&self) -> Result<Policy, String> {
        let profiles = Profiles::new(self.profiles.clone());
        Policy::new(self.config.clone(), profiles).map_err(|error| error.to_string())
    }

    /// What there is once a change has been taken.
    pub fn with(mut self, change: Change) -> Self {
        self.config = change.config.unwrap_or(self.config);
        self.profiles = change.profiles.unwrap_or(self.profiles);
        self
    }
}

/// What the policy of an app is made of now.
#[derive(Debug)]
pub struct Inputs {
    app: Arc<App>,
    parts: Mutex<Parts>,
}

impl Inputs {
    /// The parts of which the app's policy was made.
    pub fn new(app: Arc<App>, parts: Parts) -> Arc<Self> {
        Arc::new(Self { app, parts: Mutex::new(parts) })
    }

    /// Takes a new configuration, or the reason why there is none; a broken one keeps the old, and says so in log,
    /// metrics and conditions.
    pub fn take(&self, change: Result<Change, String>) {
        let app = &self.app;
        let state = change.and_then(|change| self.exchange(change));
        match &state {
            Ok(profiles) => app.log.info("configuration loaded", json!({"profiles": profiles})),
            Err(reason) => {
                let fields = json!({"reason": reason});
                app.log.warn("the configuration cannot be loaded; the old one stays in use", fields);
            }
        }
        app.metrics.reloaded("configuration", state.is_ok());
        app.conditions.set(Condition::ConfigurationCurrent, state.map(|_| ()));
    }

    /// Notes whether the configuration in use is the one that there is; the same trouble counts once.
    pub fn note_configuration(&self, state: Result<(), String>) {
        let app = &self.app;
        if app.conditions.set(Condition::ConfigurationCurrent, state.clone()) {
            app.metrics.reloaded("configuration", state.is_ok());
            if let Err(reason) = state {
                app.log.warn("changes of the configuration are not heard of", json!({"reason": reason}));
            }
        }
    }

    /// Takes the cluster's profiles. `problems`: what is wrong with those that are approved and cannot be read;
    /// they steer nothing.
    pub fn take_profiles(&self, profiles: Vec<WriteProfile>, problems: &[String]) {
        let state = self.exchange(Change { profiles: Some(profiles), ..Change::default() });
        let state = state.and_then(|steering| {
            self.app.log.info("profiles loaded", json!({"steering": steering}));
            if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
        });
        self.note_profiles(state);
    }

    /// Notes whether the profiles in use are the cluster's.
    pub fn note_profiles(&self, state: Result<(), String>) {
        let app = &self.app;
        app.metrics.reloaded("profiles", state.is_ok());
        if app.conditions.set(Condition::ProfilesCurrent, state.clone())
            && let Err(reason) = state
        {
            app.log.warn("not every profile is in use", json!({"reason": reason}));
        }
    }

    /// Returns how many profiles there are then.
    fn exchange(&self, change: Change) -> Result<usize, String> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let next = parts.clone().with(change);
        self.app.set_policy(next.policy()?);
        *parts = next;
        Ok(parts.profiles.len())
    }
}
