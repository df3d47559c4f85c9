//! `lithify lint`: report what is wrong in files, directories or standard input.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context as _;
use clap::Args;

use super::input::InputArgs;
use super::lint_cluster::{self, ClusterArgs};
use super::report::{self, Format};
use super::reporting::{Reporting, ReportingArgs, Scope};
use super::selection::SelectionArgs;
use super::terminal::Tone;
use super::{Outcome, Terminal};
use crate::checks::Severity;
use crate::checks::static_pod::{Sibling, is_read_by_kubelet};
use crate::lint::chart::Charts;
use crate::lint::read::Reader;
use crate::lint::render::{self, Options, Plan, Tools};
use crate::lint::report::{FileError, FileReport, Skip, Totals};
use crate::lint::walk::walk;
use crate::lint::{Settings, judge};
use crate::yaml::Stream;

/// Report what is wrong in manifests: files, directories (walked), or `-` for standard input
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify lint deploy/\n  \
    lithify lint --values prod.yaml charts/web\n  \
    helm template my-chart | lithify lint - --stdin-filename my-chart.yaml\n  \
    lithify lint --level strict --format sarif . > lithify.sarif\n  \
    lithify lint --cluster --namespace web")]
pub(super) struct LintArgs {
    /// Files and directories; `-` reads standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    live: ClusterArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    reporting: ReportingArgs,

    /// Leave out findings below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "info", value_parser = parse_severity)]
    severity: Severity,

    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    rendering: RenderArgs,

    /// Print what was read, judged and left out, and why
    #[arg(long)]
    statistics: bool,
}

#[derive(Args)]
struct RenderArgs {
    /// Values for every chart, as for `helm template`; the last file wins
    #[arg(long, value_name = "FILE", conflicts_with = "no_render")]
    values: Vec<PathBuf>,

    /// Render no charts and kustomizations, though `helm`, `kustomize` or `kubectl` are there
    #[arg(long)]
    no_render: bool,
}

impl RenderArgs {
    fn options(&self) -> anyhow::Result<Options> {
        for file in &self.values {
            fs::metadata(file).with_context(|| format!("read values {}", file.display()))?;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let tools = if self.no_render { Tools::default() } else { Tools::find(&path) };
        Ok(Options { tools, values: self.values.clone() })
    }
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    match text {
        "info" => Ok(Severity::Info),
        "warning" => Ok(Severity::Warning),
        "error" => Ok(Severity::Error),
        _ => Err("expected info, warning or error".to_owned()),
    }
}

pub(super) fn run(args: &LintArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let file = args.selection.config_file(&args.paths)?;
    let config = file.as_ref().map(|file| file.config.clone()).unwrap_or_default();
    let settings = Settings {
        least: args.severity,
        coverage: args.reporting.format == Format::Html || args.statistics,
        ..args.input.settings(&args.selection, config, &args.paths)?
    };
    let (files, stdin): (Vec<_>, Vec<_>) =
        args.paths.iter().cloned().partition(|path| path != Path::new("-"));
    let mut reporting = Reporting::new(&args.reporting, &settings, file.as_ref(), terminal)?;
    terminal.write_unfiltered()?;
    if args.live.cluster {
        let totals = lint_cluster::run(&args.live, &settings, reporting, terminal)?;
        let counts = [(totals.files, "live objects read"), (totals.objects, "objects judged")];
        statistics(args, &totals, &counts, terminal)?;
        return Ok(report::outcome(&totals));
    }
    let prepare = reporting.preparation();
    let mut stdin_is_empty = false;
    if !stdin.is_empty() {
        let mut report = read_stdin(&args.input.stdin_filename, &settings);
        stdin_is_empty = report.skipped.contains(&Skip::because("empty"));
        prepare(&mut report);
        reporting.take(&report, terminal)?;
    }
    let (siblings, charts) = (Siblings::default(), Charts::default());
    let judge_file = |path: &Path, bytes: Vec<u8>| {
        let template = charts.unexpanded(path, &bytes);
        let judged = || judge(&path.display().to_string(), bytes, &settings, &|| siblings.of(path));
        template.unwrap_or_else(judged)
    };
    let options = args.rendering.options()?;
    let mut plan = render::plan(|| walk(&files, args.input.no_ignore), &charts, &options);
    let mut found = walk(&files, args.input.no_ignore);
    let take = |report: &FileReport| reporting.take(report, terminal);
    render::run_all(&mut plan, found.by_ref(), &options, judge_file, prepare, take)?;
    let mut skipped = found.into_skipped();
    let scope = Scope { directories: files.into_iter().filter(|path| path.is_dir()).collect() };
    skipped.extend(plan.skipped.clone());
    let totals = reporting.finish(&scope, skipped, terminal)?;
    if stdin_is_empty {
        terminal.note(Tone::Warning, "standard input is empty");
    }
    finish(args, &totals, &plan, terminal)
}

/// What was read, judged and left out, where it was asked for.
fn statistics(
    args: &LintArgs,
    totals: &Totals,
    counts: &[(usize, &str)],
    terminal: &Terminal,
) -> anyhow::Result<()> {
    if !args.statistics {
        return Ok(());
    }
    let mut stderr = terminal.stderr();
    let coverage = &totals.coverage;
    let containers = [
        (coverage.containers, "containers"),
        (coverage.read_only, "containers with a read-only root filesystem"),
        (coverage.exempt, "containers that need none"),
    ];
    for (count, what) in counts.iter().chain(&containers) {
        writeln!(stderr, "{count:>8}  {what}")?;
    }
    for (skip, count) in &totals.skipped {
        let of = if skip.of.is_empty() { String::new() } else { format!(" of {}", skip.of) };
        writeln!(stderr, "{count:>8}  left out: {}{of}", skip.reason)?;
    }
    writeln!(stderr, "{:>8}  not judged for errors", totals.errors.len())?;
    Ok(())
}

/// What is said beside the report.
fn finish(args: &LintArgs, totals: &Totals, plan: &Plan, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    if !args.rendering.no_render {
        plan.notes.iter().for_each(|note| terminal.note(Tone::Warning, note));
    }
    let (charts, overlays) = plan.rendered();
    let counts = [
        (totals.files, "files read"),
        (totals.objects, "objects judged"),
        (charts, "charts rendered"),
        (overlays, "kustomizations rendered"),
    ];
    statistics(args, totals, &counts, terminal)?;
    if totals.files == 0 {
        terminal.note(Tone::Warning, "no YAML or JSON file was found to judge");
    }
    Ok(report::outcome(totals))
}

fn read_stdin(name: &str, settings: &Settings) -> FileReport {
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| error.to_string());
    let bytes = input.and_then(|input| Reader::default().read_all(&input));
    let failed = |message: String| {
        let message = format!("standard input: {message}");
        let error = FileError { file: name.to_owned(), line: 0, column: 0, message };
        FileReport { file: name.to_owned(), errors: vec![error], ..FileReport::default() }
    };
    bytes.map_or_else(failed, |bytes| judge(name, bytes, settings, &Vec::new))
}

/// The other files of static pods' directories, read once each.
#[derive(Default)]
pub(super) struct Siblings {
    known: Mutex<HashMap<PathBuf, Vec<(PathBuf, Sibling)>>>,
}

impl Siblings {
    pub(super) fn of(&self, path: &Path) -> Vec<Sibling> {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let all = known.entry(directory).or_insert_with_key(|directory| read_siblings(directory));
        all.iter()
            .filter(|(other, _)| other.file_name() != path.file_name())
            .map(|(_, sibling)| sibling.clone())
            .collect()
    }
}

/// Every file that a kubelet would read from a directory.
pub(super) fn read_siblings(directory: &Path) -> Vec<(PathBuf, Sibling)> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let read = entries.filter_map(|entry| {
        let name = entry.file_name();
        if !is_read_by_kubelet(&name.to_string_lossy()) || !entry.path().is_file() {
            return None;
        }
        let bytes = Reader::default().read(&entry.path()).ok()?;
        let first = Stream::parse(&bytes).ok().and_then(|stream| Some(stream.document(0)?.to_value()));
        let path = entry.path().display().to_string();
        Some((entry.path(), Sibling { path, object: first.unwrap_or_default() }))
    });
    read.collect()
}
