//! From reports to output: what the baseline knows is taken out, the rest is shown as it comes, and at the end
//! comes what only the whole run can tell: void exemptions of the configuration, stale entries of the baseline.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::report::{Format, Show};
use super::selection::ConfigFile;
use super::terminal::Tone;
use super::{Terminal, replace};
use crate::checks::Severity;
use crate::lint::baseline::{self, Baseline, Met};
use crate::lint::report::{FileReport, GITHUB_RESULTS, Renderer, Skip, Totals};
use crate::lint::{Settings, void_exemptions};

#[derive(Args)]
pub(super) struct ReportingArgs {
    /// How to show findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,

    /// Count findings that this file knows instead of reporting them
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write the findings that there are to a file for --baseline; with --baseline too, only take out of it what
    /// is gone
    // Of what a threshold leaves out, nobody can tell whether it is still there.
    #[arg(long, value_name = "FILE", conflicts_with = "severity")]
    write_baseline: Option<PathBuf>,

    /// Also show what exemptions and the baseline keep out (json, sarif)
    #[arg(long)]
    show_exempted: bool,
}

/// What was asked to be judged, for those who must know whether everything was.
pub(super) struct Scope {
    /// The directories that were walked.
    pub(super) directories: Vec<PathBuf>,
}

/// A run's reports on their way to the reader.
pub(super) struct Reporting<'r> {
    args: &'r ReportingArgs,
    settings: &'r Settings,
    config: Option<&'r ConfigFile>,
    renderer: Box<dyn Renderer>,
    totals: Totals,
    used: BTreeSet<(usize, &'static str)>,
    baseline: Option<Arc<Baseline>>,
    met: Met,
}

/// What a report undergoes before it is shown, on whatever thread made it.
pub(super) type Prepare = Box<dyn Fn(&mut FileReport) + Send + Sync>;

impl<'r> Reporting<'r> {
    /// # Errors
    /// Where the baseline cannot be read.
    pub(super) fn new(
        args: &'r ReportingArgs,
        settings: &'r Settings,
        config: Option<&'r ConfigFile>,
        terminal: &Terminal,
    ) -> anyhow::Result<Self> {
        let baseline = args.baseline.as_deref().map(read).transpose()?.map(Arc::new);
        Ok(Self {
            args,
            settings,
            config,
            renderer: args.format.renderer(Show { exempted: args.show_exempted }, terminal),
            totals: Totals::default(),
            used: BTreeSet::new(),
            baseline,
            met: Met::default(),
        })
    }

    /// Takes out what the baseline knows, and renders the rest.
    pub(super) fn preparation(&self) -> Prepare {
        let render = self.renderer.preparation();
        let (baseline, accept_all) = (self.baseline.clone(), self.args.write_baseline.is_some());
        Box::new(move |report| {
            match &baseline {
                Some(baseline) => baseline.sort_out(&key(&report.file), report),
                None if accept_all => Baseline::accept(report),
                None => {}
            }
            report.prepared = render(report);
        })
    }

    /// Shows one report, which is prepared.
    pub(super) fn take(&mut self, report: &FileReport, terminal: &mut Terminal) -> io::Result<()> {
        self.used.extend(report.used_exemptions.iter().copied());
        self.note(report);
        self.totals.add(report);
        self.renderer.file(report, terminal)
    }

    /// Remembers what the baseline is about.
    fn note(&mut self, report: &FileReport) {
        if self.baseline.is_some() || self.args.write_baseline.is_some() {
            self.met.add(&key(&report.file), report);
        }
    }

    /// As [`finish`](Self::finish), of a cluster: its objects are no files, and never all that there could be.
    pub(super) fn finish_live(
        mut self,
        skipped: impl IntoIterator<Item = (Skip, usize)>,
        terminal: &mut Terminal,
    ) -> anyhow::Result<Totals> {
        self.totals.is_live = true;
        self.finish(&Scope { directories: Vec::new() }, skipped, terminal)
    }

    /// Shows what only the end can tell, and writes the baseline.
    pub(super) fn finish(
        mut self,
        scope: &Scope,
        skipped: impl IntoIterator<Item = (Skip, usize)>,
        terminal: &mut Terminal,
    ) -> anyhow::Result<Totals> {
        for (skip, files) in skipped {
            *self.totals.skipped.entry(skip).or_default() += files;
        }
        if let Some(config) = self.config {
            let is_unseen =
                !self.totals.errors.is_empty() || self.totals.skipped.keys().any(Skip::is_unrendered);
            let is_whole = !is_unseen && scope.covers(config.path.parent());
            let name = config.path.display().to_string();
            let text = String::from_utf8_lossy(&config.bytes);
            let mut report = void_exemptions(&name, &text, self.settings, &self.used, is_whole);
            if !report.findings.is_empty() {
                self.preparation()(&mut report);
                self.note(&report);
                self.totals.add_findings(&report);
                self.renderer.file(&report, terminal)?;
            }
        }
        let met = std::mem::take(&mut self.met);
        let left = match &self.baseline {
            None => met.into_findings(),
            Some(baseline) => {
                let is_gone = |file: &str| scope.covers(Some(Path::new(file))) && !Path::new(file).exists();
                let left = met.remaining(baseline, |check| self.settings.selection.has(check), is_gone);
                // A run that leaves findings out cannot tell which are gone.
                let sees_all = self.settings.least == Severity::Info;
                self.totals.stale = sees_all.then(|| baseline.len() - left.len());
                left
            }
        };
        self.renderer.end(&self.totals, terminal)?;
        let findings = self.totals.at_least(Severity::Info);
        if self.args.format == Format::Sarif && findings > GITHUB_RESULTS {
            let message = format_args!(
                "GitHub refuses a SARIF run with more than {GITHUB_RESULTS} results, found {findings}: a baseline, \
                 or a lower level first, makes it less"
            );
            terminal.note(Tone::Warning, message);
        }
        self.write(left, terminal)?;
        Ok(self.totals)
    }

    fn write(&self, left: Baseline, terminal: &mut Terminal) -> anyhow::Result<()> {
        let stale = self.totals.stale.unwrap_or_default();
        let Some(path) = &self.args.write_baseline else {
            if let Some(path) = self.args.baseline.as_ref().filter(|_| stale > 0) {
                let path = path.display();
                let message = format_args!(
                    "stale baseline entries: {stale}; take them out with `--baseline {path} --write-baseline {path}`"
                );
                terminal.note(Tone::Warning, message);
            }
            return Ok(());
        };
        let directory = absolute(path).parent().unwrap_or(Path::new("/")).to_owned();
        let baseline = left.rename(|file| relative(Path::new(file), &directory));
        replace::file(path, baseline.to_string().as_bytes()).context("write the baseline")?;
        let (findings, files) = (baseline.len(), baseline.files());
        let message = match stale {
            0 => format!("{} knows {findings} findings in {files} files", path.display()),
            stale => {
                format!("{} knows {findings} findings in {files} files; {stale} are gone", path.display())
            }
        };
        terminal.note(Tone::Hint, message);
        Ok(())
    }
}

impl Scope {
    /// Whether a path lies in a directory that was walked.
    fn covers(&self, path: Option<&Path>) -> bool {
        let Some(path) = path.map(absolute) else { return false };
        self.directories.iter().any(|directory| path.starts_with(absolute(directory)))
    }
}

/// Reads a baseline; its files are named from its own directory, so that it serves from everywhere.
fn read(path: &Path) -> anyhow::Result<Baseline> {
    let bytes = fs::read(path)
        .with_context(|| format!("read baseline {}; `--write-baseline {0}` makes one", path.display()))?;
    let baseline = baseline::read(&bytes).map_err(|error| {
        let place = error.position;
        anyhow::anyhow!("{}:{}:{}: {}", path.display(), place.line, place.column, error.message)
    })?;
    let directory = absolute(path).parent().unwrap_or(Path::new("/")).to_owned();
    Ok(baseline.rename(|file| absolute(&directory.join(file)).display().to_string()))
}

/// The one name of a file, however it was named on the command line.
fn key(file: &str) -> String {
    absolute(Path::new(file)).display().to_string()
}

/// A path from the root, without `.` and `..`; links are not followed, for a name is what is meant.
fn absolute(path: &Path) -> PathBuf {
    use std::path::Component;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => _ = path.pop(),
            Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}

/// The way from a directory to a file; both are absolute.
fn relative(file: &Path, directory: &Path) -> String {
    let shared =
        file.components().zip(directory.components()).take_while(|(own, other)| own == other).count();
    let up = directory.components().skip(shared).map(|_| Path::new(".."));
    let down = file.components().skip(shared).map(|component| Path::new(component.as_os_str()));
    up.chain(down).collect::<PathBuf>().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_files_from_the_directory_of_the_baseline() {
        let way = |file: &str, directory: &str| relative(Path::new(file), Path::new(directory));
        assert_eq!(way("/repo/deploy/a.yaml", "/repo"), "deploy/a.yaml");
        assert_eq!(way("/repo/a.yaml", "/repo/ci"), "../a.yaml");
        assert_eq!(absolute(Path::new("/repo/ci/../a.yaml")), Path::new("/repo/a.yaml"));
    }
}
