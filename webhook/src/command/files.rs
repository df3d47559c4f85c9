//! Files that commands read, with errors that name them.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::review::Policy;
use crate::source::{Parts, Sources};

/// The policy of a configuration file and a directory of profiles, or of nothing.
pub(crate) fn policy(config: Option<&Path>, profiles: Option<&Path>) -> anyhow::Result<Policy> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("start the runtime")?;
    let sources = Sources::find(config.map(Path::to_owned), profiles.map(Path::to_owned));
    let change = sources.and_then(|sources| runtime.block_on(sources.read()));
    change.and_then(|change| Parts::default().with(change).policy()).map_err(|reason| anyhow!(reason))
}
