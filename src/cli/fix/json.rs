//! What was done and what remains, as one JSON object.

use std::io::{self, Write};

use serde::Serialize;

use super::summary::reason;
use super::{FixedFile, Show, Terminal, Totals, difference};
use crate::checks::Severity;
use crate::edit::Applicability;
use crate::lint::fix::{Repair, Why};
use crate::lint::report::{FileError, Located, ObjectRef};

/// Raised only when a field changes its meaning; fields are added without.
const VERSION: u32 = 1;

/// Writes one object, a file a line.
#[derive(Default)]
pub(super) struct Json {
    is_diff: bool,
    shown: usize,
}

impl Json {
    pub(super) fn new(is_diff: bool) -> Self {
        Self { is_diff, shown: 0 }
    }
}

#[derive(Serialize)]
struct OutputFile<'f> {
    file: &'f str,
    changed: bool,
    fixed: Vec<OutputRepair<'f>>,
    remaining: Vec<OutputFinding<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
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
    fn file(&mut self, file: &FixedFile, terminal: &mut Terminal) -> io::Result<()> {
        if file.fixed.repaired.is_empty() && file.fixed.remaining.is_empty() {
            return Ok(());
        }
        let begin = if self.shown == 0 {
            format!("{{\"version\": {VERSION}, \"results\": [\n")
        } else {
            ",\n".to_owned()
        };
        self.shown += 1;
        terminal.write_all(begin.as_bytes())?;
        let diff = self.is_diff.then(|| difference(file, false)).transpose()?;
        let findings = file.fixed.report.findings.iter().zip(&file.fixed.remaining);
        let output = OutputFile {
            file: &file.file,
            changed: file.fixed.text.is_some(),
            fixed: file.fixed.repaired.iter().map(repair).collect(),
            remaining: findings.map(|(located, why)| finding(located, why)).collect(),
            diff: diff
                .map(|diff| String::from_utf8_lossy(&diff).into_owned())
                .filter(|diff| !diff.is_empty()),
        };
        serde_json::to_writer(&mut *terminal, &output)?;
        Ok(())
    }

    fn end(&mut self, totals: &Totals, terminal: &mut Terminal) -> io::Result<()> {
        if self.shown == 0 {
            write!(terminal, "{{\"version\": {VERSION}, \"results\": [")?;
        } else {
            terminal.write_all(b"\n")?;
        }
        let end = End {
            files: totals.files,
            changed: totals.changed,
            fixed: totals.repaired,
            remaining: totals.remaining(),
            errors: &totals.errors,
        };
        // The rest of the object, without its opening brace.
        writeln!(terminal, "], {}", &serde_json::to_string(&end)?[1..])
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
