//! Charts and kustomizations: rendered by `helm` and `kustomize` or `kubectl` where these are on PATH, judged as
//! what they render to, and reported at the template, resource or patch that it comes from.
//!
//! Data in: walks over the files, of which only what belongs to charts and overlays is kept. Data out: a report for
//! each, made by one worker each: of a file as it stands, or of a whole chart or overlay, whose own files are then not judged one by one. What cannot be rendered is an error with the tool's
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
use std::iter::Peekable;
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
enum Job {
    /// A file as it stands.
    File(PathBuf),
    /// What the walk could not read.
    Unreadable(FileError),
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
struct ChartJob {
    chart: Chart,
    helm: PathBuf,
}

/// See [`Job::Overlay`].
#[derive(Debug)]
struct OverlayJob {
    overlay: Overlay,
    program: PathBuf,
    /// As the walk named them, by their keys: resources, and patches.
    resources: BTreeMap<PathBuf, PathBuf>,
    patches: BTreeMap<PathBuf, PathBuf>,
}

/// What is rendered, and which files are then not judged one by one.
#[derive(Debug, Default)]
pub struct Plan {
    /// Charts, overlays and patches, in the order of their paths.
    jobs: Vec<Job>,
    /// Walked files that belong to them.
    taken: HashSet<PathBuf>,
    charts: usize,
    overlays: usize,
    /// What is not rendered, and why; a line each.
    pub notes: Vec<String>,
    /// Kustomizations that would have to be fetched.
    pub skipped: BTreeMap<Skip, usize>,
}

/// Finds what there is to render among the walked files. `walk` begins a walk over them: only the files of charts and
/// kustomizations are kept, and a second walk is needed where there are any of these.
pub fn plan<I: Iterator<Item = Result<PathBuf, FileError>>>(
    walk: impl Fn() -> I,
    known: &Charts,
    options: &Options,
) -> Plan {
    let mut plan = Plan::default();
    let files: Vec<PathBuf> =
        walk().flatten().filter(|file| helm::is_part(file) || kustomize::is_part(file)).collect();
    plan.add_charts(helm::charts(&files, known), options);
    let overlays = kustomize::overlays(&files);
    if !overlays.is_empty() {
        let wanted: HashSet<&Path> = overlays
            .iter()
            .flat_map(|overlay| overlay.resources.iter().chain(&overlay.patches))
            .map(PathBuf::as_path)
            .collect();
        let named = by_key(walk().flatten(), &wanted);
        plan.add_overlays(overlays, &named, options);
    }
    plan.jobs.sort_by(|one, other| one.path().cmp(other.path()));
    plan
}

/// The walked files among the wanted ones by their keys; each directory is looked up once in a row.
fn by_key(files: impl Iterator<Item = PathBuf>, wanted: &HashSet<&Path>) -> HashMap<PathBuf, PathBuf> {
    let mut last: Option<(PathBuf, PathBuf)> = None;
    let named = files.filter_map(|file| {
        let directory = file.parent().unwrap_or(Path::new(""));
        let key = match &last {
            Some((known, key)) if known == directory => key,
            _ => &last.insert((directory.to_owned(), directory_key(directory))).1,
        };
        let key = key.join(file.file_name()?);
        wanted.contains(&*key).then_some((key, file))
    });
    named.collect()
}

impl Plan {
    /// How many charts and kustomizations are rendered.
    pub fn rendered(&self) -> (usize, usize) {
        (self.charts, self.overlays)
    }

    fn note_missing(&mut self, count: usize, what: &str, tools: &str) {
        if count > 0 {
            let plural = if count == 1 { " was" } else { "s were" };
            self.notes.push(format!("{count} {what}{plural} not rendered: {tools} on PATH"));
        }
    }

    fn add_charts(&mut self, charts: Vec<Chart>, options: &Options) {
        let Some(helm) = &options.tools.helm else {
            return self.note_missing(charts.len(), "chart", "no `helm` is");
        };
        for chart in charts.into_iter().filter(|chart| !chart.templates.is_empty()) {
            self.taken.extend(chart.templates.iter().cloned());
            self.jobs.push(Job::Chart(Box::new(ChartJob { chart, helm: helm.clone() })));
            self.charts += 1;
        }
    }

    fn add_overlays(
        &mut self,
        mut overlays: Vec<Overlay>,
        named: &HashMap<PathBuf, PathBuf>,
        options: &Options,
    ) {
        if let Some(program) = &options.tools.kustomize {
            for overlay in overlays.extract_if(.., |overlay| overlay.remote.is_none()) {
                let job = OverlayJob::new(overlay, program, named, &mut self.taken);
                self.jobs.push(Job::Overlay(Box::new(job)));
                self.overlays += 1;
            }
        } else {
            self.note_missing(overlays.len(), "kustomization", "neither `kustomize` nor `kubectl` is");
        }
        for overlay in &overlays {
            self.leave(overlay, named);
        }
    }

    /// A kustomization that is not rendered: its resources are judged as they stand, its patches are not.
    fn leave(&mut self, overlay: &Overlay, named: &HashMap<PathBuf, PathBuf>) {
        let of = overlay.directory.display().to_string();
        if let Some(remote) = &overlay.remote {
            self.notes
                .push(format!("kustomization {of} was not rendered: {remote} would have to be fetched"));
            *self.skipped.entry(Skip { reason: "remote-kustomization", of: of.clone() }).or_default() += 1;
        }
        for file in overlay.patches.iter().filter_map(|key| named.get(key)) {
            if self.taken.insert(file.clone()) {
                self.jobs.push(Job::Patch { file: file.clone(), of: of.clone() });
            }
        }
    }
}

/// All the work: what is rendered, before the first file behind its directory, and every other walked file.
struct Jobs<'p, I: Iterator> {
    files: Peekable<I>,
    rendered: Peekable<std::vec::IntoIter<Job>>,
    taken: &'p HashSet<PathBuf>,
}

impl<I: Iterator<Item = Result<PathBuf, FileError>>> Iterator for Jobs<'_, I> {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        while let Some(file) = self.files.peek() {
            match file {
                Ok(file) if self.taken.contains(file) => _ = self.files.next(),
                Ok(file) if self.rendered.peek().is_none_or(|job| job.path() > file) => break,
                Ok(_) => return self.rendered.next(),
                Err(_) => break,
            }
        }
        match self.files.next() {
            Some(Ok(file)) => Some(Job::File(file)),
            Some(Err(error)) => Some(Job::Unreadable(error)),
            None => self.rendered.next(),
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
            Self::Unreadable(error) => Path::new(&error.file),
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
            Self::Unreadable(error) => vec![unreadable(error.clone())],
            Self::Patch { file, of } => {
                vec![left_out(file, Skip { reason: "kustomize-patch", of: of.clone() })]
            }
            Self::Chart(job) => job.run(&options.values, judge),
            Self::Overlay(job) => job.run(reader, judge),
        }
    }
}

/// Renders what is planned, judges it and every other file on all cores, and hands the reports over in the order of the
/// files, one at a time, so that memory does not grow with their number.
///
/// `files` are the walked ones again. `judge` judges one text under the name of a file; `prepare` is the last to change a
/// report, still on the worker's thread.
///
/// # Errors
/// The first of `emit`, after which no more files are begun.
pub fn run_all<E>(
    plan: &mut Plan,
    files: impl Iterator<Item = Result<PathBuf, FileError>> + Send,
    options: &Options,
    judge: impl Fn(&Path, Vec<u8>) -> FileReport + Sync,
    prepare: impl Fn(&mut FileReport) + Sync,
    mut emit: impl FnMut(&FileReport) -> Result<(), E>,
) -> Result<(), E> {
    let rendered = std::mem::take(&mut plan.jobs).into_iter().peekable();
    let mut jobs = Jobs { files: files.peekable(), rendered, taken: &plan.taken };
    let worker = || {
        let (mut reader, judge, prepare) = (Reader::default(), &judge, &prepare);
        move |job: Job| {
            let mut reports = job.run(options, &mut reader, judge);
            reports.iter_mut().for_each(prepare);
            reports
        }
    };
    let is_long = |job: &Job| matches!(job, Job::Chart(_) | Job::Overlay(_));
    parallel::in_order(&mut jobs, is_long, worker, |reports| reports.iter().try_for_each(&mut emit))
}

fn judge_file(file: &Path, reader: &mut Reader, judge: &dyn Fn(&Path, Vec<u8>) -> FileReport) -> FileReport {
    match reader.read(file) {
        Ok(bytes) => judge(file, bytes),
        Err(error) => unreadable(error),
    }
}

fn unreadable(error: FileError) -> FileReport {
    FileReport { file: error.file.clone(), errors: vec![error], ..FileReport::default() }
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
