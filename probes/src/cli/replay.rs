//! `replay`: recorded events through rules; rule authors' unit tests.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;
use lithify::event::Source;
use lithify_probe::alert::Alert;
use lithify_probe::config::Config;
use lithify_probe::engine::{RuleCounters, Verdicts, compile};
use lithify_probe::host::Logger;
use lithify_probe::output::Outputs;
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
    let mut sink = Sink::new(&config, expected.is_some())?;
    let (judged, broken) = judge(events, &compiled.verdicts, &mut sink, &mut log)?;
    let alerts = sink.finish(&mut log)?;
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

/// Judges events until they end, or nobody takes alerts any more; how many there were, and how many were none.
fn judge(
    events: Events<Box<dyn BufRead>>,
    verdicts: &Verdicts,
    sink: &mut Sink<'_>,
    log: &mut impl io::Write,
) -> anyhow::Result<(u64, u64)> {
    let mut scratch = verdicts.scratch();
    let (mut judged, mut broken) = (0, 0);
    for event in events {
        match event {
            Ok(event) => {
                judged += 1;
                event.judge(verdicts, &mut scratch, &mut |alert| sink.take(alert));
            }
            Err(error @ ReplayError::Read { .. }) => return Err(error.into()),
            Err(error) => {
                broken += 1;
                writeln!(log, "error: {error}")?;
            }
        }
        if sink.failure.is_some() {
            break;
        }
    }
    Ok((judged, broken))
}

/// Where alerts go: to the outputs, or kept to be compared.
struct Sink<'c> {
    config: &'c Config,
    kept: Option<Vec<Alert>>,
    others: Option<Others>,
    /// Why standard output takes no more.
    failure: Option<io::Error>,
}

impl<'c> Sink<'c> {
    fn new(config: &'c Config, keeps: bool) -> anyhow::Result<Self> {
        let others = if keeps { None } else { Others::start(config)? };
        Ok(Self { config, kept: keeps.then(Vec::new), others, failure: None })
    }

    fn take(&mut self, alert: Alert) {
        if let Some(kept) = &mut self.kept {
            kept.push(alert);
            return;
        }
        let outputs = &self.config.outputs;
        if outputs.stdout.enabled && self.failure.is_none() {
            self.failure = writeln!(io::stdout().lock(), "{}", alert.to_line(&outputs.format)).err();
        }
        if let Some(others) = &self.others {
            others.send(alert);
        }
    }

    /// Lets out what waits; the alerts that were kept.
    fn finish(self, log: &mut impl io::Write) -> anyhow::Result<Vec<Alert>> {
        if let Some(others) = self.others {
            others.stop(log)?;
        }
        match self.failure {
            Some(error) => Err(error).context("write alerts"),
            None => Ok(self.kept.unwrap_or_default()),
        }
    }
}

/// Outputs beside standard output, which is written directly: there every alert goes out, at its own pace.
struct Others(Outputs);

/// Alerts that may wait: a file of events comes faster than any network.
const WAITING: usize = 4096;
/// How long they may take at the end.
const DRAIN: Duration = Duration::from_mins(1);

impl Others {
    fn start(config: &Config) -> anyhow::Result<Option<Self>> {
        let mut settings = config.outputs.clone();
        settings.stdout.enabled = false;
        let any = [
            settings.file.enabled,
            settings.syslog.enabled,
            settings.program.enabled,
            settings.http.enabled,
            settings.otlp.enabled,
        ];
        if !any.contains(&true) {
            return Ok(None);
        }
        let logger = Logger::new(config.log.clone());
        Ok(Some(Self(Outputs::start(&settings, hostname(), logger.log())?)))
    }

    /// Waits where an output is behind, instead of losing alerts.
    fn send(&self, alert: Alert) {
        while self.0.counters().iter().any(|counter| counter.queued >= WAITING) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.0.send(Arc::new(alert));
    }

    fn stop(self, log: &mut impl io::Write) -> io::Result<()> {
        for counter in self.0.stop(DRAIN) {
            let (output, lost) = (counter.output, counter.dropped + counter.failed);
            if lost > 0 {
                writeln!(log, "{output}: {lost} alerts were not delivered")?;
            }
        }
        Ok(())
    }
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
