//! `--format json`: one object, the contract that pipelines build on.

use std::io::{self, Write};

use serde::Serialize;

use super::{FileError, FileReport, Located, ObjectRef, Renderer, Totals};
use crate::checks::Severity;
use crate::edit::{Applicability, Fix};

/// Raised only when a field changes its meaning; fields are added without.
const VERSION: u32 = 1;

/// Writes one JSON object, a finding a line.
#[derive(Debug, Default)]
pub struct Json {
    findings: usize,
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
    pointer: String,
    message: &'r str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'r [String],
    fix: &'static str,
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
}

impl Json {
    fn separator(&mut self) -> String {
        self.findings += 1;
        if self.findings == 1 {
            format!("{{\"version\": {VERSION}, \"findings\": [\n")
        } else {
            ",\n".to_owned()
        }
    }
}

impl Renderer for Json {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        for located in &report.findings {
            out.write_all(self.separator().as_bytes())?;
            serde_json::to_writer(&mut *out, &output_finding(located))?;
        }
        Ok(())
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
        };
        // The rest of the object, without its opening brace.
        writeln!(out, "], {}", &serde_json::to_string(&end)?[1..])
    }
}

fn output_finding(located: &Located) -> OutputFinding<'_> {
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
        pointer: finding.pointer.to_string(),
        message: &finding.message,
        notes: &finding.notes,
        fix: fix_word(finding.fix.as_ref()),
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
            "skipped": [{"reason": "not-kubernetes", "files": 1}]
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
