//! Files that commands read, with errors that name them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use lithify::config::{self, Config};

use crate::review::Policy;

/// The policy of a configuration file, or of none.
pub(crate) fn policy(path: Option<&Path>) -> anyhow::Result<Policy> {
    let config = match path {
        Some(path) => config(path)?,
        None => Config::default(),
    };
    Ok(Policy::new(config)?)
}

fn config(path: &Path) -> anyhow::Result<Config> {
    let bytes = fs::read(path).with_context(|| format!("read configuration {}", path.display()))?;
    config::read(&bytes).map_err(|error| {
        let place = error.position;
        anyhow!("{}:{}:{}: {}", path.display(), place.line, place.column, error.message)
    })
}
