//! Files that commands read, with errors that name them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use lithify::config::Config;

use crate::review::Policy;

/// The policy of a configuration file, or of none.
pub(crate) fn policy(path: Option<&Path>) -> anyhow::Result<Policy> {
    let Some(path) = path else { return Ok(Policy::new(Config::default())?) };
    let bytes = fs::read(path).with_context(|| format!("read configuration {}", path.display()))?;
    crate::serve::policy(&path.display().to_string(), &bytes).map_err(|reason| anyhow!(reason))
}
