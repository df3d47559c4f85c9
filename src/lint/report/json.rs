//! `--format json`: one object, the contract that pipelines build on.

use serde::Serialize;

use super::{FileError, Located, ObjectRef, Report, Skipped};
use crate::checks::Severity;
use crate::edit::{Applicability, Fix};

/// Raised only when a field changes its meaning; fields are added without.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Output<'r> {
    version: u32,
    files: usize,
    objects: usize,
    findings: Vec<OutputFinding<'r>>,
    errors: &'r [FileError],
    skipped: &'r [Skipped],
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

/// The report as pretty-printed JSON with a final newline.
///
/// # Panics
/// Never: every value of a report has a JSON form.
pub fn render(report: &Report) -> String {
    let output = Output {
        version: VERSION,
        files: report.files,
        objects: report.objects,
        findings: report.findings.iter().map(output_finding).collect(),
        errors: &report.errors,
        skipped: &report.skipped,
    };
    let mut text = serde_json::to_string_pretty(&output).expect("a report has string keys only");
    text.push('\n');
    text
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

fn fix_word(fix: Option<&Fix>) -> &'static str {
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
    use crate::lint::report::sample;

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
            "skipped": []
        });
        assert_eq!(serde_json::from_str::<Value>(&render(&sample::report())).unwrap(), expected);
    }
}
