//! `run --record`: this machine's events, written down for `replay`.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lithify::event::EventType;
use lithify_probe::privilege::{Keep, restrict};
use lithify_probe::runtime::OwnPod;
use lithify_probe::{AttachKind, Counted, Final, Probe, ProbeError, ProbeOptions, Recorder, since_boot_ns};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::signals::flag;

/// What is recorded, and for how long.
#[derive(clap::Args)]
pub(super) struct RecordArgs {
    /// Write each event as one JSON line ("-": standard output), without rules
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<std::path::PathBuf>,
    /// Types of events to record, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "execve,execveat,open,openat,openat2,connect")]
    pub(super) events: Vec<String>,
    /// Without tracepoints: one program sees every call
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
    let options = options(args)?;
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
    let stop = flag(&[SIGINT, SIGTERM])?;
    let mut probe = Probe::start(&options).context("start the probe")?;
    writeln!(log, "watching {} event types, attached as {}", options.events.len(), probe.attach_kind())?;
    for one in probe.optional() {
        writeln!(log, "{one}")?;
    }
    let end = time.map(|time| Instant::now() + time);
    let is_over = || stop.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end);
    let (counted, written) = write(&mut probe, &mut out, &is_over)?;
    report(&counted, &mut log)?;
    written.context("write events")
}

fn options(args: &RecordArgs) -> anyhow::Result<ProbeOptions> {
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
    Ok(options)
}

/// Writes events until it is over, those too that happened by then and are still on their way.
///
/// Returns what the probe has counted, and whether all that was shown is written.
fn write(
    probe: &mut Probe,
    out: &mut dyn io::Write,
    is_over: &dyn Fn() -> bool,
) -> Result<(Final, io::Result<()>), ProbeError> {
    let recorder = Recorder::new();
    let mut written = Ok(());
    while written.is_ok() && !is_over() {
        probe.poll(&mut |event| {
            if written.is_ok() {
                written = writeln!(out, "{}", recorder.line(event));
            }
        })?;
        if written.is_ok() {
            written = out.flush();
        }
    }
    let end_ns = since_boot_ns();
    let counted = probe.finish(end_ns, &mut |event| {
        if written.is_ok() && event.since_boot_ns() < end_ns {
            written = writeln!(out, "{}", recorder.line(event));
        }
    })?;
    Ok((counted, written.and_then(|()| out.flush())))
}

/// Lost events are never silent.
fn report(counted: &Final, log: &mut dyn io::Write) -> anyhow::Result<()> {
    let Final { tally, unseen } = counted;
    let sum = |of: fn(Counted) -> u64| tally.iter().map(|one| of(one.total())).sum::<u64>();
    let (sent, dropped) = (sum(|one| one.sent), sum(|one| one.dropped));
    let filtered = sum(|one| one.filtered);
    writeln!(log, "{sent} events sent, {dropped} dropped, {filtered} left out by the filter")?;
    for one in tally.iter().filter(|one| one.total().dropped > 0) {
        writeln!(log, "  {}: {} dropped", one.name(), one.total().dropped)?;
    }
    for (program, missed) in unseen.missed.iter().filter(|(_, missed)| *missed > 0) {
        writeln!(log, "  {missed} times the kernel did not run program {program} (recursion)")?;
    }
    if unseen.programs_32_bit + unseen.calls_32_bit.unwrap_or(0) > 0 {
        let calls = unseen.calls_32_bit.map_or("their calls".to_owned(), |calls| format!("{calls} calls"));
        writeln!(log, "  32-bit programs executed: {}; {calls} were not looked at", unseen.programs_32_bit)?;
    }
    Ok(())
}
