//! Options that several commands have.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use lithify_probe::config::{self, Config, ConfigError, Problem, Request};

/// Where Falco's own configuration is.
const FALCO_YAML: &str = "/etc/falco/falco.yaml";

/// Which configuration and rules are used.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ConfigArgs {
    /// Configuration, with falco.yaml's keys
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// Set a key of the configuration: engine.kind=nodriver, rules[].disable.tag=network
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    pub(super) options: Vec<String>,

    /// Rule file or directory, instead of the configuration's; several are loaded in order
    #[arg(short = 'r', long = "rules", value_name = "PATH", num_args = 1..)]
    pub(super) rules: Vec<PathBuf>,

    /// Add to the outputs of rules about system calls: `container`, `k8s`, or a text with %fields
    #[arg(short = 'p', long = "print", value_name = "FORMAT")]
    pub(super) print: Option<String>,

    /// Make unknown keys, and keys that have no meaning here, errors
    #[arg(long)]
    pub(super) strict: bool,
}

impl ConfigArgs {
    /// The same with Falco's own configuration where none is given and that is there.
    pub(super) fn or_falco_yaml(&self) -> Self {
        let there = || Some(PathBuf::from(FALCO_YAML)).filter(|path| path.is_file());
        Self { file: self.file.clone().or_else(there), ..self.clone() }
    }

    /// Reads the configuration, for commands that say what is wrong and end.
    pub(super) fn load(&self) -> anyhow::Result<(Config, Vec<Problem>)> {
        self.load_config().map_err(|error| anyhow!("the configuration has errors\n{error}"))
    }

    /// Reads the configuration.
    pub(super) fn load_config(&self) -> Result<(Config, Vec<Problem>), ConfigError> {
        let request = Request {
            file: self.file.clone(),
            options: self.options.clone(),
            rules: self.rules.clone(),
            strict: self.strict,
        };
        let (mut config, warnings) = config::load(&request, &|name| std::env::var(name).ok())?;
        config.extras.extend(self.print.as_deref().map(config::printed));
        Ok((config, warnings))
    }
}

/// The name that alerts give this machine.
pub(super) fn hostname() -> Arc<str> {
    let configured = std::env::var("FALCO_HOSTNAME").ok().filter(|name| !name.is_empty());
    let own = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    configured.or_else(own).unwrap_or_default().trim().into()
}
