//! `learn`: where containers write, as write-path profiles.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::SignedDuration;
use lithify_probe::learn::{Criterion, Learner, Selection, Settings, Store, lost, options};
use lithify_probe::log::Log;
use lithify_probe::privilege::{Keep, restrict};
use lithify_probe::{AttachKind, Probe, ProbeOptions, runtime};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use super::print;
use super::signals::flag;

/// Learn where containers write, so that their root filesystems can be made read-only
///
/// Watches until --duration is over or SIGINT or SIGTERM comes, and writes a WriteProfile for each container of each
/// workload: the directories to mount as emptyDir, what a read-only root refused (`blocked`), and whether that is all
/// (`complete`). `lithify fix` and the webhook read them. With --output, profiles are also written each minute and at
/// SIGUSR1, and what is there from earlier runs is added to.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    lithify-probe learn --output profiles/ --duration 24h\n  \
    lithify-probe learn -n web -c nginx --min-starts 1 --min-time 10m\n  \
    lithify-probe learn --container 3f2a9bb4c6d1 --image docker.io/library/nginx\n\n\
    Then: lithify fix --config lithify.yaml deploy.yaml, with `writable: {profiles: [profiles/*.yaml]}` in it.")]
pub(super) struct LearnArgs {
    /// Write a file for each profile into this directory, instead of all to standard output
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// End after so long: 30m, 24h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,

    /// Only containers of this name, or with an id that begins so; can be repeated
    #[arg(short = 'c', long, value_name = "NAME|ID")]
    container: Vec<String>,

    /// Only containers of this pod; can be repeated
    #[arg(long, value_name = "NAME")]
    pod: Vec<String>,

    /// Only containers of pods in this namespace; can be repeated
    #[arg(short = 'n', long, value_name = "NAME")]
    namespace: Vec<String>,

    /// Image of containers whose runtime is not asked (docker, podman, runc): no profile is without
    #[arg(long, value_name = "NAME")]
    image: Option<String>,

    /// Starts of containers that a complete profile has seen
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    min_starts: u64,

    /// Ends of containers that a complete profile has seen
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    min_stops: u64,

    /// Time that a complete profile has watched, from its first run to its last
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    min_time: Duration,

    /// Socket of the container runtime, instead of containerd's, CRI-O's and k3s' usual ones; can be repeated
    #[arg(long, value_name = "SOCKET")]
    cri: Vec<PathBuf>,

    /// Without tracepoints: one program sees every call
    #[arg(long)]
    every_syscall: bool,
}

/// How often profiles are written while there is no end in sight.
const WRITE_EVERY: Duration = Duration::from_mins(1);

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text.parse().map_err(|_| "expected a time like 30m or 24h".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "expected a time that is not negative".to_owned())
}

pub(super) fn run(args: &LearnArgs) -> anyhow::Result<ExitCode> {
    let mut log = io::stderr();
    for one in restrict(Keep::default())? {
        writeln!(log, "warning: {one}")?;
    }
    let store = args.output.as_deref().map(Store::open).transpose()?;
    let (stop, write) = (flag(&[SIGINT, SIGTERM])?, flag(&[SIGUSR1])?);
    let options = probe_options(args);
    let mut probe = Probe::start(&options).context("start the probe")?;
    let mut learner = Learner::new(settings(args), &options.proc, &options.host_root);
    writeln!(log, "learning where containers write ({} run already)", learner.watching())?;
    let end = args.duration.map(|time| Instant::now() + time);
    let mut written = Instant::now();
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| Instant::now() < end) {
        probe.poll(&mut |event| learner.take(event))?;
        learner.tick(&mut probe);
        if let Some(store) = &store
            && (written.elapsed() >= WRITE_EVERY || write.swap(false, Ordering::Relaxed))
        {
            written = Instant::now();
            save(&mut learner, &probe, store)?;
        }
    }
    learner.drain(&mut probe)?;
    finish(args, &mut learner, &probe, store.as_ref())
}

fn settings(args: &LearnArgs) -> Settings {
    Settings {
        selection: Selection {
            containers: args.container.clone(),
            pods: args.pod.clone(),
            namespaces: args.namespace.clone(),
        },
        criterion: Criterion { starts: args.min_starts, stops: args.min_stops, time: args.min_time },
        image: args.image.clone(),
    }
}

fn probe_options(args: &LearnArgs) -> ProbeOptions {
    let mut runtimes = runtime::Settings::default();
    if !args.cri.is_empty() {
        runtimes.sockets.clone_from(&args.cri);
    }
    let mut probe = ProbeOptions {
        attach: args.every_syscall.then_some(AttachKind::EverySyscall),
        runtimes: Some(runtimes),
        log: Some(Log::new(|_, text| _ = writeln!(io::stderr(), "{text}"))),
        ..ProbeOptions::default()
    };
    if let Some(root) = std::env::var_os("HOST_ROOT").filter(|root| !root.is_empty()) {
        probe.host_root = PathBuf::from(root);
        probe.proc = probe.host_root.join("proc");
    }
    options(probe)
}

fn save(learner: &mut Learner, probe: &Probe, store: &Store) -> anyhow::Result<()> {
    let lost = lost(&probe.tally()?, &probe.unseen()?);
    for (file, profile) in learner.profiles(lost.as_deref(), Some(store)) {
        store.write(&file, &profile)?;
    }
    Ok(())
}

fn finish(
    args: &LearnArgs,
    learner: &mut Learner,
    probe: &Probe,
    store: Option<&Store>,
) -> anyhow::Result<ExitCode> {
    let mut log = io::stderr();
    let criterion = settings(args).criterion;
    let lost = lost(&probe.tally()?, &probe.unseen()?);
    let profiles = learner.profiles(lost.as_deref(), store);
    for (number, (file, profile)) in profiles.iter().enumerate() {
        let place = if let Some(store) = store {
            format!(" -> {}", store.write(file, profile)?.display())
        } else {
            let text = profile.to_yaml().with_context(|| format!("write the profile {}", profile.name))?;
            let divider = if number > 0 { "---\n" } else { "" };
            print(&format!("{divider}{}", String::from_utf8_lossy(&text)))?;
            String::new()
        };
        let (paths, blocked) = (profile.paths.len(), profile.blocked.len());
        let state = criterion
            .shortfall(profile)
            .map_or("complete".to_owned(), |lacks| format!("incomplete: {lacks}"));
        writeln!(log, "{}: {paths} paths, {blocked} refused, {state}{place}", profile.name)?;
    }
    let unnamed: Vec<_> = learner.unnamed().map(|id| id.get(..12).unwrap_or(id)).collect();
    if !unnamed.is_empty() {
        let ids = unnamed.join(", ");
        writeln!(log, "warning: no runtime told the image of {ids}: --container and --image name it")?;
    } else if profiles.is_empty() {
        writeln!(log, "warning: no container was seen that is asked for")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        assert_eq!(duration("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "soon", "5", "-1h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
