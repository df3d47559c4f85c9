//! `lithify profile …`: write-path profiles from files.

mod suggest;

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::profiles::{read_bytes, read_file};
use super::{Outcome, Terminal};
use crate::profile::{MountPoint, Unmountable, Why, WriteProfile, merge, mount_points};

/// Read, merge and apply write-path profiles
#[derive(Args)]
pub(super) struct ProfileArgs {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Subcommand)]
enum ProfileCommand {
    Show(ShowArgs),
    Merge(MergeArgs),
    Suggest(suggest::SuggestArgs),
}

/// Show what profiles say: whose they are, what was seen, and what is to be mounted
#[derive(Args)]
#[command(after_help = "Example:\n  lithify profile show profiles/*.yaml")]
struct ShowArgs {
    /// Profiles; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Make one profile of several of one image, as YAML on standard output
///
/// Paths are united and writes added; it is complete only if every part is, and about one workload only if every part
/// is about that one.
#[derive(Args)]
#[command(after_help = "Example:\n  lithify profile merge monday.yaml tuesday.yaml > profiles/web.yaml")]
struct MergeArgs {
    /// Profiles; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The name of the new profile [default: the first one's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: &ProfileArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    match &args.command {
        ProfileCommand::Show(args) => show(args, terminal)?,
        ProfileCommand::Merge(args) => {
            let mut merged = merge(&read(&args.files)?)?;
            merged.name = args.name.clone().unwrap_or(merged.name);
            terminal.write_all(&merged.to_yaml()?)?;
        }
        ProfileCommand::Suggest(args) => suggest::run(args, terminal)?,
    }
    Ok(Outcome::Clean)
}

/// The profiles of all files, at least one.
fn read(files: &[PathBuf]) -> anyhow::Result<Vec<WriteProfile>> {
    let mut profiles = Vec::new();
    for file in files {
        if file == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("read standard input")?;
            profiles.extend(read_bytes("-", &bytes)?);
        } else {
            profiles.extend(read_file(file)?);
        }
    }
    anyhow::ensure!(!profiles.is_empty(), "expected a WriteProfile in the files, found none");
    Ok(profiles)
}

fn show(args: &ShowArgs, terminal: &mut Terminal) -> anyhow::Result<()> {
    for (index, profile) in read(&args.files)?.iter().enumerate() {
        if index > 0 {
            writeln!(terminal)?;
        }
        show_one(profile, terminal)?;
    }
    Ok(())
}

fn show_one(profile: &WriteProfile, out: &mut Terminal) -> io::Result<()> {
    let namespace = profile.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
    writeln!(out, "{namespace}{}", profile.name)?;
    let digest = profile.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    writeln!(out, "  image      {}{digest}", profile.repository)?;
    match &profile.workload {
        Some(of) => writeln!(out, "  container  {} of {} {}", of.container, of.kind, of.name)?,
        None => writeln!(out, "  container  every one of the image")?,
    }
    if let Some(seen) = &profile.observed {
        writeln!(
            out,
            "  observed   {} to {}: {} containers, {} starts, {} stops",
            seen.from, seen.to, seen.containers, seen.starts, seen.stops
        )?;
    }
    let state = match (profile.complete, profile.unresolved.len()) {
        (true, 0) => "complete: its fix is safe".to_owned(),
        (true, unresolved) => {
            format!("said to be complete, with {unresolved} writes unresolved: its fix is unsafe")
        }
        (false, _) => "not complete: its fix is unsafe".to_owned(),
    };
    writeln!(out, "  evidence   {state}")?;
    for path in &profile.paths {
        let bytes = path.max_bytes.map(|bytes| format!(", at most {bytes} bytes")).unwrap_or_default();
        let writer = if path.first_writer.is_empty() {
            String::new()
        } else {
            format!(", first by {}", path.first_writer)
        };
        writeln!(
            out,
            "  writes     {} ({}): {} times{bytes}{writer}",
            path.path,
            path.contents.name(),
            path.writes
        )?;
    }
    for blocked in &profile.blocked {
        writeln!(out, "  blocked    {} ({}): {} times", blocked.path, blocked.errno, blocked.count)?;
    }
    for unresolved in &profile.unresolved {
        writeln!(out, "  unresolved {unresolved}")?;
    }
    let (points, unmountable) = mount_points(profile.wanted());
    points.iter().try_for_each(|point| writeln!(out, "  mount      {}", mount(point)))?;
    unmountable.iter().try_for_each(|path| writeln!(out, "  no mount   {}", no_mount(path)))
}

fn mount(point: &MountPoint) -> String {
    let how = match (point.copy_up, point.assumed_empty) {
        (true, _) => ", after a copy of the image's files",
        (false, true) => ", if the image has no files there",
        (false, false) => "",
    };
    format!("{}{how}", point.path)
}

fn no_mount(unmountable: &Unmountable) -> String {
    let why = match unmountable.why {
        Why::System => "never mounted as a whole: writes there will fail",
        Why::NotOnRoot => "mounted by the container runtime itself",
    };
    format!("{}: {why}", unmountable.path)
}
