//! `replay`: recorded events through rules; rule authors' unit tests.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;
use lithify::event::Source;
use lithify_probe::alert::Alert;
use lithify_probe::engine::{RuleCounters, compile};
use lithify_probe::replay::{Events, Expected, ReplayError};

use super::options::{ConfigArgs, hostname};
use super::print;

/// Judge recorded events: test rules without a kernel or a cluster
///
/// Events are JSON: lines of `run --record`, an audit log, one audit event over many lines, an EventList.
/// What is no event is reported with its line, and the exit status is 2. With --expect, alerts are compared
/// and not sent: a line of FILE is an object with some or all keys of the alert that is expected,
/// `{"rule": "…", "output_fields": {"proc.name": "bash"}}`; exit status 1 where they differ.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    lithify-probe replay --events events.jsonl -r rules.yaml\n  \
    lithify-probe replay --events audit.log --source k8s_audit -r k8s_rules.yaml --expect alerts.jsonl")]
pub(super) struct ReplayArgs {
    /// Events ("-": standard input)
    #[arg(short = 'e', long, value_name = "FILE")]
    events: PathBuf,

    /// Every event is of this source; else each line tells
    #[arg(long, value_name = "SOURCE")]
    source: Option<SourceName>,

    /// Compare the alerts with those of this file
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SourceName {
    /// System calls
    #[value(name = "syscall")]
    Syscall,
    /// Kubernetes audit events
    #[value(name = "k8s_audit")]
    K8sAudit,
}

pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let (config, warnings) = args.config.load()?;
    let mut log = io::stderr();
    for warning in &warnings {
        writeln!(log, "warning: {}", warning.one_line())?;
    }
    let expected = args.expect.as_deref().map(read_expected).transpose()?;
    let counters = RuleCounters::default();
    let compiled = compile(&config, !args.config.rules.is_empty(), &hostname(), &counters)
        .map_err(|error| anyhow!("the rules do not load\n{error}"))?;
    let source = args.source.map(|name| match name {
        SourceName::Syscall => Source::Syscall,
        SourceName::K8sAudit => Source::K8sAudit,
    });
    let name = args.events.display().to_string();
    let events = Events::new(name.clone(), open(&args.events)?, source);
    let mut alerts = Vec::new();
    let mut out = io::stdout().lock();
    let mut failure = None;
    let mut raise = |alert: Alert| {
        if expected.is_some() {
            alerts.push(alert);
        } else if let Err(error) = writeln!(out, "{}", alert.to_line(&config.outputs.format)) {
            failure.get_or_insert(error);
        }
    };
    let mut scratch = compiled.verdicts.scratch();
    let (mut judged, mut broken) = (0_u64, 0_u64);
    for event in events {
        match event {
            Ok(event) => {
                judged += 1;
                event.judge(&compiled.verdicts, &mut scratch, &mut raise);
            }
            Err(error @ ReplayError::Read { .. }) => return Err(error.into()),
            Err(error) => {
                broken += 1;
                writeln!(log, "error: {error}")?;
            }
        }
    }
    drop(out);
    if let Some(error) = failure {
        return Err(error).context("write alerts");
    }
    let verdict = if let Some(expected) = &expected {
        compare(expected, &alerts)?
    } else {
        write!(log, "Events: {judged}\n{}", counters.summary())?;
        ExitCode::SUCCESS
    };
    if broken > 0 {
        writeln!(log, "{broken} values of {name} are no events")?;
        return Ok(ExitCode::from(2));
    }
    Ok(verdict)
}

fn compare(expected: &Expected, alerts: &[Alert]) -> anyhow::Result<ExitCode> {
    let comparison = expected.compare(alerts);
    if comparison.is_equal() {
        print(&format!("{} alerts, all as expected\n", comparison.met))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(comparison.text())?;
    Ok(ExitCode::FAILURE)
}

fn read_expected(path: &Path) -> anyhow::Result<Expected> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    Expected::parse(&text).with_context(|| path.display().to_string())
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}
