//! `lithify lint`: report what is wrong in files, directories or standard input.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context as _;
use clap::Args;

use super::report::{self, Format};
use super::reporting::{Reporting, ReportingArgs, Scope};
use super::selection::SelectionArgs;
use super::terminal::Tone;
use super::{Outcome, Terminal};
use crate::checks::Severity;
use crate::checks::static_pod::{Sibling, is_read_by_kubelet};
use crate::lint::chart::Charts;
use crate::lint::read::Reader;
use crate::lint::report::{FileReport, Totals};
use crate::lint::walk::{judge_all, walk};
use crate::lint::{Settings, judge};
use crate::yaml::Stream;

/// Report what is wrong in manifests: files, directories (walked), or `-` for standard input
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify lint deploy/\n  \
    helm template my-chart | lithify lint - --stdin-filename my-chart.yaml\n  \
    lithify lint --level strict --format sarif . > lithify.sarif")]
pub(super) struct LintArgs {
    /// Files and directories; `-` reads standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    reporting: ReportingArgs,

    /// Leave out findings below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "info", value_parser = parse_severity)]
    severity: Severity,

    /// Also read what `.gitignore` names and what is hidden
    #[arg(long)]
    no_ignore: bool,

    /// Treat every Pod as a static pod's manifest, not only those under a directory `manifests`
    #[arg(long)]
    static_pods: bool,

    /// Judge the control plane's own static pods like any other
    #[arg(long)]
    strict_static_pods: bool,

    /// The file name to show for standard input
    #[arg(long, value_name = "NAME", default_value = "-")]
    stdin_filename: String,

    /// Print what was read, judged and left out, and why
    #[arg(long)]
    statistics: bool,
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
        selection: args.selection.resolve(&config)?,
        context: crate::checks::Context {
            kinds: config.kinds.clone(),
            static_pod: false,
            strict_static_pods: args.strict_static_pods,
            writable: args.selection.writable(&config, &args.paths)?.into(),
        },
        exemptions: config.exemptions,
        today: jiff::Zoned::now().date(),
        static_pods: args.static_pods,
        least: args.severity,
        coverage: args.reporting.format == Format::Html || args.statistics,
    };
    let (files, stdin): (Vec<_>, Vec<_>) =
        args.paths.iter().cloned().partition(|path| path != Path::new("-"));
    let mut reporting = Reporting::new(&args.reporting, &settings, file.as_ref(), terminal)?;
    let prepare = reporting.preparation();
    terminal.write_unfiltered()?;
    if !stdin.is_empty() {
        let mut report = read_stdin(&args.stdin_filename, &settings)?;
        prepare(&mut report);
        reporting.take(&report, terminal)?;
    }
    let found = walk(&files, args.no_ignore);
    for error in &found.errors {
        let report =
            FileReport { file: error.file.clone(), errors: vec![error.clone()], ..FileReport::default() };
        reporting.take(&report, terminal)?;
    }
    let (siblings, charts) = (Siblings::default(), Charts::default());
    let judge_file = |path: &Path, bytes: Vec<u8>| {
        let template = charts.unexpanded(path, &bytes);
        let judged = || judge(&path.display().to_string(), bytes, &settings, &|| siblings.of(path));
        let mut report = template.unwrap_or_else(judged);
        prepare(&mut report);
        report
    };
    judge_all(&found.files, judge_file, |report| reporting.take(&report, terminal))?;
    let scope = Scope { directories: files.into_iter().filter(|path| path.is_dir()).collect() };
    let totals = reporting.finish(&scope, found.skipped, terminal)?;
    finish(args, &totals, terminal)
}

/// What is said beside the report.
fn finish(args: &LintArgs, totals: &Totals, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    if args.statistics {
        let mut stderr = terminal.stderr();
        writeln!(stderr, "{:>8}  files read\n{:>8}  objects judged", totals.files, totals.objects)?;
        for (skip, count) in &totals.skipped {
            let of = if skip.of.is_empty() { String::new() } else { format!(" of {}", skip.of) };
            writeln!(stderr, "{count:>8}  left out: {}{of}", skip.reason)?;
        }
    }
    if totals.files == 0 {
        terminal.note(Tone::Warning, "no YAML or JSON file was found to judge");
    }
    Ok(report::outcome(totals))
}

fn read_stdin(name: &str, settings: &Settings) -> anyhow::Result<FileReport> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("read standard input")?;
    Ok(judge(name, bytes, settings, &Vec::new))
}

/// The other files of static pods' directories, read once each.
#[derive(Default)]
struct Siblings {
    known: Mutex<HashMap<PathBuf, Vec<(PathBuf, Sibling)>>>,
}

impl Siblings {
    fn of(&self, path: &Path) -> Vec<Sibling> {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let all = known.entry(directory).or_insert_with_key(|directory| read_siblings(directory));
        all.iter().filter(|(other, _)| other != path).map(|(_, sibling)| sibling.clone()).collect()
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
