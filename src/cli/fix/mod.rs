//! `lithify fix`: repair files, directories or standard input.
//!
//! Files are repaired on all cores, each read, judged, repaired, judged again and replaced as a whole; what became
//! of them is shown in their order. A file that cannot be read, judged or written is an error, and the others are
//! repaired all the same.

mod json;
mod live;
mod summary;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use self::live::LiveDirectories;
use super::input::InputArgs;
use super::lint::Siblings;
use super::replace::{self, Prepared};
use super::selection::SelectionArgs;
use super::terminal::Tone;
use super::{Outcome, Terminal, diff};
use crate::checks::Severity;
use crate::lint::Settings;
use crate::lint::chart::Charts;
use crate::lint::fix::{Fixed, Why, fix};
use crate::lint::report::{FileError, FileReport};
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
    /// The new text, on its way to the disk.
    prepared: Option<Prepared>,
}

/// What to tell of all files.
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
    fn add(&mut self, file: &FixedFile) {
        self.files += 1;
        self.changed += usize::from(file.fixed.text.is_some());
        self.repaired += file.fixed.repaired.len();
        self.skipped += usize::from(file.is_skipped);
        self.errors.extend(file.errors.iter().chain(&file.fixed.report.errors).cloned());
        for (located, why) in file.fixed.report.findings.iter().zip(&file.fixed.remaining) {
            self.failing += usize::from(located.finding.severity >= Severity::Warning);
            match why {
                Why::Unsafe => self.needs_unsafe += 1,
                Why::NoFix => self.no_fix += 1,
                Why::Refused(_) => self.refused += 1,
            }
        }
    }

    fn remaining(&self) -> usize {
        self.needs_unsafe + self.no_fix + self.refused
    }
}

/// Shows files as they come, and the end.
trait Show {
    fn file(&mut self, file: &FixedFile, terminal: &mut Terminal) -> io::Result<()>;
    fn end(&mut self, totals: &Totals, terminal: &mut Terminal) -> io::Result<()>;
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
    let mut show: Box<dyn Show> = match args.format {
        FixFormat::Text => Box::new(summary::Text { is_diff: args.diff, to_stderr: from_stdin || args.diff }),
        FixFormat::Json => Box::new(json::Json::new(args.diff)),
    };
    let mut totals = Totals::default();
    if from_stdin {
        let file = stdin(args, &settings, terminal)?;
        totals.add(&file);
        show.file(&file, terminal)?;
    } else {
        files(args, &settings, &mut totals, show.as_mut(), terminal)?;
    }
    show.end(&totals, terminal)?;
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

fn files(
    args: &FixArgs,
    settings: &Settings,
    totals: &mut Totals,
    show: &mut dyn Show,
    terminal: &mut Terminal,
) -> anyhow::Result<()> {
    let mut found = walk(&args.paths, args.input.no_ignore);
    totals.skipped += found.skipped.values().sum::<usize>();
    if !args.diff {
        found.errors.extend(LiveDirectories::of_this_machine().take_from(&mut found.files));
    }
    let mut told = |files: &mut Vec<FixedFile>| {
        commit(files);
        files.drain(..).try_for_each(|file| {
            totals.add(&file);
            show.file(&file, terminal)
        })
    };
    let mut waiting: Vec<_> = found
        .errors
        .into_iter()
        .map(|error| FixedFile { file: error.file.clone(), errors: vec![error], ..FixedFile::default() })
        .collect();
    told(&mut waiting)?;
    let (siblings, charts) = (Siblings::default(), Charts::default());
    let work = |path: &Path, bytes: Result<Vec<u8>, FileError>| {
        let file = path.display().to_string();
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return FixedFile { file, errors: vec![error], ..FixedFile::default() },
        };
        if let Some(report) = charts.unexpanded(path, &bytes) {
            let fixed = Fixed::unchanged(report);
            return FixedFile { file, fixed, is_skipped: true, ..FixedFile::default() };
        }
        let mut fixed = fix(&file, &bytes, settings, &|| siblings.of(path), args.with_unsafe);
        if args.diff {
            fixed = fixed.at_old_places();
        }
        let before = args.diff.then_some(bytes);
        prepare(path, FixedFile { file, fixed, before, ..FixedFile::default() })
    };
    for_each_file(&found.files, work, |file| {
        waiting.push(file);
        if waiting.len() < TOGETHER { Ok(()) } else { told(&mut waiting) }
    })?;
    told(&mut waiting)?;
    Ok(())
}

/// Files whose new texts are brought to the disk together: waiting for it was three quarters of the time. What is
/// killed leaves at most so many dot-files behind.
const TOGETHER: usize = 64;

/// Writes the new text beside the file, unless only the difference is asked for.
fn prepare(path: &Path, mut file: FixedFile) -> FixedFile {
    let (Some(text), None) = (&file.fixed.text, &file.before) else { return file };
    match Prepared::new(path, text) {
        Ok(prepared) => file.prepared = Some(prepared),
        Err(error) => refuse(&mut file, &error),
    }
    file
}

/// Replaces files by what is prepared; one that cannot be written is as it was.
fn commit(files: &mut [FixedFile]) {
    let synced = replace::sync(&files.iter().filter_map(|file| file.prepared.as_ref()).collect::<Vec<_>>());
    for file in files {
        let Some(prepared) = file.prepared.take() else { continue };
        let committed = match &synced {
            Ok(()) => prepared.commit(),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        if let Err(error) = committed {
            refuse(file, &error);
        }
    }
}

fn refuse(file: &mut FixedFile, error: &io::Error) {
    let message = format!("cannot be written, and is as it was: {error}");
    file.errors.push(FileError { file: file.file.clone(), line: 0, column: 0, message });
    // What is said to remain must be what is in the file.
    let report = FileReport { file: file.file.clone(), ..FileReport::default() };
    file.fixed = Fixed::unchanged(report);
}

/// The difference as a unified diff.
fn difference(file: &FixedFile, is_styled: bool) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if let (Some(before), Some(after)) = (&file.before, &file.fixed.text) {
        diff::write_texts(Path::new(&file.file), Some(before), Some(after), &mut out, is_styled)?;
    }
    Ok(out)
}

/// The real path of a file or directory, as far as there is one.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
