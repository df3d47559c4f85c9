//! `lithify-probe completions` and `lithify-probe man`: generated from the definitions of the commands.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap_complete::Shell;

use super::print;

/// Print a completion script for a shell
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lithify-probe completions bash > /etc/bash_completion.d/lithify-probe")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages, one a command, into a directory
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lithify-probe man /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// The directory; made where it does not exist
    directory: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    // Through a buffer: the generator panics where a write fails, and a closed pipe is no reason to.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "lithify-probe", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs, command: clap::Command) -> anyhow::Result<ExitCode> {
    let directory = &args.directory;
    std::fs::create_dir_all(directory).with_context(|| format!("make directory {}", directory.display()))?;
    clap_mangen::generate_to(command, directory)
        .with_context(|| format!("write man pages to {}", directory.display()))?;
    print(&format!("man pages written to {}\n", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_command_has_a_man_page() {
        let directory = tempfile::tempdir().expect("a directory");
        man(&ManArgs { directory: directory.path().join("man1") }, Cli::command()).expect("written");
        for command in Cli::command().get_subcommands() {
            let page = directory.path().join(format!("man1/lithify-probe-{}.1", command.get_name()));
            let page = std::fs::read_to_string(&page).expect("a page");
            assert!(page.contains(".SH SYNOPSIS"), "{page}");
        }
    }
}
