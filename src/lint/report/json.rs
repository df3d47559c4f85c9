//! `--format json`: one object, the contract that pipelines build on.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{FileError, FileReport, Located, ObjectRef, Preparation, Renderer, Suppression, Totals};
use crate::checks::Severity;
use crate::edit::{Applicability, Fix};
use crate::yaml::Pointer;

/// Raised only when a field changes its meaning; fields are added without.
const VERSION: u32 = 1;

/// Writes one JSON object, a finding a line.
#[derive(Debug, Default)]
pub struct Json {
    findings: usize,
    show_exempted: bool,
}

#[derive(Serialize)]
struct OutputFinding<'r> {
    check: &'static str,
    severity: Severity,
    file: &'r str,
    line: u32,
    column: u32,
    document: usize,
    object: &'r ObjectRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'r str>,
    #[serde(serialize_with = "as_text")]
    pointer: &'r Pointer,
    message: &'r str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'r [String],
    fix: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exempted: Option<OutputSuppression<'r>>,
}

/// How a finding was allowed.
#[derive(Serialize)]
struct OutputSuppression<'r> {
    by: &'static str,
    reason: &'r str,
}

#[derive(Serialize)]
struct Skipped<'r> {
    reason: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    of: &'r str,
    files: usize,
}

/// What stands behind the findings.
#[derive(Serialize)]
struct End<'r> {
    files: usize,
    objects: usize,
    errors: &'r [FileError],
    skipped: Vec<Skipped<'r>>,
    exempted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baselined>,
}

/// What became of the baseline.
#[derive(Serialize)]
struct Baselined {
    known: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<usize>,
}

impl Json {
    /// `show_exempted`: also what somebody allowed, with a field `exempted` that says how.
    pub fn new(show_exempted: bool) -> Self {
        Self { findings: 0, show_exempted }
    }
}

/// What stands between two findings.
const SEPARATOR: &[u8] = b",\n";

/// The findings of a file with what stands between them.
fn findings(report: &FileReport, show_exempted: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(512 * report.findings.len());
    for (index, (located, by)) in report.results(show_exempted).enumerate() {
        if index > 0 {
            text.extend_from_slice(SEPARATOR);
        }
        serde_json::to_writer(&mut text, &output_finding(located, by)).expect("strings and numbers are JSON");
    }
    text
}

impl Renderer for Json {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        let count = report.results(self.show_exempted).count();
        if count == 0 {
            return Ok(());
        }
        if self.findings == 0 {
            writeln!(out, "{{\"version\": {VERSION}, \"findings\": [")?;
        } else {
            out.write_all(SEPARATOR)?;
        }
        self.findings += count;
        match &report.prepared {
            Some(prepared) => out.write_all(prepared),
            None => out.write_all(&findings(report, self.show_exempted)),
        }
    }

    fn preparation(&self) -> Preparation {
        let show_exempted = self.show_exempted;
        Box::new(move |report| Some(findings(report, show_exempted)))
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        if self.findings == 0 {
            write!(out, "{{\"version\": {VERSION}, \"findings\": [")?;
        } else {
            out.write_all(b"\n")?;
        }
        let skipped = totals.skipped.iter().map(|(skip, files)| Skipped {
            reason: skip.reason,
            of: &skip.of,
            files: *files,
        });
        let end = End {
            files: totals.files,
            objects: totals.objects,
            errors: &totals.errors,
            skipped: skipped.collect(),
            exempted: totals.exempted,
            baseline: (totals.known > 0 || totals.stale.is_some())
                .then_some(Baselined { known: totals.known, stale: totals.stale }),
        };
        // The rest of the object, without its opening brace.
        writeln!(out, "], {}", &serde_json::to_string(&end)?[1..])
    }
}

fn as_text<S: Serializer>(pointer: &Pointer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pointer)
}

fn output_finding<'r>(located: &'r Located, by: Option<&'r Suppression>) -> OutputFinding<'r> {
    let finding = &located.finding;
    OutputFinding {
        check: finding.check,
        severity: finding.severity,
        file: &located.file,
        line: located.position.line,
        column: located.position.column,
        document: located.document,
        object: &located.object,
        container: finding.container.as_deref(),
        pointer: &finding.pointer,
        message: &finding.message,
        notes: &finding.notes,
        fix: fix_word(finding.fix.as_ref()),
        exempted: by.map(|by| OutputSuppression { by: by.by.name(), reason: &by.reason }),
    }
}

/// `safe`, `unsafe` or `none`.
pub(super) fn fix_word(fix: Option<&Fix>) -> &'static str {
    match fix.map(|fix| fix.applicability) {
        Some(Applicability::Safe) => "safe",
        Some(Applicability::Unsafe) => "unsafe",
        Some(Applicability::DisplayOnly) | None => "none",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lint::report::{render, sample};

    #[test]
    fn keeps_the_fields_of_the_contract() {
        let expected = json!({
            "version": 1, "files": 3, "objects": 1,
            "findings": [{
                "check": "privileged", "severity": "error", "file": "pod.yaml", "line": 4, "column": 5,
                "document": 0, "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "", "name": "p"},
                "container": "web", "pointer": "/spec/containers/0", "message": "container is privileged",
                "notes": ["it can do all that the host's root can"], "fix": "unsafe"
            }],
            "errors": [{"file": "broken.yaml", "line": 3, "column": 7, "message": "tab in indentation"}],
            "skipped": [{"reason": "not-kubernetes", "files": 1}], "exempted": 0
        });
        assert_eq!(serde_json::from_str::<Value>(&sample::rendered(&mut Json::default())).unwrap(), expected);
    }

    #[test]
    fn is_json_without_findings() {
        let mut out = Vec::new();
        render(&[], &mut Json::default(), &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["findings"], json!([]));
    }
}
