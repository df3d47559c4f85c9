//! `lithify webhook …` and `lithify probe …`: the sibling programs, as git runs its own.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::anyhow;
use clap::Args;

use super::Outcome;

/// Run `lithify-webhook`, the admission webhook
#[derive(Args)]
#[command(disable_help_flag = true, after_help = "Example:\n  lithify webhook review < review.json")]
pub(super) struct WebhookArgs {
    /// The program's own arguments; `--help` is its too
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Run `lithify-probe`, which watches system calls and audit events
#[derive(Args)]
#[command(disable_help_flag = true, after_help = "Example:\n  lithify probe --help")]
pub(super) struct ProbeArgs {
    /// The program's own arguments; `--help` is its too
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

pub(super) fn webhook(args: &WebhookArgs) -> anyhow::Result<Outcome> {
    become_sibling("lithify-webhook", &args.arguments)
}

pub(super) fn probe(args: &ProbeArgs) -> anyhow::Result<Outcome> {
    become_sibling("lithify-probe", &args.arguments)
}

/// Replaces this process; comes back only with the reason why it could not.
fn become_sibling(name: &str, arguments: &[OsString]) -> anyhow::Result<Outcome> {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(name));
    // Else the one of PATH.
    let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name));
    let error = Command::new(&program).args(arguments).exec();
    Err(anyhow!("run {}: {error}; it is installed beside lithify, or on the PATH", program.display()))
}
