//! What was done and what remains, as one JSON object.

use std::borrow::Cow;

use serde::Serialize;

use super::summary::reason;
use super::{FixedFile, Show, Shown, Totals, difference};
use crate::checks::Severity;
use crate::edit::Applicability;
use crate::lint::fix::{Repair, Why};
use crate::lint::report::{FileError, Located, ObjectRef};

/// The version is raised only when a field changes its meaning; fields are added without.
const START: &str = "{\"version\": 1, \"results\": [\n";

/// One object, a file a line.
pub(super) struct Json {
    pub(super) is_diff: bool,
}

#[derive(Serialize)]
struct OutputFile<'f> {
    file: &'f str,
    changed: bool,
    fixed: Vec<OutputRepair<'f>>,
    remaining: Vec<OutputFinding<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Cow<'f, str>>,
}

#[derive(Serialize)]
struct OutputRepair<'f> {
    check: &'static str,
    line: u32,
    column: u32,
    object: &'f ObjectRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'f str>,
    title: &'f str,
    fix: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'f [String],
}

#[derive(Serialize)]
struct OutputFinding<'f> {
    check: &'static str,
    severity: Severity,
    line: u32,
    column: u32,
    document: usize,
    object: &'f ObjectRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'f str>,
    pointer: String,
    message: &'f str,
    fix: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct End<'t> {
    files: usize,
    changed: usize,
    fixed: usize,
    remaining: usize,
    errors: &'t [FileError],
}

impl Show for Json {
    fn file(&self, file: &FixedFile) -> Shown {
        if file.fixed.repaired.is_empty() && file.fixed.remaining.is_empty() {
            return Shown::default();
        }
        let diff = if self.is_diff { difference(file, false) } else { Vec::new() };
        let findings = file.fixed.report.findings.iter().zip(&file.fixed.remaining);
        let output = OutputFile {
            file: &file.file,
            changed: file.fixed.text.is_some(),
            fixed: file.fixed.repaired.iter().map(repair).collect(),
            remaining: findings.map(|(located, why)| finding(located, why)).collect(),
            diff: Some(String::from_utf8_lossy(&diff)).filter(|diff| !diff.is_empty()),
        };
        let out = serde_json::to_vec(&output).expect("strings and numbers are JSON");
        Shown { out, err: Vec::new() }
    }

    fn before(&self, is_first: bool) -> &'static str {
        if is_first { START } else { ",\n" }
    }

    fn end(&self, totals: &Totals, is_empty: bool) -> Shown {
        let end = End {
            files: totals.files,
            changed: totals.changed,
            fixed: totals.repaired,
            remaining: totals.remaining(),
            errors: &totals.errors,
        };
        let start = if is_empty { START } else { "\n" };
        let end = serde_json::to_string(&end).expect("strings and numbers are JSON");
        // The rest of the object, without its opening brace.
        Shown { out: format!("{start}], {}\n", &end[1..]).into_bytes(), err: Vec::new() }
    }
}

fn repair(repair: &Repair) -> OutputRepair<'_> {
    OutputRepair {
        check: repair.check,
        line: repair.position.line,
        column: repair.position.column,
        object: &repair.object,
        container: repair.container.as_deref(),
        title: &repair.title,
        fix: word(Some(repair.applicability)),
        notes: &repair.notes,
    }
}

fn finding<'f>(located: &'f Located, why: &Why) -> OutputFinding<'f> {
    let finding = &located.finding;
    OutputFinding {
        check: finding.check,
        severity: finding.severity,
        line: located.position.line,
        column: located.position.column,
        document: located.document,
        object: &located.object,
        container: finding.container.as_deref(),
        pointer: finding.pointer.to_string(),
        message: &finding.message,
        fix: word(finding.fix.as_ref().map(|fix| fix.applicability)),
        reason: reason(located, why),
    }
}

/// `safe`, `unsafe` or `none`.
fn word(applicability: Option<Applicability>) -> &'static str {
    match applicability {
        Some(Applicability::Safe) => "safe",
        Some(Applicability::Unsafe) => "unsafe",
        Some(Applicability::DisplayOnly) | None => "none",
    }
}
