//! `run --record`: this machine's events, written down for `replay`.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lithify::event::EventType;
use lithify_probe::privilege::{Keep, restrict};
use lithify_probe::runtime::OwnPod;
use lithify_probe::{AttachKind, Counted, Probe, ProbeOptions, Recorder};

/// What is recorded, and for how long.
#[derive(clap::Args)]
pub(super) struct RecordArgs {
    /// Write each event as one JSON line ("-": standard output), without rules
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<std::path::PathBuf>,
    /// Types of events to record, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "execve,execveat,open,openat,openat2,connect")]
    pub(super) events: Vec<String>,
    /// Do without tracefs: one program sees every call
    #[arg(long)]
    pub(super) every_syscall: bool,
    /// Watch the containers of the own pod only (LITHIFY_POD_NAME, LITHIFY_POD_NAMESPACE and LITHIFY_POD_UID name it)
    #[arg(long)]
    sidecar: bool,
}

impl RecordArgs {
    /// The own pod, where only it is watched: told by the pod's downward API.
    pub(super) fn own_pod(&self) -> Option<OwnPod> {
        let told = |name: &str| std::env::var(name).unwrap_or_default();
        self.sidecar.then(|| OwnPod {
            name: told("LITHIFY_POD_NAME"),
            namespace: told("LITHIFY_POD_NAMESPACE"),
            uid: told("LITHIFY_POD_UID"),
        })
    }

    /// How to attach, if that is chosen.
    pub(super) fn attach(&self) -> Option<AttachKind> {
        self.every_syscall.then_some(AttachKind::EverySyscall)
    }
}

pub(super) fn record(args: &RecordArgs, path: &Path, time: Option<Duration>) -> anyhow::Result<()> {
    let mut options = ProbeOptions {
        needs_cwd: true,
        needs_environment: true,
        attach: args.attach(),
        sidecar: args.own_pod(),
        runtimes: Some(lithify_probe::runtime::Settings::default()),
        ..ProbeOptions::default()
    };
    for name in &args.events {
        let Some(event) = EventType::from_name(name) else {
            let near =
                EventType::near(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            bail!("unknown event type `{name}`{near}");
        };
        options.events.push(event);
    }
    let mut out: Box<dyn io::Write> = if path.as_os_str() == "-" {
        Box::new(io::stdout().lock())
    } else {
        Box::new(BufWriter::new(File::create(path).with_context(|| format!("create {}", path.display()))?))
    };
    let missing = restrict(Keep { sidecar: args.sidecar, ..Keep::default() })?;
    let mut log = io::stderr();
    for one in &missing {
        writeln!(log, "warning: {one}")?;
    }
    let mut probe = Probe::start(&options).context("start the probe")?;
    writeln!(log, "watching {} event types, attached as {}", options.events.len(), probe.attach_kind())?;
    for one in probe.optional() {
        writeln!(log, "{one}")?;
    }
    let recorder = Recorder::new();
    let end = time.map(|time| Instant::now() + time);
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
    failure.map_or(Ok(()), |error| Err(error).context("write events"))
}

/// Lost events are never silent.
fn report(probe: &Probe, log: &mut dyn io::Write) -> anyhow::Result<()> {
    let tally = probe.tally()?;
    let sum = |of: fn(Counted) -> u64| tally.iter().map(|one| of(one.total())).sum::<u64>();
    let (sent, dropped) = (sum(|one| one.sent), sum(|one| one.dropped));
    let filtered = sum(|one| one.filtered);
    writeln!(log, "{sent} events sent, {dropped} dropped, {filtered} left out by the filter")?;
    for one in tally.iter().filter(|one| one.total().dropped > 0) {
        writeln!(log, "  {}: {} dropped", one.name(), one.total().dropped)?;
    }
    let unseen = probe.unseen()?;
    for (program, missed) in unseen.missed.iter().filter(|(_, missed)| *missed > 0) {
        writeln!(log, "  the kernel did not run program {program} {missed} times")?;
    }
    if unseen.programs_32_bit + unseen.calls_32_bit.unwrap_or(0) > 0 {
        let calls = unseen.calls_32_bit.map_or("their calls".to_owned(), |calls| format!("{calls} calls"));
        writeln!(log, "  32-bit programs executed: {}; {calls} were not looked at", unseen.programs_32_bit)?;
    }
    Ok(())
}
