//! `--format junit`: one suite a file, one failed case a finding, one case in error a file that is unreadable.
//!
//! Source: the schema that Jenkins and GitLab read (`junit-10.xsd`).

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{FileReport, Located, Renderer, Totals};

/// Writes an XML document, a suite for each file with findings or errors.
#[derive(Debug, Default)]
pub struct Junit {
    started: bool,
    clean: usize,
}

impl Junit {
    fn start(&mut self) -> &'static str {
        if std::mem::replace(&mut self.started, true) {
            return "";
        }
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"lithify\">\n"
    }
}

impl Renderer for Junit {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        if report.findings.is_empty() && report.errors.is_empty() {
            self.clean += 1;
            return Ok(());
        }
        out.write_all(self.start().as_bytes())?;
        out.write_all(suite(report).as_bytes())
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.start().as_bytes())?;
        // A report without any case counts as a broken one: the files without findings are one that passed.
        if self.clean > 0 {
            write!(
                out,
                "  <testsuite name=\"files without findings\" tests=\"1\" failures=\"0\" errors=\"0\">\n    \
                 <testcase name=\"{} of {} files\" classname=\"lithify\"/>\n  </testsuite>\n",
                self.clean, totals.files,
            )?;
        }
        out.write_all(b"</testsuites>\n")
    }
}

fn suite(report: &FileReport) -> String {
    let file = &report.file;
    let (failures, errors) = (report.findings.len(), report.errors.len());
    let mut xml = format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">\n",
        escape(file),
        failures + errors,
    );
    for located in &report.findings {
        let finding = &located.finding;
        let mut text =
            format!("{file}:{}:{}: {}", located.position.line, located.position.column, finding.message);
        for note in &finding.notes {
            let _ = write!(text, "\n{note}");
        }
        push_case(&mut xml, &case_name(located), file, ("failure", finding.check, &finding.message, &text));
    }
    for error in &report.errors {
        let text = format!("{file}:{}:{}: {}", error.line, error.column, error.message);
        push_case(&mut xml, "readable", file, ("error", "unreadable", &error.message, &text));
    }
    xml.push_str("  </testsuite>\n");
    xml
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
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // A parser makes blanks of these in attributes unless they are written as numbers.
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => escaped.push(c),
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
        let xml = sample::rendered(&mut Junit::default());
        assert!(
            xml.contains("<testsuite name=\"pod.yaml\" tests=\"1\" failures=\"1\" errors=\"0\">"),
            "{xml}"
        );
        assert!(
            xml.contains("<testsuite name=\"broken.yaml\" tests=\"1\" failures=\"0\" errors=\"1\">"),
            "{xml}"
        );
        assert!(xml.contains("<testcase name=\"1 of 3 files\" classname=\"lithify\"/>"), "{xml}");
    }

    #[test]
    fn escapes_what_xml_cannot_hold() {
        assert_eq!(escape("<a & \"b\">\u{1}"), "&lt;a &amp; &quot;b&quot;&gt;\u{FFFD}");
    }
}
