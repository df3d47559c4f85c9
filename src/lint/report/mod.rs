//! Reports over files: data first, then one renderer a format.
//!
//! Data in: a [`FileReport`] for each file, in the order to show. Data out: bytes, written as the files come,
//! so that memory does not grow with their number; what can only be known at the end stands at the end.

mod github;
mod html;
mod json;
mod junit;
#[cfg(test)]
pub(in crate::lint) mod sample;
mod sarif;
#[cfg(feature = "cli")]
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::checks::{Check, Finding, Severity};
use crate::edit::Applicability;
use crate::k8s::{Object, Tree};
use crate::yaml::{Node, Position, Stream};

pub use github::Github;
pub use html::Html;
pub use json::Json;
pub use junit::Junit;
pub use sarif::{GITHUB_RESULTS, Sarif};
#[cfg(feature = "cli")]
pub use text::Text;
#[cfg(feature = "cli")]
pub(crate) use text::printable;

/// Writes reports in one format.
pub trait Renderer {
    /// One file, with findings, errors or neither.
    ///
    /// # Errors
    /// Those of `out`.
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()>;

    /// What makes of a report, on any thread and before [`file`](Self::file) takes it, what does not depend
    /// on the others: its [`FileReport::prepared`].
    fn preparation(&self) -> Preparation {
        Box::new(|_| None)
    }

    /// What comes after the last file.
    ///
    /// # Errors
    /// Those of `out`.
    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()>;
}

/// See [`Renderer::preparation`].
pub type Preparation = Box<dyn Fn(&FileReport) -> Option<Vec<u8>> + Send + Sync>;

/// What one file has to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file as it was named on the command line, `-` for standard input.
    pub file: String,
    /// Its text; empty where it could not be read as text.
    pub source: String,
    /// Kubernetes objects that were judged.
    pub objects: usize,
    /// What is wrong with them.
    pub findings: Vec<Located>,
    /// What would be, had nobody allowed it.
    pub exempted: Vec<Exempted>,
    /// Exemptions of the configuration that allowed something, by their place in its list, with the check.
    pub used_exemptions: Vec<(usize, &'static str)>,
    /// Why it, or a part of it, could not be judged.
    pub errors: Vec<FileError>,
    /// Why documents of it were not judged, one entry each.
    pub skipped: Vec<Skip>,
    /// Containers by namespace.
    pub coverage: Vec<Coverage>,
    /// What the renderer has prepared of all that; nobody may change it any more.
    pub prepared: Option<Vec<u8>>,
}

impl FileReport {
    /// The findings; where `exempted`, then also those that somebody allowed, each with how.
    fn results(&self, exempted: bool) -> impl Iterator<Item = (&Located, Option<&Suppression>)> {
        let findings = self.findings.iter().map(|located| (located, None));
        let exempted = self.exempted.iter().filter(move |_| exempted);
        findings.chain(exempted.map(|exempted| (&exempted.located, Some(&exempted.by))))
    }
}

/// How many containers of a namespace have a read-only root filesystem. The rest need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The namespace; empty where the objects name none.
    pub namespace: String,
    /// Containers of every kind.
    pub containers: usize,
    /// Those whose root filesystem is read-only.
    pub read_only: usize,
    /// Those that somebody allowed a writable one, and those of Windows pods.
    pub exempt: usize,
    /// Those with a read-only one that they can mount again for writing, being privileged.
    pub void: usize,
}

impl Coverage {
    /// Adds the counts of another, whatever its namespace.
    pub fn add(&mut self, other: &Self) {
        self.containers += other.containers;
        self.read_only += other.read_only;
        self.exempt += other.exempt;
        self.void += other.void;
    }
}

/// A finding that somebody allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exempted {
    /// What is allowed, and where.
    pub located: Located,
    /// How.
    pub by: Suppression,
}

/// How a finding was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Where that is written.
    pub by: ExemptedBy,
    /// Why; empty where none is given.
    pub reason: String,
}

/// Where an exemption is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExemptedBy {
    /// A comment in the file.
    Comment,
    /// The annotation of the object.
    Annotation,
    /// The configuration.
    Configuration,
    /// The baseline: it was there before.
    Baseline,
}

impl ExemptedBy {
    /// `comment`, as reports say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Annotation => "annotation",
            Self::Configuration => "configuration",
            Self::Baseline => "baseline",
        }
    }
}

/// The sum over all files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that were read, or live objects.
    pub files: usize,
    /// What was judged are the live objects of a cluster.
    pub is_live: bool,
    /// Kubernetes objects that were judged.
    pub objects: usize,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, usize>,
    /// Findings that `lithify fix` repairs, without and only with `--unsafe`.
    pub fixable: (usize, usize),
    /// Findings that somebody allowed.
    pub exempted: usize,
    /// Findings that the baseline knows.
    pub known: usize,
    /// Findings that the baseline knows and that are gone; `None` where nothing can be said of that.
    pub stale: Option<usize>,
    /// Files that could not be judged.
    pub errors: Vec<FileError>,
    /// What was left out: files, or documents of a file, by reason.
    pub skipped: BTreeMap<Skip, usize>,
    /// Containers of all namespaces, where they were counted.
    pub coverage: Coverage,
}

/// Why something was not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skip {
    /// A word: `not-kubernetes`, `ignored`, `hidden`, `helm-template`.
    pub reason: &'static str,
    /// What it belongs to, such as the chart of a template; empty where the reason says all.
    pub of: String,
}

impl Skip {
    /// Whether it has objects that a renderer would have shown.
    pub fn is_unrendered(&self) -> bool {
        !self.of.is_empty()
    }

    /// For this reason alone.
    pub fn because(reason: &'static str) -> Self {
        Self { reason, of: String::new() }
    }
}

impl Totals {
    /// Adds a file.
    pub fn add(&mut self, report: &FileReport) {
        self.files += 1;
        self.objects += report.objects;
        self.add_findings(report);
        self.errors.extend(report.errors.iter().cloned());
        for reason in &report.skipped {
            *self.skipped.entry(reason.clone()).or_default() += 1;
        }
        report.coverage.iter().for_each(|coverage| self.coverage.add(coverage));
    }

    /// Adds the findings alone, of a file that is none of those to judge.
    pub fn add_findings(&mut self, report: &FileReport) {
        for located in &report.findings {
            *self.findings.entry(located.finding.severity).or_default() += 1;
            match located.finding.fix.as_ref().map(|fix| fix.applicability) {
                Some(Applicability::Safe) => self.fixable.0 += 1,
                Some(Applicability::Unsafe) => self.fixable.1 += 1,
                Some(Applicability::DisplayOnly) | None => {}
            }
        }
        let known = report.exempted.iter().filter(|exempted| exempted.by.by == ExemptedBy::Baseline);
        let known = known.count();
        self.known += known;
        self.exempted += report.exempted.len() - known;
    }

    /// How many findings are at least this bad.
    pub fn at_least(&self, severity: Severity) -> usize {
        self.findings.range(severity..).map(|(_, count)| count).sum()
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.get(&severity).copied().unwrap_or_default()
    }
}

/// The whole output for a few files.
///
/// # Errors
/// Those of `out`.
pub fn render(
    reports: &[FileReport],
    renderer: &mut dyn Renderer,
    out: &mut dyn Write,
) -> io::Result<Totals> {
    let mut totals = Totals::default();
    for report in reports {
        totals.add(report);
        renderer.file(report, out)?;
    }
    renderer.end(&totals, out)?;
    Ok(totals)
}

/// A finding at its place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What was found.
    pub finding: Finding,
    /// The file as it was named on the command line, `-` for standard input.
    pub file: Arc<str>,
    /// Which document of the file, from 0.
    pub document: usize,
    /// The object that was judged.
    pub object: Arc<ObjectRef>,
    /// Where the judged place begins, or its nearest existing ancestor.
    pub position: Position,
    /// Where that place ends: the first position behind it.
    pub end: Position,
    /// The bytes of that place.
    pub span: Range<usize>,
    /// The finding's related places, in their order.
    pub related: Vec<Place>,
}

/// A place in the text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it begins.
    pub position: Position,
    /// The first position behind it.
    pub end: Position,
    /// Its bytes.
    pub span: Range<usize>,
}

impl Place {
    /// The place of these bytes.
    pub(in crate::lint) fn of(span: Range<usize>, stream: &Stream<'_>) -> Self {
        Self { position: stream.position(span.start), end: stream.position(span.end), span }
    }
}

/// What an identifier of a finding means: the first sentence of the check's manual, or for what is reported about
/// files and exemptions themselves, that.
pub(crate) fn about(id: &str) -> String {
    match Check::find(id) {
        Some(check) => check.summary(),
        None if id == super::VOID_EXEMPTION => {
            "Finds exemptions that have ended, give no reason, or silence nothing.".to_owned()
        }
        None if id == super::DUPLICATE_KEY => {
            "Finds keys that a mapping has twice, of which the last one counts.".to_owned()
        }
        None => id.to_owned(),
    }
}

/// What names an object; absent parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its `kind`.
    pub kind: String,
    /// Its `metadata.namespace`.
    pub namespace: String,
    /// Its `metadata.name`.
    pub name: String,
}

impl ObjectRef {
    /// The names of an object, which may be an item of a list and named by its `generateName`.
    pub fn of_object<T: Tree>(object: &Object<T>) -> Self {
        let text = |text: Option<T::Text>| text.map(|text| text.as_ref().to_owned()).unwrap_or_default();
        Self {
            api_version: object.api_version.clone().unwrap_or_default(),
            kind: object.kind.clone(),
            namespace: text(object.namespace()),
            name: text(object.name()),
        }
    }

    /// Reads the names of an object; a part of another type than string counts as absent.
    pub fn of(object: Node<'_>) -> Self {
        let text = |node: Option<Node<'_>>| {
            node.and_then(Tree::as_str).map(std::borrow::Cow::into_owned).unwrap_or_default()
        };
        let metadata = object.get("metadata");
        let name = |key| text(metadata.and_then(|metadata| metadata.get(key)));
        Self {
            api_version: text(object.get("apiVersion")),
            kind: text(object.get("kind")),
            namespace: name("namespace"),
            name: name("name"),
        }
    }
}

/// A file that could not be read or parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// The file as it was named.
    pub file: String,
    /// Line from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column from 1 in characters; 0 where the whole file is meant.
    pub column: u32,
    /// What is wrong and what was expected.
    pub message: String,
}
