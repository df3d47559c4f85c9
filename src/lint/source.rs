//! One source: its documents, their objects, what is wrong with them, and what was not judged and why.
//!
//! Data in: the bytes of a file. Data out: a [`FileReport`] in which every document is judged, clean, or named
//! with the reason why not.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;
use memchr::memmem;

use super::allow::{AllowError, Allows};
use super::coverage::coverage;
use super::duplicate;
use super::exempt::{Exemptions, SortedOut};
use super::locate::{locate, locate_in};
use super::report::{Exempted, FileError, FileReport, ObjectRef, Skip};
use crate::checks::static_pod::{self, Sibling};
use crate::checks::{self, Check, Context, Finding, Selection, Severity, audit_policy};
use crate::config::Exemption;
use crate::k8s::{Object, Step, objects};
use crate::yaml::{Document, Node, Pointer, Position, Stream, SyntaxError, SyntaxReason};

/// The identifier of what is reported about exemptions themselves.
pub const VOID_EXEMPTION: &str = "void-exemption";

/// How to judge.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which checks.
    pub selection: Selection,
    /// Kinds of the user's, and how strict to be with static pods.
    pub context: Context,
    /// The configuration's exemptions.
    pub exemptions: Vec<Exemption>,
    /// The day that exemptions are compared with.
    pub today: Date,
    /// Every Pod is a static pod manifest, not only those under a directory `manifests`.
    pub static_pods: bool,
    /// Findings below this severity are left out.
    pub least: Severity,
    /// Count read-only root filesystems too.
    pub coverage: bool,
}

/// Judges one source. `siblings` reads the other files of its directory when a static pod asks for them.
pub fn judge(
    file: &str,
    bytes: Vec<u8>,
    settings: &Settings,
    siblings: &dyn Fn() -> Vec<Sibling>,
) -> FileReport {
    let mut report = match parse(file, &bytes) {
        Err(error) => unparsed(file, error),
        Ok(stream) => judge_stream(file, &stream, settings, siblings),
    };
    // Only those who show source lines need it, and they only show it with findings.
    if !report.findings.is_empty() || !report.errors.is_empty() {
        report.source = String::from_utf8(bytes).unwrap_or_default();
    }
    report
}

/// Judges what was [`parse`]d; the report has no source.
pub(super) fn judge_stream(
    file: &str,
    stream: &Stream<'_>,
    settings: &Settings,
    siblings: &dyn Fn() -> Vec<Sibling>,
) -> FileReport {
    let mut report = FileReport { file: file.to_owned(), ..FileReport::default() };
    Source { file, stream, settings, siblings }.judge(&mut report);
    report
}

/// Parses one source. A repeated key is no reason not to judge: see [`super::duplicate`].
///
/// # Errors
/// Why it cannot be judged.
pub(super) fn parse<'b>(file: &str, bytes: &'b [u8]) -> Result<Stream<'b>, FileError> {
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    if memchr::memchr(0, bytes).is_some() && !is_utf16 {
        return Err(whole_file(file, "this is a binary file, expected YAML or JSON"));
    }
    let parsed = Stream::parse(bytes).or_else(|error| match error.reason() {
        SyntaxReason::DuplicateKey { .. } => Stream::parse_lenient(bytes),
        _ => Err(error),
    });
    parsed.map_err(|error| syntax_error(file, &error))
}

/// The report of what is no YAML.
pub(super) fn unparsed(file: &str, error: FileError) -> FileReport {
    FileReport { file: file.to_owned(), errors: vec![error], ..FileReport::default() }
}

fn syntax_error(file: &str, error: &SyntaxError) -> FileError {
    let Position { line, column } = error.position();
    FileError { file: file.to_owned(), line, column, message: error.reason().to_string() }
}

fn whole_file(file: &str, message: &str) -> FileError {
    FileError { file: file.to_owned(), line: 0, column: 0, message: message.to_owned() }
}

struct Source<'s> {
    file: &'s str,
    stream: &'s Stream<'s>,
    settings: &'s Settings,
    siblings: &'s dyn Fn() -> Vec<Sibling>,
}

impl Source<'_> {
    fn judge(&self, report: &mut FileReport) {
        let allows = Allows::new(self.stream, self.settings.today, |id| Check::find(id).is_some());
        let mut exemptions = Exemptions::new(self.settings, allows);
        for document in self.stream.documents() {
            let Some(root) = document.root() else { continue };
            let found = objects(root);
            if found.is_empty() {
                report.skipped.push(Skip::because("not-kubernetes"));
                continue;
            }
            report.objects += found.len();
            for object in &found {
                let findings = self.object_findings(document, object);
                let mut sorted = exemptions.sort_out(object, findings, (self.stream, document));
                let errors = sorted.errors.iter();
                let void = errors.map(|(pointer, error)| void_exemption(pointer.clone(), error));
                sorted.reported.extend(void);
                if self.settings.coverage {
                    let exempted = sorted.exempted.iter().map(|(finding, _)| finding);
                    report.coverage.extend(coverage(object, &self.settings.context, exempted));
                }
                self.report(document, object, sorted, report);
            }
        }
        if report.objects == 0 && report.skipped.is_empty() {
            report.skipped.push(Skip::because("empty"));
        }
        report.findings.extend(duplicate::findings(self.stream, self.file));
        let (allows, used) = exemptions.into_parts();
        report.used_exemptions = used;
        self.report_void(allows, report);
        report.findings.sort_by_key(|located| (located.position, located.finding.check));
    }

    /// Puts an object's findings at their places.
    fn report(
        &self,
        document: Document<'_>,
        object: &Object<Node<'_>>,
        sorted: SortedOut,
        report: &mut FileReport,
    ) {
        let is_shown = |finding: &Finding| finding.severity >= self.settings.least;
        if !sorted.reported.iter().chain(sorted.exempted.iter().map(|(finding, _)| finding)).any(is_shown) {
            return;
        }
        let (file, named) = (Arc::from(self.file), Arc::new(ObjectRef::of_object(object)));
        let locate = |finding| locate_in(finding, self.stream, document, &file, &named);
        report.findings.extend(sorted.reported.into_iter().filter(is_shown).map(locate));
        let exempted = sorted.exempted.into_iter().filter(|(finding, _)| is_shown(finding));
        let exempted = exempted.map(|(finding, by)| Exempted { located: locate(finding), by });
        report.exempted.extend(exempted);
    }

    fn object_findings(&self, document: Document<'_>, object: &Object<Node<'_>>) -> Vec<Finding> {
        let settings = self.settings;
        let is_pod = object.kind == "Pod";
        let static_pod = is_pod && (settings.static_pods || is_under_manifests(self.file));
        let context = if static_pod {
            Cow::Owned(Context { static_pod, ..settings.context.clone() })
        } else {
            Cow::Borrowed(&settings.context)
        };
        let mut findings = checks::judge_object(object, &settings.selection, &context);
        let base: Pointer = object.path.iter().map(token).collect();
        let is_policy = object.kind == "Policy"
            && object.api_version.as_deref().is_some_and(|version| version.starts_with("audit.k8s.io/"));
        if is_policy {
            let value = object.tree.to_value();
            let loaded = crate::audit::load_value(&value, Vec::new());
            findings.extend(self.selected(audit_policy::check(&value, &loaded), &base));
        } else if is_pod && self.names_apiserver(document) {
            // Not every pod that speaks of kube-apiserver is one: what cannot be located is judged as any pod.
            let found = static_pod::check(&object.tree.to_value(), &(self.siblings)()).unwrap_or_default();
            findings.extend(self.selected(found, &base));
        }
        findings
    }

    fn names_apiserver(&self, document: Document<'_>) -> bool {
        memmem::find(&self.stream.source().as_bytes()[document.span()], b"kube-apiserver").is_some()
    }

    /// Those of selected checks, with the places of an object that stands at `base` in its document.
    fn selected(&self, findings: Vec<Finding>, base: &Pointer) -> impl Iterator<Item = Finding> {
        let selected = findings.into_iter().filter(|finding| self.settings.selection.has(finding.check));
        selected.map(|finding| if base.last().is_none() { finding } else { finding.below(base) })
    }

    fn report_void(&self, allows: Allows, report: &mut FileReport) {
        for (position, error) in allows.into_errors() {
            let is_off = matches!(&error, AllowError::Unused(check) if !self.settings.selection.has(check));
            if is_off || self.settings.least > Severity::Warning {
                continue;
            }
            let mut documents = self.stream.documents();
            let at = |document: &Document<'_>| self.stream.position(document.span().end) >= position;
            let Some(document) = documents.find(at).or_else(|| self.stream.document(0)) else { continue };
            let mut located =
                locate(void_exemption(Pointer::root(), &error), self.stream, document, self.file);
            let comments = self.stream.comments();
            let comment = comments
                .map(|(at, text)| at..at + text.len())
                .find(|span| self.stream.position(span.start) == position);
            located.span = comment.unwrap_or(located.span);
            located.position = position;
            located.end = self.stream.position(located.span.end);
            report.findings.push(located);
        }
    }
}

pub(super) fn void_exemption(pointer: Pointer, error: &AllowError) -> Finding {
    Finding {
        check: VOID_EXEMPTION,
        severity: Severity::Warning,
        pointer,
        container: None,
        message: error.to_string(),
        notes: Vec::new(),
        related: Vec::new(),
        fix: None,
    }
}

fn token(step: &Step) -> Cow<'static, str> {
    match step {
        Step::Key(key) => key.clone(),
        Step::Item(index) => Pointer::index(*index),
    }
}

/// Where kubelets read static pods from, by custom: `/etc/kubernetes/manifests` and its like.
fn is_under_manifests(file: &str) -> bool {
    file.rsplit('/').skip(1).any(|directory| directory == "manifests")
}
