//! `lithify fix`: repair files, directories or standard input.
//!
//! Files are repaired on all cores, each read, judged, repaired, judged again, shown and written beside itself on one
//! thread; then they are put into their places and what was shown of them is printed, in their order. A file that cannot be read, judged or written is an error, and the others are
//! repaired all the same.

mod json;
mod live;
mod summary;
mod waiting;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use self::live::LiveDirectories;
use self::waiting::{Told, Waiting};
use super::input::InputArgs;
use super::lint::Siblings;
use super::replace::Prepared;
use super::selection::SelectionArgs;
use super::terminal::Tone;
use super::{Outcome, Terminal, diff};
use crate::checks::Severity;
use crate::lint::Settings;
use crate::lint::chart::Charts;
use crate::lint::fix::{Fixed, Why, fix};
use crate::lint::report::FileError;
use crate::lint::walk::{for_each_file, walk};

/// Repair manifests in place: files, directories (walked), or `-` from standard input to standard output
///
/// Safe fixes keep behaviour; those that can change it are only made with --unsafe. Read-only root filesystems are
/// safe where a complete write-path profile of the container is among `writable.profiles` of lithify.yaml. Only
/// what is wrong is changed: comments, order and quotes stay as they are.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify fix --diff deploy/\n  \
    lithify fix --unsafe --select writable-root-filesystem deploy/web.yaml\n  \
    helm template my-chart | lithify fix - > my-chart.yaml")]
pub(super) struct FixArgs {
    /// Files and directories; `-` reads standard input and writes standard output
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    /// Show what would change, and write nothing
    #[arg(long)]
    diff: bool,

    /// Make fixes that can change behaviour, too
    #[arg(long = "unsafe")]
    with_unsafe: bool,

    /// How to show what was done and what remains
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FixFormat,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    input: InputArgs,
}

/// How to show what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FixFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What became of one file.
#[derive(Debug, Default)]
struct FixedFile {
    file: String,
    fixed: Fixed,
    /// The old text, where the difference is to be shown.
    before: Option<Vec<u8>>,
    errors: Vec<FileError>,
    /// Why it was left out: an unexpanded template, for one.
    is_skipped: bool,
}

/// One file, or all of them, in numbers.
#[derive(Debug, Default)]
struct Totals {
    files: usize,
    changed: usize,
    repaired: usize,
    needs_unsafe: usize,
    no_fix: usize,
    refused: usize,
    skipped: usize,
    errors: Vec<FileError>,
    /// Findings that are a reason to fail.
    failing: usize,
}

impl Totals {
    fn of(file: &FixedFile) -> Self {
        let mut own = Self {
            files: 1,
            changed: usize::from(file.fixed.text.is_some()),
            repaired: file.fixed.repaired.len(),
            skipped: usize::from(file.is_skipped),
            errors: file.errors.iter().chain(&file.fixed.report.errors).cloned().collect(),
            ..Self::default()
        };
        for (located, why) in file.fixed.report.findings.iter().zip(&file.fixed.remaining) {
            own.failing += usize::from(located.finding.severity >= Severity::Warning);
            match why {
                Why::Unsafe => own.needs_unsafe += 1,
                Why::NoFix => own.no_fix += 1,
                Why::Refused(_) => own.refused += 1,
            }
        }
        own
    }

    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.changed += other.changed;
        self.repaired += other.repaired;
        self.needs_unsafe += other.needs_unsafe;
        self.no_fix += other.no_fix;
        self.refused += other.refused;
        self.skipped += other.skipped;
        self.errors.extend(other.errors);
        self.failing += other.failing;
    }

    fn remaining(&self) -> usize {
        self.needs_unsafe + self.no_fix + self.refused
    }
}

/// Makes text of what became of files.
trait Show: Sync {
    /// Of one file, on the thread that repaired it.
    fn file(&self, file: &FixedFile) -> Shown;

    /// What stands before the first file that has something to show, and before each further one.
    fn before(&self, is_first: bool) -> &'static str;

    /// What stands behind all; `is_empty` where no file had anything to show.
    fn end(&self, totals: &Totals, is_empty: bool) -> Shown;
}

/// Text for standard output, and for standard error.
#[derive(Debug, Default)]
struct Shown {
    out: Vec<u8>,
    err: Vec<u8>,
}

/// Prints what is shown, file by file.
struct Printer<'p> {
    show: &'p dyn Show,
    terminal: &'p mut Terminal,
    totals: Totals,
    is_empty: bool,
}

impl Printer<'_> {
    fn take(&mut self, told: Told) -> io::Result<()> {
        self.totals.add(told.counts);
        if !told.shown.out.is_empty() {
            self.terminal.write_all(self.show.before(self.is_empty).as_bytes())?;
            self.is_empty = false;
        }
        self.print(&told.shown)
    }

    fn print(&mut self, shown: &Shown) -> io::Result<()> {
        self.terminal.write_all(&shown.out)?;
        if !shown.err.is_empty() {
            self.terminal.flush()?;
            // A closed standard error is no failure.
            _ = self.terminal.stderr().write_all(&shown.err);
        }
        Ok(())
    }
}

pub(super) fn run(args: &FixArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let from_stdin = args.paths.iter().any(|path| path == Path::new("-"));
    if from_stdin && args.paths.len() > 1 {
        anyhow::bail!(
            "`-` goes to standard output and stands alone, found {} more paths",
            args.paths.len() - 1
        );
    }
    if from_stdin && !args.diff && args.format == FixFormat::Json {
        anyhow::bail!(
            "`-` writes the repaired text to standard output, where --format json has no place; add --diff"
        );
    }
    let settings = settings(args)?;
    let is_styled = terminal.is_styled();
    let show: Box<dyn Show> = match args.format {
        FixFormat::Text => {
            Box::new(summary::Text { is_diff: args.diff, to_stderr: from_stdin || args.diff, is_styled })
        }
        FixFormat::Json => Box::new(json::Json { is_diff: args.diff }),
    };
    // A repaired text and a patch go out as they are, escape codes and all.
    terminal.write_unfiltered()?;
    let mut printer = Printer { show: &*show, terminal, totals: Totals::default(), is_empty: true };
    if from_stdin {
        let file = stdin(args, &settings, printer.terminal)?;
        printer.take(Told::of(file, &*show))?;
    } else {
        files(args, &settings, &mut printer)?;
    }
    let end = show.end(&printer.totals, printer.is_empty);
    printer.print(&end)?;
    let totals = printer.totals;
    if totals.files == 0 {
        terminal.note(Tone::Warning, "no YAML or JSON file was found to repair");
    }
    Ok(outcome(args, &totals))
}

fn outcome(args: &FixArgs, totals: &Totals) -> Outcome {
    if !totals.errors.is_empty() {
        Outcome::Failed
    } else if totals.failing > 0 || (args.diff && totals.changed > 0) {
        Outcome::Findings
    } else {
        Outcome::Clean
    }
}

fn settings(args: &FixArgs) -> anyhow::Result<Settings> {
    let file = args.selection.config_file(&args.paths)?;
    let config = file.map(|file| file.config).unwrap_or_default();
    args.input.settings(&args.selection, config, &args.paths)
}

fn stdin(args: &FixArgs, settings: &Settings, terminal: &mut Terminal) -> anyhow::Result<FixedFile> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("read standard input")?;
    let fixed = fix(&args.input.stdin_filename, &bytes, settings, &Vec::new, args.with_unsafe);
    if args.diff {
        let file = args.input.stdin_filename.clone();
        return Ok(FixedFile {
            file,
            fixed: fixed.at_old_places(),
            before: Some(bytes),
            ..FixedFile::default()
        });
    }
    // What cannot be repaired goes on as it came: a pipe must not lose it.
    terminal.write_all(fixed.text.as_deref().unwrap_or(&bytes))?;
    Ok(FixedFile { file: args.input.stdin_filename.clone(), fixed, ..FixedFile::default() })
}

fn files(args: &FixArgs, settings: &Settings, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let show = printer.show;
    let (siblings, charts) = (Siblings::default(), Charts::default());
    let work = |path: &Path, bytes: Result<Vec<u8>, FileError>| {
        let file = path.display().to_string();
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                return Told::of(FixedFile { file, errors: vec![error], ..FixedFile::default() }, show);
            }
        };
        if let Some(report) = charts.unexpanded(path, &bytes) {
            let fixed = Fixed::unchanged(report);
            return Told::of(FixedFile { file, fixed, is_skipped: true, ..FixedFile::default() }, show);
        }
        let fixed = fix(&file, &bytes, settings, &|| siblings.of(path), args.with_unsafe);
        if args.diff {
            let (fixed, before) = (fixed.at_old_places(), Some(bytes));
            return Told::of(FixedFile { file, fixed, before, ..FixedFile::default() }, show);
        }
        let prepared = fixed.text.as_ref().map(|text| Prepared::new(path, text)).transpose();
        match prepared {
            Err(error) => Told::unwritten(file, &error, show),
            Ok(prepared) => {
                let told = Told::of(FixedFile { file, fixed, ..FixedFile::default() }, show);
                told.with(prepared)
            }
        }
    };
    let mut found = walk(&args.paths, args.input.no_ignore);
    let mut waiting = Waiting::new(printer);
    // Who only looks has nothing that must not stay behind.
    let interrupted = if args.diff { Arc::default() } else { interruption()? };
    let emit = |told: Told| {
        // What is prepared and not yet in its place goes with the error.
        anyhow::ensure!(
            !interrupted.load(Ordering::Relaxed),
            "interrupted; what is not told as fixed is as it was"
        );
        waiting.take(told).map_err(Into::into)
    };
    if args.diff {
        for_each_file(&mut found, work, emit)?;
    } else {
        let mut live = LiveDirectories::of_this_machine();
        for_each_file(&mut found.by_ref().filter_map(|found| live.pass(found)), work, emit)?;
    }
    waiting.finish()?;
    printer.totals.skipped += found.into_skipped().values().sum::<usize>();
    Ok(())
}

/// Set once somebody wants it to end; for the second time, it ends at once.
fn interruption() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))?;
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}

/// The difference as a unified diff.
fn difference(file: &FixedFile, is_styled: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if let (Some(before), Some(after)) = (&file.before, &file.fixed.text) {
        let path = Path::new(&file.file);
        diff::write_texts(path, Some(before), Some(after), &mut out, is_styled).expect("a Vec takes all");
    }
    out
}

/// The real path of a file or directory, as far as there is one.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
