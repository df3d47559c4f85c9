//! `--format github`: workflow commands, which GitHub shows as annotations beside the changed lines.
//!
//! Source: GitHub Actions, *Workflow commands for GitHub Actions › Setting an error message*.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{FileError, FileReport, Located, Renderer, Totals};
use crate::checks::Severity;

/// Writes one line a finding and an error.
#[derive(Debug, Default)]
pub struct Github;

impl Renderer for Github {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = report.errors.iter().map(error).chain(report.findings.iter().map(finding));
        lines.try_for_each(|line| out.write_all(line.as_bytes()))
    }

    fn end(&mut self, _totals: &Totals, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn finding(located: &Located) -> String {
    let finding = &located.finding;
    let command = match finding.severity {
        Severity::Info => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut message = finding.message.clone();
    for note in &finding.notes {
        let _ = write!(message, "\n{note}");
    }
    format!(
        "::{command} file={},line={},col={},endLine={},title={}::{}\n",
        property(&located.file),
        located.position.line,
        located.position.column,
        // An annotation over a whole container would hide the file: one line is what is meant.
        located.position.line,
        property(finding.check),
        data(&message),
    )
}

fn error(error: &FileError) -> String {
    let place = match (error.line, error.column) {
        (0, _) => String::new(),
        (line, column) => format!(",line={line},col={column}"),
    };
    format!("::error file={}{place},title=unreadable::{}\n", property(&error.file), data(&error.message))
}

/// Text behind the second `::`, which ends with the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value between the two `::`, which also ends with a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    #[test]
    fn writes_one_escaped_line_a_finding() {
        let mut located = sample::located();
        located.file = "a,b.yaml".into();
        located.finding.message = "100% bad\nreally".to_owned();
        assert_eq!(
            finding(&located),
            "::error file=a%2Cb.yaml,line=4,col=5,endLine=4,title=privileged::100%25 bad%0Areally%0A\
             it can do all that the host's root can\n"
        );
    }

    #[test]
    fn tells_unreadable_files() {
        let text = sample::rendered(&mut Github);
        let expected = "::error file=broken.yaml,line=3,col=7,title=unreadable::tab in indentation\n";
        assert!(text.starts_with(expected), "{text}");
    }
}
