//! One source: its documents, their objects, what is wrong with them, and what was not judged and why.
//!
//! Data in: the bytes of a file. Data out: a [`FileReport`] in which every document is judged, clean, or named
//! with the reason why not.

use jiff::civil::Date;
use memchr::memmem;

use super::allow::{AllowError, Allows};
use super::locate::locate;
use super::report::{Coverage, FileError, FileReport, Skip};
use super::{annotation, duplicate};
use crate::checks::static_pod::{self, Sibling};
use crate::checks::{self, Check, Context, Finding, Selection, Severity, audit_policy};
use crate::config::{Exemption, Subject};
use crate::k8s::{Object, Tree, objects, pod_specs};
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
    let mut report = FileReport { file: file.to_owned(), ..FileReport::default() };
    if memchr::memchr(0, &bytes).is_some()
        && !bytes.starts_with(&[0xFF, 0xFE])
        && !bytes.starts_with(&[0xFE, 0xFF])
    {
        report.errors.push(whole_file(file, "this is a binary file, expected YAML or JSON"));
        return report;
    }
    match parse(&bytes) {
        Err(error) => report.errors.push(syntax_error(file, &error)),
        Ok(stream) => Source { file, stream: &stream, settings, siblings }.judge(&mut report),
    }
    // Only those who show source lines need it, and they only show it with findings.
    if !report.findings.is_empty() || !report.errors.is_empty() {
        report.source = String::from_utf8(bytes).unwrap_or_default();
    }
    report
}

/// A repeated key is no reason not to judge: see [`super::duplicate`].
fn parse(bytes: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    Stream::parse(bytes).or_else(|error| match error.reason() {
        SyntaxReason::DuplicateKey { .. } => Stream::parse_lenient(bytes),
        _ => Err(error),
    })
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
        let mut allows = Allows::new(self.stream, self.settings.today, |id| Check::find(id).is_some());
        for document in self.stream.documents() {
            let Some(root) = document.root() else { continue };
            let found = objects(root);
            if found.is_empty() {
                report.skipped.push(Skip::because("not-kubernetes"));
                continue;
            }
            report.objects += found.len();
            for object in &found {
                let mut findings = self.object_findings(document, object);
                let silenced =
                    annotation::silence(object, &mut findings, |id| self.settings.selection.has(id));
                findings.retain(|finding| !self.is_exempt(object, finding));
                findings.retain(|finding| !allows.silences(finding, self.stream, document));
                findings.extend(silenced.into_iter().map(|(pointer, error)| void_exemption(pointer, &error)));
                findings.retain(|finding| finding.severity >= self.settings.least);
                let located =
                    findings.into_iter().map(|finding| locate(finding, self.stream, document, self.file));
                report.findings.extend(located);
                if self.settings.coverage {
                    report.coverage.extend(coverage(object, &self.settings.context));
                }
            }
        }
        if report.objects == 0 && report.skipped.is_empty() {
            report.skipped.push(Skip::because("empty"));
        }
        report.findings.extend(duplicate::findings(self.stream, self.file));
        self.report_void(allows, report);
        report.findings.sort_by_key(|located| (located.position, located.finding.check));
    }

    fn object_findings(&self, document: Document<'_>, object: &Object<Node<'_>>) -> Vec<Finding> {
        let settings = self.settings;
        let is_pod = object.kind == "Pod";
        let static_pod = is_pod && (settings.static_pods || is_under_manifests(self.file));
        let context = Context { static_pod, ..settings.context.clone() };
        let mut findings = checks::judge_object(object, &settings.selection, &context);
        let is_policy = object.kind == "Policy"
            && object.api_version.as_deref().is_some_and(|version| version.starts_with("audit.k8s.io/"));
        if is_policy {
            let value = object.tree.to_value();
            let loaded = crate::audit::load_value(&value, Vec::new());
            findings.extend(self.selected(audit_policy::check(&value, &loaded)));
        } else if is_pod && self.names_apiserver(document) {
            // Not every pod that speaks of kube-apiserver is one: what cannot be located is judged as any pod.
            let found = static_pod::check(&object.tree.to_value(), &(self.siblings)()).unwrap_or_default();
            findings.extend(self.selected(found));
        }
        findings
    }

    fn is_exempt(&self, object: &Object<Node<'_>>, finding: &Finding) -> bool {
        let settings = self.settings;
        if settings.exemptions.is_empty() {
            return false;
        }
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name().unwrap_or_default());
        let container = finding.container.as_deref();
        let images = images(object, &settings.context, container);
        let images: Vec<&str> = images.iter().map(AsRef::as_ref).collect();
        let subject = Subject { namespace: &namespace, name: &name, container, images: &images };
        let mut exemptions = settings.exemptions.iter();
        exemptions.any(|exemption| {
            !exemption.is_expired(settings.today) && exemption.covers(finding.check, &subject)
        })
    }

    fn names_apiserver(&self, document: Document<'_>) -> bool {
        memmem::find(&self.stream.source().as_bytes()[document.span()], b"kube-apiserver").is_some()
    }

    fn selected(&self, findings: Vec<Finding>) -> impl Iterator<Item = Finding> {
        findings.into_iter().filter(|finding| self.settings.selection.has(finding.check))
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

fn void_exemption(pointer: Pointer, error: &AllowError) -> Finding {
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

/// Where kubelets read static pods from, by custom: `/etc/kubernetes/manifests` and its like.
fn is_under_manifests(file: &str) -> bool {
    file.rsplit('/').skip(1).any(|directory| directory == "manifests")
}

/// The images of the containers with this name, or of all.
fn images<T: Tree>(object: &Object<T>, context: &Context, container: Option<&str>) -> Vec<T::Text> {
    let pods = pod_specs(object, &context.kinds).into_iter().flatten();
    let containers = pods.flat_map(|pod| containers(pod.spec));
    let is_meant = |tree: &T| {
        container.is_none_or(|name| {
            tree.get("name").and_then(Tree::as_str).is_some_and(|own| own.as_ref() == name)
        })
    };
    containers.filter(is_meant).filter_map(|tree| tree.get("image")?.as_str()).collect()
}

fn containers<T: Tree>(spec: T) -> impl Iterator<Item = T> {
    let kinds = ["initContainers", "containers", "ephemeralContainers"].into_iter();
    kinds.filter_map(move |kind| spec.get(kind)).flat_map(Tree::items)
}

fn coverage<T: Tree>(object: &Object<T>, context: &Context) -> Vec<Coverage> {
    let namespace = object.namespace().map(|name| name.as_ref().to_owned()).unwrap_or_default();
    let mut coverage = Coverage { namespace, ..Coverage::default() };
    for pod in pod_specs(object, &context.kinds).into_iter().flatten() {
        for container in containers(pod.spec) {
            let security = container.get("securityContext");
            let flag = security.and_then(|context| context.get("readOnlyRootFilesystem"));
            coverage.containers += 1;
            coverage.read_only += usize::from(flag.and_then(Tree::as_bool) == Some(true));
        }
    }
    if coverage.containers == 0 { Vec::new() } else { vec![coverage] }
}
