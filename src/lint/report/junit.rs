//! `--format junit`: one suite a file, one failed case a finding, one case in error a file that is unreadable.
//!
//! Source: the schema that Jenkins and GitLab read (`junit-10.xsd`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{FileError, Located, Report};

#[derive(Default)]
struct Suite<'r> {
    findings: Vec<&'r Located>,
    errors: Vec<&'r FileError>,
}

/// The report as an XML document.
pub fn render(report: &Report) -> String {
    let mut suites: BTreeMap<&str, Suite<'_>> = BTreeMap::new();
    for located in &report.findings {
        suites.entry(&located.file).or_default().findings.push(located);
    }
    for error in &report.errors {
        suites.entry(&error.file).or_default().errors.push(error);
    }
    // A report without a case counts as a broken one: the files without findings are one passed case.
    let clean = report.files.saturating_sub(suites.len());
    let cases = report.findings.len() + report.errors.len() + usize::from(clean > 0);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"lithify\" tests=\"{cases}\" failures=\"{}\" errors=\"{}\">\n",
        report.findings.len(),
        report.errors.len(),
    );
    if clean > 0 {
        let _ = write!(
            xml,
            "  <testsuite name=\"files without findings\" tests=\"1\" failures=\"0\" errors=\"0\">\n    \
             <testcase name=\"{clean} of {} files\" classname=\"lithify\"/>\n  </testsuite>\n",
            report.files,
        );
    }
    for (file, suite) in &suites {
        push_suite(&mut xml, file, suite);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn push_suite(xml: &mut String, file: &str, suite: &Suite<'_>) {
    let (failures, errors) = (suite.findings.len(), suite.errors.len());
    let tests = failures + errors;
    let name = escape(file);
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">"
    );
    for located in &suite.findings {
        let finding = &located.finding;
        let mut text =
            format!("{file}:{}:{}: {}", located.position.line, located.position.column, finding.message);
        for note in &finding.notes {
            let _ = write!(text, "\n{note}");
        }
        push_case(xml, &case_name(located), file, ("failure", finding.check, &finding.message, &text));
    }
    for error in &suite.errors {
        let text = format!("{file}:{}:{}: {}", error.line, error.column, error.message);
        push_case(xml, "readable", file, ("error", "unreadable", &error.message, &text));
    }
    xml.push_str("  </testsuite>\n");
}

fn push_case(xml: &mut String, name: &str, file: &str, (tag, kind, message, text): (&str, &str, &str, &str)) {
    let [name, file, message, text] = [name, file, message, text].map(escape);
    let _ = write!(
        xml,
        "    <testcase name=\"{name}\" classname=\"{file}\">\n      \
         <{tag} type=\"{kind}\" message=\"{message}\">{text}</{tag}>\n    </testcase>\n"
    );
}

fn case_name(located: &Located) -> String {
    let object = &located.object;
    let container =
        located.finding.container.as_ref().map(|name| format!(" container {name}")).unwrap_or_default();
    format!("{} {} {}/{}{container}", located.finding.check, object.kind, object.namespace, object.name)
}

/// Text as XML 1.0 takes it; control characters that it cannot hold become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => escaped.push(c),
            _ => escaped.push('\u{FFFD}'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    #[test]
    fn counts_failures_errors_and_clean_files() {
        let xml = render(&sample::report());
        assert!(
            xml.contains("<testsuites name=\"lithify\" tests=\"3\" failures=\"1\" errors=\"1\">"),
            "{xml}"
        );
        assert!(xml.contains("<testcase name=\"1 of 3 files\" classname=\"lithify\"/>"), "{xml}");
        assert!(xml.contains("host&apos;s") || xml.contains("host's"), "{xml}");
    }

    #[test]
    fn escapes_what_xml_cannot_hold() {
        assert_eq!(escape("<a & \"b\">\u{1}"), "&lt;a &amp; &quot;b&quot;&gt;\u{FFFD}");
    }
}
