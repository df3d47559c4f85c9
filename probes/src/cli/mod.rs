//! The command line: the only place that reads arguments and the environment.
//!
//! `lithify-probe run`, `replay` and `learn`, and Falco's own options as users type them: an option where a command is
//! expected belongs to `run`, so that `lithify-probe -V rules.yaml` works as `falco -V rules.yaml` does.

mod generate;
mod learn;
mod options;
mod record;
mod replay;
mod rules;
mod run;
mod signals;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Watches system calls and Kubernetes audit events, and raises alerts by Falco's rules.
#[derive(Parser)]
#[command(name = "lithify-probe", version, max_term_width = 100)]
#[command(after_help = "Falco's options work without a command too: `lithify-probe -c falco.yaml`.\n\
    Exit status: 0 nothing to report, 1 a difference or (-V) bad rules, 2 wrong usage or a failure.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Learn(learn::LearnArgs),
    Replay(replay::ReplayArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse_from(with_command(std::env::args_os().collect()));
    let result = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Learn(args) => learn::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Completions(args) => generate::completions(args, Cli::command()),
        Command::Man(args) => generate::man(args, Cli::command()),
    };
    match result {
        Ok(code) => code,
        // A reader that closes the pipe ends the program quietly.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "lithify-probe: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Puts `run` in front of options that stand where a command should.
fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let own = ["-h", "--help", "--version"];
    let is_option = |argument: &OsString| {
        argument.to_str().is_some_and(|text| text.starts_with('-') && !own.contains(&text))
    };
    if arguments.get(1).is_some_and(is_option) {
        arguments.insert(1, "run".into());
    }
    arguments
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints to standard output.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
