//! Which checks: the options, and the configuration file that they complete.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::profiles;
use crate::checks::read_only_root::Writable;
use crate::checks::{Level, PssVersion, Selection};
use crate::config::{self, Config};

/// The configuration's name, looked for upwards from the first path.
const FILE_NAME: &str = "lithify.yaml";

#[derive(Args)]
pub(super) struct SelectionArgs {
    /// The set of checks: baseline, immutable, restricted or strict [default: immutable]
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,

    /// Add checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    select: Vec<String>,

    /// Leave checks out
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    ignore: Vec<String>,

    /// The version of the Pod Security Standards: v1.0 to v1.37, or latest [default: latest]
    #[arg(long, value_name = "VERSION")]
    pss_version: Option<PssVersion>,

    /// The configuration file [default: the nearest lithify.yaml upwards]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A configuration, and where it stands.
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) config: Config,
}

impl SelectionArgs {
    /// The named configuration, else the nearest one above the first path; `None` where there is none.
    pub(super) fn config_file(&self, paths: &[PathBuf]) -> anyhow::Result<Option<ConfigFile>> {
        let Some(path) = self.config.clone().or_else(|| nearest_config(paths)) else { return Ok(None) };
        let bytes = fs::read(&path).with_context(|| format!("read configuration {}", path.display()))?;
        let config = config::read(&bytes).map_err(|error| {
            let place = error.position;
            anyhow::anyhow!("{}:{}:{}: {}", path.display(), place.line, place.column, error.message)
        })?;
        Ok(Some(ConfigFile { path, bytes, config }))
    }

    /// What the fix of a writable root mounts: the configuration's settings, and the profiles that it names.
    pub(super) fn writable(&self, config: &Config, paths: &[PathBuf]) -> anyhow::Result<Writable> {
        let path = self.config.clone().or_else(|| nearest_config(paths));
        let directory = path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        Ok(config.writable.with_profiles(profiles::of_globs(directory, &config.writable.profiles)?))
    }

    /// The checks: what the command line says, completed by the configuration.
    pub(super) fn resolve(&self, config: &Config) -> anyhow::Result<Selection> {
        let level = self.level.or(config.level).unwrap_or_default();
        let version = self.pss_version.or(config.pss_version).unwrap_or_default();
        let texts = |list: &[String]| list.to_vec();
        let select = [texts(&config.select), texts(&self.select)].concat();
        // What the command line selects, the file cannot take away.
        let ignore = config.ignore.iter().filter(|check| !self.select.contains(check)).chain(&self.ignore);
        let selection = Selection::level(level, version).select(select.iter().map(String::as_str))?;
        Ok(selection.ignore(ignore.map(String::as_str))?)
    }
}

fn nearest_config(paths: &[PathBuf]) -> Option<PathBuf> {
    let first = paths.iter().find(|path| *path != Path::new("-"));
    let start = fs::canonicalize(first.map_or(Path::new("."), PathBuf::as_path)).ok()?;
    let found =
        start.ancestors().map(|directory| directory.join(FILE_NAME)).find(|candidate| candidate.is_file())?;
    // Shown as the user would name it.
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    Some(here.and_then(|here| found.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(found))
}
