//! The command line: the only place that reads arguments, environment and terminal.
//!
//! One file per command, each with its `Args` and a `run` that returns an [`Outcome`]. Results go to
//! standard output, logs and progress to standard error. A reader that closes the pipe ends the program
//! quietly. Help, completions and man pages come from the same definitions.

mod apiserver;
mod audit_policy;
mod audit_settings;
mod checks;
mod diff;
mod fields;
mod fix;
mod generate;
mod input;
mod lint;
mod lint_cluster;
mod policy;
mod profile;
mod profiles;
mod replace;
mod report;
mod reporting;
mod rules;
mod selection;
mod sibling;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub(crate) use terminal::Terminal;

/// How a command ended, as its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Nothing to report: 0.
    Clean,
    /// Findings, a denied review, or a difference: 1.
    Findings,
    /// Invalid input or a failed operation: 2.
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// Makes Kubernetes workloads and control planes immutable and watched.
#[derive(Parser)]
#[command(name = "lithify", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 nothing to report, 1 findings or a difference, 2 wrong usage, \
    invalid input or a failed operation.")]
struct Cli {
    /// When to use colour; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: terminal::Color,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Lint(lint::LintArgs),
    Fix(fix::FixArgs),
    Profile(profile::ProfileArgs),
    AuditPolicy(audit_policy::AuditPolicyArgs),
    Apiserver(apiserver::ApiserverArgs),
    Checks(checks::ChecksArgs),
    Policy(policy::PolicyArgs),
    Rules(rules::RulesArgs),
    Fields(fields::FieldsArgs),
    Webhook(sibling::WebhookArgs),
    Probe(sibling::ProbeArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut terminal = Terminal::new(cli.color);
    let result = match cli.command {
        Command::Lint(args) => lint::run(&args, &mut terminal),
        Command::Fix(args) => fix::run(&args, &mut terminal),
        Command::Profile(args) => profile::run(&args, &mut terminal),
        Command::AuditPolicy(args) => audit_policy::run(&args, &mut terminal),
        Command::Apiserver(args) => apiserver::run(&args, &mut terminal),
        Command::Checks(args) => checks::run(&args, &mut terminal),
        Command::Policy(args) => policy::run(&args, &mut terminal),
        Command::Rules(args) => rules::run(&args, &mut terminal),
        Command::Fields(args) => fields::run(&args, &mut terminal),
        Command::Webhook(args) => sibling::webhook(&args),
        Command::Probe(args) => sibling::probe(&args),
        Command::Completions(args) => generate::completions(&args, Cli::command(), &mut terminal),
        Command::Man(args) => generate::man(&args, Cli::command(), &mut terminal),
    };
    finish(result.and_then(|outcome| terminal.flush().map(|()| outcome).map_err(Into::into)), &terminal)
}

fn finish(result: anyhow::Result<Outcome>, terminal: &Terminal) -> ExitCode {
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) if is_closed_pipe(&error) => Outcome::Clean.into(),
        Err(error) => {
            terminal.error(&error);
            Outcome::Failed.into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.map(io::Error::kind).any(|kind| kind == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_with_arguments_shows_an_example() {
        fn missing(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if command.get_subcommands().next().is_none() && !help.contains("Example") {
                found.push(path.clone());
            }
            for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
                missing(child, &path, found);
            }
        }
        let mut found = Vec::new();
        missing(&Cli::command(), "", &mut found);
        assert!(found.is_empty(), "commands whose help has no example: {found:?}");
    }
}
