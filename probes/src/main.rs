//! `lithify-probe`: the command line.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use lithify::event::EventType;
use lithify_probe::{AttachKind, Probe, ProbeOptions, Recorder};

/// Watches system calls through eBPF.
#[derive(Parser)]
#[command(name = "lithify-probe", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch this machine and write its events down
    #[command(after_help = "Example: lithify-probe run --record events.jsonl --events openat,connect -M 10")]
    Run(Run),
}

#[derive(clap::Args)]
struct Run {
    /// Write each event as one JSON line ("-": standard output)
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// Types of events, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "execve,execveat,open,openat,openat2,connect")]
    events: Vec<String>,
    /// Stop after so many seconds
    #[arg(short = 'M', value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Do without tracefs: one program sees every call
    #[arg(long)]
    every_syscall: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "lithify-probe: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let Command::Run(arguments) = &cli.command;
    let mut options = ProbeOptions { needs_cwd: true, needs_environment: true, ..ProbeOptions::default() };
    for name in &arguments.events {
        let Some(event) = EventType::from_name(name) else {
            let near =
                EventType::near(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            bail!("unknown event type `{name}`{near}");
        };
        options.events.push(event);
    }
    if arguments.every_syscall {
        options.attach = Some(AttachKind::EverySyscall);
    }
    let mut out: Box<dyn std::io::Write> = if arguments.record.as_os_str() == "-" {
        Box::new(std::io::stdout().lock())
    } else {
        let file = File::create(&arguments.record);
        Box::new(BufWriter::new(file.with_context(|| format!("create {}", arguments.record.display()))?))
    };
    let mut probe = Probe::start(&options).context("start the probe")?;
    let mut log = std::io::stderr();
    writeln!(log, "watching {} event types, attached as {}", options.events.len(), probe.attach_kind())?;
    let recorder = Recorder::new();
    let end = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut failure = None;
    while end.is_none_or(|end| Instant::now() < end) && failure.is_none() {
        probe.poll(&mut |event| {
            if let Err(error) = writeln!(out, "{}", recorder.line(event)) {
                failure = Some(error);
            }
        })?;
        out.flush()?;
    }
    report(&probe, &mut log)?;
    match failure {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("write events"),
        _ => Ok(()),
    }
}

/// Lost events are never silent.
fn report(probe: &Probe, log: &mut dyn std::io::Write) -> anyhow::Result<()> {
    let tally = probe.tally()?;
    let sum = |of: fn(&lithify_probe::Tally) -> u64| tally.iter().map(of).sum::<u64>();
    writeln!(
        log,
        "{} events sent, {} dropped, {} left out by the filter",
        sum(|one| one.sent),
        sum(|one| one.dropped),
        sum(|one| one.filtered)
    )?;
    for one in tally.iter().filter(|one| one.dropped > 0) {
        writeln!(log, "  {}: {} dropped", one.event.map_or("fork", EventType::name), one.dropped)?;
    }
    Ok(())
}
