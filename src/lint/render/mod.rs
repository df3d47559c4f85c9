//! Charts and kustomizations: rendered by `helm` and `kustomize` or `kubectl` where these are on PATH, judged as
//! what they render to, and reported at the template, resource or patch that it comes from.
//!
//! Data in: the walked files. Data out: [`Job`]s, each for one worker: a file as it stands, or a whole chart or
//! overlay, whose own files are then not judged one by one. What cannot be rendered is an error with the tool's
//! message; its plain files are judged as they stand, templates and patches are counted as left out.
//!
//! Nothing is fetched: a kustomization with remote parts is not rendered, and the tools have no network.

mod helm;
mod kustomize;
mod origin;
mod source;
mod template;
mod tool;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use self::helm::Chart;
use self::kustomize::{Overlay, directory_key, file_key};
use super::chart::Charts;
use super::parallel;
use super::read::Reader;
use super::report::{FileError, FileReport, Skip};

pub use tool::Tools;

/// What to render, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The renderers; none renders nothing.
    pub tools: Tools,
    /// Values files for every chart, in their order.
    pub values: Vec<PathBuf>,
}

/// One piece of work.
#[derive(Debug)]
pub enum Job {
    /// A file as it stands.
    File(PathBuf),
    /// A part of an object, which only its kustomization makes whole.
    Patch {
        /// The file.
        file: PathBuf,
        /// The kustomization's directory.
        of: String,
    },
    /// A chart.
    Chart(Box<ChartJob>),
    /// A kustomization, and its walked resources.
    Overlay(Box<OverlayJob>),
}

/// See [`Job::Chart`].
#[derive(Debug)]
pub struct ChartJob {
    chart: Chart,
    helm: PathBuf,
}

/// See [`Job::Overlay`].
#[derive(Debug)]
pub struct OverlayJob {
    overlay: Overlay,
    program: PathBuf,
    /// As the walk named them, by their keys: resources, and patches.
    resources: BTreeMap<PathBuf, PathBuf>,
    patches: BTreeMap<PathBuf, PathBuf>,
}

/// All the work.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order of the paths.
    pub jobs: Vec<Job>,
    /// What is not rendered, and why; a line each.
    pub notes: Vec<String>,
    /// Kustomizations that would have to be fetched.
    pub skipped: BTreeMap<Skip, usize>,
}

impl Plan {
    /// How many charts and kustomizations are rendered.
    pub fn rendered(&self) -> (usize, usize) {
        let count = |is: fn(&Job) -> bool| self.jobs.iter().filter(|job| is(job)).count();
        (count(|job| matches!(job, Job::Chart(_))), count(|job| matches!(job, Job::Overlay(_))))
    }
}

/// Divides the walked files into jobs.
pub fn plan(files: Vec<PathBuf>, known: &Charts, options: &Options) -> Plan {
    let mut plan = Plan::default();
    let charts = helm::charts(&files, known);
    let mut overlays = kustomize::overlays(&files);
    let mut missing = |count: usize, what: &str, tools: &str| {
        if count > 0 {
            let plural = if count == 1 { " was" } else { "s were" };
            plan.notes.push(format!("{count} {what}{plural} not rendered: {tools} on PATH"));
        }
    };
    let mut taken = HashSet::new();
    if let Some(helm) = &options.tools.helm {
        taken.extend(charts.iter().flat_map(|chart| chart.templates.iter().cloned()));
        let jobs = charts.into_iter().filter(|chart| !chart.templates.is_empty());
        plan.jobs.extend(jobs.map(|chart| Job::Chart(Box::new(ChartJob { chart, helm: helm.clone() }))));
    } else {
        missing(charts.len(), "chart", "no `helm` is");
    }
    if !overlays.is_empty() {
        let named = by_key(&files);
        if let Some(program) = &options.tools.kustomize {
            for overlay in overlays.extract_if(.., |overlay| overlay.remote.is_none()) {
                plan.jobs.push(Job::Overlay(Box::new(OverlayJob::new(overlay, program, &named, &mut taken))));
            }
        } else {
            missing(overlays.len(), "kustomization", "neither `kustomize` nor `kubectl` is");
        }
        for overlay in &overlays {
            plan.leave(overlay, &named, &mut taken);
        }
    }
    plan.jobs.extend(files.into_iter().filter(|file| !taken.contains(file)).map(Job::File));
    plan.jobs.sort_by(|one, other| one.path().cmp(other.path()));
    plan
}

/// The walked files by their keys; each directory is looked up once.
fn by_key(files: &[PathBuf]) -> HashMap<PathBuf, PathBuf> {
    let mut directories: HashMap<&Path, PathBuf> = HashMap::new();
    let named = files.iter().filter_map(|file| {
        let directory = file.parent().unwrap_or(Path::new(""));
        let directory = directories.entry(directory).or_insert_with(|| directory_key(directory));
        Some((directory.join(file.file_name()?), file.clone()))
    });
    named.collect()
}

impl Plan {
    /// A kustomization that is not rendered: its resources are judged as they stand, its patches are not.
    fn leave(&mut self, overlay: &Overlay, named: &HashMap<PathBuf, PathBuf>, taken: &mut HashSet<PathBuf>) {
        let of = overlay.directory.display().to_string();
        if let Some(remote) = &overlay.remote {
            self.notes
                .push(format!("kustomization {of} was not rendered: {remote} would have to be fetched"));
            *self.skipped.entry(Skip { reason: "remote-kustomization", of: of.clone() }).or_default() += 1;
        }
        for file in overlay.patches.iter().filter_map(|key| named.get(key)) {
            if taken.insert(file.clone()) {
                self.jobs.push(Job::Patch { file: file.clone(), of: of.clone() });
            }
        }
    }
}

impl OverlayJob {
    fn new(
        overlay: Overlay,
        program: &Path,
        named: &HashMap<PathBuf, PathBuf>,
        taken: &mut HashSet<PathBuf>,
    ) -> Self {
        let walked = |keys: &std::collections::BTreeSet<PathBuf>| -> BTreeMap<PathBuf, PathBuf> {
            keys.iter().filter_map(|key| Some((key.clone(), named.get(key)?.clone()))).collect()
        };
        let (resources, patches) = (walked(&overlay.resources), walked(&overlay.patches));
        taken.extend(resources.values().chain(patches.values()).cloned());
        Self { overlay, program: program.to_owned(), resources, patches }
    }
}

impl Job {
    /// Where it stands among the others.
    fn path(&self) -> &Path {
        match self {
            Self::File(file) | Self::Patch { file, .. } => file,
            Self::Chart(job) => &job.chart.directory,
            Self::Overlay(job) => &job.overlay.directory,
        }
    }

    /// Does it; `judge` judges one text under the name of a file.
    fn run(
        &self,
        options: &Options,
        reader: &mut Reader,
        judge: &dyn Fn(&Path, Vec<u8>) -> FileReport,
    ) -> Vec<FileReport> {
        match self {
            Self::File(file) => vec![judge_file(file, reader, judge)],
            Self::Patch { file, of } => {
                vec![left_out(file, Skip { reason: "kustomize-patch", of: of.clone() })]
            }
            Self::Chart(job) => job.run(&options.values, judge),
            Self::Overlay(job) => job.run(reader, judge),
        }
    }
}

/// Does every job on all cores, and hands the reports over in the order of the jobs, one at a time, so that
/// memory does not grow with their number.
///
/// `judge` judges one text under the name of a file; `prepare` is the last to change a report, still on the worker's thread.
///
/// # Errors
/// The first of `emit`, after which no more jobs are begun.
pub fn run_all<E>(
    plan: &Plan,
    options: &Options,
    judge: impl Fn(&Path, Vec<u8>) -> FileReport + Sync,
    prepare: impl Fn(&mut FileReport) + Sync,
    mut emit: impl FnMut(&FileReport) -> Result<(), E>,
) -> Result<(), E> {
    let worker = || {
        let (mut reader, judge, prepare) = (Reader::default(), &judge, &prepare);
        move |job: &Job| {
            let mut reports = job.run(options, &mut reader, judge);
            reports.iter_mut().for_each(prepare);
            reports
        }
    };
    parallel::in_order(&plan.jobs, worker, |reports| reports.iter().try_for_each(&mut emit))
}

fn judge_file(file: &Path, reader: &mut Reader, judge: &dyn Fn(&Path, Vec<u8>) -> FileReport) -> FileReport {
    match reader.read(file) {
        Ok(bytes) => judge(file, bytes),
        Err(error) => FileReport { file: error.file.clone(), errors: vec![error], ..FileReport::default() },
    }
}

fn left_out(file: &Path, skip: Skip) -> FileReport {
    FileReport { file: file.display().to_string(), skipped: vec![skip], ..FileReport::default() }
}

fn failed(file: &Path, message: String) -> FileReport {
    let name = file.display().to_string();
    let error = FileError { file: name.clone(), line: 0, column: 0, message };
    FileReport { file: name, errors: vec![error], ..FileReport::default() }
}

impl ChartJob {
    fn run(&self, values: &[PathBuf], judge: &dyn Fn(&Path, Vec<u8>) -> FileReport) -> Vec<FileReport> {
        let Self { chart, helm } = self;
        let skip = |reason| Skip { reason, of: chart.name.clone() };
        let rendered = match helm::render(chart, helm, values) {
            Ok(rendered) => rendered,
            Err(message) => {
                let templates = chart.templates.iter().map(|file| left_out(file, skip("helm-template")));
                return [failed(&chart.directory.join("Chart.yaml"), message)]
                    .into_iter()
                    .chain(templates)
                    .collect();
            }
        };
        let idle = chart.templates.iter().filter(|file| !rendered.contains_key(*file));
        let mut reports: Vec<FileReport> =
            idle.map(|file| left_out(file, skip("helm-template-without-output"))).collect();
        let how = format!("in what `helm template {}` renders", chart.directory.display());
        reports.extend(
            rendered
                .into_iter()
                .map(|(file, text)| source::of_template(judge(&file, text.into_bytes()), &file, &how)),
        );
        reports.sort_by(|one, other| one.file.cmp(&other.file));
        reports
    }
}

impl OverlayJob {
    fn run(&self, reader: &mut Reader, judge: &dyn Fn(&Path, Vec<u8>) -> FileReport) -> Vec<FileReport> {
        let directory = &self.overlay.directory;
        let built = match kustomize::render(&self.overlay, &self.program) {
            Ok(built) => built,
            Err(message) => return self.as_they_stand(message, reader, judge),
        };
        let sources = source::Sources {
            built: &built,
            overlay: directory,
            resources: &self.resources,
            patches: &self.patches,
            how: format!("in what kustomize builds of {}", directory.display()),
        };
        sources.distribute(judge(directory, built.text.clone().into_bytes()))
    }

    fn as_they_stand(
        &self,
        message: String,
        reader: &mut Reader,
        judge: &dyn Fn(&Path, Vec<u8>) -> FileReport,
    ) -> Vec<FileReport> {
        let of = self.overlay.directory.display().to_string();
        let mut reports = vec![failed(&self.overlay.directory, message)];
        let patches = self.patches.values();
        reports
            .extend(patches.map(|file| left_out(file, Skip { reason: "kustomize-patch", of: of.clone() })));
        reports.extend(self.resources.values().map(|file| judge_file(file, reader, judge)));
        reports
    }
}

/// The key of a file that an annotation of `built` names.
fn key_of_origin(built: &kustomize::Built, path: &Path) -> PathBuf {
    // The directory is gone, but its parent is there, and the path leads out of it.
    let (below, above) = (path.strip_prefix("..").unwrap_or(path), built.directory.parent());
    file_key(&above.unwrap_or(&built.directory).join(below))
}
