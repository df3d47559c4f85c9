//! The command line: the only place that reads arguments and prints.
//!
//! One file per command. Results go to standard output, logs and errors to standard error.

mod certificates;
mod endpoint;
mod files;
mod generate;
mod inputs;
mod register;
mod registered;
mod review;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// How a command ended, as its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing to report: 0.
    Clean,
    /// A denied review: 1.
    Denied,
}

/// Judges and hardens what reaches the Kubernetes API.
#[derive(Parser)]
#[command(name = "lithify-webhook", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 nothing to report, 1 a denied review, 2 wrong usage, invalid input or a \
    failed operation."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Review(review::ReviewArgs),
    Serve(serve::ServeArgs),
    Register(register::RegisterArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Review(args) => review::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Register(args) => register::run(&args),
        Command::Completions(args) => generate::completions(&args, Cli::command()),
        Command::Man(args) => generate::man(&args, Cli::command()),
    };
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Denied) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "lithify-webhook: error: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{}", command.get_name());
        }
    }
}
