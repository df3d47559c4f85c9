//! Findings in rendered text, moved to the files that it was made of.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::kustomize::Built;
use super::{key_of_origin, origin, template};
use crate::edit::Applicability;
use crate::lint::report::{Exempted, FileError, FileReport, Located};
use crate::yaml::{Node, Position, Stream};

/// The report of what a chart's template renders to, as a report of the template; `how` says so.
pub(super) fn of_template(mut report: FileReport, template: &Path, how: &str) -> FileReport {
    // A subchart under another name than its directory's: only what was rendered can be shown.
    let Ok(text) = fs::read_to_string(template) else {
        everything_in(&mut report).for_each(|located| say(located, how));
        return report;
    };
    for located in everything_in(&mut report) {
        let span = template::place(&text, located);
        move_to(located, &text, span, how);
    }
    report.errors.iter_mut().for_each(|error| of_whole(error, how));
    report.findings.sort_by_key(|located| (located.position, located.finding.check));
    report.source = text;
    report
}

/// What is reported, and what somebody allowed.
fn everything_in(report: &mut FileReport) -> impl Iterator<Item = &mut Located> {
    let allowed = report.exempted.iter_mut().map(|exempted| &mut exempted.located);
    report.findings.iter_mut().chain(allowed)
}

/// A line of the rendered text is of no use to who has the template before him.
fn of_whole(error: &mut FileError, how: &str) {
    error.message = format!("{} ({how}, line {})", error.message, error.line);
    (error.line, error.column) = (0, 0);
}

fn say(located: &mut Located, how: &str) {
    located.finding.notes.push(how.to_owned());
    if let Some(fix) = &mut located.finding.fix {
        fix.applicability = Applicability::DisplayOnly;
    }
    located.finding.related.clear();
    located.related.clear();
}

fn move_to(located: &mut Located, text: &str, span: Range<usize>, how: &str) {
    say(located, how);
    located.position = position(text, span.start);
    located.end = position(text, span.end);
    located.span = span;
}

fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Position {
        line: count(memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1),
        column: count(before[start..].chars().count() + 1),
    }
}

/// Adds what was counted in an overlay as a whole; a directory with nothing else to tell is no file.
fn count_with(report: &mut FileReport, whole: FileReport) {
    report.objects += whole.objects;
    report.skipped.extend(whole.skipped);
    report.coverage.extend(whole.coverage);
    report.used_exemptions.extend(whole.used_exemptions);
}

/// What an overlay was made of.
pub(super) struct Sources<'s> {
    pub(super) built: &'s Built,
    pub(super) overlay: &'s Path,
    /// As the walk named them, by their keys.
    pub(super) resources: &'s BTreeMap<PathBuf, PathBuf>,
    pub(super) patches: &'s BTreeMap<PathBuf, PathBuf>,
    pub(super) how: String,
}

impl Sources<'_> {
    /// The report of what was built, as one report for each file that it was built of, and one of the overlay's
    /// directory for what no file stands for.
    pub(super) fn distribute(&self, report: FileReport) -> Vec<FileReport> {
        let Ok(rendered) = Stream::parse_lenient(self.built.text.as_bytes()) else { return vec![report] };
        let mut files = Files::default();
        for (key, name) in self.resources.iter().chain(self.patches) {
            files.open(key, name);
        }
        let mut rest = FileReport { source: String::new(), ..report };
        for located in std::mem::take(&mut rest.findings) {
            let (key, located) = self.moved(&files, &rendered, located);
            files.report(key.as_deref()).unwrap_or(&mut rest).findings.push(located);
        }
        for Exempted { located, by } in std::mem::take(&mut rest.exempted) {
            let (key, located) = self.moved(&files, &rendered, located);
            files.report(key.as_deref()).unwrap_or(&mut rest).exempted.push(Exempted { located, by });
        }
        rest.errors.iter_mut().for_each(|error| of_whole(error, &self.how));
        let mut reports: Vec<FileReport> = files.known.into_values().collect();
        for report in &mut reports {
            report.findings.sort_by_key(|located| (located.position, located.finding.check));
        }
        match reports.first_mut() {
            Some(first) if rest.findings.is_empty() && rest.exempted.is_empty() && rest.errors.is_empty() => {
                count_with(first, rest);
            }
            _ => reports.insert(0, rest),
        }
        reports
    }

    /// The finding at its place in a file, and the file's key; in the overlay's directory where there is none.
    fn moved(
        &self,
        files: &Files,
        rendered: &Stream<'_>,
        mut located: Located,
    ) -> (Option<PathBuf>, Located) {
        let object = rendered.document(located.document).and_then(|document| document.root());
        let Some((key, document, span)) = object.and_then(|object| self.place(files, object, &located))
        else {
            move_to(&mut located, "", 0..0, &self.how);
            located.file = self.overlay.display().to_string().into();
            return (None, located);
        };
        if let Some(report) = files.known.get(&key) {
            move_to(&mut located, &report.source, span, &self.how);
            located.file = report.file.as_str().into();
            located.document = document;
        }
        (Some(key), located)
    }

    /// The file, its document and the bytes that a finding is about: where a patch comes nearest, the patch.
    fn place(
        &self,
        files: &Files,
        object: Node<'_>,
        located: &Located,
    ) -> Option<(PathBuf, usize, Range<usize>)> {
        let from = origin::file_of(object).map(|path| key_of_origin(self.built, &path));
        let from = from.filter(|key| files.known.contains_key(key));
        let nearest = |key: &PathBuf| {
            let stream = Stream::parse_lenient(files.known.get(key)?.source.as_bytes()).ok()?;
            let (document, node, nearness) = origin::nearest(&stream, object, &located.finding.pointer)?;
            Some((nearness, (key.clone(), document.index(), node.span())))
        };
        let patches = self.patches.keys().filter_map(nearest);
        // Of equally near places the last one counts: what is patched hides what was there.
        let all = from.as_ref().and_then(nearest).into_iter().chain(patches);
        all.max_by_key(|(nearness, _)| *nearness).map(|(_, place)| place)
    }
}

/// The reports of files, by their keys, with their texts.
#[derive(Default)]
struct Files {
    known: BTreeMap<PathBuf, FileReport>,
}

impl Files {
    fn open(&mut self, key: &Path, name: &Path) {
        let source = fs::read_to_string(key).unwrap_or_default();
        let report = FileReport { file: name.display().to_string(), source, ..FileReport::default() };
        self.known.insert(key.to_owned(), report);
    }

    fn report(&mut self, key: Option<&Path>) -> Option<&mut FileReport> {
        self.known.get_mut(key?)
    }
}
