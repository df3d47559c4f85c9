//! What was done and what remains, for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{FixedFile, Show, Shown, Totals, difference};
use crate::checks::Check;
use crate::edit::Applicability;
use crate::lint::fix::{Repair, Why};
use crate::lint::report::{FileError, Located, printable};

/// Text, with the difference where it is asked for.
pub(super) struct Text {
    pub(super) is_diff: bool,
    /// Standard output has the result.
    pub(super) to_stderr: bool,
    pub(super) is_styled: bool,
}

impl Show for Text {
    fn file(&self, file: &FixedFile) -> Shown {
        let diff = if self.is_diff { difference(file, self.is_styled) } else { Vec::new() };
        let mut text = Vec::new();
        self.write_file(file, &Paint { is_styled: self.is_styled }, &mut text).expect("a Vec takes all");
        self.shown(diff, text)
    }

    fn before(&self, _is_first: bool) -> &'static str {
        ""
    }

    fn end(&self, totals: &Totals, _is_empty: bool) -> Shown {
        self.shown(Vec::new(), format!("{}\n", self.closing_line(totals)).into_bytes())
    }
}

impl Text {
    fn shown(&self, mut out: Vec<u8>, mut text: Vec<u8>) -> Shown {
        if self.to_stderr {
            return Shown { out, err: text };
        }
        out.append(&mut text);
        Shown { out, err: Vec::new() }
    }

    fn write_file(&self, file: &FixedFile, paint: &Paint, out: &mut Vec<u8>) -> io::Result<()> {
        for error in file.errors.iter().chain(&file.fixed.report.errors) {
            writeln!(out, "{}: {}: {}", place(error), paint.error("error"), printable(&error.message))?;
        }
        let done = if self.is_diff { "would fix" } else { "fixed" };
        for repair in &file.fixed.repaired {
            writeln!(
                out,
                "{}: {} [{}] {}",
                at(file, repair),
                paint.done(done),
                repair.check,
                printable(&subject(repair))
            )?;
            repair.notes.iter().try_for_each(|note| writeln!(out, "    note: {}", printable(note)))?;
        }
        for (located, why) in file.fixed.report.findings.iter().zip(&file.fixed.remaining) {
            let finding = &located.finding;
            writeln!(
                out,
                "{}:{}:{}: {} [{}] {}",
                printable(&file.file),
                located.position.line,
                located.position.column,
                paint.remains("remains"),
                finding.check,
                printable(&finding.message)
            )?;
            writeln!(out, "    {}", printable(&reason(located, why)))?;
        }
        Ok(())
    }

    /// `fixed 2 findings in 1 file; 3 remain: 2 need --unsafe, 1 has no automatic fix`.
    fn closing_line(&self, totals: &Totals) -> String {
        let would = if self.is_diff { "would fix" } else { "fixed" };
        let done = match totals.repaired {
            0 => format!("nothing to fix in {}", count(totals.files, "file")),
            repaired => {
                format!("{would} {} in {}", count(repaired, "finding"), count(totals.changed, "file"))
            }
        };
        let parts = [
            (totals.needs_unsafe, "needs --unsafe", "need --unsafe"),
            (totals.no_fix, "has no automatic fix", "have no automatic fix"),
            (totals.refused, "was refused", "were refused"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(number, _, _)| *number > 0)
            .map(|(number, one, many)| format!("{number} {}", if *number == 1 { one } else { many }))
            .collect();
        let remain = if totals.remaining() == 1 { "remains" } else { "remain" };
        let remaining =
            (!parts.is_empty()).then(|| format!("{} {remain}: {}", totals.remaining(), parts.join(", ")));
        let errors = (!totals.errors.is_empty()).then(|| count(totals.errors.len(), "error"));
        [Some(done), remaining, errors].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

fn place(error: &FileError) -> String {
    let file = printable(&error.file);
    match error.line {
        0 => file.into_owned(),
        line => format!("{file}:{line}:{}", error.column),
    }
}

fn at(file: &FixedFile, repair: &Repair) -> String {
    format!("{}:{}:{}", printable(&file.file), repair.position.line, repair.position.column)
}

/// Where, what, and whether it was safe.
fn subject(repair: &Repair) -> String {
    let container = repair.container.as_ref().map(|name| format!("container {name}: ")).unwrap_or_default();
    let risk = if repair.applicability == Applicability::Safe { "" } else { " (unsafe)" };
    format!("{container}{}{risk}", repair.title)
}

/// Why a finding remains.
pub(super) fn reason(located: &Located, why: &Why) -> String {
    let fix = located.finding.fix.as_ref();
    let title = fix.map(|fix| fix.title.as_ref()).unwrap_or_default();
    match why {
        Why::Refused(reason) => format!("not fixed: {reason}"),
        Why::Unsafe => {
            let reasons = fix.map(|fix| fix.reasons.join("; ")).filter(|reasons| !reasons.is_empty());
            let reasons = reasons.unwrap_or_else(|| "it may change behaviour".to_owned());
            format!("needs --unsafe to {title}: {reasons}")
        }
        Why::NoFix if title.is_empty() && Check::find(located.finding.check).is_some() => {
            format!("no automatic fix: `lithify checks {}` says why", located.finding.check)
        }
        Why::NoFix if title.is_empty() => "no automatic fix".to_owned(),
        Why::NoFix if fix.is_some_and(|fix| !fix.ops.is_empty()) => {
            let reasons = fix.map(|fix| fix.reasons.join("; ")).filter(|reasons| !reasons.is_empty());
            let reasons = reasons.map(|reasons| format!(": {reasons}")).unwrap_or_default();
            format!("not automatically: {title}{reasons}")
        }
        Why::NoFix => format!("no automatic fix: {title}"),
    }
}

/// Colours of the first word.
struct Paint {
    is_styled: bool,
}

impl Paint {
    fn word(&self, word: &str, color: AnsiColor) -> String {
        if self.is_styled {
            let style = Style::new().bold().fg_color(Some(color.into()));
            format!("{style}{word}{style:#}")
        } else {
            word.to_owned()
        }
    }

    fn error(&self, word: &str) -> String {
        self.word(word, AnsiColor::BrightRed)
    }

    fn done(&self, word: &str) -> String {
        self.word(word, AnsiColor::BrightGreen)
    }

    fn remains(&self, word: &str) -> String {
        self.word(word, AnsiColor::Yellow)
    }
}
