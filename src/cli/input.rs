//! What `lint` and `fix` read, and by which settings they judge it.

use std::path::PathBuf;

use clap::Args;

use super::selection::SelectionArgs;
use crate::checks::{Context, Severity};
use crate::config::Config;
use crate::lint::Settings;

#[derive(Args)]
pub(super) struct InputArgs {
    /// Also read what `.gitignore` names and what is hidden
    #[arg(long)]
    pub(super) no_ignore: bool,

    /// Treat every Pod as a static pod's manifest, not only those under a directory `manifests`
    #[arg(long)]
    static_pods: bool,

    /// Judge the control plane's own static pods like any other
    #[arg(long)]
    strict_static_pods: bool,

    /// The file name to show for standard input
    #[arg(long, value_name = "NAME", default_value = "-")]
    pub(super) stdin_filename: String,
}

impl InputArgs {
    /// Settings by which all findings are wanted.
    ///
    /// # Errors
    /// If the selection names what there is not, or a profile of the configuration cannot be read.
    pub(super) fn settings(
        &self,
        selection: &SelectionArgs,
        config: Config,
        paths: &[PathBuf],
    ) -> anyhow::Result<Settings> {
        Ok(Settings {
            selection: selection.resolve(&config)?,
            context: Context {
                kinds: config.kinds.clone(),
                static_pod: false,
                strict_static_pods: self.strict_static_pods,
                writable: selection.writable(&config, paths)?.into(),
            },
            exemptions: config.exemptions,
            today: jiff::Zoned::now().date(),
            static_pods: self.static_pods,
            least: Severity::Info,
            coverage: false,
        })
    }
}
