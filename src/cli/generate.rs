//! `lithify completions` and `lithify man`: generated from the definitions of the commands themselves.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;

use super::{Outcome, Terminal};

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  lithify completions bash > /etc/bash_completion.d/lithify")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages, one a command, into a directory
#[derive(Args)]
#[command(after_help = "Example:\n  lithify man /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// The directory; made where it does not exist
    directory: PathBuf,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
    terminal: &mut Terminal,
) -> anyhow::Result<Outcome> {
    // Through a buffer: the generator panics where a write fails, and a closed pipe is no reason to.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "lithify", &mut script);
    terminal.write_all(&script)?;
    Ok(Outcome::Clean)
}

pub(super) fn man(
    args: &ManArgs,
    command: clap::Command,
    terminal: &mut Terminal,
) -> anyhow::Result<Outcome> {
    let directory = &args.directory;
    fs::create_dir_all(directory).with_context(|| format!("make directory {}", directory.display()))?;
    clap_mangen::generate_to(command, directory)
        .with_context(|| format!("write man pages to {}", directory.display()))?;
    writeln!(terminal, "man pages written to {}", directory.display())?;
    Ok(Outcome::Clean)
}
