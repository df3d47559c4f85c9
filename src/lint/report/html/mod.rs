//! `--format html`: one file to look at rather than read, with nothing to load from anywhere.
//!
//! Data in: reports, one after another. Data out, in the order of the file: style, the findings as plain tables,
//! the summary, script. The findings go out as they come, so what is held is counts alone; they come before the
//! summary, which style sets above them.
//!
//! The tables stand in `noscript`: a browser without JavaScript shows them as they are, and in one with it
//! they cost nothing but their text, which the script reads and shows a screenful at a time. Nothing of what
//! a file says is ever markup: it is escaped here, and the script makes text nodes of it. The page's own
//! policy (`Content-Security-Policy`) lets nothing run but the one script, by its digest.

mod escape;
mod groups;
mod summary;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use self::escape::Escaped;
use self::groups::Groups;
use super::{FileReport, Located, Renderer, Totals};
use crate::checks::Severity;
use crate::edit::Applicability;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Findings of one table: the script reads them a table at a time, and lets the page live in between.
const ROWS_OF_TABLE: usize = 2000;

/// Writes one page.
#[derive(Debug)]
pub struct Html {
    /// The day to name.
    date: Date,
    groups: Groups,
    is_open: bool,
    /// Rows of the table that is open; `None` between tables.
    rows: Option<usize>,
}

impl Html {
    /// `date`: when the report was made.
    pub fn new(date: Date) -> Self {
        Self { date, groups: Groups::default(), is_open: false, rows: None }
    }

    fn open(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.is_open, true) {
            return Ok(());
        }
        let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; \
             form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>Lithify: what is not hardened yet</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#summary\">To the summary</a>\n<div id=\"data\">\n",
            digest(STYLE),
            digest(SCRIPT),
        )
    }

    fn table(&mut self, file: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_some_and(|rows| rows >= ROWS_OF_TABLE) {
            self.close_table(out)?;
        }
        if self.rows.is_none() {
            self.rows = Some(0);
            out.write_all(
                b"<noscript><table class=\"plain\"><thead><tr><th>Place<th>Check<th>Kind<th>Namespace<th>Name\
                  <th>Container<th>What is wrong<th>Fix</thead>\n",
            )?;
        }
        writeln!(out, "<tr><th colspan=\"8\">{}", Escaped(file))
    }

    fn close_table(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.take().is_some() {
            out.write_all(b"</table></noscript>\n")?;
        }
        Ok(())
    }
}

impl Renderer for Html {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        self.open(out)?;
        self.groups.add(report);
        if report.findings.is_empty() {
            return Ok(());
        }
        self.table(&report.file, out)?;
        for located in &report.findings {
            row(located, out)?;
        }
        self.rows = self.rows.map(|rows| rows + report.findings.len());
        Ok(())
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        self.open(out)?;
        self.close_table(out)?;
        out.write_all(b"</div>\n")?;
        summary::write(totals, &self.groups, self.date, out)?;
        write!(out, "<script>{SCRIPT}</script>\n</body>\n</html>\n")
    }
}

/// One line: what `page.js` takes apart at `<td>`.
fn row(located: &Located, out: &mut dyn Write) -> io::Result<()> {
    let finding = &located.finding;
    let object = &located.object;
    write!(
        out,
        "<tr class=\"{}\"><td>{}:{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
        class(finding.severity),
        located.position.line,
        located.position.column,
        finding.check,
        Escaped(&object.kind),
        Escaped(&object.namespace),
        Escaped(&object.name),
        Escaped(finding.container.as_deref().unwrap_or_default()),
        Escaped(&finding.message),
    )?;
    for note in &finding.notes {
        write!(out, "&#10;{}", Escaped(note))?;
    }
    match &finding.fix {
        None => out.write_all(b"<td>none\n"),
        Some(fix) => {
            let word = match fix.applicability {
                Applicability::Safe => "safe",
                Applicability::Unsafe => "unsafe",
                Applicability::DisplayOnly => "none",
            };
            writeln!(out, "<td>{word}&#10;{}", Escaped(&fix.title))
        }
    }
}

/// `e`, `w` or `i`: of a row, a number or a bar.
fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "e",
        Severity::Warning => "w",
        Severity::Info => "i",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::{render, sample};

    fn page(reports: &[FileReport]) -> String {
        let mut out = Vec::new();
        render(reports, &mut Html::new("2026-11-24".parse().unwrap()), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_everything_that_files_say() {
        let mut report = FileReport { file: "</noscript><i>.yaml".to_owned(), ..FileReport::default() };
        let mut located = sample::located();
        located.finding.message = "</td></table></noscript><script>alert(1)</script>".to_owned();
        std::sync::Arc::make_mut(&mut located.object).namespace =
            "\"><img src=x onerror=alert(1)>".to_owned();
        report.findings.push(located);
        let page = page(&[report]);
        for markup in ["<i>", "<img", "<script>alert"] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert!(page.contains("&lt;/noscript&gt;&lt;i&gt;.yaml"));
    }

    #[test]
    fn loads_nothing_and_runs_its_own_script_alone() {
        let page = page(&sample::reports());
        assert!(page.contains("default-src 'none'") && !page.contains("unsafe-inline"));
        for loader in [" src=", "url(", "@import", "<link", "<iframe", " style=", " on"] {
            let markup = page.replace(SCRIPT, "");
            let found = markup.find(loader).map(|at| &markup[at..(at + 60).min(markup.len())]);
            assert!(found.is_none_or(|found| loader == " on" && !found.contains('=')), "{found:?}");
        }
    }

    #[test]
    fn tells_a_clean_run_from_an_empty_one() {
        assert!(page(&[]).contains("Nothing was judged"));
        let clean = FileReport { file: "a.yaml".to_owned(), objects: 1, ..FileReport::default() };
        assert!(page(&[clean]).contains("No findings"));
    }
}
